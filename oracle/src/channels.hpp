#pragma once
/// Exact statistics of every channel of one forward call, and its normalisation.

#include <optional>
#include <vector>

#include "bncheck/expected.hpp"
#include "normaliser.hpp"

namespace bncheck {

/// Results of the exact sums over one channel's batch.
struct BatchSums {
  bool finite = true;
  std::int64_t n = 0;
  Dyadic sum, spread;  ///< S₁ = Σx, and n·S₂ − S₁² = n²σ² with S₂ = Σx²
  long double abs_mean = 0;
};

struct Channel {
  double weight = 1, bias = 0;
  /// Undefined where the result is NaN: batch values that are not finite, V = v + ε <= 0, a variance that is
  /// NaN or −infinity, a ratio's weight that is not finite.
  Normaliser normaliser;
  /// The mean if it is infinite or NaN (given statistics only). The mean of the normaliser is 0 then.
  std::optional<double> special_mean;
  /// true for an infinite variance (given statistics only). The variance of the normaliser has no meaning
  /// then.
  bool infinite_variance = false;
  BatchSums batch;
  ChannelScale scale;
};

class Channels {
 public:
  /// Statistics of a forward call with this x: those of the batch if `uses_batch`, else those of the state.
  /// The channels of an empty batch have no statistics and take no memory.
  Channels(const Config& config, const State& before, const Tensor& x, bool uses_batch,
           const Dialect& dialect);

  std::int64_t count() const { return count_; }
  const Channel& operator[](std::int64_t c) const {
    return all_.empty() ? empty_ : all_[static_cast<std::size_t>(c)];
  }
  std::int64_t values_per_channel() const { return values_; }
  /// Channel of an element of x.
  std::int64_t channel_of(std::int64_t index) const { return index / spatial_ % count(); }
  /// Calls visit(index) for the elements of one channel, in logical order, until it returns false.
  template <class Visit>
  void for_each_element(std::int64_t c, const Visit& visit) const {
    for (std::int64_t i = 0; i < outer_; ++i) {
      const std::int64_t start = (i * count() + c) * spatial_;
      for (std::int64_t k = 0; k < spatial_; ++k) {
        if (!visit(start + k)) return;
      }
    }
  }

 private:
  void prepare_batch(const Tensor& x);
  void prepare_normaliser(Channel& channel) const;
  void prepare_given(const State& before);
  Statistics normalising_statistics(const BatchSums& batch) const;

  Dialect dialect_;
  double eps_;
  long double eps_loss_;  ///< distance of eps_ from the ε that is not rounded
  std::optional<StoredStatistics> stored_;
  std::int64_t outer_, spatial_ = 1, values_ = 0, count_ = 0;
  std::vector<Channel> all_;  ///< empty for an empty batch
  Channel empty_;
};

}  // namespace bncheck
