/// Laws about mean and variance of the normalised output, per channel, in training.

#include <cmath>

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

/// Moments of one channel of y, with bounds of their errors.
struct ChannelMoments {
  long double n = 0;
  long double mean = 0;             ///< mean of y − β
  long double deviation = 0;        ///< √mean((y − mean(y))²)
  long double mean_bound = 0;       ///< mean of the attainable errors
  long double deviation_bound = 0;  ///< root mean square of the attainable errors
  bool in_range = true;
};

ChannelMoments moments_of(const Run& run, const Geometry& geometry, std::int64_t channel, long double beta,
                          const Numerics& numerics) {
  const ExpectedTensor& expected = run.expected[0].outputs.at(Output::y);
  const std::span<const float> y = run.output(0, Output::y).floats();
  ChannelMoments m;
  m.n = static_cast<long double>(geometry.values());
  long double squares = 0;
  const auto each = [&](auto&& visit) {
    for (std::int64_t n = 0; n < geometry.samples; ++n) {
      for (std::int64_t s = 0; s < geometry.spatial; ++s) visit(geometry.at(n, channel, s));
    }
  };
  each([&](std::int64_t i) {
    const float value = y[static_cast<std::size_t>(i)];
    const Error error = expected.error(i, value, numerics);
    m.in_range = m.in_range && error.in_range && std::isfinite(expected.value(i).nearest_f32());
    m.mean += (static_cast<long double>(value) - beta) / m.n;
    m.mean_bound += error.attainable / m.n;
    m.deviation_bound += error.attainable * error.attainable / m.n;
  });
  each([&](std::int64_t i) {
    const long double d = static_cast<long double>(y[static_cast<std::size_t>(i)]) - beta - m.mean;
    squares += d * d / m.n;
  });
  m.deviation = std::sqrt(squares);
  m.deviation_bound = std::sqrt(m.deviation_bound);
  return m;
}

/// Rounding of long double in the sums above: n additions of terms of about the size `scale`. The
/// second-order terms of A (its factor 1.01) do not always cover it if A is half an ulp of a small y.
long double summation_rounding(const ChannelMoments& m, long double scale) {
  return m.n * 0x1p-62L * scale;
}

template <class Judge>
Verdict check_channels(const Case& c, Runner& runner, const Judge& judge) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (!forward.training) return Verdict::not_applicable("inference");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  bool judged = false;
  const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
  for (std::int64_t k = 0; k < geometry.channels && !verdict.is_bad(); ++k) {
    const auto index = static_cast<std::size_t>(k);
    const long double gamma = c.state.weight ? static_cast<long double>(c.state.weight->floats()[index]) : 1;
    const long double beta = c.state.bias ? static_cast<long double>(c.state.bias->floats()[index]) : 0;
    const ChannelMoments m = moments_of(run, geometry, k, beta, runner.can().numerics);
    if (!m.in_range) continue;
    judged = true;
    judge(run, k, gamma, beta, m, verdict);
  }
  if (!judged) return Verdict::not_applicable("no channel keeps its intermediate results in range");
  return verdict;
}

std::string in_channel(const char* what, std::int64_t channel) {
  return std::string(what) + " in channel " + std::to_string(channel);
}

/// Σ (y − β) = 0 exactly, and every y is off by at most its attainable error A_i. So the mean of y − β is at
/// most mean(A_i) away from 0.
Verdict check_zero_mean(const Case& c, Runner& runner) {
  return check_channels(c, runner,
                        [](const Run&, std::int64_t channel, long double, long double beta,
                           const ChannelMoments& m, Verdict& verdict) {
                          judge_bound(verdict, in_channel("the mean of y less beta", channel), m.mean, 0,
                                      m.mean_bound + summation_rounding(m, m.deviation + std::fabs(beta)));
                        });
}

/// The standard deviation of y is |γ|·σ·h exactly, with h = 1/√(σ² + ε). It is a seminorm of the vector y, so
/// errors of at most A_i change it by at most their root mean square.
Verdict check_variance(const Case& c, Runner& runner) {
  return check_channels(
      c, runner,
      [&](const Run& run, std::int64_t channel, long double gamma, long double beta, const ChannelMoments& m,
          Verdict& verdict) {
        // σ and h in long double, independent of the exact answer. The values are shifted by the first one.
        const Forward& forward = *only_forward(run.content);
        const Geometry geometry(forward.x.shape, runner.can().dialect.axes);
        const std::span<const float> x = forward.x.floats();
        const auto value = [&](std::int64_t n, std::int64_t s) {
          return static_cast<long double>(x[static_cast<std::size_t>(geometry.at(n, channel, s))]);
        };
        const long double shift = value(0, 0);
        long double mean = 0;
        long double squares = 0;
        for (std::int64_t n = 0; n < geometry.samples; ++n) {
          for (std::int64_t s = 0; s < geometry.spatial; ++s) mean += (value(n, s) - shift) / m.n;
        }
        for (std::int64_t n = 0; n < geometry.samples; ++n) {
          for (std::int64_t s = 0; s < geometry.spatial; ++s) {
            const long double d = value(n, s) - shift - mean;
            squares += d * d / m.n;
          }
        }
        const auto eps =
            static_cast<long double>(effective_eps(run.content.config, runner.can().dialect, Dtype::f32));
        const long double expected = std::fabs(gamma) * std::sqrt(squares / (squares + eps));
        judge_bound(verdict, in_channel("the standard deviation of y", channel), m.deviation, expected,
                    m.deviation_bound + summation_rounding(m, expected + std::fabs(beta)));
      });
}

Case draw_training(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = true;
  // Usually values whose squares stay in range. If no channel keeps its intermediate results in range, the
  // case is discarded, and a verdict allows few discarded cases.
  if (draws.chance(15, 16)) {
    wish.regime =
        draws.pick({Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse, Regime::mixed});
  }
  return draw_case(draws, can, wish);
}

}  // namespace

std::vector<Law> moment_laws() {
  return {
      {"zero_mean",
       "In training the mean of y - beta over each channel is 0, within the mean of the attainable errors.",
       {},
       draw_training,
       check_zero_mean,
       {.rationale = "It judges y alone, and needs neither the exact answer nor a second run."}},
      {"variance",
       "In training the variance of y over each channel is gamma^2 sigma^2/(sigma^2 + eps).",
       {Need::eps_inside, Need::population_normalising},
       draw_training,
       check_variance,
       {.rationale =
            "It judges y alone, needs neither the exact answer nor a second run, and measures eps."}},
  };
}

}  // namespace bncheck
