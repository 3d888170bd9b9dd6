#include "bncheck/expected.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/attainable_error.hpp"
#include "bncheck/elements.hpp"
#include "bncheck/owed.hpp"
#include "bncheck/walk.hpp"

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
  return answer_->slack(output_, index, resolved(numerics, answer_->data()));
}
Dtype ExpectedTensor::dtype() const {
  return answer_->dtype(output_);
}

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

/// ulp(v) = 2^(max(floor(log₂ |v|), emin) − (p − 1)) for the exact value v; for zero, the smallest number of
/// the format. `nearest`, the correctly rounded v, lies in the same binade, unless it is a power of two: v
/// may be just below that.
long double ulp_of(const ExactNumber& value, double nearest, const FloatFormat& format) {
  const double size = std::fabs(nearest);
  if (!(size >= std::ldexp(1.0, format.min_exponent))) return std::ldexp(1.0L, format.smallest_exponent());
  int exponent = std::isinf(size) ? 0 : std::ilogb(size);
  if (std::isinf(size) || size == std::ldexp(1.0, exponent)) {
    exponent = static_cast<int>(std::max<std::int64_t>(value.binade(), format.min_exponent));
  }
  return std::ldexp(1.0L, exponent - (format.precision - 1));
}

/// Error of the last rounding beyond half an ulp of the exact number.
///
/// Where the precision of the arithmetic differs from that of the output, the result of the last operation is
/// first rounded to the arithmetic (`rounded`), then converted. The number that is converted is at most
/// `slack` plus `rounded` off the exact one. If it lies in a higher binade, the conversion may cost half of
/// the larger ulp there. But the power of two between the two numbers belongs to the format, so the
/// conversion costs no more than the distance to it, which is less than that sum. Flushing a result to zero
/// loses at most the smallest normal number of the narrow format.
long double conversion_error(const ExactNumber& exact, long double ulp, const FloatFormat& format,
                             const Numerics& numerics, long double slack) {
  const Precision own = precision_of(numerics);
  // A float64 may come from an extended arithmetic with 64 bits, and is then rounded twice. A float32 may
  // come from float64 (53 bits) in the same way, but that error, 2^−53·|y|, is far below the slack. It
  // matters only near the midpoint of two floats, where y = product + β has a product of about u·|y| at least
  // (β itself is a float), and the slack of such a product is 8u²·|y| = 2^−45·|y|.
  if (format.precision == own.bits && own.bits < format_f64.precision) return 0;
  const long double size = std::fabs(exact.approximate());
  if (format.precision == own.bits) return 0x1p-64L * size;
  const long double rounded = own.unit * size + own.underflow;
  if (format.precision > own.bits) return rounded;
  const long double flushed = numerics.flush_to_zero ? std::ldexp(1.0L, format.min_exponent) : 0;
  const long double converted = half_ulp(format, size + slack + rounded);
  const long double above = std::max(converted - ulp / 2, 0.0L);
  return rounded + flushed + std::min(above, slack + rounded);
}

}  // namespace

Error ExpectedTensor::error(std::int64_t index, double got, const Numerics& claimed) const {
  const Numerics numerics = resolved(claimed, answer_->data());
  const FloatFormat format = format_of(dtype());
  const ExactNumber exact = value(index);
  const double nearest = exact.nearest(format);
  Error error;
  error.nearest = std::isnan(nearest) ? std::isnan(got) : got == nearest;
  if (!exact.is_finite()) {
    error.in_range = answer_->is_certain(output_, index, numerics);
    error.ulps = error.ratio = error.folded_ratio = error.nearest ? 0 : infinity;
    return error;
  }
  const Slack allowed = answer_->slack(output_, index, numerics);
  const long double ulp = ulp_of(exact, nearest, format);
  error.in_range = allowed.in_range;
  error.attainable =
      ulp / 2 + allowed.amount + conversion_error(exact, ulp, format, numerics, allowed.amount);
  if (!std::isfinite(got) && (error.nearest || std::isnan(got))) {
    error.ulps = error.ratio = error.folded_ratio = error.nearest ? 0 : infinity;
    return error;
  }
  // An infinity counts as infinitely many ulps. For the ratio it counts as the smallest number that rounds to
  // infinity, half an ulp above the largest finite one, which a sound algorithm may have reached.
  Dyadic rounded_from;
  if (std::isinf(got)) {
    rounded_from = got < 0 ? -overflow_threshold(format) : overflow_threshold(format);
  } else {
    rounded_from = Dyadic::of(got);
  }
  const long double distance = exact.distance(rounded_from);
  error.ulps = std::isinf(got) ? infinity : static_cast<double>(distance / ulp);
  error.ratio = static_cast<double>(distance / error.attainable);
  error.folded_ratio = static_cast<double>(distance / (error.attainable + allowed.folding));
  return error;
}

double ExpectedTensor::nearest(std::int64_t index) const {
  return value(index).nearest(format_of(dtype()));
}

Tensor ExpectedTensor::nearest() const {
  Tensor tensor = Tensor::zeros(dtype(), shape());
  for (std::int64_t i = 0; i < size(); ++i) {
    set_element_bits(tensor, i, value(i).nearest_bits(format_of(tensor.dtype)));
  }
  return tensor;
}

namespace {

std::shared_ptr<const Answer> answer_to(const Config& config, const State& before, const Operation& operation,
                                        const Dialect& dialect, const Forward* latest) {
  if (const auto* forward = std::get_if<Forward>(&operation))
    return std::make_shared<const ForwardAnswer>(config, before, *forward, dialect);
  if (const auto* backward = std::get_if<Backward>(&operation))
    return std::make_shared<const BackwardAnswer>(config, before, *latest, backward->dy, dialect);
  return nullptr;
}

}  // namespace

ExpectedCall expect(const Config& config, const State& before, const Call& call, const Dialect& dialect,
                    const Forward* latest) {
  ExpectedCall expected;
  expected.state = before;
  expected.config = config;
  expected.errors = errors_of(config, before, call, dialect, latest);
  if (expected.must_fail()) return expected;
  const auto answer = answer_to(config, before, call.operation, dialect, latest);
  for (const OwedOutput& owed_output : owed(config, before, call, dialect, latest)) {
    expected.outputs.emplace(owed_output.output, ExpectedTensor(answer, owed_output.output));
  }
  carry_out(call, dialect, expected.config, expected.state);
  return expected;
}

}  // namespace bncheck
