#pragma once
/// The exact statistics of every channel of one forward call, and what they normalise with.

#include <optional>
#include <vector>

#include "bncheck/expected.hpp"
#include "normaliser.hpp"

namespace bncheck {

/// What the exact sums of one channel's batch say.
struct BatchSums {
  bool finite = true;
  std::int64_t n = 0;
  Dyadic sum, spread;  ///< S1, and n S2 - S1^2 = n^2 sigma^2
  long double abs_mean = 0;
};

struct Channel {
  double weight = 1, bias = 0;
  /// Undefined where nothing is a number: batch values that are not finite, V <= 0, a NaN variance.
  Normaliser normaliser;
  /// The mean where it is infinite or NaN (given statistics only): the normaliser's own is 0 then.
  std::optional<double> special_mean;
  /// Given statistics only; the normaliser's variance is of no meaning then.
  bool infinite_variance = false;
  BatchSums batch;
  ChannelScale scale;
};

class Channels {
 public:
  /// Of a forward call with this x. Batch statistics where `uses_batch`, else those of the state. An empty
  /// batch has channels without statistics, which cost nothing however many they are.
  Channels(const Config& config, const State& before, const Tensor& x, bool uses_batch,
           const Dialect& dialect);

  std::int64_t count() const { return count_; }
  const Channel& operator[](std::int64_t c) const {
    return all_.empty() ? empty_ : all_[static_cast<std::size_t>(c)];
  }
  std::int64_t values_per_channel() const { return values_; }
  /// The channel that an element of x belongs to.
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
  std::optional<StoredStatistics> stored_;
  std::int64_t outer_, spatial_ = 1, values_ = 0, count_ = 0;
  std::vector<Channel> all_;  ///< none of an empty batch
  Channel empty_;
};

}  // namespace bncheck
