#pragma once
/// How one BatchNorm is made: every choice that right implementations make differently, and every choice that
/// some have made wrongly. The first value of each is the reference's, so that a variant is the reference and
/// what it names.

#include <optional>

namespace bncheck::variants {

enum class SumMethod {
  blocked,   ///< blocks of eight, then a tree
  naive,     ///< one running sum
  pairwise,  ///< a tree down to single terms
  kahan,
  wide,        ///< in double, rounded once
  naive_long,  ///< blocked up to 4096 terms, then one running sum
};
/// What becomes of the parts that threads sum.
enum class Sharing {
  merged,
  last_part_lost,    ///< two threads write one sum
  remainder_lost,    ///< n / threads terms for each thread, nobody takes the rest
  means_unweighted,  ///< a mean is the mean of the parts' means
  chunks_unweighted  ///< the same in chunks of 32, whatever the threads
};
struct Summing {
  SumMethod method = SumMethod::blocked;
  Sharing sharing = Sharing::merged;
  bool reversed = false;         ///< last term first
  bool order_changes = false;    ///< reversed in every other call
  bool narrow = false;           ///< partial sums have float's range
  bool tail_miscounted = false;  ///< the last term is left out where n % 16 = 13
};

enum class MomentMethod {
  two_pass,
  welford,              ///< in chunks of 16, merged by a tree
  one_pass,             ///< E[x^2] - E[x]^2
  one_pass_clamped,     ///< not below 0
  within_threads_only,  ///< variances of threads' parts, averaged: their means' differences are lost
};

/// Where eps goes.
enum class EpsUse { inside, twice, outside, absent, fixed, raised };

/// The order of evaluation of gamma (x - mean) invstd + beta.
enum class Form {
  normalise_first,  ///< gamma ((x - mean) invstd) + beta
  scale_first,      ///< (x - mean) (gamma invstd) + beta
  divide,           ///< gamma ((x - mean) / root) + beta
  fused,            ///< fma(x - mean, gamma invstd, beta)
  folded,           ///< x alpha + (beta - mean alpha)
  bias_first,       ///< gamma ((x - mean) invstd + beta)
  swapped,          ///< beta (x - mean) invstd + gamma
};

/// Whose statistics normalise.
enum class Source {
  by_mode,
  batch_in_inference,
  running_in_training,
  constants_untracked,  ///< 0 and 1 in inference without running statistics
};

enum class SavedStatistic { invstd, deviation };
/// What becomes of a weight without a bias, and of a bias without a weight.
enum class LoneParameter { used, weight_ignored, bias_ignored };

struct Normalising {
  Summing sums;
  MomentMethod moments = MomentMethod::two_pass;
  bool narrow_squares = false;  ///< (x - mean)^2 and their sum have float's range
  bool unbiased = false;        ///< y has the variance over n - 1
  EpsUse training_eps = EpsUse::inside;
  EpsUse inference_eps = EpsUse::inside;
  Form training_form = Form::normalise_first;
  Form inference_form = Form::normalise_first;
  Source source = Source::by_mode;
  SavedStatistic saved = SavedStatistic::invstd;
  LoneParameter lone = LoneParameter::used;
  bool last_channel_skipped = false;  ///< where C % 8 = 7
};

enum class Weighting { of_new, of_old, single, zero_is_default };
enum class Average { one_by_count, one_by_next, one_by_previous, default_momentum };
enum class RunningVariance {
  unbiased,
  population,
  population_of_two,  ///< for n = 2
  samples_unbiased,   ///< N/(N-1) for n values in N samples
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

/// The order of evaluation of dx in training.
enum class GradientForm {
  normalised,  ///< (dy - mean(dy) - x^ t) (gamma invstd), t = mean(dy x^)
  centred,     ///< (dy - mean(dy) - (x - mean) k) invstd gamma, k = sum(dy (x - mean)) invstd^2/n
  papers,      ///< gamma invstd/n (n dy - sum(dy) - x^ sum(dy x^))
  deltas,      ///< through the gradients of mean and variance
};
/// What training's dx lacks or has too much of.
enum class GradientTerms {
  all,
  no_mean,
  no_projection,
  no_gamma,
  no_gamma_without_bias,
  invstd_squared,         ///< gamma invstd^2 (...)
  unbiased_projection,    ///< x^ t n/(n-1)
  as_in_inference,        ///< the statistics count as given
  projection_if_dweight,  ///< t is there only where dweight is asked for
};
enum class WeightGradient { normalised, centred_only, uncentred, with_gamma };
enum class BiasGradient { sum, mean };

struct Differentiating {
  Summing sums;
  std::optional<MomentMethod> moments{};  ///< absent: as forward
  bool narrow = false;                    ///< products and powers have float's range
  EpsUse eps = EpsUse::inside;
  GradientForm form = GradientForm::normalised;
  GradientTerms terms = GradientTerms::all;
  WeightGradient dweight = WeightGradient::normalised;
  BiasGradient dbias = BiasGradient::sum;
  bool given_as_batch = false;   ///< inference's dx is training's
  bool empty_unwritten = false;  ///< dweight and dbias of an empty batch keep what was there
};

/// By which strides a tensor is walked.
enum class Layout {
  given,
  row_major,        ///< where it has no gaps: the channel's stride of NCHW for NHWC
  of_x,             ///< x's
  of_x_where_thin,  ///< x's, where x has a channel stride of 1 and y a dimension of size 1
};
struct Memory {
  Layout x = Layout::given, y = Layout::given, dy = Layout::given, dx = Layout::given;
  bool y_is_scratch = false;   ///< y holds x - mean while x is still to be read
  bool dx_is_scratch = false;  ///< dx holds x^ while dy is still to be read
  bool overruns_tail = false;  ///< the last vector of a dense y is stored whole
};

enum class RankCheck { exact, underflows, two_or_more };
enum class ChannelCheck { always, not_if_empty, too_many_only };
enum class LengthCheck { exact, parameters_unchecked, running_unchecked, not_when_loading };
enum class SingleValueCheck { rejected, becomes_nan, counts_as_zero, in_training_only };
enum class AliasCheck { exact, same_start_only, never };
enum class ForwardCheck { exact, survives_load, any_mode };
/// What a call that is refused has changed by then.
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
  bool gradient_shape_by_count = false;  ///< any dy with as many elements as x
};

struct Recipe {
  Normalising normalising;
  Running running;
  Differentiating differentiating;
  Memory memory;
  Checking checking;
  bool minds_environment = false;  ///< computes in the caller's rounding mode and flushing
};

}  // namespace bncheck::variants
