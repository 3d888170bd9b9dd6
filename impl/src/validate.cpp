#include "validate.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "overlap.hpp"
#include "shape_text.hpp"

namespace bn {
namespace {

std::string text(double value) {
  // The same text in every locale, unlike that of a stream.
  std::array<char, 32> digits{};
  constexpr int enough = std::numeric_limits<double>::max_digits10;
  const auto result =
      std::to_chars(digits.data(), digits.data() + digits.size(), value, std::chars_format::general, enough);
  return {digits.data(), result.ptr};
}

// `noun`: name of the tensor in messages.
void check_rank(Dimensions dimensions, const std::string& noun, TensorView<const float> x) {
  const int spatial = static_cast<int>(dimensions);
  const bool fits = x.rank == spatial + 2 || (dimensions == Dimensions::d1 && x.rank == 2);
  if (fits) return;
  const std::string expected = dimensions == Dimensions::d1 ? "2D or 3D" : std::to_string(spatial + 2) + "D";
  std::string given = std::to_string(x.rank) + "D " + noun;
  if (x.rank >= 0 && x.rank <= max_rank) given += " of shape " + shape_text(x.shape());
  throw Error(ErrorKind::rank, "BatchNorm" + std::to_string(spatial) + "d expected " + expected + " " + noun +
                                   ", got " + given);
}

void check_view(const char* name, TensorView<const float> view) {
  if (std::ranges::any_of(view.shape(), [](std::int64_t size) { return size < 0; })) {
    throw Error(ErrorKind::length,
                std::string(name) + ": expected sizes of 0 or more, got " + shape_text(view.shape()));
  }
  if (view.data == nullptr && view.numel() != 0) {
    throw Error(ErrorKind::length, std::string(name) + ": expected data for shape " +
                                       shape_text(view.shape()) + ", got a null pointer");
  }
}

void check_input(const Options& options, const char* name, const std::string& noun,
                 TensorView<const float> x) {
  check_rank(options.dimensions, noun, x);
  check_view(name, x);
  if (x.sizes[1] != options.num_features) {
    throw Error(ErrorKind::channels, "expected " + std::to_string(options.num_features) +
                                         " channels but got " + std::to_string(x.sizes[1]) + " channels in " +
                                         noun + " of shape " + shape_text(x.shape()));
  }
}

// Checks a tensor that must have the shape of x.
void check_same_shape(TensorView<const float> x, const char* name, TensorView<const float> other) {
  const std::string expected = std::string(name) + ": expected shape " + shape_text(x.shape()) + ", got ";
  if (other.rank < 0 || other.rank > max_rank) {
    throw Error(ErrorKind::length, expected + "rank " + std::to_string(other.rank));
  }
  if (!std::ranges::equal(x.shape(), other.shape())) {
    throw Error(ErrorKind::length, expected + shape_text(other.shape()));
  }
  check_view(name, other);
}

void check_affine(const Affine& affine, std::int64_t channels) {
  if (affine.weight) check_length("weight", affine.weight->size(), channels);
  if (affine.bias) check_length("bias", affine.bias->size(), channels);
}

void check_wanted(const char* name, std::span<const float> output, std::int64_t channels) {
  if (!output.empty()) check_length(name, output.size(), channels);
}

void check_counter(const std::int64_t* counter) {
  if (counter == nullptr) {
    throw Error(ErrorKind::counter, "num_batches_tracked: expected a counter, got a null pointer");
  }
  if (*counter < 0 || *counter == std::numeric_limits<std::int64_t>::max()) {
    throw Error(ErrorKind::counter,
                "num_batches_tracked: expected a value in [0, 2^63 - 2], got " + std::to_string(*counter));
  }
}

// Memory of one argument. It may be identical to that of the argument `may_replace`.
struct Region {
  std::string_view name;
  AddressSet addresses;
  bool written;
  std::string_view may_replace{};
};

Region region(std::string_view name, std::span<const float> values, bool written) {
  return {name, AddressSet(values.data(), values.size_bytes()), written};
}

// Whether two views have the same memory and strides. The stride of a dimension with one element has no
// effect, so it is ignored.
bool same_placement(TensorView<const float> x, TensorView<const float> y) {
  if (x.data != y.data) return false;
  for (std::size_t k = 0; k < static_cast<std::size_t>(x.rank); ++k) {
    if (x.sizes[k] > 1 && x.strides[k] != y.strides[k]) return false;
  }
  return true;
}

// Appends an input and, if present, the output of its shape that may replace it. An input that is replaced is
// left out: whatever overlaps it overlaps the output.
void append_pair(std::vector<Region>& regions, std::string_view in_name, TensorView<const float> in,
                 std::string_view out_name, const std::optional<TensorView<const float>>& out) {
  if (!out || !same_placement(in, *out)) regions.push_back({in_name, AddressSet(in), false});
  if (!out) return;
  regions.push_back({out_name, AddressSet(*out), true, in_name});
  if (regions.back().addresses.overlaps_itself()) {
    throw Error(ErrorKind::alias, std::string(out_name) +
                                      ": expected strides that give every element its own address, got "
                                      "strides " +
                                      shape_text(std::span(out->strides).first(out->shape().size())) +
                                      " for shape " + shape_text(out->shape()));
  }
}

void check_apart(const std::vector<Region>& regions) {
  for (std::size_t j = 1; j < regions.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      const Region& a = regions[i];
      const Region& b = regions[j];
      if (!a.written && !b.written) continue;
      if (!a.addresses.intersects(b.addresses)) continue;
      std::string message =
          std::string(a.name) + " and " + std::string(b.name) + " overlap in memory, expected them apart";
      if (b.may_replace == a.name) {
        message += " or " + std::string(b.name) + " in the very place of " + std::string(a.name);
      }
      throw Error(ErrorKind::alias, message);
    }
  }
}

std::int64_t values_per_channel(TensorView<const float> x) {
  return x.numel() / x.sizes[1];
}

void check_batch_eps(double eps) {
  if (eps != 0.0) return;
  throw Error(ErrorKind::eps, "eps: expected a value above 0 where batch statistics are used, got 0");
}

void check_more_than_one(std::int64_t n, TensorView<const float> x) {
  if (n != 1) return;
  throw Error(ErrorKind::one_value, "expected more than 1 value per channel when training, got input size " +
                                        shape_text(x.shape()));
}

void check_running(std::span<const float> mean, std::span<const float> var, std::int64_t channels) {
  check_length("running_mean", mean.size(), channels);
  check_length("running_var", var.size(), channels);
}

// Checks the tensors and parameters of a backward call, except for overlap of their memory.
void check_gradients(const Options& options, const Affine& affine, TensorView<const float> x,
                     TensorView<const float> dy, const Gradients& gradients) {
  check_input(options, "x", "input", x);
  check_input(options, "dy", "dy", dy);
  check_same_shape(x, "dy", dy);
  if (gradients.dx) check_same_shape(x, "dx", *gradients.dx);
  check_affine(affine, options.num_features);
  check_wanted("dweight", gradients.dweight, options.num_features);
  check_wanted("dbias", gradients.dbias, options.num_features);
}

// Checks the overlap of a backward call. `regions`: those of parameters and statistics.
void check_gradients_apart(TensorView<const float> x, TensorView<const float> dy, const Gradients& gradients,
                           std::vector<Region> regions) {
  regions.push_back(region("dweight", gradients.dweight, true));
  regions.push_back(region("dbias", gradients.dbias, true));
  regions.push_back({"x", AddressSet(x), false});
  append_pair(regions, "dy", dy, "dx", gradients.dx);
  check_apart(regions);
}

std::vector<Region> affine_regions(const Affine& affine) {
  std::vector<Region> regions;
  if (affine.weight) regions.push_back(region("weight", *affine.weight, false));
  if (affine.bias) regions.push_back(region("bias", *affine.bias, false));
  return regions;
}

}  // namespace

