/// What one part of the input may not do to the rest, and what no data at all must leave alone.

#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

/// y has exactly the shape of x, and each saved or running statistic has num_features elements.
Verdict check_shape(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  const Run run = runner.run(c);
  run.values(0);
  for (const auto& [output, expected] : run.expected[0].outputs) {
    const Tensor& got = run.output(0, output);
    const Shape& wanted = output == Output::y ? forward.x.shape : expected.shape();
    if (got.shape != wanted || !got.is_whole()) {
      return Verdict::violated(std::string(name_of(output)) + " has shape " + to_string(got.shape) +
                               ", expected " + to_string(wanted));
    }
  }
  return {};
}

Case draw_any(Draws& draws, const Capabilities& can) {
  return draw_case(draws, can);
}

/// An empty batch gives an empty y of the same shape and leaves every bit of the state.
Verdict check_empty(const Case& c, Runner& runner) {
  const Forward* forward = only_forward(c);
  if (forward == nullptr || !forward->x.bytes.empty() || forward->x.shape.size() < 2 ||
      !all_succeed(c, runner.can().dialect)) {
    return Verdict::not_applicable("not an empty batch that must succeed");
  }
  const Run run = runner.run(c);
  const Tensor& y = run.output(0, Output::y);
  if (y.shape != forward->x.shape) {
    return Verdict::violated("y of an empty batch has shape " + to_string(y.shape) + ", expected " +
                             to_string(forward->x.shape));
  }
  if (run.after(0) != c.state) return Verdict::violated("an empty batch changed the state");
  return {};
}
Case draw_empty(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  Case c = draw_case(draws, can, wish);
  Shape shape = draw_empty_shape(draws, c.config.dimensions);
  shape[1] = c.config.num_features;
  c.calls[0].exec = Exec{};
  auto& x = std::get<Forward>(c.calls[0].operation).x;
  x = Tensor::zeros(x.dtype, shape);
  return c;
}
std::optional<std::string> excludes_other_empty(const Capabilities& can) {
  if (can.dialect.empty_batch == EmptyBatch::untouched) return std::nullopt;
  return "the dialect does not leave the state alone for an empty batch";
}

/// All outputs of the channels other than `changed` are the same bits in both runs: a channel's results
/// depend on nothing but the channel, and the same code ran on the same shape and layout.
void judge_other_channels(const Run& a, const Run& b, std::int64_t changed, const Capabilities& can,
                          Verdict& verdict) {
  const Geometry geometry(only_forward(a.content)->x.shape);
  for (const auto& [output, expected] : a.expected[0].outputs) {
    if (output == Output::running_weight) continue;
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const std::int64_t channel = output == Output::y ? i / geometry.spatial % geometry.channels : i;
      if (channel == changed) continue;
      judge_agreement({&a, 0, output, i}, {&b, 0, output, i}, can.numerics.deterministic, can, verdict);
    }
  }
}

Tensor with_channel(const Tensor& x, std::int64_t channel, const std::function<double(double)>& change) {
  Tensor result = x;
  const Geometry geometry(x.shape);
  for (std::int64_t n = 0; n < geometry.samples; ++n) {
    for (std::int64_t s = 0; s < geometry.spatial; ++s) {
      const std::int64_t at = geometry.at(n, channel, s);
      set_element(result, at, change(element(x, at)));
    }
  }
  return result;
}

/// Changing one channel's data changes no bit of another channel's results.
Verdict check_independence(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  const std::int64_t channels = forward.x.shape[1];
  if (channels < 2) return Verdict::not_applicable("one channel");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  // First and last: the ends of every loop over channels.
  for (const std::int64_t changed : {std::int64_t{0}, channels - 1}) {
    const Tensor x = with_channel(forward.x, changed, [](double value) { return 0.5 * value + 3; });
    const Run other = runner.run(with_input(c, x));
    judge_other_channels(run, other, changed, runner.can(), verdict);
  }
  return verdict;
}
Case draw_channels(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  Case c = draw_case(draws, can, wish);
  while (std::get<Forward>(c.calls[0].operation).x.shape[1] < 2) c = draw_case(draws, can, wish);
  return c;
}

/// A NaN or an infinity in one channel changes no bit of another channel's results.
Verdict check_confined(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  const std::int64_t channels = forward.x.shape[1];
  if (channels < 2) return Verdict::not_applicable("one channel");
  const Run run = runner.run(c);
  run.values(0);
  Verdict verdict;
  for (const double poison :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    const std::int64_t changed = std::isnan(poison) ? 0 : channels - 1;
    bool first = true;
    const Tensor x = with_channel(forward.x, changed, [&](double value) {
      const double result = first ? poison : value;
      first = false;
      return result;
    });
    const Run other = runner.run(with_input(c, x));
    judge_other_channels(run, other, changed, runner.can(), verdict);
  }
  return verdict;
}

}  // namespace

std::vector<Law> confinement_laws() {
  return {
      {"shape_preserved",
       "y has the shape of x, statistics have num_features elements.",
       excludes_nobody,
       draw_any,
       check_shape,
       {.any_dtype = true, .rationale = "Other shapes are reported before any number is judged."}},
      {"empty_batch",
       "An empty x gives an empty y of the same shape and changes no state.",
       excludes_other_empty,
       draw_empty,
       check_empty,
       {.any_dtype = true, .rationale = "Only here is the batch always empty, in each of its dimensions."}},
      {"channel_independence",
       "A channel's results depend on no other channel's data.",
       excludes_nobody,
       draw_channels,
       check_independence,
       {.any_dtype = true,
        .rationale = "It finds the channel that leaks into another without knowing any right value."}},
      {"non_finite_confined",
       "A NaN or infinity stays in its channel.",
       excludes_nobody,
       draw_channels,
       check_confined,
       {.any_dtype = true, .rationale = "It finds the leak by an infinity or a NaN, which no bound hides."}},
  };
}

}  // namespace bncheck
