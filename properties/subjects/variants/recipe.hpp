#pragma once
/// Recipe of a BatchNorm: every choice that correct implementations make differently, and every choice that
/// some have made wrongly. The first value of each is the reference's, so a variant is the reference with the
/// changes that it names.

#include <optional>

namespace bncheck::variants {

enum class SumMethod {
  blocked,   ///< blocks of eight, then a tree
  naive,     ///< one running sum
  pairwise,  ///< a tree down to single terms
  lanes_8,   ///< eight running sums side by side, as in a vector register, then a tree
  lanes_32,
  lanes_256,  ///< as in a block of GPU threads
  kahan,
  neumaier,
  wide,        ///< in double, rounded once
  naive_long,  ///< blocked up to 4096 terms, one running sum for more
};
/// Treatment of the parts that threads sum.
enum class Sharing {
  merged,
  last_part_lost,    ///< the last thread's part is missing, as if two threads wrote one sum
  remainder_lost,    ///< ⌊n/threads⌋ terms for each thread, the rest is missing
  means_unweighted,  ///< a mean is the unweighted mean of the parts' means
  chunks_unweighted  ///< the same in chunks of 32, for any number of threads
};
struct Summing {
  SumMethod method = SumMethod::blocked;
  Sharing sharing = Sharing::merged;
  bool reversed = false;         ///< last term first
  bool order_changes = false;    ///< reversed in every other call
  bool narrow = false;           ///< partial sums have float's range
  bool tail_miscounted = false;  ///< the last term is left out where n mod 16 = 13
};

enum class MomentMethod {
  two_pass,
  welford,             ///< in chunks of 16, merged by a tree
  welford_sequential,  ///< one update after the other
  welford_8,           ///< eight updates side by side, merged by a tree
  welford_256,
  chan,      ///< two passes over chunks of 49, as over the pixels of a sample, merged one after the other
  one_pass,  ///< E[x²] − E[x]²
  one_pass_clamped,     ///< the same, 0 if negative
  within_threads_only,  ///< mean of the variances of threads' parts, without the differences of their means
};

/// Place and amount of ε.
enum class EpsUse { inside, twice, outside, absent, fixed, raised };

/// Order of evaluation of γ·(x − μ)·invstd + β.
enum class Form {
  normalise_first,  ///< γ·((x − μ)·invstd) + β
  scale_first,      ///< (x − μ)·(γ·invstd) + β
  divide,           ///< γ·((x − μ)/√(σ² + ε)) + β
  fused,            ///< fma(x − μ, γ·invstd, β)
  folded,           ///< x·α + (β − μ·α), α = γ·invstd
  bias_first,       ///< γ·((x − μ)·invstd + β)
  swapped,          ///< β·((x − μ)·invstd) + γ
};

/// Statistics that normalise.
enum class Source {
  by_mode,
  batch_in_inference,
  running_in_training,
  constants_untracked,  ///< 0 and 1 in inference without running statistics
};

/// Reciprocal of √(σ² + ε).
enum class Inversion {
  division,
  newton,  ///< an estimate of 12 bits and one Newton step
};

enum class SavedStatistic { invstd, deviation };
/// Treatment of a weight without a bias, and of a bias without a weight.
enum class LoneParameter { used, weight_ignored, bias_ignored };

struct Normalising {
  Summing sums;
  MomentMethod moments = MomentMethod::two_pass;
  bool narrow_squares = false;  ///< (x − μ)² and their sum have float's range
  bool unbiased = false;        ///< y has the variance with divisor n − 1
  EpsUse training_eps = EpsUse::inside;
  EpsUse inference_eps = EpsUse::inside;
  Form training_form = Form::normalise_first;
  Form inference_form = Form::normalise_first;
  Inversion inversion = Inversion::division;
  Source source = Source::by_mode;
  SavedStatistic saved = SavedStatistic::invstd;
  LoneParameter lone = LoneParameter::used;
  bool last_channel_skipped = false;  ///< in the last channel y = x, where C mod 8 = 7
};

enum class Weighting { of_new, of_old, single, zero_is_default };
enum class Average { one_by_count, one_by_next, one_by_previous, default_momentum };
enum class RunningVariance {
  unbiased,
  population,
  population_of_two,  ///< population variance for n = 2
  samples_unbiased,   ///< factor N/(N − 1) for n values in N samples
  with_eps,
  kept,  ///< never updated
};
enum class RunningMean { updated, kept };
enum class Updating { in_training, always };
enum class Counting { each_training, always, never, with_empty };
enum class EmptyBatch { untouched, decays, divides_by_zero, flattens };

struct Running {
  Weighting weighting = Weighting::of_new;
  Average average = Average::one_by_count;
  RunningVariance variance = RunningVariance::unbiased;
  RunningMean mean = RunningMean::updated;
  Updating updating = Updating::in_training;
  Counting counting = Counting::each_training;
  EmptyBatch empty = EmptyBatch::untouched;
};

/// Order of evaluation of dx in training.
enum class GradientForm {
  normalised,  ///< (dy − mean(dy) − x̂·t)·(γ·invstd), t = mean(dy·x̂)
  centred,     ///< (dy − mean(dy) − (x − μ)·k)·invstd·γ, k = Σ(dy·(x − μ))·invstd²/n
  papers,      ///< γ·invstd/n·(n·dy − Σdy − x̂·Σ(dy·x̂))
  deltas,      ///< through the gradients of μ and σ²
  from_sums,   ///< (dy − (Σdy + x̂·Σ(dy·x̂))/n)·(γ·invstd)
  folded,      ///< a·dy + b·x + c
};
/// Terms that dx in training lacks or has too many of.
enum class GradientTerms {
  all,
  no_mean,
  no_projection,
  no_gamma,
  no_gamma_without_bias,
  invstd_squared,         ///< γ·invstd²·(…)
  unbiased_projection,    ///< x̂·t·n/(n − 1)
  as_in_inference,        ///< the statistics are taken as given
  projection_if_dweight,  ///< t is 0 unless dweight is wanted
};
enum class WeightGradient { normalised, centred_only, uncentred, with_gamma };
enum class BiasGradient { sum, mean };

struct Differentiating {
  Summing sums;
  std::optional<MomentMethod> moments{};  ///< absent: those of the forward pass
  bool narrow = false;                    ///< intermediate results have float's range
  EpsUse eps = EpsUse::inside;
  GradientForm form = GradientForm::normalised;
  GradientTerms terms = GradientTerms::all;
  WeightGradient dweight = WeightGradient::normalised;
  BiasGradient dbias = BiasGradient::sum;
  bool given_as_batch = false;   ///< dx in inference follows the formula of training
  bool empty_unwritten = false;  ///< dweight and dbias of an empty batch are not written
};

/// Strides by which a tensor is read or written.
enum class Layout {
  given,
  row_major,        ///< those of NCHW if the tensor has no gaps, even for NHWC
  of_x,             ///< those of x
  of_x_where_thin,  ///< those of x if its channel stride is 1 and a dimension has size 1
};
struct Memory {
  Layout x = Layout::given, y = Layout::given, dy = Layout::given, dx = Layout::given;
  bool y_is_scratch = false;   ///< y holds x − μ before x is read again
  bool dx_is_scratch = false;  ///< dx holds x̂ before dy is read
  bool overruns_tail = false;  ///< the last vector of a dense y is stored whole, where y.size() mod 8 = 5
};

enum class RankCheck { exact, underflows, two_or_more };
enum class ChannelCheck { always, not_if_empty, too_many_only };
enum class LengthCheck { exact, parameters_unchecked, running_unchecked, not_when_loading };
enum class SingleValueCheck { rejected, becomes_nan, counts_as_zero, in_training_only };
enum class AliasCheck { exact, same_start_only, never };
enum class ForwardCheck { exact, survives_load, any_mode };
/// Effect of a forward call before its rejection.
enum class Before { nothing, counter, statistics, output };

struct Checking {
  RankCheck rank = RankCheck::exact;
  ChannelCheck channels = ChannelCheck::always;
  LengthCheck lengths = LengthCheck::exact;
  SingleValueCheck single_value = SingleValueCheck::rejected;
  AliasCheck alias = AliasCheck::exact;
  ForwardCheck forward = ForwardCheck::exact;
  Before before = Before::nothing;
  bool zero_eps_taken = false;
  bool eps_range_unchecked = false;
  bool momentum_unchecked = false;
  bool counter_unchecked = false;
  bool gradient_shape_by_count = false;  ///< accepts any dy with as many elements as x
};

/// What goes wrong only where a number or an option has some size.
enum class Lapse {
  none,
  // training: invstd is 1 where max |x| is
  invstd_lost_if_small,    ///< 2^-120 to 2^-66
  invstd_lost_if_large,    ///< 2^30 to 2^50
  small_variance_flushed,  ///< σ² < 2^-40 counts as 0
  invstd_capped,           ///< at 2^30
  large_mean_lost,         ///< |μ| > 2^70 counts as 0
  gamma_capped,            ///< |γ| at 2^40
  // inference
  subnormal_x_becomes_nan,
  given_variance_flushed,   ///< below 2^-60
  given_variance_capped,    ///< at 2^60
  given_mean_lost,          ///< |μ| > 2^60 counts as 0
  given_difference_capped,  ///< |x − μ| at 2^90
  // gradients
  small_dy_flushed,          ///< |dy| < 2^-60
  large_dy_capped,           ///< at 2^60
  projection_lost_if_large,  ///< invstd < 2^-40
  dweight_lost_if_small,     ///< invstd > 2^42, in inference
  gamma_dy_narrow,           ///< γ·dy has float's range, in inference
  // eps
  eps_1e_4_is_default,
  eps_capped,        ///< at 1e-3
  small_eps_raised,  ///< to 1e-6, in inference
  eps_1e_3_is_default_in_gradient,
  // momentum
  small_momentum_lost,  ///< below 0.002
  momentum_in_128ths,
  momentum_clamped,  ///< to [0, 1]
  momentum_unsigned,
  // num_batches_tracked
  counter_of_16_bits,
  counter_of_32_bits,
  counter_in_float,
  counter_saturates,       ///< at 1000
  cumulative_weight_kept,  ///< 1/k is never below 1/256
  cumulative_in_bytes,     ///< k mod 256
};

/// What a subject carries over from calls before, of the same case or of others.
enum class Carried {
  nothing,
  layout_of_shape,           ///< strides of the first x of a shape hold for all x of that shape
  gradient_of_shape,         ///< dweight and dbias add up over calls with one shape
  sum_of_longer_batch,       ///< sums over fewer values than in the call before have one of its terms left
  scale_of_first_inference,  ///< γ/√(V + ε) of the first inference call of a layer
  scale_until_training,      ///< the same, until a training call: loaded states are not seen
  first_of_two_forwards,     ///< x of the forward call before the latest, where the shapes agree
  first_momentum,            ///< SetMomentum has no effect
};

struct Recipe {
  Normalising normalising;
  Running running;
  Differentiating differentiating;
  Memory memory;
  Checking checking;
  Lapse lapse = Lapse::none;
  Carried carried = Carried::nothing;
  bool literal =
      false;  ///< every number has float's exponents: squares overflow and small products underflow
  bool flushes = false;            ///< literal, with subnormal inputs and results replaced by zeros
  bool minds_environment = false;  ///< computes in the caller's rounding mode and with its flush-to-zero flag
};

}  // namespace bncheck::variants
