/// Laws that relate a batch to its parts and multiples, and a layer to layers over some of its channels.

#include <algorithm>
#include <cmath>

#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

/// Ratio of a variance with this divisor to the population variance.
long double correction(Correction kind, long double n) {
  return kind == Correction::unbiased && n > 1 ? n / (n - 1) : 1;
}

// ---- the batch twice

/// A batch that is followed by its copy: both halves have the y of the batch, and mean and population
/// variance stay as they are. An unbiased running variance has the factor 2n/(2n − 1) instead of n/(n − 1).
/// So r″ − w·r = q·(r′ − w·r) with q = 2(n − 1)/(2n − 1), where r is the old value, w its weight, and r′ and
/// r″ are the new values of the batch and of the doubled batch. Each of them is within its bound.
Verdict check_duplicated(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  Tensor x = forward.x;
  x.bytes.insert(x.bytes.end(), forward.x.bytes.begin(), forward.x.bytes.end());
  x.shape[0] *= 2;
  const Run once = runner.run(c);
  const Run twice = runner.run(with_input(c, std::move(x)));
  const auto n = static_cast<long double>(Geometry(forward.x.shape, runner.can().dialect.axes).values());
  const Dialect& dialect = runner.can().dialect;
  const long double old = running_weights(c.config, dialect, c.state.num_batches_tracked + 1, Dtype::f32).old;
  const long double factor =
      correction(dialect.running_variance, 2 * n) / correction(dialect.running_variance, n);
  Verdict verdict;
  judge_changes(
      once, twice,
      [&](Output output, std::int64_t i) -> Change {
        if (output != Output::running_var) return {};
        const float r = c.state.running_var->floats()[static_cast<std::size_t>(i)];
        return {factor, (1 - factor) * old * static_cast<long double>(r)};
      },
      runner.can(), verdict);
  const auto size = static_cast<std::int64_t>(forward.x.size());
  for (std::int64_t i = 0; i < size && !verdict.is_bad(); ++i) {
    judge_agreement({&once, 0, Output::y, i}, {&twice, 0, Output::y, size + i}, false, runner.can(), verdict);
  }
  return verdict;
}
CaseWish tame_batch(Draws& draws) {
  CaseWish wish;
  wish.training = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::large_mean, Regime::integers, Regime::sparse});
  if (draws.chance(1, 2)) wish.shape.max_elements = 60;  // small n, so that n/(n − 1) is far from 1
  return wish;
}
Case draw_batch(Draws& draws, const Capabilities& can) {
  return draw_case(draws, can, tame_batch(draws));
}

// ---- parts of the batch

/// Mean and variance of one channel of a batch, as the subject computed them.
struct Statistics {
  long double n = 0;
  Measured mean, variance;  ///< variance: of the population
};

/// Statistics of the batch of a call: the running ones, which a call with momentum 1 replaces, or the saved
/// ones of a dialect that keeps no running statistics.
Statistics statistics_of(const Run& run, std::int64_t channel, const Capabilities& can) {
  const Shape& shape = only_forward(run.content)->x.shape;
  Statistics statistics;
  statistics.n = static_cast<long double>(Geometry(shape, can.dialect.axes).values());
  const bool running = run.expected[0].outputs.contains(Output::running_var);
  const Output mean = running ? Output::running_mean : Output::saved_mean;
  const Output variance = running ? Output::running_var : Output::saved_var;
  statistics.mean = measure({&run, 0, mean, channel}, can);
  statistics.variance = measure({&run, 0, variance, channel}, can);
  const Correction kind = running ? can.dialect.running_variance : can.dialect.normalising_variance;
  const long double factor = 1 / correction(kind, statistics.n);
  statistics.variance.value *= factor;
  statistics.variance.bound *= factor;
  return statistics;
}

bool usable(const Statistics& s) {
  return s.mean.usable && s.variance.usable;
}

/// n, S1 = Σx and S2 = Σx² add up: n·μ = n1·μ1 + n2·μ2 and n·v = n1·v1 + n2·v2 + (n1·n2/n)·d², where v are
/// population variances and d = μ1 − μ2. An error e of d changes d² by at most (2·|d| + e)·e.
void judge_merged(const Statistics& whole, const Statistics& a, const Statistics& b, std::int64_t channel,
                  Verdict& verdict) {
  const auto rounding = [](long double size) { return 0x1p-58L * size; };
  const long double p = a.n / whole.n;
  const long double q = b.n / whole.n;
  const std::string place = " of a batch of two parts in channel " + std::to_string(channel);
  judge_bound(verdict, "the mean" + place, whole.mean.value, p * a.mean.value + q * b.mean.value,
              whole.mean.bound + p * a.mean.bound + q * b.mean.bound +
                  rounding(std::fabs(a.mean.value) + std::fabs(b.mean.value)));
  if (verdict.is_bad()) return;
  const long double d = a.mean.value - b.mean.value;
  const long double e = a.mean.bound + b.mean.bound;
  const long double merged = p * a.variance.value + q * b.variance.value + p * q * d * d;
  judge_bound(verdict, "the variance" + place, whole.variance.value, merged,
              whole.variance.bound + p * a.variance.bound + q * b.variance.bound +
                  p * q * (2 * std::fabs(d) + e) * e + rounding(merged));
}

