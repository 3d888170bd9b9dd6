#pragma once
/// The other end of the pipe: a subject of this process answers whole cases.

#include <functional>
#include <memory>

#include "core/subject.hpp"

namespace bncheck {

/// Answers frames until their end. They come on the descriptors that BNCHECK_REQUESTS and BNCHECK_REPLIES
/// name, or else on stdin and stdout, which are then moved out of the subject's way. A subject that `make`
/// cannot make (it throws std::exception) is reported to the asker. Throws std::runtime_error for what is no
/// frame.
void serve(const std::function<std::unique_ptr<Subject>()>& make);

}  // namespace bncheck
