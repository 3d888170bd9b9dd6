#pragma once
/// oneDNN's batch normalization primitives as a subject. They average no statistics: that is their caller's.

#include <memory>

#include "core/subject.hpp"

namespace bncheck {

/// Dense tensors in logical order (oneDNN's nchw and its relatives).
std::unique_ptr<Subject> make_onednn();
/// Dense tensors with the channel innermost (nhwc), whatever the case says of their placement.
std::unique_ptr<Subject> make_onednn_channels_last();
/// Dense tensors that are reordered into blocks of 16 channels (nChw16c), padded with zeros, and back.
std::unique_ptr<Subject> make_onednn_blocked();

}  // namespace bncheck
