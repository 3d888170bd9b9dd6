/// The exact gradients against difference quotients of the forward pass. No backward formula is used here,
/// only the textbook y at 600 bits.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include "real.hpp"

namespace bncheck::test {
namespace {

constexpr mpfr_prec_t precision = 600;

Real real(double value) {
  return {precision, value};
}

Dyadic dyadic_of(const Real& value) {
  mpz_t mantissa;
  mpz_init(mantissa);
  const mpfr_exp_t exponent = mpfr_get_z_2exp(mantissa, value.get());
  std::string digits(mpz_sizeinbase(mantissa, 16) + 2, '\0');
  mpz_get_str(digits.data(), 16, mantissa);
  digits.resize(digits.find('\0'));
  mpz_clear(mantissa);
  const bool negative = digits.front() == '-';
  const Integer magnitude("0x" + digits.substr(negative ? 1 : 0));
  return {negative ? -magnitude : magnitude, exponent};
}

/// One channel; every number is a variable that Σdy·y depends on.
struct Variables {
  std::vector<Real> x;
  Real gamma, beta;
};

struct Layer {
  std::vector<float> x, dy;
  float gamma, beta, mean, variance;
  double eps;
  bool training;
  Dialect dialect;

  Variables variables() const {
    Variables at{{}, real(static_cast<double>(gamma)), real(static_cast<double>(beta))};
    for (const float v : x) at.x.push_back(real(static_cast<double>(v)));
    return at;
  }
  double divisor() const {
    const auto n = static_cast<double>(x.size());
    return dialect.normalising_variance == Correction::unbiased ? n - 1 : n;
  }
  bool eps_is_outside() const { return dialect.eps_place == EpsPlace::outside; }