Verdict check_merged(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const std::int64_t samples = forward.x.shape[0];
  if (samples < 2) return Verdict::not_applicable("one sample");
  const bool running = runner.can().dialect.averaging != Averaging::none;
  if (running && (!updates_running(c.config, forward) || c.config.momentum != 1.0)) {
    return Verdict::not_applicable("not a tracked training call with momentum 1");
  }
  const std::int64_t middle = (samples + 1) / 3 + (samples == 2 ? 0 : 1);
  const Case first = with_input(c, samples_of(forward.x, 0, middle));
  const Case second = with_input(c, samples_of(forward.x, middle, samples));
  one_batch_forward(first, runner.can());
  one_batch_forward(second, runner.can());
  const Run whole = runner.run(c);
  const Run a = runner.run(first);
  const Run b = runner.run(second);
  Verdict verdict;
  bool judged = false;
  for (std::int64_t k = 0;
       k < Geometry(forward.x.shape, runner.can().dialect.axes).channels && !verdict.is_bad(); ++k) {
    const Statistics all = statistics_of(whole, k, runner.can());
    const Statistics one = statistics_of(a, k, runner.can());
    const Statistics other = statistics_of(b, k, runner.can());
    if (!usable(all) || !usable(one) || !usable(other)) continue;
    judged = true;
    judge_merged(all, one, other, k, verdict);
  }
  if (!judged) return Verdict::not_applicable("no channel keeps its intermediate results in range");
  return verdict;
}
Case draw_parts(Draws& draws, const Capabilities& can) {
  Case c;
  const auto fits = [&] {
    const Geometry geometry(std::get<Forward>(c.calls[0].operation).x.shape, can.dialect.axes);
    return geometry.samples >= 4 || (geometry.samples >= 2 && geometry.spatial >= 2);
  };
  do {
    CaseWish wish = tame_batch(draws);
    wish.track_running_stats = true;
    c = draw_case(draws, can, wish);
  } while (!fits());
  c.config.momentum = 1.0;
  return c;
}

/// Parts of a batch with many values per channel, where running sums in float drift.
Case draw_long_parts(Draws& draws, const Capabilities& can) {
  Case c = draw_long_case(draws, can);
  c.config.momentum = 1.0;
  return c;
}

// ---- channels

/// Channels [begin, end) of a tensor. `axis` is the dimension of the channels.
Tensor channels_of(const Tensor& tensor, std::size_t axis, std::int64_t begin, std::int64_t end) {
  Tensor part{tensor.dtype, tensor.shape, {}};
  part.shape[axis] = end - begin;
  std::int64_t row = static_cast<std::int64_t>(size_of(tensor.dtype));
  for (std::size_t k = axis + 1; k < tensor.shape.size(); ++k) row *= tensor.shape[k];
  const std::int64_t stride = row * tensor.shape[axis];
  const auto size = static_cast<std::int64_t>(tensor.bytes.size());
  for (std::int64_t at = 0; at + stride <= size && stride > 0; at += stride) {
    part.bytes.insert(part.bytes.end(), tensor.bytes.begin() + at + begin * row,
                      tensor.bytes.begin() + at + end * row);
  }
  return part;
}

Case layer_of_channels(const Case& c, std::int64_t begin, std::int64_t end) {
  Case part = c;
  part.config.num_features = end - begin;
  for (Tensor* vector : vectors_of(part.state)) *vector = channels_of(*vector, 0, begin, end);
  Forward& forward = std::get<Forward>(part.calls[0].operation);
  forward.x = channels_of(forward.x, 1, begin, end);
  return part;
}

/// Compares the outputs of `part`, a layer over some channels of `whole`, with those of `whole` from channel
/// `begin` on.
void judge_channels(const Run& whole, const Run& part, std::int64_t begin, const Capabilities& can,
                    Verdict& verdict) {
  const Geometry all(only_forward(whole.content)->x.shape);
  const Geometry some(only_forward(part.content)->x.shape);
  whole.values(0);
  for (const auto& [output, expected] : part.expected[0].outputs) {
    if (output == Output::running_weight) continue;
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const std::int64_t row = i / some.spatial;
      const std::int64_t at = output == Output::y
                                  ? all.at(row / some.channels, begin + row % some.channels, i % some.spatial)
                                  : begin + i;
      judge_agreement({&part, 0, output, i}, {&whole, 0, output, at}, false, can, verdict);
    }
  }
}

