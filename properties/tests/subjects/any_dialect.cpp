#include "any_dialect.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

namespace bncheck::test {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();

/// Mean and variance of the values of one statistic, and n.
struct Moments {
  double n = 0, mean = 0, population = 0;
};
/// Normalisation of one statistic's values: the mean, the variance V and h = dy/dx for γ = 1.
struct Affine {
  double mean = 0, variance = 0, h = 0;
};

/// x is float32, the precision of `data`.
double scalar(Scalar as, double value) {
  return as == Scalar::f64 ? value : static_cast<double>(static_cast<float>(value));
}

float element(std::span<const float> values, std::int64_t index, float otherwise) {
  return values.empty() ? otherwise : values[static_cast<std::size_t>(index)];
}
float& at(std::span<float> values, std::int64_t index) {
  return values[static_cast<std::size_t>(index)];
}

/// Visits the positions in x of the values of statistic s.
void for_each(const PlainCall& call, std::int64_t s, const std::function<void(std::int64_t)>& visit) {
  const bool spatial = call.dialect.axes == Axes::spatial;
  for (std::int64_t i = 0; i < call.batch; ++i) {
    if (!spatial) visit(i * call.statistics() + s);
    for (std::int64_t k = 0; spatial && k < call.positions; ++k) {
      visit((i * call.channels + s) * call.positions + k);
    }
  }
}

Moments moments(const PlainCall& call, std::int64_t s) {
  Moments m;
  for_each(call, s, [&](std::int64_t i) {
    m.n += 1;
    m.mean += static_cast<double>(element(call.x, i, 0));
  });
  m.mean /= m.n;
  for_each(call, s, [&](std::int64_t i) {
    m.population += std::pow(static_cast<double>(element(call.x, i, 0)) - m.mean, 2);
  });
  m.population /= m.n;
  return m;
}

double corrected(const Moments& m, Correction correction, SingleValue single) {
  if (correction == Correction::population) return m.population;
  if (m.n == 1) return single == SingleValue::nan ? nan : 0;
  return m.population * m.n / (m.n - 1);
}

double factor(const PlainCall& call, double variance) {
  const double eps = scalar(call.dialect.eps_as, std::max(call.eps, call.dialect.eps_floor));
  if (call.dialect.eps_place == EpsPlace::outside) return 1 / (std::sqrt(variance) + eps);
  return 1 / std::sqrt(variance + (call.dialect.eps_place == EpsPlace::absent ? 0 : eps));
}

Affine batch_affine(const PlainCall& call, const Moments& m) {
  const double variance = corrected(m, call.dialect.normalising_variance, call.dialect.single_value);
  return {m.mean, variance, factor(call, variance)};
}

Affine given_affine(const PlainCall& call, const PlainRunning& running, std::int64_t s) {
  double c = 1;
  if (call.dialect.averaging == Averaging::ratio) c = static_cast<double>(element(running.weight, 0, 1));
  const auto quotient = [&](std::span<const float> sums) {
    return c == 0 ? 0 : static_cast<double>(element(sums, s, 0)) / c;
  };
  const double variance = quotient(running.var);
  return {quotient(running.mean), variance, factor(call, variance)};
}

void write_y(const PlainCall& call, std::int64_t s, const Affine& affine, std::span<float> y) {
  const auto gamma = static_cast<double>(element(call.weight, s, 1));
  const auto beta = static_cast<double>(element(call.bias, s, 0));
  for_each(call, s, [&](std::int64_t i) {
    const double centred = static_cast<double>(element(call.x, i, 0)) - affine.mean;
    at(y, i) = static_cast<float>(gamma * centred * affine.h + beta);
  });
}

/// Weights of r ← old·r + fresh·s.
struct Weights {
  double old, fresh;
};
Weights weights(const PlainCall& call) {
  const Dialect& dialect = call.dialect;
  const bool old_is_given = dialect.averaging != Averaging::new_weight;
  double given = 0;
  if (call.momentum) {
    given = *call.momentum;
  } else {
    const double share = 1 / static_cast<double>(call.num_batches_tracked + 1);
    given = old_is_given ? 1 - share : share;
  }
  double p = scalar(dialect.momentum_as, given);
  double other = 1 - p;
  const bool narrow = dialect.momentum_as != Scalar::f64;
  if (narrow && dialect.complement == Complement::rounded) other = scalar(dialect.momentum_as, other);
  if (narrow && dialect.complement == Complement::apart) other = scalar(dialect.momentum_as, 1 - given);
  if (narrow && dialect.complement == Complement::first) {
    other = scalar(dialect.momentum_as, 1 - given);
    p = 1 - other;
  }
  if (dialect.averaging == Averaging::ratio) return {p, 1};
  return old_is_given ? Weights{p, other} : Weights{other, p};
}

float averaged(const PlainCall& call, float r, double fresh) {
  const auto old = static_cast<double>(r);
  if (!call.momentum && call.dialect.cumulative == Cumulative::exact) {
    const auto k = static_cast<double>(call.num_batches_tracked + 1);
    return static_cast<float>(((k - 1) * old + fresh) / k);
  }
  const Weights w = weights(call);
  return static_cast<float>(w.old * old + w.fresh * fresh);
}

void update(const PlainCall& call, std::int64_t s, const Moments& m, const PlainRunning& running) {
  const Dialect& dialect = call.dialect;
  if (m.n == 1 && dialect.single_value == SingleValue::skip) return;
  const double var = corrected(m, dialect.running_variance, dialect.single_value);
  float& mean = at(running.mean, s);
  mean = averaged(call, mean, m.n == 0 ? nan : m.mean);
  float& variance = at(running.var, s);
  variance = averaged(call, variance, m.n == 0 ? nan : var);
}

void update_running(const PlainCall& call, const PlainRunning& running) {
  if (call.dialect.averaging == Averaging::none || running.mean.empty()) return;
  for (std::int64_t s = 0; s < call.statistics(); ++s) update(call, s, moments(call, s), running);
  if (call.dialect.averaging == Averaging::ratio && !running.weight.empty()) {
    at(running.weight, 0) = averaged(call, running.weight[0], 1);
  }
}

std::int64_t values_per_statistic(const PlainCall& call) {
  return call.batch * call.channels * call.positions / std::max<std::int64_t>(call.statistics(), 1);
}

bool fit(const PlainCall& call, const PlainRunning& running) {
  const auto count = static_cast<std::size_t>(call.statistics());
  return std::ranges::all_of(
      std::initializer_list<std::span<const float>>{call.weight, call.bias, running.mean, running.var},
      [&](std::span<const float> vector) { return vector.empty() || vector.size() == count; });
}

std::optional<ErrorKind> refusal(const PlainCall& call, const PlainRunning& running, bool training) {
  const std::int64_t n = values_per_statistic(call);
  if (!fit(call, running)) return ErrorKind::length;
  if (n == 0 && call.dialect.empty_batch == EmptyBatch::error) return ErrorKind::other;
  if (n == 1 && training && call.dialect.single_value == SingleValue::error) return ErrorKind::one_value;
  const bool averages = training && !running.mean.empty() && call.dialect.averaging != Averaging::none;
  if (averages && !call.momentum && call.dialect.cumulative == Cumulative::unsupported) {
    return ErrorKind::unsupported;
  }
  return std::nullopt;
}

/// Gradient, with values that the forward pass does not have: dx with an ε of its own uses the textbook 1/n
/// throughout.
struct Gradient {
  double h = 0;      ///< factor of dy
  double k = 0;      ///< −(dh/dσ)/σ, for the batch's statistics
  double share = 0;  ///< dσ²/dx = 2·(x − μ)·share
};
Gradient gradient_of(const PlainCall& call, const Affine& affine, double n) {
  if (call.dialect.backward_eps) {
    const double h = 1 / std::sqrt(affine.variance + scalar(call.dialect.eps_as, *call.dialect.backward_eps));
    return {h, h * h * h, 1 / n};
  }
  const bool outside = call.dialect.eps_place == EpsPlace::outside;
  const bool unbiased = call.dialect.normalising_variance == Correction::unbiased && n > 1;
  const double deviation = std::sqrt(affine.variance);
  const double k = !outside ? std::pow(affine.h, 3) : deviation == 0 ? 0 : affine.h * affine.h / deviation;
  return {affine.h, k, 1 / (unbiased ? n - 1 : n)};
}

void write_gradients(const PlainCall& call, std::int64_t s, const Affine& affine, std::span<const float> dy,
                     bool training, const PlainGradients& gradients) {
  const auto gamma = static_cast<double>(element(call.weight, s, 1));
  double n = 0, sum = 0, dot = 0;
  const auto centred = [&](std::int64_t i) {
    return static_cast<double>(element(call.x, i, 0)) - affine.mean;
  };
  for_each(call, s, [&](std::int64_t i) {
    n += 1;
    sum += static_cast<double>(element(dy, i, 0));
    dot += static_cast<double>(element(dy, i, 0)) * centred(i);
  });
  const Gradient g = gradient_of(call, affine, n);
  const auto dx = [&](std::int64_t i) {
    const auto own = static_cast<double>(element(dy, i, 0));
    if (!training) return gamma * g.h * own;
    return gamma * (g.h * (own - sum / n) - g.k * centred(i) * dot * g.share);
  };
  if (!gradients.dx.empty()) {
    for_each(call, s, [&](std::int64_t i) { at(gradients.dx, i) = static_cast<float>(dx(i)); });
  }
  if (!gradients.dweight.empty()) at(gradients.dweight, s) = static_cast<float>(dot * affine.h);
  if (!gradients.dbias.empty()) at(gradients.dbias, s) = static_cast<float>(sum);
}

}  // namespace

