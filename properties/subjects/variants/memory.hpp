#pragma once
/// The caller's memory as strided elements.

#include "bncheck/tensor.hpp"
#include "subjects/variants/real.hpp"
#include "subjects/variants/recipe.hpp"

namespace bncheck::variants {

/// Strided view of the caller's memory. Faulty recipes compute wrong addresses. Those up to a vector's length
/// behind the tensor, in its guard zone, are read and written like any other. Beyond, a read gives NaN and a
/// write is dropped. A fault is thus a wrong answer and never an access outside the memory.
struct View {
  float* data = nullptr;
  Shape shape;
  std::vector<std::int64_t> strides;
  std::int64_t extent = 0;  ///< number of elements from the first to the last one, gaps included

  bool exists() const { return data != nullptr; }
  std::int64_t size() const { return element_count(shape).value_or(0); }
  bool is_empty() const { return size() == 0; }
  Real read(std::int64_t offset) const;
  void write(std::int64_t offset, Real value) const;
  Real operator[](std::int64_t index) const { return read(index); }  ///< element of a vector
};

/// Offsets of the elements of channel 0 in logical order. Those of channel c are strides[1]·c further.
/// Precondition: rank ≥ 2.
std::vector<std::int64_t> channel_offsets(const View& view);

/// The view with the strides that the recipe uses.
View seen(View view, Layout layout, const View& x);

/// Whether two indices of the view have one address.
bool overlaps_itself(const View& view);
/// Whether an element of one view is an element of the other, and they are not the same tensor.
bool overlaps_partly(const View& a, const View& b);

}  // namespace bncheck::variants
