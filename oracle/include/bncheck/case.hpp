#pragma once
/// The input of bncheck: a Case is a configuration, a state and a sequence of calls.
///
/// A Case may be invalid (wrong rank, short buffers, a NaN momentum), because rejection is a behaviour to be
/// checked as well. It holds no expectations: `expected.hpp` derives the right answer from it.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bncheck/tensor.hpp"

namespace bncheck {

/// Options of the layer, with the meaning of nn.BatchNorm{1,2,3}d.
struct Config {
  int dimensions = 1;  ///< 1, 2 or 3: BatchNorm1d, 2d or 3d
  std::int64_t num_features = 1;
  double eps = 1e-5;
  /// Weight of the new statistic in every dialect; absent: the cumulative average.
  std::optional<double> momentum = 0.1;
  bool weight = true, bias = true;  ///< gamma and beta; absent: gamma = 1, beta = 0
  bool track_running_stats = true;

  /// PyTorch's option of that name: both or none.
  void set_affine(bool both) { weight = bias = both; }
  bool has_parameters() const { return weight || bias; }
  /// A weight without a bias, or the reverse.
  bool one_parameter_alone() const { return weight != bias; }
  bool operator==(const Config&) const = default;
};

/// State of a layer between calls. A tensor is absent where the options say that it does not exist.
struct State {
  std::optional<Tensor> weight, bias, running_mean, running_var;
  /// Sum of the weights, for averaging by ratio (Caffe's third blob, shape [1]); absent in other dialects.
  std::optional<Tensor> running_weight;
  std::int64_t num_batches_tracked = 0;

  bool operator==(const State&) const = default;
};

/// Tensor of a State, with its name in files and messages.
struct StateTensor {
  std::string_view name;
  std::optional<Tensor> State::* member;
};
inline constexpr std::array<StateTensor, 5> state_tensors{{{"weight", &State::weight},
                                                           {"bias", &State::bias},
                                                           {"running_mean", &State::running_mean},
                                                           {"running_var", &State::running_var},
                                                           {"running_weight", &State::running_weight}}};
/// Those with one element per statistic: weight, bias, running_mean and running_var.
inline constexpr std::span<const StateTensor, 4> vector_tensors{state_tensors.data(), 4};
/// The vectors that the state has, in this order.
std::vector<Tensor*> vectors_of(State& state);

/// State of a new layer: γ = 1, β = 0, running mean 0, running variance 1, no batch counted.
State fresh_state(const Config& config);

/// Placement of one tensor in memory. Dimensions of size 1 get a stride like any other.
struct Placement {
  std::vector<int> order;          ///< dimensions from outermost to innermost; empty: the logical order
  std::vector<std::int64_t> gaps;  ///< per dimension, elements skipped after its extent; empty: dense
  std::int64_t offset = 0;         ///< elements before the first one

  bool operator==(const Placement&) const = default;
};

/// Strides in elements. Precondition: fits(placement, shape).
std::vector<std::int64_t> strides_of(const Placement& placement, const Shape& shape);
/// Whether the placement belongs to the shape: `order` is empty or a permutation of the dimensions, `gaps` is
/// empty or has one value per dimension, nothing is negative, and every stride fits into int64.
bool fits(const Placement& placement, const Shape& shape);
/// Number of elements from the first to the last one that the placement touches, both included, without the
/// offset; 0 for an empty shape. Precondition: fits(placement, shape).
std::int64_t extent_of(const Placement& placement, const Shape& shape);
/// Placement with the channels innermost (NHWC); the dense placement for a rank below 3.
Placement channels_last(std::size_t rank);

/// Buffers of a call that share memory. In a backward call, y stands for dx and x for dy.
enum class Overlap {
  none,
  in_place,            ///< y is x; allowed
  shifted,             ///< y starts one element after x in the same buffer
  y_itself,            ///< the strides of y map two indices to one address
  y_and_weight,        ///< y covers the weight
  y_and_running_mean,  ///< y covers the running mean
  y_and_running_var,
  running_mean_and_var,  ///< one buffer is given for both
  dx_and_x,              ///< backward only: dx covers x
};
std::string_view name_of(Overlap overlap);
std::optional<Overlap> overlap_named(std::string_view name);

enum class Rounding { nearest, down, up, zero };
std::string_view name_of(Rounding rounding);
std::optional<Rounding> rounding_named(std::string_view name);

/// Way in which a call is carried out. Nothing in here may change the right answer.
struct Exec {
  /// Placement of the tensor that the call reads (x or dy) and of the one that it writes (y or dx). The x of
  /// a backward call lies where its forward call had it.
  Placement x, y;
  Overlap overlap = Overlap::none;
  int threads = 0;                        ///< 0: the subject's default
  Rounding rounding = Rounding::nearest;  ///< the caller's rounding mode
  bool flush_to_zero = false;             ///< the caller's FTZ and DAZ flags

  bool operator==(const Exec&) const = default;
};

struct Forward {
  bool training = true;
  Tensor x;
  bool operator==(const Forward&) const = default;
};
/// Gradient of the latest Forward that succeeded, with its x, its mode, and the parameters and statistics
/// that it used. Without such a Forward, or after a Load that follows it, the call is an error (no_forward).
struct Backward {
  Tensor dy;
  bool want_dx = true, want_dweight = true, want_dbias = true;
  /// Mode of the layer at this call, which must be the mode of the Forward; absent: the mode of the Forward.
  std::optional<bool> training{};
  bool operator==(const Backward&) const = default;
};
/// Whether the call uses the mean and variance of its batch; otherwise it uses those of the state.
bool uses_batch(const Config& config, bool training);
bool uses_batch(const Config& config, const Forward& forward);
/// Whether the call updates the running statistics, in dialects that keep any.
bool updates_running(const Config& config, const Forward& forward);

struct SetMomentum {
  std::optional<double> momentum;
  bool operator==(const SetMomentum&) const = default;
};
struct Load {
  State state;
  bool operator==(const Load&) const = default;
};

using Operation = std::variant<Forward, Backward, SetMomentum, Load>;

struct Call {
  Operation operation;
  Exec exec;
  bool operator==(const Call&) const = default;
};

/// Input of the call: x or dy; null for a call that has neither.
const Tensor* input_of(const Call& call);
Tensor* input_of(Call& call);

struct Case {
  Config config;
  State state;
  std::vector<Call> calls;
  bool operator==(const Case&) const = default;
};

}  // namespace bncheck
