// Both forward passes. Everything that can fail, memory included, comes before the first write.
#include <limits>

#include "bn/functional.hpp"
#include "channel_sums.hpp"
#include "float_environment.hpp"
#include "parallel.hpp"
#include "parameters.hpp"
#include "rounding.hpp"
#include "transform.hpp"
#include "validate.hpp"

namespace bn {
namespace {

// Weight m of the new value in batch number k = `batch`.
double new_weight(std::optional<double> momentum, std::int64_t batch) {
  return momentum ? *momentum : 1.0 / static_cast<double>(batch);
}

// (1−m)·r + m·s. For any finite double m, a float r and |s| < 2^258, no product leaves the range of long
// double, so nothing overflows or vanishes before the result would. The error is that of s times |m|, half an
// ulp of the float, and with v = 2^-64: v for 1−m, v for each product and v for their sum, below 3v·(|(1−m)r|
// + |m·s|). s = r gives r for every m.
static_assert(std::numeric_limits<long double>::digits >= 64 &&
              std::numeric_limits<long double>::max_exponent > 1024 + 258);
float updated(float r, long double s, double m) {
  if (static_cast<long double>(r) == s) return rounded(r);
  const auto weight = static_cast<long double>(m);
  return rounded((1.0L - weight) * static_cast<long double>(r) + weight * s);
}

// Statistics of each channel from training.
struct Batch {
  std::vector<ChannelMoments> moments;
  std::int64_t n;
  double eps;

  [[nodiscard]] std::size_t channels() const { return moments.size(); }
  [[nodiscard]] double var(std::size_t c) const { return moments[c].squares / static_cast<double>(n); }
  [[nodiscard]] double invstd(std::size_t c) const { return batch_invstd(moments[c], n, eps); }
};

void save(const Batch& batch, const BatchStatistics& saved) {
  for (std::size_t c = 0; c < batch.channels(); ++c) {
    if (!saved.mean.empty()) saved.mean[c] = rounded(batch.moments[c].mean.hi);
    if (!saved.var.empty()) saved.var[c] = rounded(batch.var(c));
    if (!saved.invstd.empty()) saved.invstd[c] = rounded(batch.invstd(c));
  }
}

void update(const Batch& batch, std::optional<double> momentum, const RunningStatistics& running) {
  const std::int64_t k = ++*running.num_batches_tracked;
  const double m = new_weight(momentum, k);
  for (std::size_t c = 0; c < batch.channels(); ++c) {
    const ChannelMoments& moments = batch.moments[c];
    const long double mean =
        static_cast<long double>(moments.mean.hi) + static_cast<long double>(moments.mean.lo);
    const long double unbiased =
        static_cast<long double>(moments.squares) / static_cast<long double>(batch.n - 1);
    running.mean[c] = updated(running.mean[c], mean, m);
    running.var[c] = updated(running.var[c], unbiased, m);
  }
}

Coefficients training_coefficients(const Batch& batch, const Affine& affine) {
  const auto channels = static_cast<std::int64_t>(batch.channels());
  Coefficients coefficients(channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    const auto k = static_cast<std::size_t>(c);
    const DoubleDouble mean = batch.moments[k].mean;
    coefficients.set(c, mean.hi, mean.lo, batch.invstd(k), element(affine.weight, c, 1.0F),
                     element(affine.bias, c, 0.0F));
  }
  return coefficients;
}

Coefficients inference_coefficients(const Options& options, const Affine& affine,
                                    std::span<const float> running_mean, std::span<const float> running_var) {
  Coefficients coefficients(options.num_features);
  for (std::int64_t c = 0; c < options.num_features; ++c) {
    const auto k = static_cast<std::size_t>(c);
    coefficients.set(c, static_cast<double>(running_mean[k]), 0.0,
                     running_invstd(running_var[k], options.eps), element(affine.weight, c, 1.0F),
                     element(affine.bias, c, 0.0F));
  }
  return coefficients;
}

}  // namespace

void forward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                      TensorView<float> y, RunningStatistics* running, const BatchStatistics& saved,
                      const Execution& execution) {
  const FloatEnvironment environment;
  const std::int64_t n = check_training(options, affine, x, y, running, saved);
  if (n == 0) return;
  const int threads = thread_count(execution.threads, x.numel());
  const Batch batch{channel_moments(x.data, Traversal{x}, threads), n, options.eps};
  const Coefficients coefficients = training_coefficients(batch, affine);
  transform(x.data, y.data, Traversal{x, y}, coefficients, threads);
  save(batch, saved);
  if (running != nullptr) update(batch, options.momentum, *running);
}

void forward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<float> y, std::span<const float> running_mean,
                       std::span<const float> running_var, const Execution& execution) {
  const FloatEnvironment environment;
  const std::int64_t n = check_inference(options, affine, x, y, running_mean, running_var);
  if (n == 0) return;
  const int threads = thread_count(execution.threads, x.numel());
  const Coefficients coefficients = inference_coefficients(options, affine, running_mean, running_var);
  transform(x.data, y.data, Traversal{x, y}, coefficients, threads);
}

}  // namespace bn