void check_length(const char* name, std::size_t count, std::int64_t channels) {
  if (count == static_cast<std::size_t>(channels)) return;
  throw Error(ErrorKind::length, std::string(name) + ": expected " + std::to_string(channels) +
                                     " elements, got " + std::to_string(count));
}

void check_momentum(std::optional<double> momentum) {
  if (!momentum || std::isfinite(*momentum)) return;
  throw Error(ErrorKind::momentum, "momentum: expected a finite number or none, got " + text(*momentum));
}

void check_options(std::int64_t num_features, double eps, std::optional<double> momentum) {
  if (num_features < 1) {
    throw Error(ErrorKind::channels, "num_features: expected 1 or more, got " + std::to_string(num_features));
  }
  if (!(eps == 0.0 || (eps >= 0x1p-126 && eps <= 0x1p127))) {
    throw Error(ErrorKind::eps, "eps: expected 0 or a value in [2^-126, 2^127], got " + text(eps));
  }
  check_momentum(momentum);
}

std::int64_t check_training(const Options& options, const Affine& affine, TensorView<const float> x,
                            TensorView<const float> y, const RunningStatistics* running,
                            const BatchStatistics& saved) {
  const std::int64_t channels = options.num_features;
  check_options(channels, options.eps, options.momentum);
  check_batch_eps(options.eps);
  check_input(options, "x", "input", x);
  check_same_shape(x, "y", y);
  check_affine(affine, channels);
  std::vector<Region> regions = affine_regions(affine);
  if (running != nullptr) {
    check_running(running->mean, running->var, channels);
    check_counter(running->num_batches_tracked);
    regions.push_back(region("running_mean", running->mean, true));
    regions.push_back(region("running_var", running->var, true));
    regions.push_back({"num_batches_tracked",
                       AddressSet(running->num_batches_tracked, sizeof *running->num_batches_tracked), true});
  }
  check_wanted("saved mean", saved.mean, channels);
  check_wanted("saved var", saved.var, channels);
  check_wanted("saved invstd", saved.invstd, channels);
  const std::int64_t n = values_per_channel(x);
  check_more_than_one(n, x);
  regions.push_back(region("saved mean", saved.mean, true));
  regions.push_back(region("saved var", saved.var, true));
  regions.push_back(region("saved invstd", saved.invstd, true));
  append_pair(regions, "x", x, "y", y);
  check_apart(regions);
  return n;
}

