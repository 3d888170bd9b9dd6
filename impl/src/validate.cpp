#include "validate.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

#include "overlap.hpp"
#include "shape_text.hpp"

namespace bn {
namespace {

std::string text(double value) {
  std::ostringstream stream;
  stream.precision(17);
  stream << value;
  return stream.str();
}

void check_rank(Dimensions dimensions, TensorView<const float> x) {
  const int spatial = static_cast<int>(dimensions);
  const bool fits = x.rank == spatial + 2 || (dimensions == Dimensions::d1 && x.rank == 2);
  if (fits) return;
  const std::string expected = dimensions == Dimensions::d1 ? "2D or 3D" : std::to_string(spatial + 2) + "D";
  std::string given = std::to_string(x.rank) + "D input";
  if (x.rank >= 0 && x.rank <= max_rank) given += " of shape " + shape_text(x.shape());
  throw Error(ErrorKind::rank,
              "BatchNorm" + std::to_string(spatial) + "d expected " + expected + " input, got " + given);
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

void check_input(const Options& options, TensorView<const float> x) {
  check_rank(options.dimensions, x);
  check_view("x", x);
  if (x.sizes[1] != options.num_features) {
    throw Error(ErrorKind::channels, "expected " + std::to_string(options.num_features) +
                                         " channels but got " + std::to_string(x.sizes[1]) +
                                         " channels in input of shape " + shape_text(x.shape()));
  }
}

void check_output(TensorView<const float> x, TensorView<const float> y) {
  if (y.rank < 0 || y.rank > max_rank) {
    throw Error(ErrorKind::length,
                "y: expected shape " + shape_text(x.shape()) + ", got rank " + std::to_string(y.rank));
  }
  if (!std::ranges::equal(x.shape(), y.shape())) {
    throw Error(ErrorKind::length,
                "y: expected shape " + shape_text(x.shape()) + ", got " + shape_text(y.shape()));
  }
  check_view("y", y);
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

// Memory of one argument.
struct Region {
  const char* name;
  AddressSet addresses;
  bool written;
};

Region region(const char* name, std::span<const float> values, bool written) {
  return {name, AddressSet(values.data(), values.size_bytes()), written};
}

// The strides of a dimension of one element address nothing, so they do not count.
bool same_placement(TensorView<const float> x, TensorView<const float> y) {
  if (x.data != y.data) return false;
  for (std::size_t k = 0; k < static_cast<std::size_t>(x.rank); ++k) {
    if (x.sizes[k] > 1 && x.strides[k] != y.strides[k]) return false;
  }
  return true;
}

// `regions` without x and y.
void check_alias(TensorView<const float> x, TensorView<const float> y, std::vector<Region> regions) {
  const AddressSet y_addresses(y);
  if (y_addresses.overlaps_itself()) {
    throw Error(ErrorKind::alias,
                "y: expected strides that give every element its own address, got strides " +
                    shape_text(std::span(y.strides).first(y.shape().size())) + " for shape " +
                    shape_text(y.shape()));
  }
  const bool in_place = same_placement(x, y);
  regions.push_back({"x", AddressSet(x), false});
  regions.push_back({"y", y_addresses, true});
  for (std::size_t j = 1; j < regions.size(); ++j) {
    for (std::size_t i = 0; i < j; ++i) {
      if (!regions[i].written && !regions[j].written) continue;
      if (in_place && i + 2 == regions.size()) continue;
      if (!regions[i].addresses.intersects(regions[j].addresses)) continue;
      throw Error(ErrorKind::alias, std::string(regions[i].name) + " and " + regions[j].name +
                                        " overlap in memory, expected them apart" +
                                        (i + 2 == regions.size() ? " or y in the very place of x" : ""));
    }
  }
}

std::int64_t values_per_channel(TensorView<const float> x) {
  return x.numel() / x.sizes[1];
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
  if (options.eps == 0.0) {
    throw Error(ErrorKind::eps, "eps: expected a value above 0 where batch statistics are used, got 0");
  }
  check_input(options, x);
  check_output(x, y);
  check_affine(affine, channels);
  std::vector<Region> regions = affine_regions(affine);
  if (running != nullptr) {
    check_length("running_mean", running->mean.size(), channels);
    check_length("running_var", running->var.size(), channels);
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
  if (n == 1) {
    throw Error(
        ErrorKind::one_value,
        "expected more than 1 value per channel when training, got input size " + shape_text(x.shape()));
  }
  regions.push_back(region("saved mean", saved.mean, true));
  regions.push_back(region("saved var", saved.var, true));
  regions.push_back(region("saved invstd", saved.invstd, true));
  check_alias(x, y, std::move(regions));
  return n;
}

std::int64_t check_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                             TensorView<const float> y, std::span<const float> running_mean,
                             std::span<const float> running_var) {
  check_options(options.num_features, options.eps, options.momentum);
  check_input(options, x);
  check_output(x, y);
  check_affine(affine, options.num_features);
  check_length("running_mean", running_mean.size(), options.num_features);
  check_length("running_var", running_var.size(), options.num_features);
  std::vector<Region> regions = affine_regions(affine);
  regions.push_back(region("running_mean", running_mean, false));
  regions.push_back(region("running_var", running_var, false));
  check_alias(x, y, std::move(regions));
  return values_per_channel(x);
}

}  // namespace bn
