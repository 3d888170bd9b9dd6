#pragma once
/// Code that both adapters of the shipped BatchNorm share.

#include <bn/error.hpp>
#include <bn/functional.hpp>

#include "core/subject.hpp"
#include "subjects/memory/gradient_buffers.hpp"

namespace bncheck {

Capabilities bn_capabilities();
ErrorKind kind_of(bn::ErrorKind kind);
Failure failure_of(const bn::Error& error);
bn::Options bn_options(const Config& config);

/// View of the region. Throws bn::Error for a rank that a tensor of bn cannot have.
template <class T>
bn::TensorView<T> view(const Region& region) {
  return bn::TensorView<T>::strided(region.floats(), *region.shape, *region.strides);
}

/// Calls backward(x, dy, gradients) with views of the buffers.
template <class F>
void call_backward(GradientBuffers& buffers, const Backward& backward, const F& function) {
  const auto x = view<const float>(region_of(buffers.x()));
  const auto dy = view<const float>(buffers.tensors().in_region());
  bn::Gradients gradients{{}, span_of(buffers.dweight()), span_of(buffers.dbias())};
  if (backward.want_dx) gradients.dx = view<float>(buffers.dx());
  function(x, dy, gradients);
}

}  // namespace bncheck
