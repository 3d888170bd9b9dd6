/// Laws about shapes, empty batches and the independence of channels, in both directions.

#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/direction.hpp"

namespace bncheck {
namespace {

// ---- shapes

/// y has exactly the shape of x. Each tensor of saved or running statistics has one element per statistic: C,
/// or C times the positions where the dialect's axes are per_activation. running_weight has one element.
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

// ---- empty batches

/// Whether the case is a forward call on an empty batch, followed by its backward call if gradients are
/// judged, and all calls must succeed.
bool is_of_empty_batch(const Direction& d, const Case& c, const Dialect& dialect) {
  if (c.calls.size() != d.inputs()) return false;
  const auto* forward = std::get_if<Forward>(&c.calls[0].operation);
  if (forward == nullptr || !forward->x.bytes.empty() || forward->x.shape.size() < 2) return false;
  return std::holds_alternative<Backward>(c.calls[d.judged].operation) == (d.judged > 0) &&
         all_succeed(c, dialect);
}

/// For an empty batch, y or dx is empty and has its shape, dγ and dβ are zeros, and every bit of the state
/// stays.
Verdict check_empty(const Direction& d, const Case& c, Runner& runner) {
  if (!is_of_empty_batch(d, c, runner.can().dialect)) {
    return Verdict::not_applicable("not an empty batch that must succeed");
  }
  const Run run = runner.run(c);
  run.values(d.judged);
  for (const auto& [output, expected] : run.expected[d.judged].outputs) {
    const Tensor& got = run.output(d.judged, output);
    const std::string name(name_of(output));
    if (got.shape != expected.shape()) {
      return Verdict::violated(name + " of an empty batch has shape " + to_string(got.shape) + ", expected " +
                               to_string(expected.shape()));
    }
    if (!all_elements(got, [](double value) { return value == 0; })) {
      return Verdict::violated(name + " of an empty batch is not 0");
    }
  }
  if (run.after(d.judged) != run.before(d.judged))
    return Verdict::violated("an empty batch changed the state");
  return {};
}

Case draw_empty(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Case c = d.draw(draws, can, wish);
  const Shape shape = draw_other_empty_shape(draws, c.config.dimensions, input(c, 0).shape, can.dialect.axes);
  for (Call& call : c.calls) *input_of(call) = Tensor::zeros(input_of(call)->dtype, shape);
  return c;
}

// ---- channels

/// Compares all outputs of the channels other than `changed`. If the subject is deterministic they must have
/// the same bits, because a channel's results depend on that channel only, and the same code runs on the same
/// shape and layout. Otherwise they agree within both bounds.
void judge_other_channels(const Direction& d, const Run& a, const Run& b, std::int64_t changed,
                          const Capabilities& can, Verdict& verdict) {
  const Geometry geometry(input(a.content, 0).shape, can.dialect.axes);
  a.values(d.judged);
  for (const auto& [output, expected] : a.expected[d.judged].outputs) {
    if (output == Output::running_weight) continue;
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      if (d.channel_of(output, i, geometry) == changed) continue;
      judge_agreement({&a, d.judged, output, i}, {&b, d.judged, output, i}, can.numerics.deterministic, can,
                      verdict);
    }
  }
}

/// New value of an element, from its old value and its place in the channel.
using Change = std::function<double(double value, std::int64_t place)>;

Tensor with_channel(const Tensor& tensor, const Geometry& geometry, std::int64_t channel,
                    const Change& change) {
  Tensor result = tensor;
  std::int64_t place = 0;
  for (const std::size_t i : geometry.elements(channel)) {
    const auto at = static_cast<std::int64_t>(i);
    set_element(result, at, change(element(tensor, at), place++));
  }
  return result;
}

/// Changes each input in turn, x and for gradients dy, in its first or its last channel, where loops over
/// channels begin and end.
void judge_change(const Direction& d, const Case& c, const Run& run, bool first, const Change& change,
                  Runner& runner, Verdict& verdict) {
  const Geometry geometry(input(c, 0).shape, runner.can().dialect.axes);
  const std::int64_t changed = first ? 0 : geometry.channels - 1;
  for (std::size_t k = 0; k < d.inputs(); ++k) {
    const Run other = runner.run(with_input_of(c, k, with_channel(input(c, k), geometry, changed, change)));
    judge_other_channels(d, run, other, changed, runner.can(), verdict);
  }
}

Run run_of_channels(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  const Geometry geometry(input(c, 0).shape, runner.can().dialect.axes);
  if (geometry.channels < 2) throw Settled{Verdict::not_applicable("one channel")};
  return runner.run(c);
}

/// Changing the data of one channel does not change the results of another, as judge_other_channels compares
/// them.
Verdict check_independence(const Direction& d, const Case& c, Runner& runner) {
  const Run run = run_of_channels(d, c, runner);
  Verdict verdict;
  for (const bool first : {true, false}) {
    judge_change(
        d, c, run, first, [](double value, std::int64_t) { return 0.5 * value + 3; }, runner, verdict);
  }
  return verdict;
}

/// A NaN or an infinity in one channel does not change the results of another, as judge_other_channels
/// compares them.
Verdict check_confined(const Direction& d, const Case& c, Runner& runner) {
  const Run run = run_of_channels(d, c, runner);
  // At the start of a channel, or in the middle of it.
  const std::int64_t values = Geometry(input(c, 0).shape, runner.can().dialect.axes).values();
  const std::int64_t poisoned = values % 2 == 0 ? 0 : values / 2;
  Verdict verdict;
  for (const double poison :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity()}) {
    judge_change(
        d, c, run, std::isnan(poison),
        [=](double value, std::int64_t place) { return place == poisoned ? poison : value; }, runner,
        verdict);
  }
  return verdict;
}

Case draw_channels(const Direction& d, Draws& draws, const Capabilities& can) {
  Case c = d.draw(draws, can, {});
  while (input(c, 0).shape[1] < 2) c = d.draw(draws, can, {});
  return c;
}

// ---- the laws

std::vector<Law> laws_of(const Direction& d) {
  const bool forward = d.judged == 0;
  return {
      law_over(d, "empty_batch",
               forward ? "An empty x gives an empty y of the same shape and changes no state."
                       : "The gradient of an empty batch has an empty dx and dgamma = dbeta = 0.",
               {Need::empty_batch_untouched}, draw_empty, check_empty,
               "Only in this law is the batch always empty, in any of its dimensions."),
      law_over(d, "channel_independence",
               forward ? "A channel's results depend on no other channel's data."
                       : "A channel's gradients depend on no other channel's x and dy.",
               {}, draw_channels, check_independence,
               "It detects a channel that affects another one, without the exact answer."),
      law_over(d, forward ? "non_finite_confined" : "confined",
               forward ? "A NaN or infinity stays in its channel."
                       : "A NaN or infinity in x or dy of one channel stays in that channel's gradients.",
               {}, draw_channels, check_confined,
               "It detects an effect on another channel by an infinity or a NaN, which no bound hides."),
  };
}

}  // namespace

std::vector<Law> confinement_laws() {
  std::vector<Law> laws = laws_of(forward_direction());
  laws.insert(laws.begin(),
              {"shape_preserved",
               "y has the shape of x, and statistics have num_features elements.",
               {},
               draw_any,
               check_shape,
               {.any_dtype = true, .rationale = "It reports a wrong shape before any number is judged."}});
  return laws;
}

std::vector<Law> gradient_confinement_laws() {
  return laws_of(backward_direction());
}

}  // namespace bncheck
