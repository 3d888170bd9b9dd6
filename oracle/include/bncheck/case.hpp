#pragma once
/// The input language of bncheck: a Case is a configuration, a state and a sequence of calls.
///
/// A Case states and derives nothing; it may be invalid (wrong rank, short buffers, a NaN momentum), for
/// rejection is a behaviour to be checked like any other. What is right for it is `expected.hpp`'s business.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "bncheck/tensor.hpp"

namespace bncheck {

/// The layer's options, with the meaning of nn.BatchNorm{1,2,3}d.
struct Config {
  int dimensions = 1;  ///< 1, 2 or 3: which of BatchNorm1d, 2d, 3d
  std::int64_t num_features = 1;
  double eps = 1e-5;
  /// Weight of the NEW statistic in every dialect; absent means the cumulative average.
  std::optional<double> momentum = 0.1;
  bool affine = true;
  bool track_running_stats = true;

  bool operator==(const Config&) const = default;
};

/// What a layer remembers between calls. A tensor is absent where the options say that it does not exist.
struct State {
  std::optional<Tensor> weight, bias, running_mean, running_var;
  /// Sum of weights of an averaging by ratio (Caffe's third blob, shape [1]); other dialects have none.
  std::optional<Tensor> running_weight;
  std::int64_t num_batches_tracked = 0;

  bool operator==(const State&) const = default;
};

/// A tensor of a State, with the name that files and messages give it.
struct StateTensor {
  std::string_view name;
  std::optional<Tensor> State::* member;
};
inline constexpr std::array<StateTensor, 5> state_tensors{{{"weight", &State::weight},
                                                           {"bias", &State::bias},
                                                           {"running_mean", &State::running_mean},
                                                           {"running_var", &State::running_var},
                                                           {"running_weight", &State::running_weight}}};

/// gamma = 1, beta = 0, running mean 0, running variance 1, no batch seen.
State fresh_state(const Config& config);

/// How one tensor lies in memory. Size-1 dimensions get a stride like any other.
struct Placement {
  std::vector<int> order;          ///< dimensions from outermost to innermost; empty: the logical order
  std::vector<std::int64_t> gaps;  ///< per dimension, elements skipped after its extent; empty: dense
  std::int64_t offset = 0;         ///< elements before the first one

  bool operator==(const Placement&) const = default;
};

/// Strides in elements. Precondition: `order` and `gaps` are empty or fit the shape (see `fits`).
std::vector<std::int64_t> strides_of(const Placement& placement, const Shape& shape);
/// `order` is empty or a permutation of the dimensions, `gaps` empty or one per dimension, nothing negative,
/// and no stride leaves int64.
bool fits(const Placement& placement, const Shape& shape);
/// Elements from the first to past the last one that the placement touches, offset excluded.
std::int64_t extent_of(const Placement& placement, const Shape& shape);
Placement channels_last(std::size_t rank);

/// Which buffers of a call share memory. In a backward call, y stands for dx and x for dy.
enum class Overlap {
  none,
  in_place,            ///< y is x; allowed
  shifted,             ///< y starts one element after x in the same buffer
  y_itself,            ///< strides of y map two indices to one address
  y_and_weight,        ///< y covers the weight
  y_and_running_mean,  ///< y covers the running mean
  y_and_running_var,
  running_mean_and_var,  ///< one buffer given twice
  dx_and_x,              ///< backward only: dx covers x
};
std::string_view name_of(Overlap overlap);
std::optional<Overlap> overlap_named(std::string_view name);

enum class Rounding { nearest, down, up, zero };
std::string_view name_of(Rounding rounding);
std::optional<Rounding> rounding_named(std::string_view name);

/// How a call is carried out: nothing in here may change what is right.
struct Exec {
  /// Of what the call reads and what it writes: x and y of a forward call, dy and dx of a backward call,
  /// whose x lies where the forward call had it.
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
/// Gradient of the latest Forward that succeeded, with its x, its mode and the parameters and statistics that
/// it used. A Load after that Forward makes it an error, as it is without a Forward.
struct Backward {
  Tensor dy;
  bool want_dx = true, want_dweight = true, want_dbias = true;
  /// The mode that the layer is in, which must be that of the Forward; absent: that one.
  std::optional<bool> training{};
  bool operator==(const Backward&) const = default;
};
/// The call takes mean and variance of its batch; otherwise it is given those of the state.
bool uses_batch(const Config& config, bool training);
bool uses_batch(const Config& config, const Forward& forward);
/// The call leaves new running statistics, where the dialect keeps any.
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

/// x or dy; null for a call that has neither.
const Tensor* input_of(const Call& call);
Tensor* input_of(Call& call);

struct Case {
  Config config;
  State state;
  std::vector<Call> calls;
  bool operator==(const Case&) const = default;
};

}  // namespace bncheck
