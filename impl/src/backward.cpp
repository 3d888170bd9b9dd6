// Both backward passes. Everything that can fail, memory included, comes before the first write.
#include <algorithm>
#include <utility>
#include <vector>

#include "bn/functional.hpp"
#include "channel_sums.hpp"
#include "float_environment.hpp"
#include "gradient_sums.hpp"
#include "input_gradient.hpp"
#include "parallel.hpp"
#include "parameters.hpp"
#include "rounding.hpp"
#include "transform.hpp"
#include "validate.hpp"

namespace bn {
namespace {

// Gradients of the parameters, and inputs of dx, for all channels before dx is written. Vectors that are not
// wanted are empty.
struct ParameterGradients {
  std::vector<float> dweight, dbias;

  void write(const Gradients& gradients) const {
    std::ranges::copy(dweight, gradients.dweight.begin());
    std::ranges::copy(dbias, gradients.dbias.begin());
  }
};

void write_zeros(const Gradients& gradients) {
  std::ranges::fill(gradients.dweight, 0.0F);
  std::ranges::fill(gradients.dbias, 0.0F);
}

// A training batch, n ≥ 2, with T = Σ(dy−m)(x−μ) of every channel.
//
// dx = γ·invstd·((dy−m) − (x−μ)·k) with k = T/(n·V), V = σ²+ε, is evaluated in this form; the sums give n·σ².
// Nothing overflows a double: V ≥ 2^-126, n < 2^63 and differences are below 2^129, so |T| < 2^321, |k| ≤
// |T|/(nε) < 2^384, |(x−μ)·k| < 2^513 and |γ|·invstd < 2^192. Nothing relevant underflows: γ·invstd is 0 or
// above 2^-278, differences are 0 or above 2^-213.
//
// For n = 2 the two terms differ only by a factor ε/V: x−μ = ±d, dy−m = ±g, k = g·d/V (up to the common
// sign), and g − d²·g/V = g·ε/V. So the factor is part of the scale, k is 0, and nothing cancels.
class TrainingBatch {
 public:
  TrainingBatch(const float* x, const float* dy, std::vector<ChannelMoments> x_moments,
                const std::vector<ChannelMoments>& dy_moments, const Traversal& layout, double eps,
                int threads)
      : x_moments_(std::move(x_moments)),
        means_(x_moments_, dy_moments),
        products_(product_sums(x, dy, layout, means_, threads)),
        n_(layout.values_per_channel()),
        eps_(eps) {}

  [[nodiscard]] std::vector<float> dweight() const {
    std::vector<float> result(products_.size());
    for (std::size_t c = 0; c < result.size(); ++c) result[c] = rounded(products_[c] * invstd(c));
    return result;
  }

  [[nodiscard]] GradientTable table(const Affine& affine) const {
    GradientTable table{means_, std::vector<double>(products_.size()), std::vector<double>(products_.size())};
    for (std::size_t c = 0; c < products_.size(); ++c) {
      const auto gamma = static_cast<double>(element(affine.weight, static_cast<std::int64_t>(c), 1.0F));
      const double squares = x_moments_[c].squares;
      const auto n = static_cast<double>(n_);
      if (n_ == 2) {
        table.scale[c] = gamma * (invstd(c) * (eps_ / (squares / n + eps_)));
      } else {
        table.slope[c] = products_[c] / (squares + n * eps_);
        table.scale[c] = gamma * invstd(c);
      }
    }
    return table;
  }

 private:
  [[nodiscard]] double invstd(std::size_t c) const { return batch_invstd(x_moments_[c], n_, eps_); }