/// A layer over the channels A and B gives the results of a layer over A and of one over B. They agree within
/// both bounds, because vector loops may end at other channels.
Verdict check_concatenated(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  const std::int64_t multiple = runner.can().channel_multiple;
  const std::int64_t parts = forward.x.shape[1] / multiple;
  if (parts < 2) return Verdict::not_applicable("one channel");
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const std::int64_t middle = (parts + 1) / 2 * multiple;
  const Run whole = runner.run(c);
  const Run first = runner.run(layer_of_channels(c, 0, middle));
  const Run second = runner.run(layer_of_channels(c, middle, forward.x.shape[1]));
  Verdict verdict;
  judge_channels(whole, first, 0, runner.can(), verdict);
  judge_channels(whole, second, middle, runner.can(), verdict);
  return verdict;
}
/// Case with 2 to 17 channels, numbers around the lengths of vectors, or that many times the subject's multiple.
Case draw_channels(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = draws.chance(2, 3);
  wish.shape.max_elements = 40;
  wish.dtypes = draw_dtypes(draws, can);
  Case c;
  c.config.dimensions = draw_dimensions(draws, can);
  Shape shape = draw_shape(draws, c.config.dimensions, wish.shape);
  shape[1] = draws.between(2, 17) * can.channel_multiple;
  const int dimensions = c.config.dimensions;
  c.config = draw_config(draws, can, wish, shape[1]);
  c.config.dimensions = dimensions;
  c.state = draw_state(draws, c.config, can.dialect, wish, shape);
  Call call;
  call.operation = Forward{*wish.training, draw_input(draws, shape, wish)};
  call.exec = draw_exec(draws, can, shape.size());
  c.calls.push_back(std::move(call));
  return c;
}

/// The case with constant channels in front, which have the parameters and statistics of the first ones.
Case with_constant_channels(const Case& c, std::int64_t count, float value) {
  Case more = c;
  more.config.num_features += count;
  for (Tensor* vector : vectors_of(more.state)) {
    const Tensor first = channels_of(*vector, 0, 0, count);
    vector->bytes.insert(vector->bytes.begin(), first.bytes.begin(), first.bytes.end());
    vector->shape[0] += count;
  }
  Tensor& x = std::get<Forward>(more.calls[0].operation).x;
  const Geometry old(x.shape);
  const Tensor before = x;
  x.shape[1] += count;
  x = Tensor::filled(x.shape, value);
  const Geometry now(x.shape);
  for (std::int64_t k = 0; k < old.channels; ++k) {
    for (std::int64_t n = 0; n < old.samples; ++n) {
      for (std::int64_t s_ = 0; s_ < old.spatial; ++s_) {
        x.floats()[static_cast<std::size_t>(now.at(n, k + count, s_))] =
            before.floats()[static_cast<std::size_t>(old.at(n, k, s_))];
      }
    }
  }
  return more;
}

/// A constant channel has x = μ, so its y is β within A. The results of the other channels stay the same.
Verdict check_constant_channel(const Case& c, Runner& runner) {
  const Forward& forward = one_batch_forward(c, runner.can());
  const std::int64_t count = runner.can().channel_multiple;
  const Run run = runner.run(c);
  const Run more = runner.run(with_constant_channels(c, count, forward.x.floats()[0]));
  Verdict verdict;
  judge_channels(more, run, count, runner.can(), verdict);
  const Geometry geometry(only_forward(more.content)->x.shape);
  for (std::int64_t k = 0; k < count; ++k) {
    const float beta = c.state.bias ? c.state.bias->floats()[static_cast<std::size_t>(k)] : 0.0f;
    for (const std::size_t i : geometry.elements(k)) {
      if (verdict.is_bad()) return verdict;
      Balance balance(runner.can());
      balance.add(1, {&more, 0, Output::y, static_cast<std::int64_t>(i)});
      balance.add(-static_cast<long double>(beta));
      balance.judge(verdict, "y less beta in a constant channel");
    }
  }
  return verdict;
}

}  // namespace

std::vector<Law> batch_laws() {
  return {
      {"duplicated_batch",
       "A batch that is followed by its copy has the same y and mean, and a running variance with 2n/(2n-1).",
       {Need::population_normalising},
       draw_batch,
       check_duplicated,
       {.rationale = "Only n changes between its runs, which isolates the factor n/(n-1)."}},
      {"merged_batches",
       "n, Sum x and Sum x^2 of two parts add up to those of the batch, and so give its mean and variance.",
       {Need::variance_output},
       draw_parts,
       check_merged,
       {.rationale = "Distributed training merges the statistics of parts in this way."}},
      {"merged_long_batches",
       "n, Sum x and Sum x^2 of two parts also add up with up to 2^17 values per channel.",
       {Need::variance_output},
       draw_long_parts,
       check_merged,
       {.bulky = true, .rationale = "Its sums are long enough to stagnate in float."}},
      {"channels_concatenate",
       "A layer over channels A and B gives the results of a layer over A and of one over B.",
       {Need::spatial_axes},
       draw_channels,
       check_concatenated,
       {.any_dtype = true,
        .rationale =
            "It isolates errors that depend on the number of channels, such as those in the tail of a "
            "vector loop."}},
      {"inserted_constant_channel",
       "A constant channel has y = beta, and the results of the other channels stay the same.",
       {Need::spatial_axes},
       draw_batch,
       check_constant_channel,
       {.rationale = "The inserted channel has variance 0, and only eps keeps its results finite."}},
  };
}

}  // namespace bncheck