std::optional<ErrorKind> train(const PlainCall& call, std::span<float> y, const PlainRunning& running,
                               const PlainSaved& saved) {
  if (const auto error = refusal(call, running, true)) return error;
  const bool empty = values_per_statistic(call) == 0;
  if (empty && call.dialect.empty_batch == EmptyBatch::untouched) return std::nullopt;
  for (std::int64_t s = 0; s < call.statistics() && !empty; ++s) {
    const Affine affine = batch_affine(call, moments(call, s));
    write_y(call, s, affine, y);
    if (!saved.mean.empty()) at(saved.mean, s) = static_cast<float>(affine.mean);
    if (saved.second.empty()) continue;
    const bool variance = call.dialect.saved == Saved::mean_var;
    at(saved.second, s) = static_cast<float>(variance ? affine.variance : affine.h);
  }
  update_running(call, running);
  return std::nullopt;
}

std::optional<ErrorKind> infer(const PlainCall& call, std::span<float> y, const PlainRunning& running) {
  if (const auto error = refusal(call, running, false)) return error;
  for (std::int64_t s = 0; s < call.statistics(); ++s) write_y(call, s, given_affine(call, running, s), y);
  return std::nullopt;
}

std::optional<ErrorKind> train_backward(const PlainCall& call, std::span<const float> dy,
                                        const PlainGradients& gradients) {
  if (const auto error = refusal(call, {}, true)) return error;
  for (std::int64_t s = 0; s < call.statistics(); ++s) {
    write_gradients(call, s, batch_affine(call, moments(call, s)), dy, true, gradients);
  }
  return std::nullopt;
}

std::optional<ErrorKind> infer_backward(const PlainCall& call, std::span<const float> dy,
                                        const PlainRunning& running, const PlainGradients& gradients) {
  if (const auto error = refusal(call, running, false)) return error;
  for (std::int64_t s = 0; s < call.statistics(); ++s) {
    write_gradients(call, s, given_affine(call, running, s), dy, false, gradients);
  }
  return std::nullopt;
}

}  // namespace bncheck::test
