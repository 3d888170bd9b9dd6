// Check whether two tensors share memory, decided from the sets of addresses, not from the ranges that they
// span.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bn/tensor_view.hpp"

namespace bn {

/// The addresses base + Σ t_k·step_k, 0 ≤ t_k ≤ last_k, in units of 4 bytes.
class AddressSet {
 public:
  /// Elements of a view.
  explicit AddressSet(TensorView<const float> view);
  /// `bytes` bytes from `data`, both multiples of 4.
  AddressSet(const void* data, std::size_t bytes);

  /// Whether an address belongs to both sets. Exact, unless the search (below) is cut short: then true.
  [[nodiscard]] bool intersects(const AddressSet& other) const;

  /// Whether two different indices of the view have the same address. Exact with the same exception.
  [[nodiscard]] bool overlaps_itself() const;

  // Sums and products of 64-bit sizes and strides.
  __extension__ using Wide = __int128;

 private:
  struct Term {
    Wide step;  // > 0
    Wide last;  // ≥ 1
  };
  [[nodiscard]] Wide high() const;  // the highest address
  // Whether Σ t_k·step_k = target for some 0 ≤ t_k ≤ last_k.
  static bool reachable(std::vector<Term> terms, Wide target);

  Wide low_ = 0;
  std::vector<Term> terms_;
  bool empty_ = false;
  bool broadcast_ = false;  // a dimension of more than one element with stride 0
};

}  // namespace bn
