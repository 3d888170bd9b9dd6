#pragma once
/// The shipped BatchNorm as a subject, through each of its two interfaces.

#include <memory>

#include "core/subject.hpp"

namespace bncheck {

/// bn::BatchNorm1d/2d/3d.
std::unique_ptr<Subject> make_bn_layer();
/// bn::forward_training and forward_inference, with parameters and statistics in the caller's guarded
/// buffers.
std::unique_ptr<Subject> make_bn_functional();

}  // namespace bncheck
