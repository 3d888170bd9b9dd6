#pragma once
/// The other end of the pipe: a subject in this process answers whole cases.

#include <functional>
#include <memory>

#include "core/subject.hpp"

namespace bncheck {

/// Answers frames until their end. They come on the descriptors that BNCHECK_REQUESTS and BNCHECK_REPLIES
/// name, or else on stdin and stdout, which are then moved out of the subject's way. A std::exception from
/// `make` is the reply to the request for capabilities. Throws std::runtime_error for bytes that are no
/// frame.
void serve(const std::function<std::unique_ptr<Subject>()>& make);

}  // namespace bncheck