  std::vector<ChannelMoments> x_moments_;
  Means means_;
  std::vector<double> products_;
  std::int64_t n_;
  double eps_;
};

std::vector<double> running_invstds(const Options& options, std::span<const float> running_var) {
  std::vector<double> invstd;
  for (const float var : running_var) invstd.push_back(running_invstd(var, options.eps));
  return invstd;
}

// Σdy·(x−rm)·invstd with rm = running_mean. product_sums gets the means 0 and rm, so it takes dy as it is and
// rounds x−rm once. For any distance of x from rm, the relative error of each term is 2u, and that of the sum
// is below (2 + 20 + 2)·u·Σ|dy·(x−rm)|, u = 2^-53; invstd and the product add 4u. That is far below 2^-24 of
// the same sum, the unit of float. A channel with a value or mean that is not finite is NaN.
std::vector<float> inference_dweight(const float* x, const float* dy, const Traversal& layout,
                                     std::span<const float> running_mean, const std::vector<double>& invstd,
                                     int threads) {
  Means means(layout.channels());
  for (std::int64_t c = 0; c < layout.channels(); ++c) {
    means.set(c, {{static_cast<double>(running_mean[static_cast<std::size_t>(c)]), 0.0}, {0.0, 0.0}});
  }
  const std::vector<double> products = product_sums(x, dy, layout, means, threads);
  std::vector<float> result(products.size());
  for (std::size_t c = 0; c < result.size(); ++c) result[c] = rounded(products[c] * invstd[c]);
  return result;
}

// dx = dy·(γ·invstd): the transform of the forward pass, with mean 0 and β = 0.
Coefficients inference_coefficients(const Affine& affine, const std::vector<double>& invstd) {
  const std::int64_t channels = std::ssize(invstd);
  Coefficients coefficients(channels);
  for (std::int64_t c = 0; c < channels; ++c) {
    coefficients.set(c, 0.0, 0.0, invstd[static_cast<std::size_t>(c)], element(affine.weight, c, 1.0F), 0.0F);
  }
  return coefficients;
}

}  // namespace

void backward_training(const Options& options, const Affine& affine, TensorView<const float> x,
                       TensorView<const float> dy, const Gradients& gradients, const Execution& execution) {
  const FloatEnvironment environment;
  const std::int64_t n = check_backward_training(options, affine, x, dy, gradients);
  if (n == 0) return write_zeros(gradients);
  const bool products = gradients.dx || !gradients.dweight.empty();
  if (!products && gradients.dbias.empty()) return;
  const int threads = thread_count(execution.threads, x.numel());
  const Traversal dy_layout{dy};
  const std::vector<ChannelMoments> dy_moments = channel_moments(dy.data, dy_layout, threads);
  ParameterGradients parameters;
  if (!gradients.dbias.empty()) parameters.dbias = value_sums(dy.data, dy_layout, dy_moments, threads);
  if (!products) return parameters.write(gradients);
  const TrainingBatch batch(x.data, dy.data, channel_moments(x.data, Traversal{x}, threads), dy_moments,
                            Traversal{x, dy}, options.eps, threads);
  if (!gradients.dweight.empty()) parameters.dweight = batch.dweight();
  if (!gradients.dx) return parameters.write(gradients);
  const GradientTable table = batch.table(affine);
  parameters.write(gradients);
  input_gradient(x.data, dy.data, gradients.dx->data, Traversal{x, dy, *gradients.dx}, table, threads);
}

void backward_inference(const Options& options, const Affine& affine, TensorView<const float> x,
                        TensorView<const float> dy, const Gradients& gradients,
                        std::span<const float> running_mean, std::span<const float> running_var,
                        const Execution& execution) {
  const FloatEnvironment environment;
  const std::int64_t n =
      check_backward_inference(options, affine, x, dy, gradients, running_mean, running_var);
  if (n == 0) return write_zeros(gradients);
  const int threads = thread_count(execution.threads, x.numel());
  const std::vector<double> invstd = running_invstds(options, running_var);
  ParameterGradients parameters;
  if (!gradients.dbias.empty()) {
    const Traversal dy_layout{dy};
    parameters.dbias = value_sums(dy.data, dy_layout, channel_moments(dy.data, dy_layout, threads), threads);
  }
  if (!gradients.dweight.empty()) {
    parameters.dweight = inference_dweight(x.data, dy.data, Traversal{x, dy}, running_mean, invstd, threads);
  }
  if (!gradients.dx) return parameters.write(gradients);
  const Coefficients coefficients = inference_coefficients(affine, invstd);
  parameters.write(gradients);
  transform(dy.data, gradients.dx->data, Traversal{dy, *gradients.dx}, coefficients, threads);
}

}  // namespace bn
