#pragma once
/// What both adapters of the shipped BatchNorm share.

#include <bn/error.hpp>
#include <bn/functional.hpp>

#include "core/subject.hpp"
#include "subjects/gradient_buffers.hpp"

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

/// Calls backward(x, dy, gradients) with views of the buffers.
template <class F>
void call_backward(GradientBuffers& buffers, const Forward& forward, const Backward& backward,
                   const F& function) {
  const Shape& shape = backward.dy.shape;
  const auto x = view<const float>(buffers.x().data(), forward.x.shape, buffers.x().strides());
  const auto dy = view<const float>(buffers.tensors().in(), shape, buffers.tensors().in_strides());
  bn::Gradients gradients{{}, buffers.dweight(), buffers.dbias()};
  if (backward.want_dx) gradients.dx = view<float>(buffers.dx(), shape, buffers.dx_strides());
  function(x, dy, gradients);
}

}  // namespace bncheck
