/// Laws that compare the gradient with other runs of the subject: with parts of the batch, with other inputs,
/// and with its forward pass at nearby points.

#include <algorithm>
#include <cmath>

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/relations.hpp"

namespace bncheck {
namespace {

// ---- shards of the batch

Case shard_of(const Case& c, std::int64_t begin, std::int64_t end) {
  const Tensor& x = std::get<Forward>(c.calls[0].operation).x;
  const Tensor& dy = std::get<Backward>(c.calls[gradient_call].operation).dy;
  return with_gradient(with_input(c, samples_of(x, begin, end)), samples_of(dy, begin, end));
}

/// dβ = Σ dy adds up over parts of the batch. So does dγ = Σ dy·x̂ where x̂ does not depend on the batch. The
/// three sums may differ by the sum of their bounds.
Verdict check_shards(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (forward.x.shape[0] < 2) return Verdict::not_applicable("one sample");
  const bool given = !uses_batch(c.config, forward);
  const std::int64_t middle = (forward.x.shape[0] + 1) / 3 + (forward.x.shape[0] == 2 ? 0 : 1);
  const Case first = shard_of(c, 0, middle);
  const Case second = shard_of(c, middle, forward.x.shape[0]);
  one_valid_gradient(first, runner.can());
  one_valid_gradient(second, runner.can());
  const Run whole = runner.run(c);
  const Run a = runner.run(first);
  const Run b = runner.run(second);
  whole.values(gradient_call);
  Verdict verdict;
  bool judged = false;
  for (const auto& [output, expected] : whole.expected[gradient_call].outputs) {
    if (output == Output::dx || (output == Output::dweight && !given)) continue;
    for (std::int64_t i = 0; i < expected.size() && !verdict.is_bad(); ++i) {
      long double sum[3];
      long double bound = 0;
      bool usable = true;
      const Run* runs[] = {&whole, &a, &b};
      for (std::size_t k = 0; k < 3; ++k) {
        const float got = runs[k]->output(gradient_call, output).floats()[static_cast<std::size_t>(i)];
        const ExpectedTensor& tensor = runs[k]->expected[gradient_call].outputs.at(output);
        const Error error = tensor.error(i, got, runner.can().numerics);
        usable = usable && error.in_range && std::isfinite(tensor.value(i).nearest_f32());
        sum[k] = static_cast<long double>(got);
        bound += error.attainable;
      }
      if (!usable) continue;
      judged = true;
      judge_bound(verdict,
                  std::string(name_of(output)) + '[' + std::to_string(i) + "] of a batch in two parts",
                  sum[0], sum[1] + sum[2], bound + 0x1p-60L * (std::fabs(sum[1]) + std::fabs(sum[2])));
    }
  }
  if (!judged) return Verdict::not_applicable("nothing adds up here");
  return verdict;
}
Case draw_shards(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  wish.affine = true;
  wish.track_running_stats = true;
  wish.training = draws.chance(1, 2);
  wish.regime = draws.pick({Regime::ordinary, Regime::large_mean, Regime::mixed, Regime::integers});
  wish.shape.min_values = 3;
  Case c;
  const auto fits = [&] {
    const Geometry geometry(std::get<Forward>(c.calls[0].operation).x.shape, can.dialect.axes);
    return geometry.samples >= 4 || (geometry.samples >= 2 && geometry.spatial >= 2);
  };
  do {
    c = draw_gradient_case(draws, can, wish,
                           draws.pick({GradientKind::one_hot, GradientKind::like_output,
                                       GradientKind::indicator, GradientKind::nearly_constant}));
  } while (!fits());
  auto& backward = std::get<Backward>(c.calls[gradient_call].operation);
  backward.want_dx = backward.want_dweight = backward.want_dbias = true;
  return c;
}

/// Case with many values per channel. dy is |x|, so that its sum grows throughout, or in half of the
/// inference cases x.
Case draw_long_shards(Draws& draws, const Capabilities& can) {
  Case c = draw_long_case(draws, can);
  auto& forward = std::get<Forward>(c.calls[0].operation);
  forward.training = draws.chance(1, 2);
  Tensor dy = forward.x;
  if (forward.training || draws.chance(1, 2)) {
    for (float& v : dy.floats()) v = std::fabs(v);
  }
  c.calls.push_back({Backward{std::move(dy), false, true, true, {}}, {}});
  return c;
}

// ---- inference

/// With given statistics dx = γ·dy/√V, element by element. Another x, or another value at a different place
/// of dy, does not change it. The same code runs on the same shapes, so bits are compared if the subject is
/// deterministic.
Verdict check_inference(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  if (uses_batch(c.config, forward)) return Verdict::not_applicable("batch statistics");
  if (!backward.want_dx) return Verdict::not_applicable("no dx is wanted");
  Tensor x = forward.x;
  for (float& v : x.floats()) v = 0.5f * v - 7;
  Tensor dy = backward.dy;
  const std::size_t changed = dy.size() / 2;
  dy.floats()[changed] = dy.floats()[changed] == 1.0f ? 2.0f : 1.0f;
  const Run run = runner.run(c);
  const Run other_x = runner.run(with_input(c, std::move(x)));
  const Run other_dy = runner.run(with_gradient(c, std::move(dy)));
  run.values(gradient_call);
  const bool bitwise = runner.can().numerics.deterministic;
  const auto compare = [&](const Run& other, std::int64_t i, Verdict& verdict) {
    judge_agreement({&run, gradient_call, Output::dx, i}, {&other, gradient_call, Output::dx, i}, bitwise,
                    runner.can(), verdict);
  };
  Verdict verdict;
  const std::int64_t size = run.expected[gradient_call].outputs.at(Output::dx).size();
  for (std::int64_t i = 0; i < size; ++i) {
    compare(other_x, i, verdict);
    if (i != static_cast<std::int64_t>(changed)) compare(other_dy, i, verdict);
  }
  return verdict;
}
Case draw_inference(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = false;
  wish.track_running_stats = true;
  Case c = draw_gradient_case(draws, can, wish);
  std::get<Backward>(c.calls[gradient_call].operation).want_dx = true;
  return c;
}

// ---- the subject's own forward pass

/// +1 or −1, by a hash of the index with the first steps of SplitMix64.
float direction(std::size_t index) {
  std::uint64_t z = (index + 1) * 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  return ((z ^ (z >> 27)) & 1) != 0 ? 1.0f : -1.0f;
}

/// Step for each channel: the power of two in (√V/64, √V/32], with the V of the batch. Its exact size does
/// not matter.
std::vector<float> steps_of(const Case& c, const Forward& forward, const Geometry& geometry) {
  std::vector<float> steps;
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    double mean = 0;
    double squares = 0;
    const auto each = [&](const auto& visit) {
      for (std::int64_t n = 0; n < geometry.samples; ++n) {
        for (std::int64_t s = 0; s < geometry.spatial; ++s) {
          visit(static_cast<double>(forward.x.floats()[static_cast<std::size_t>(geometry.at(n, k, s))]));
        }
      }
    };
    const auto count = static_cast<double>(geometry.values());
    each([&](double v) { mean += v / count; });
    each([&](double v) { squares += (v - mean) * (v - mean) / count; });
    // A constant channel without ε has no scale, so any step is suitable.
    const int exponent = std::clamp(std::ilogb(std::sqrt(squares + c.config.eps)), -120, 120);
    steps.push_back(std::ldexp(1.0f, exponent - 5));
  }
  return steps;
}

struct Moved {
  Tensor forth, back;
};
Moved moved(const Case& c, const Forward& forward, const Geometry& geometry) {
  const std::vector<float> steps = steps_of(c, forward, geometry);
  Moved result{forward.x, forward.x};
  for (std::size_t i = 0; i < forward.x.size(); ++i) {
    const auto channel = static_cast<std::size_t>(geometry.channel_of(static_cast<std::int64_t>(i)));
    const float step = steps[channel] * direction(i);
    result.forth.floats()[i] += step;
    result.back.floats()[i] -= step;
  }
  return result;
}

/// Sums over all elements, of the subject's numbers and of the exact ones, with the bound of their
/// difference.
struct Slopes {
  long double got = 0, exact = 0, bound = 0, size = 0;
  bool usable = true;

