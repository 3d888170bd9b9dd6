#include "laws/relations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/number_text.hpp"

namespace bncheck {
namespace {

/// Distance of |value| to the next larger float.
long double ulp_of(float value) {
  const float size = std::fabs(value);
  return static_cast<long double>(std::nextafter(size, std::numeric_limits<float>::infinity())) -
         static_cast<long double>(size);
}

/// Rounding of long double, per term of a sum, relative to the sum of absolute values.
constexpr long double rounding = 0x1p-60L;

}  // namespace

Measured measure(const Counterpart& at, const Capabilities& can, bool beyond) {
  const float got = at.run->output(at.call, at.output).floats()[static_cast<std::size_t>(at.index)];
  const ExpectedTensor& expected = at.run->expected[at.call].outputs.at(at.output);
  const auto value = static_cast<long double>(got);
  const ExactNumber exact = expected.value(at.index);
  const bool is_float = exact.is_finite() && std::isfinite(exact.nearest_f32());
  if (can.numerics.claim == Claim::exact) return {value, ulp_of(got) / 2, is_float};
  if (can.numerics.claim == Claim::faithful) return {value, ulp_of(got), is_float};
  Error error = expected.error(at.index, got, can.numerics);
  if (!error.in_range && beyond) {
    // Bound of arithmetic with a wider range.
    Numerics wide = can.numerics;
    wide.range = Range::wide;
    error = expected.error(at.index, got, wide);
  }
  return {value, error.attainable, is_float && error.in_range};
}

void Balance::add(long double factor, const Counterpart& at) {
  // With the factor 0, the term is 0 even if the number overflowed.
  if (factor != 0) terms_.push_back({factor, at});
}

void Balance::add(long double term) {
  known_.push_back(term);
}

bool Balance::judge(Verdict& verdict, const std::string& what) const {
  long double sum = 0;
  long double size = 0;
  const auto count = [&](long double term) {
    sum += term;
    size += std::fabs(term);
  };
  for (const long double term : known_) count(term);
  for (const auto& [factor, at] : terms_) {
    const Tensor& tensor = at.run->output(at.call, at.output);
    count(factor * static_cast<long double>(tensor.floats()[static_cast<std::size_t>(at.index)]));
  }
  // A sum of exactly 0, as most exact results give, is within any bound, and bounds take more time than sums.
  if (sum == 0) return true;
  long double bound = allowed_ + rounding * size * static_cast<long double>(terms_.size() + known_.size());
  for (const auto& [factor, at] : terms_) {
    const Measured number = measure(at, can_, beyond_);
    if (!number.usable) return false;
    bound += std::fabs(factor) * number.bound;
  }
  judge_bound(verdict, what, sum, 0, bound);
  return true;
}

namespace {

std::string digits(long double value) {
  return general_decimal(static_cast<double>(value), std::numeric_limits<float>::max_digits10);
}

std::string shown(const Counterpart& at) {
  return digits(static_cast<long double>(
      at.run->output(at.call, at.output).floats()[static_cast<std::size_t>(at.index)]));
}

}  // namespace

std::string element_of(Output output, std::int64_t index) {
  return std::string(name_of(output)) + '[' + std::to_string(index) + ']';
}

void judge_changes(const Run& before, const Run& after,
                   const std::function<Change(Output, std::int64_t)>& change, const Capabilities& can,
                   Verdict& verdict, bool beyond) {
  bool judged = false;
  const std::size_t call = before.content.calls.size() - 1;
  before.values(call);
  after.values(call);
  for (const auto& [output, expected] : before.expected[call].outputs) {
    for (std::int64_t i = 0; i < expected.size() && !verdict.is_bad(); ++i) {
      const auto [factor, offset] = change(output, i);
      Balance balance(can, beyond);
      balance.add(1, {&after, call, output, i});
      balance.add(-factor, {&before, call, output, i});
      if (offset != 0) balance.add(-offset);
      judged =
          balance.judge(verdict, element_of(output, i) + " less what the other run makes of it") || judged;
      if (verdict.is_bad()) {
        verdict.message += " (here " + shown({&after, call, output, i}) + "; there " +
                           shown({&before, call, output, i}) + ", times " + digits(factor) + ", plus " +
                           digits(offset) + ')';
        verdict.other = before.content;
      }
    }
  }
  if (!judged) verdict = Verdict::not_applicable("no result keeps its intermediate results in range");
}

bool is_float(double value) {
  return static_cast<double>(static_cast<float>(value)) == value;
}

double scaled_eps(double eps, int k, const Dialect& dialect) {
  return std::ldexp(eps, dialect.eps_place == EpsPlace::outside ? k : 2 * k);
}

namespace {

/// Whether the sum of two floats is a float. Their sum in double may round, too: it is exact only if either term can be
/// taken from it again.
bool exact_as_float(double a, double b) {
  const double sum = a + b;
  return is_float(sum) && sum - a == b && sum - b == a;
}

/// 2^23 times the last bit of the values if it can be added to each of them without rounding; otherwise 0.
float exact_offset(std::span<const float> x, const std::vector<std::size_t>& channel) {
  int lowest = 128;  // exponent of the lowest bit of all values
  for (const std::size_t i : channel) {
    if (x[i] == 0) continue;
    int exponent = std::ilogb(x[i]) - 23;
    while (exponent < lowest && std::fmod(x[i], std::ldexp(1.0f, exponent + 1)) == 0) ++exponent;
    lowest = std::min(lowest, exponent);
  }
  // A float holds 2^24 steps of the last bit. The shift and the values share them.
  const float offset = std::ldexp(1.0f, std::clamp(lowest + 23, -126, 100));
  const auto fits = [&](std::size_t i) {
    return exact_as_float(static_cast<double>(x[i]), static_cast<double>(offset));
  };
  return std::ranges::all_of(channel, fits) ? offset : 0;
}

}  // namespace

Shifted shifted(const Tensor& x, Axes axes) {
  const Geometry geometry(x.shape, axes);
  Shifted result{x, {}};
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    const std::vector<std::size_t> channel = geometry.elements(k);
    result.offsets.push_back(exact_offset(x.floats(), channel));
    for (const std::size_t i : channel) result.x.floats()[i] += result.offsets.back();
  }
  if (std::ranges::all_of(result.offsets, [](float offset) { return offset == 0; })) {
    throw Settled{Verdict::not_applicable("no channel can be shifted without rounding")};
  }
  return result;
}

