#pragma once
/// oneDNN's batch normalization primitives as a subject. They keep no running statistics, which are left to
/// the caller.

#include <memory>

#include "core/subject.hpp"

namespace bncheck {

/// Dense tensors in logical order (oneDNN's nchw and its relatives).
std::unique_ptr<Subject> make_onednn();
/// Dense tensors with the channel innermost (nhwc), whatever placement the case asks for.
std::unique_ptr<Subject> make_onednn_channels_last();
/// Dense tensors that are reordered into blocks of 16 channels (nChw16c), padded with zeros, and back.
std::unique_ptr<Subject> make_onednn_blocked();

}  // namespace bncheck