  void add(const Run& run, std::size_t call, Output output, std::int64_t i, long double factor,
           const Capabilities& can) {
    const float value = run.output(call, output).floats()[static_cast<std::size_t>(i)];
    const ExpectedTensor& expected = run.expected[call].outputs.at(output);
    const Error error = expected.error(i, value, can.numerics);
    const ExactNumber number = expected.value(i);
    usable = usable && error.in_range && number.is_finite() && std::isfinite(number.nearest_f32());
    if (!usable) return;
    got += factor * static_cast<long double>(value);
    exact += factor * number.approximate();
    bound += std::fabs(factor) * error.attainable;
    size += std::fabs(factor * number.approximate());
  }
};

/// Σ dy·(y(x + w/2) − y(x − w/2)) = Σ dx·w, except for the curvature of y. The exact difference of the two
/// sides is known. The subject computes the left side with its forward pass at two points and the right side
/// with its backward pass. Its own difference may deviate from the exact one by the sum of all attainable
/// errors, because
///   got left − got right = (got left − exact left) + (exact left − exact right) + (exact right − got right).
Verdict check_directional(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  if (!backward.want_dx) return Verdict::not_applicable("no dx is wanted");
  const Moved at = moved(c, forward, Geometry(forward.x.shape, runner.can().dialect.axes));
  if (!all_finite(at.forth) || !all_finite(at.back)) return Verdict::not_applicable("a step out of range");
  const Run run = runner.run(c);
  Case shifted = c;
  shifted.calls.pop_back();
  const Run forth = runner.run(with_input(shifted, at.forth));
  const Run back = runner.run(with_input(shifted, at.back));
  run.values(gradient_call);
  Slopes rise;
  Slopes slope;
  for (std::size_t i = 0; i < forward.x.size() && rise.usable && slope.usable; ++i) {
    const auto index = static_cast<std::int64_t>(i);
    const auto dy = static_cast<long double>(backward.dy.floats()[i]);
    const long double w =
        static_cast<long double>(at.forth.floats()[i]) - static_cast<long double>(at.back.floats()[i]);
    rise.add(forth, 0, Output::y, index, dy, runner.can());
    rise.add(back, 0, Output::y, index, -dy, runner.can());
    slope.add(run, gradient_call, Output::dx, index, w, runner.can());
  }
  if (!rise.usable || !slope.usable) return Verdict::not_applicable("intermediate results out of range");
  const long double rounding =
      static_cast<long double>(forward.x.size()) * 0x1p-60L * (rise.size + slope.size);
  Verdict verdict;
  judge_bound(verdict, "Sum dy y along a direction less Sum dx w", rise.got - slope.got,
              rise.exact - slope.exact, rise.bound + slope.bound + rounding);
  return verdict;
}
/// Whether y has a derivative at the x of the case. If ε is not inside the root, it has none at a constant
/// channel.
bool has_derivative(const Case& c, const Dialect& dialect) {
  if (dialect.eps_place == EpsPlace::inside) return true;
  const Tensor& x = std::get<Forward>(c.calls[0].operation).x;
  const Geometry geometry(x.shape, dialect.axes);
  for (std::int64_t k = 0; k < geometry.channels; ++k) {
    const std::vector<std::size_t> channel = geometry.elements(k);
    const float first = x.floats()[channel[0]];
    if (std::ranges::all_of(channel, [&](std::size_t i) { return x.floats()[i] == first; })) return false;
  }
  return true;
}
Case draw_directional(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.training = draws.chance(5, 6);
  wish.track_running_stats = true;
  wish.regime = draws.pick({Regime::ordinary, Regime::integers, Regime::sparse});
  wish.shape.max_elements = 200;
  Case c;
  do {
    c = draw_gradient_case(draws, can, wish,
                           draws.pick({GradientKind::one_hot, GradientKind::indicator,
                                       GradientKind::nearly_constant, GradientKind::like_output}));
  } while (!has_derivative(c, can.dialect));
  c.config.eps = draws.pick({1e-5, 1e-3, 1.0});
  if (!*wish.training) {
    for (float& v : c.state.running_var->floats()) v = std::clamp(v, 0.01f, 100.0f);
  }
  auto& backward = std::get<Backward>(c.calls[gradient_call].operation);
  backward.want_dx = true;
  return c;
}
}  // namespace

