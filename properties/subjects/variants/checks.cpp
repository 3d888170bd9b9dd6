#include "subjects/variants/checks.hpp"

#include <limits>

#include "bncheck/number_text.hpp"

namespace bncheck::variants {
namespace {

[[noreturn]] void reject(ErrorKind kind, const std::string& message) {
  throw Rejected{kind, message};
}

std::string channels_of(std::int64_t count) {
  return std::to_string(count) + (count == 1 ? " channel" : " channels");
}

bool takes_rank(int dimensions, std::size_t rank, RankCheck check) {
  if (check == RankCheck::two_or_more && rank >= 2) return true;
  // rank − 2 of an unsigned rank below 2 is a huge number of spatial dimensions, so a check for too few
  // accepts it.
  if (check == RankCheck::underflows && rank < 2) return true;
  return dimensions == 1 ? rank == 2 || rank == 3 : rank == static_cast<std::size_t>(dimensions) + 2;
}

bool is_checked(LengthCheck check, bool running, bool loading) {
  switch (check) {
    case LengthCheck::parameters_unchecked:
      return running;
    case LengthCheck::running_unchecked:
      return !running;
    case LengthCheck::not_when_loading:
      return !loading;
    case LengthCheck::exact:
      break;
  }
  return true;
}

void check_vector(const std::optional<Tensor>& tensor, bool exists, std::int64_t length,
                  const std::string& name, bool checked) {
  if (tensor.has_value() != exists) {
    reject(ErrorKind::length, name + " is " + (exists ? "missing" : "given, where the options deny it"));
  }
  if (tensor && checked && (tensor->shape != Shape{length} || !tensor->is_whole())) {
    reject(ErrorKind::length,
           name + " has shape " + to_string(tensor->shape) + ", expected [" + std::to_string(length) + "]");
  }
}

/// Checks of forward and backward calls of the x from which the statistics come.
void check_input(const Config& config, const View& x, bool uses_batch, bool training,
                 const Checking& checking) {
  const std::size_t rank = x.shape.size();
  if (!takes_rank(config.dimensions, rank, checking.rank)) {
    reject(ErrorKind::rank,
           "BatchNorm" + std::to_string(config.dimensions) + "d got input of rank " + std::to_string(rank));
  }
  if (uses_batch && config.eps == 0 && !checking.zero_eps_taken) {
    reject(ErrorKind::eps, "eps is 0, expected more where batch statistics are used");
  }
  if (rank < 2) return;
  const bool skipped = checking.channels == ChannelCheck::not_if_empty && x.is_empty();
  const bool fits = checking.channels == ChannelCheck::too_many_only ? x.shape[1] <= config.num_features
                                                                     : x.shape[1] == config.num_features;
  if (!fits && !skipped) {
    reject(ErrorKind::channels, "expected " + channels_of(config.num_features) + " but got " +
                                    channels_of(x.shape[1]) + " in input of shape " + to_string(x.shape));
  }
  const bool single = uses_batch && x.size() > 0 && x.size() == x.shape[1];
  const bool looked_at = checking.single_value == SingleValueCheck::rejected ||
                         (checking.single_value == SingleValueCheck::in_training_only && training);
  if (single && looked_at) {
    reject(ErrorKind::one_value,
           "expected more than 1 value per channel when training, got input size " + to_string(x.shape));
  }
}

void check_overlap(const View& in, const View& out, const Checking& checking) {
  if (checking.alias == AliasCheck::never) return;
  if (overlaps_itself(out)) reject(ErrorKind::alias, "the output's strides make its elements overlap");
  if (checking.alias == AliasCheck::same_start_only && out.data != in.data) return;
  if (overlaps_partly(in, out)) reject(ErrorKind::alias, "output and input overlap in part");
}

}  // namespace

void check_momentum(const std::optional<double>& momentum, const Checking& checking) {
  if (checking.momentum_unchecked || !momentum || std::isfinite(*momentum)) return;
  reject(ErrorKind::momentum, "momentum is " + shortest_decimal(*momentum) + ", expected a finite number");
}

void check_options(const Config& config, const Checking& checking) {
  if (config.num_features < 1) {
    reject(ErrorKind::channels, "num_features is " + std::to_string(config.num_features) + ", expected >= 1");
  }
  const bool in_range = config.eps == 0 || (config.eps >= 0x1p-126 && config.eps <= 0x1p127);
  if (!in_range && !checking.eps_range_unchecked) {
    reject(ErrorKind::eps, "eps is " + shortest_decimal(config.eps) + ", expected 0 or 2^-126 to 2^127");
  }
  check_momentum(config.momentum, checking);
}

void check_state(const Config& config, const State& state, const Checking& checking, bool loading) {
  const auto check = [&](const std::optional<Tensor>& tensor, bool exists, bool running, const char* name) {
    check_vector(tensor, exists, config.num_features, name, is_checked(checking.lengths, running, loading));
  };
  check(state.weight, config.weight, false, "weight");
  check(state.bias, config.bias, false, "bias");
  check(state.running_mean, config.track_running_stats, true, "running_mean");
  check(state.running_var, config.track_running_stats, true, "running_var");
  if (config.track_running_stats && state.num_batches_tracked < 0 && !checking.counter_unchecked) {
    reject(ErrorKind::counter,
           "num_batches_tracked is " + std::to_string(state.num_batches_tracked) + ", expected >= 0");
  }
}

void check_forward(const ForwardCall& call, const Checking& checking) {
  check_input(call.config, call.x, call.uses_batch(), call.training, checking);
  check_overlap(call.x, call.y, checking);
  const bool counts = call.training && call.config.track_running_stats;
  if (counts && call.batches == std::numeric_limits<std::int64_t>::max()) {
    reject(ErrorKind::counter, "num_batches_tracked has its largest value, expected room for one more");
  }
}

void check_backward(const BackwardCall& call, const Checking& checking) {
  const bool same_size = checking.gradient_shape_by_count && call.dy.size() == call.x.size();
  if (call.dy.shape != call.x.shape && !same_size) {
    reject(ErrorKind::length,
           "dy has shape " + to_string(call.dy.shape) + ", expected that of x, " + to_string(call.x.shape));
  }
  check_input(call.config, call.x, call.uses_batch(), call.training, checking);
  if (!call.dx.exists()) return;
  check_overlap(call.dy, call.dx, checking);
  const bool over_x = call.dx.data == call.x.data || overlaps_partly(call.x, call.dx);
  if (over_x && !call.dx.is_empty() && checking.alias != AliasCheck::never) {
    reject(ErrorKind::alias, "dx overlaps x");
  }
}

}  // namespace bncheck::variants