void leave_few_bits(Draws& draws, Tensor& x) {
  const auto bits = static_cast<int>(draws.between(4, 16));
  float largest = 0;
  for (float& v : x.floats()) {
    v = std::fmod(v, 4096.0f);
    largest = std::max(largest, std::fabs(v));
  }
  if (largest == 0) return;
  const float step = std::ldexp(1.0f, std::max(std::ilogb(largest) - bits + 1, -100));
  for (float& v : x.floats()) v = step * std::rint(v / step);
}

Tensor samples_of(const Tensor& tensor, std::int64_t begin, std::int64_t end) {
  Tensor part{tensor.dtype, tensor.shape, {}};
  part.shape[0] = end - begin;
  const auto row = static_cast<std::ptrdiff_t>(tensor.bytes.size()) / tensor.shape[0];
  part.bytes.assign(tensor.bytes.begin() + begin * row, tensor.bytes.begin() + end * row);
  return part;
}

const Forward& one_batch_forward(const Case& c, const Capabilities& can) {
  const Forward& forward = one_valid_forward(c, can);
  if (!all_finite(c)) throw Settled{Verdict::not_applicable("values that are not finite")};
  if (!uses_batch(c.config, forward)) throw Settled{Verdict::not_applicable("given statistics")};
  require_ordinary_counts(c, can.dialect);
  return forward;
}

}  // namespace bncheck
