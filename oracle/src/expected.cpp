#include "bncheck/expected.hpp"

#include <bit>
#include <cmath>
#include <limits>

#include "backward.hpp"
#include "forward.hpp"

namespace bncheck {

ExpectedTensor::ExpectedTensor(std::shared_ptr<const Answer> answer, Output output)
    : answer_(std::move(answer)), output_(output) {}

const Shape& ExpectedTensor::shape() const {
  return answer_->shape(output_);
}
std::int64_t ExpectedTensor::size() const {
  return element_count(shape()).value_or(0);
}
ExactNumber ExpectedTensor::value(std::int64_t index) const {
  return answer_->value(output_, index);
}
Slack ExpectedTensor::slack(std::int64_t index, const Numerics& numerics) const {
  return answer_->slack(output_, index, numerics);
}

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// ulp(v) = 2^(max(floor(log2 |v|), -126) - 23) of the exact value; that of the smallest number for zero. The
/// correctly rounded float tells the binade unless it is a power of two, which v may lie just below.
long double ulp_of(const ExactNumber& value, float nearest) {
  const float size = std::fabs(nearest);
  if (!(size >= 0x1p-126f)) return 0x1p-149L;
  int exponent = std::isinf(size) ? 128 : std::ilogb(size);
  if (std::isinf(size) || size == std::ldexp(1.0f, exponent)) {
    exponent = static_cast<int>(std::max<std::int64_t>(value.binade(), -126));
  }
  return std::ldexp(1.0L, exponent - 23);
}

}  // namespace

Error ExpectedTensor::error(std::int64_t index, float got, const Numerics& numerics) const {
  const ExactNumber exact = value(index);
  const float nearest = exact.nearest_f32();
  Error error;
  error.nearest = std::isnan(nearest) ? std::isnan(got) : got == nearest;
  if (!exact.is_finite()) {
    error.in_range = answer_->is_certain(output_, index, numerics);
    error.ulps = error.ratio = error.folded_ratio = error.nearest ? 0 : infinity;
    return error;
  }
  const Slack allowed = slack(index, numerics);
  const long double ulp = ulp_of(exact, nearest);
  error.in_range = allowed.in_range;
  error.attainable = ulp / 2 + allowed.amount;
  if (!std::isfinite(got) && (error.nearest || std::isnan(got))) {
    error.ulps = error.ratio = error.folded_ratio = error.nearest ? 0 : infinity;
    return error;
  }
  // An infinity is infinitely many ulps off, but was rounded from 2^128 - 2^103 at least, which a sound
  // algorithm may have come to.
  const double rounded_from =
      std::isinf(got) ? std::copysign(0x1.ffffffp127, static_cast<double>(got)) : static_cast<double>(got);
  const long double distance = exact.distance(Dyadic::of(rounded_from));
  error.ulps = std::isinf(got) ? infinity : static_cast<double>(distance / ulp);
  error.ratio = static_cast<double>(distance / error.attainable);
  error.folded_ratio = static_cast<double>(distance / (error.attainable + allowed.folding));
  return error;
}

Tensor ExpectedTensor::nearest_f32() const {
  Tensor tensor = Tensor::filled(shape(), 0);
  const std::span<float> values = tensor.floats();
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = value(static_cast<std::int64_t>(i)).nearest_f32();
  }
  return tensor;
}

namespace {

void answer_forward(const Config& config, const State& before, const Forward& forward, const Dialect& dialect,
                    ExpectedCall& expected) {
  const auto answer = std::make_shared<const ForwardAnswer>(config, before, forward, dialect);
  const auto add = [&](Output output) { expected.outputs.emplace(output, ExpectedTensor(answer, output)); };
  add(Output::y);
  const bool empty = element_count(forward.x.shape).value_or(0) == 0;
  if (empty && dialect.empty_batch == EmptyBatch::untouched) return;
  if (answer->uses_batch() && dialect.saved != Saved::none && !empty) {
    add(Output::saved_mean);
    add(dialect.saved == Saved::mean_var ? Output::saved_var : Output::saved_invstd);
  }
  if (!answer->updates_running()) return;
  add(Output::running_mean);
  add(Output::running_var);
  if (dialect.averaging == Averaging::ratio) add(Output::running_weight);
  ++expected.state.num_batches_tracked;
}

void answer_backward(const Config& config, const State& before, const Backward& backward,
                     const Forward& forward, const Dialect& dialect, ExpectedCall& expected) {
  const auto answer = std::make_shared<const BackwardAnswer>(config, before, forward, backward.dy, dialect);
  const auto add = [&](Output output) { expected.outputs.emplace(output, ExpectedTensor(answer, output)); };
  if (backward.want_dx) add(Output::dx);
  if (backward.want_dweight && config.affine) add(Output::dweight);
  if (backward.want_dbias && config.affine) add(Output::dbias);
}

}  // namespace

ExpectedCall expect(const Config& config, const State& before, const Call& call, const Dialect& dialect,
                    const std::shared_ptr<const Forward>& latest) {
  ExpectedCall expected;
  expected.state = before;
  expected.config = config;
  expected.latest = latest;
  expected.errors = errors_of(config, before, call, dialect, latest.get());
  if (expected.must_fail()) return expected;
  if (const auto* forward = std::get_if<Forward>(&call.operation)) {
    expected.latest = std::make_shared<const Forward>(*forward);
    answer_forward(config, before, *forward, dialect, expected);
  } else if (const auto* backward = std::get_if<Backward>(&call.operation)) {
    answer_backward(config, before, *backward, *latest, dialect, expected);
  } else if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
    expected.config.momentum = set->momentum;
  } else {
    expected.state = std::get<Load>(call.operation).state;
    expected.latest = nullptr;
  }
  return expected;
}

}  // namespace bncheck