std::vector<Law> gradient_relation_laws() {
  return {
      {"backward_shards_add",
       "dbeta, and in inference dgamma, of a batch is the sum of those of its parts.",
       {Need::backward},
       draw_shards,
       check_shards,
       {.rationale = "It needs no formula, because sums over parts must add up, those of the tails "
                     "included."}},
      {"backward_long_shards_add",
       "dbeta of a batch is the sum of those of its parts also with up to 2^17 values per channel.",
       {Need::backward},
       draw_long_shards,
       check_shards,
       {.bulky = true, .rationale = "Its sums are long enough to stagnate in float."}},
      {"backward_inference_elementwise",
       "In inference dx = gamma dy/sqrt(V): it depends on no x and on no other element of dy.",
       {Need::backward},
       draw_inference,
       check_inference,
       {.rationale = "It shows that the gradient in inference treats the statistics as given, without the "
                     "exact answer."}},
      {"backward_directional_derivative",
       "Sum dy (y(x + w/2) - y(x - w/2)) = Sum dx w, except for the curvature, with the subject's own y.",
       {Need::backward, Need::own_gradient},
       draw_directional,
       check_directional,
       {.rationale = "It compares the gradient with the subject's own forward pass, whatever its formula "
                     "is."}},
  };
}

}  // namespace bncheck
