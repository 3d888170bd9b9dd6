#pragma once
/// What both adapters of the shipped BatchNorm share.

#include <bn/error.hpp>
#include <bn/functional.hpp>

#include "core/subject.hpp"
#include "subjects/call_buffers.hpp"

namespace bncheck {

Capabilities bn_capabilities();
ErrorKind kind_of(bn::ErrorKind kind);
Failure failure_of(const bn::Error& error);
bn::Options bn_options(const Config& config);

/// A view, even of a rank that a tensor of bn cannot have: bn::Error then.
template <class T>
bn::TensorView<T> view(T* data, const Shape& shape, const std::vector<std::int64_t>& strides) {
  return bn::TensorView<T>::strided(data, shape, strides);
}

}  // namespace bncheck