std::int64_t check_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                             TensorView<const float> y, std::span<const float> running_mean,
                             std::span<const float> running_var) {
  check_options(options.num_features, options.eps, options.momentum);
  check_input(options, "x", "input", x);
  check_same_shape(x, "y", y);
  check_affine(affine, options.num_features);
  check_running(running_mean, running_var, options.num_features);
  std::vector<Region> regions = affine_regions(affine);
  regions.push_back(region("running_mean", running_mean, false));
  regions.push_back(region("running_var", running_var, false));
  append_pair(regions, "x", x, "y", y);
  check_apart(regions);
  return values_per_channel(x);
}

std::int64_t check_backward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                                     TensorView<const float> dy, const Gradients& gradients) {
  check_options(options.num_features, options.eps, options.momentum);
  check_batch_eps(options.eps);
  check_gradients(options, affine, x, dy, gradients);
  const std::int64_t n = values_per_channel(x);
  check_more_than_one(n, x);
  check_gradients_apart(x, dy, gradients, affine_regions(affine));
  return n;
}

std::int64_t check_backward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                                      TensorView<const float> dy, const Gradients& gradients,
                                      std::span<const float> running_mean,
                                      std::span<const float> running_var) {
  check_options(options.num_features, options.eps, options.momentum);
  check_gradients(options, affine, x, dy, gradients);
  check_running(running_mean, running_var, options.num_features);
  std::vector<Region> regions = affine_regions(affine);
  regions.push_back(region("running_mean", running_mean, false));
  regions.push_back(region("running_var", running_var, false));
  check_gradients_apart(x, dy, gradients, std::move(regions));
  return values_per_channel(x);
}

}  // namespace bn