  struct Statistics {
    Real mean, variance;
  };
  Statistics statistics(const Variables& at) const {
    if (!training) return {real(static_cast<double>(mean)), real(static_cast<double>(variance))};
    Real sum = real(0);
    for (const Real& v : at.x) sum = sum + v;
    const Real average = sum / real(static_cast<double>(x.size()));
    Real squares = real(0);
    for (const Real& v : at.x) squares = squares + (v - average) * (v - average);
    return {average, squares / real(divisor())};
  }
  Real deviation(const Real& v) const { return eps_is_outside() ? sqrt(v) + real(eps) : sqrt(v + real(eps)); }
  Real sum_of_dy_y(const Variables& at) const {
    const Statistics s = statistics(at);
    const Real root = deviation(s.variance);
    Real sum = real(0);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const Real y = at.gamma * (at.x[i] - s.mean) / root + at.beta;
      sum = sum + real(static_cast<double>(dy[i])) * y;
    }
    return sum;
  }
};

/// (f(v + step) − f(v − step)) / (2·step), where `v` names the variable.
template <class Variable>
Real difference_quotient(const Layer& layer, const Real& step, const Variable& variable) {
  Variables above = layer.variables();
  Variables below = above;
  variable(above) = variable(above) + step;
  variable(below) = variable(below) - step;
  return (layer.sum_of_dy_y(above) - layer.sum_of_dy_y(below)) / (real(2) * step);
}

long double rounded(const Real& value) {
  return mpfr_get_ld(value.get(), MPFR_RNDN);
}

/// Allowed distance of the difference quotient by xᵢ from the derivative.
///
/// Truncation: with the factor h(v), T = Σdy·(x − μ) and f = γ·h·T + ..., a central difference is off by
/// step²/6 of f‴ = γ·(h‴·T + 3h″·T′), because T is linear in xᵢ. With c = xᵢ − μ, v′ = 2c/q, v″ = 2(n−1)/(nq)
/// <= 2/q and c² <= Σ(x − μ)² = q·v:
///   |v′| <= 2√(v/q), |T| <= Σ|dy|·√(q·v), |T′| = |dyᵢ − mean(dy)| <= 2Σ|dy|.
/// ε inside, w = v + ε = 1/h²:
///   h″ = 3/4·w^(−5/2)·v′² − 1/2·w^(−3/2)·v″, |h″| <= 4h³/q,
///   h‴ = −15/8·w^(−7/2)·v′³ + 9/4·w^(−5/2)·v′·v″, |h‴| <= 24h⁴/q^(3/2), |f‴| <= 48|γ|·Σ|dy|·h³/q.
/// ε outside, s = √v, h <= 1/s:
///   |s′| <= 1/√q, |s″| <= 2/(q·s), |s‴| <= 6/(q^(3/2)·s²), |h″| <= 4h²/(q·s),
///   |h‴| <= 24h²/(q^(3/2)·s²), |f‴| <= 48|γ|·Σ|dy|·h²/(q·s).
/// The step is 2^−100/h inside and 2^−100·s outside; twice the bound at x holds within the step. So both are
/// off by at most 16·2^−200·|γ|·h·Σ|dy|/q.
///
/// Rounding: x − μ has an absolute error of a few 2^−600·max|x|, n + 10 operations make less than 2^10 of
/// them, and the division by the step gives 2^−490·|γ|·h·Σ|dy|·max|x|·2^−100/step. The x of the test are
/// within 2^150 steps of 2^100 from 0, which leaves 2^−340.
long double allowance(const Layer& layer, long double h, long double sum_of_magnitudes) {
  const long double size = std::fabs(static_cast<long double>(layer.gamma)) * h * sum_of_magnitudes;
  const long double truncation = layer.training ? 0x1p-196L / static_cast<long double>(layer.divisor()) : 0;
  return size * (truncation + 0x1p-340L);
}

struct Counts {
  int points = 0;
  long double worst = 0;
};

void expect_near(const ExactNumber& exact, const Real& quotient, long double allowed, Counts& counts) {
  ASSERT_TRUE(exact.is_finite());
  const long double distance = exact.distance(dyadic_of(quotient));
  EXPECT_LE(distance, allowed) << exact.approximate() << " is not " << rounded(quotient);
  if (allowed > 0) counts.worst = std::max(counts.worst, distance / allowed);
  ++counts.points;
}

ExpectedCall gradients(const Layer& l) {
  OneChannel channel{l.gamma, l.beta, l.mean, l.variance, l.eps};
  const Shape shape{static_cast<std::int64_t>(l.x.size()), 1};
  const Forward latest{l.training, Tensor::of(shape, l.x)};
  return expect(channel.config(), channel.state(), {Backward{Tensor::of(shape, l.dy)}, {}}, l.dialect,
                &latest);
}

void check(const Layer& layer, Counts& counts) {
  const Layer::Statistics s = layer.statistics(layer.variables());
  const Real factor = real(1) / layer.deviation(s.variance);
  const Real length = layer.eps_is_outside() ? sqrt(s.variance) : real(1) / factor;
  const Real step = length * real(0x1p-100);
  const long double h = rounded(factor);
  long double magnitudes = 0;
  for (const float dy : layer.dy) magnitudes += std::fabs(static_cast<long double>(dy));
  for (const float x : layer.x) {
    ASSERT_LE(std::fabs(static_cast<long double>(x)), 0x1p150L * rounded(length));
  }
  const ExpectedCall expected = gradients(layer);
  ASSERT_FALSE(expected.must_fail());
  const ExpectedTensor& dx = expected.outputs.at(Output::dx);
  for (std::size_t i = 0; i < layer.x.size(); ++i) {
    const Real quotient = difference_quotient(layer, step, [&](Variables& at) -> Real& { return at.x[i]; });
    expect_near(dx.value(static_cast<std::int64_t>(i)), quotient, allowance(layer, h, magnitudes), counts);
  }
  // f is linear in γ and β: there is no truncation for any step, and 1 is of their size.
  const long double largest_x = 2 * rounded(length) * 0x1p150L;
  const Real dweight = difference_quotient(layer, real(1), [](Variables& at) -> Real& { return at.gamma; });
  const Real dbias = difference_quotient(layer, real(1), [](Variables& at) -> Real& { return at.beta; });
  const long double y = (1 + std::fabs(static_cast<long double>(layer.gamma))) * h * largest_x +
                        std::fabs(static_cast<long double>(layer.beta)) + 1;
  const long double rounding = 0x1p-590L * magnitudes * y;
  expect_near(expected.outputs.at(Output::dweight).value(0), dweight, rounding, counts);
  expect_near(expected.outputs.at(Output::dbias).value(0), dbias, rounding, counts);
}

Layer draw(Random& random, int k) {
  Layer layer{
      {},         {}, static_cast<float>(random.normal()), static_cast<float>(random.normal()), 0, 1, 1e-5,
      k % 4 != 0, {}};
  const auto n = static_cast<std::size_t>(random.between(2, 12));
  const double scale = std::ldexp(1.0, static_cast<int>(random.between(-40, 40)));
  const double location = k % 3 == 0 ? 0 : k % 3 == 1 ? random.normal() : 1e5;
  for (std::size_t i = 0; i < n; ++i) {
    layer.x.push_back(static_cast<float>(scale * (location + random.normal())));
    const double dy = random.normal();
    layer.dy.push_back(static_cast<float>(k % 5 == 0 ? 1 + 1e-4 * dy : k % 5 == 1 ? scale * dy : dy));
  }
  // At least two different values: with ε outside the root, a constant channel has no derivative.
  if (std::ranges::count(layer.x, layer.x[0]) == static_cast<std::ptrdiff_t>(n)) layer.x[0] *= 2;
  layer.mean = static_cast<float>(random.normal() * scale);
  layer.variance = static_cast<float>(random.uniform() * scale);
  layer.eps = std::ldexp(1 + random.uniform(), static_cast<int>(random.between(-60, 20)));
  return layer;
}

TEST(NumericalGradient, IsTheExactOne) {
  Dialect outside;
  outside.eps_place = EpsPlace::outside;
  Dialect less;
  less.normalising_variance = Correction::unbiased;
  Dialect outside_less = outside;
  outside_less.normalising_variance = Correction::unbiased;
  Random random(50);
  for (const Dialect& dialect : {Dialect{}, outside, less, outside_less}) {
    SCOPED_TRACE(describe(dialect));
    Counts counts;
    for (int k = 0; k < 150; ++k) {
      Layer layer = draw(random, k);
      layer.dialect = dialect;
      check(layer, counts);
      if (HasFatalFailure()) return;
    }
    std::printf("numerical gradient: %d points, worst difference %.3Lf of what the truncation allows\n",
                counts.points, counts.worst);
    EXPECT_GE(counts.points, 1000);
  }
}

}  // namespace
}  // namespace bncheck::test
