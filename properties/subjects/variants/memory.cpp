#include "subjects/variants/memory.hpp"

#include <algorithm>
#include <limits>

#include "subjects/memory/guarded_buffer.hpp"

namespace bncheck::variants {
namespace {

/// Number of floats in the longest vector. Guard zones are longer.
constexpr std::int64_t vector_length = 16;

std::vector<const float*> addresses(const View& view) {
  std::vector<const float*> all;
  for (const std::int64_t offset : offsets_of(view.shape, view.strides)) all.push_back(view.data + offset);
  std::ranges::sort(all);
  return all;
}

/// Whether each dimension steps over all that the finer ones span, so that no two indices share an address.
bool is_nested(const View& view) {
  std::vector<std::pair<std::int64_t, std::int64_t>> dimensions;
  for (std::size_t k = 0; k < view.shape.size(); ++k) {
    if (view.shape[k] > 1) dimensions.emplace_back(view.strides[k], view.shape[k]);
  }
  std::ranges::sort(dimensions);
  std::int64_t span = 0;
  for (const auto& [stride, size] : dimensions) {
    if (stride <= span) return false;
    span += stride * (size - 1);
  }
  return true;
}

bool is_thin(const Shape& shape) {
  return std::ranges::find(shape, 1) != shape.end();
}

}  // namespace

Real View::read(std::int64_t offset) const {
  if (offset < 0 || offset >= extent + vector_length) return std::numeric_limits<float>::quiet_NaN();
  return data[offset];
}

void View::write(std::int64_t offset, Real value) const {
  if (offset >= 0 && offset < extent + vector_length) data[offset] = value.to_float();
}

std::vector<std::int64_t> channel_offsets(const View& view) {
  View one = view;
  one.shape[1] = 1;
  return offsets_of(one.shape, one.strides);
}

View seen(View view, Layout layout, const View& x) {
  if (view.shape != x.shape) return view;
  switch (layout) {
    case Layout::given:
      break;
    case Layout::row_major:
      if (view.extent == view.size()) view.strides = strides_of({}, view.shape);
      break;
    case Layout::of_x:
      view.strides = x.strides;
      break;
    case Layout::of_x_where_thin:
      if (x.strides[1] == 1 && is_thin(view.shape)) view.strides = x.strides;
      break;
  }
  return view;
}

bool overlaps_itself(const View& view) {
  if (view.is_empty() || is_nested(view)) return false;
  const std::vector<const float*> all = addresses(view);
  return std::ranges::adjacent_find(all) != all.end();
}

bool overlaps_partly(const View& a, const View& b) {
  if (a.is_empty() || b.is_empty()) return false;
  if (a.data == b.data && a.shape == b.shape && a.strides == b.strides) return false;
  if (a.data + a.extent <= b.data || b.data + b.extent <= a.data) return false;
  std::vector<const float*> common;
  std::ranges::set_intersection(addresses(a), addresses(b), std::back_inserter(common));
  return !common.empty();
}

}  // namespace bncheck::variants
