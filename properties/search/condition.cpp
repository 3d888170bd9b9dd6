#include "search/condition.hpp"

#include <cmath>

#include "bncheck/elements.hpp"
#include "bncheck/expected.hpp"

namespace bncheck {
namespace {

struct Moments {
  double mean = 0, abs_mean = 0, variance = 0;
};

/// Mean, mean of magnitudes and population variance of each statistic's values, in two passes.
std::vector<Moments> batch_moments(const Tensor& x, Axes axes, const FeatureCount& count) {
  std::vector<Moments> all(static_cast<std::size_t>(count.features));
  const auto n = static_cast<double>(count.values);
  const auto each = [&](const auto& visit) {
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(x.size()); ++i) {
      visit(all[statistic_of(i, x.shape, axes)], element(x, i));
    }
  };
  each([&](Moments& m, double v) {
    m.mean += v / n;
    m.abs_mean += std::fabs(v) / n;
  });
  each([&](Moments& m, double v) { m.variance += (v - m.mean) * (v - m.mean) / n; });
  return all;
}

/// The given statistics that an inference call centres and scales by.
void use_given(Moments& m, const State& before, std::int64_t k) {
  const double weight = before.running_weight ? element_or(before.running_weight, 0, 0) : 1;
  const double mean = element_or(before.running_mean, k, 0), variance = element_or(before.running_var, k, 1);
  m.mean = weight == 0 ? 0 : mean / weight;
  m.variance = weight == 0 ? 0 : variance / weight;
}

double scale_of(double variance, double eps, EpsPlace place) {
  switch (place) {
    case EpsPlace::inside:
      return 1 / std::sqrt(variance + eps);
    case EpsPlace::outside:
      return 1 / (std::sqrt(variance) + eps);
    case EpsPlace::absent:
      break;
  }
  return 1 / std::sqrt(variance);
}

}  // namespace

std::size_t statistic_of(std::int64_t index, const Shape& x, Axes axes) {
  std::int64_t spatial = 1;
  for (std::size_t k = 2; k < x.size(); ++k) spatial *= x[k];
  const std::int64_t statistic =
      axes == Axes::per_activation ? index % (x[1] * spatial) : index / spatial % x[1];
  return static_cast<std::size_t>(statistic);
}

std::vector<double> condition_numbers(const Config& config, const State& before, const Forward& forward,
                                      const Dialect& dialect) {
  const Tensor& x = forward.x;
  if (x.shape.size() < 2 || x.size() == 0 || x.dtype != Dtype::f32) return {};
  const FeatureCount count = feature_count(x.shape, dialect.axes);
  std::vector<Moments> moments = batch_moments(x, dialect.axes, count);
  const bool of_batch = uses_batch(config, forward);
  const double eps = effective_eps(config, dialect, x.dtype);
  const auto n = static_cast<double>(count.values);
  const double correction = dialect.normalising_variance == Correction::unbiased ? n / (n - 1) : 1;
  std::vector<double> conditions;
  for (std::size_t k = 0; k < moments.size(); ++k) {
    Moments& m = moments[k];
    m.variance *= correction;
    if (!of_batch) use_given(m, before, static_cast<std::int64_t>(k));
    conditions.push_back(scale_of(m.variance, eps, dialect.eps_place) * (m.abs_mean + std::fabs(m.mean)));
  }
  return conditions;
}

}  // namespace bncheck
