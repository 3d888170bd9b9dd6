#pragma once
/// libtorch's torch::nn::BatchNorm1d/2d/3d as a subject.

#include <memory>

#include "core/subject.hpp"

namespace bncheck {

std::unique_ptr<Subject> make_torch();

}  // namespace bncheck
