/// What must not matter to a gradient: layouts, place, environment, what else is wanted, what happens in
/// other channels; and the batch that is empty.

#include <algorithm>
#include <limits>

#include "bncheck/elements.hpp"

#include "generate/gradients.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

Case with_execs(Case c, const Exec& forward, const Exec& backward) {
  c.calls[0].exec = forward;
  c.calls[gradient_call].exec = backward;
  return c;
}

/// x, dy and dx each in a layout of its own, against all three dense: the same data in logical order. Bits
/// where the subject declares layout invariance, else within the sum of both attainable errors.
Verdict check_layouts(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  Exec forward = c.calls[0].exec;
  Exec backward = c.calls[gradient_call].exec;
  if (forward.overlap != Overlap::none || backward.overlap != Overlap::none) {
    return Verdict::not_applicable("not calls with separate buffers");
  }
  forward.x = forward.y = backward.x = backward.y = Placement{};
  const Run plain = runner.run(with_execs(c, forward, backward));
  const Run strided = runner.run(c);
  Verdict verdict;
  judge_same_results(plain, strided, runner.can().numerics.layout_invariant, runner.can(), verdict);
  return verdict;
}
/// Dimensions of one value, whose strides mean nothing: where strides decide which layout it is, they
/// are what confuses them.
Shape with_thin_dimensions(Draws& draws, Shape shape) {
  std::vector<std::size_t> thick;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (k != 1) thick.push_back(k);
  }
  const std::size_t kept = draws.pick_from(thick);
  for (const std::size_t k : thick) {
    if (k == kept) {
      shape[k] = std::max<std::int64_t>(shape[k], 2);
    } else if (draws.chance(2, 3)) {
      shape[k] = 1;
    }
  }
  return shape;
}
Case draw_layouts(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  // Sums are taken in blocks: values of a second block have offsets of their own.
  const bool blocks = draws.chance(1, 4);
  if (blocks) wish.shape.min_values = 257;
  Case c = draw_gradient_case(draws, can, wish);
  auto& x = std::get<Forward>(c.calls[0].operation).x;
  const std::size_t rank = x.shape.size();
  if (!blocks && draws.chance(2, 3)) {
    wish.dtypes = dtypes_in(c);
    x = draw_input(draws, with_thin_dimensions(draws, x.shape), wish);
    std::get<Backward>(c.calls[gradient_call].operation).dy = draw_gradient(draws, x, wish);
  }
  Exec& forward = c.calls[0].exec;
  Exec& backward = c.calls[gradient_call].exec;
  // Often the layouts that kernels are written for, so that every pair of those occurs, and others that are
  // dense too: a size-1 dimension makes one look like the other.
  const auto placement = [&] {
    const std::uint64_t kind = draws.below(4);
    if (kind == 0) return Placement{};
    if (kind == 1) return channels_last(rank);
    Placement any = draw_placement(draws, rank);
    if (kind == 2) any = {any.order, {}, 0};
    return any;
  };
  while (forward.x == Placement{} && backward.x == Placement{} && backward.y == Placement{}) {
    forward.x = placement();
    backward.x = placement();
    if (can.caller_output) backward.y = placement();
  }
  return c;
}
std::optional<std::string> excludes_dense_only(const Capabilities& can) {
  if (!can.strided) return "the subject takes dense tensors only";
  return excludes_without_backward(can);
}

/// dx over dy gives what dx beside dy gives, bit for bit.
Verdict check_in_place(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  if (c.calls[gradient_call].exec.overlap != Overlap::in_place)
    return Verdict::not_applicable("not in place");
  Exec apart = c.calls[gradient_call].exec;
  apart.overlap = Overlap::none;
  apart.y = apart.x;
  const Run over = runner.run(c);
  const Run beside = runner.run(with_execs(c, c.calls[0].exec, apart));
  Verdict verdict;
  judge_same_results(beside, over, runner.can().numerics.deterministic, runner.can(), verdict);
  return verdict;
}
Case draw_in_place(Draws& draws, const Capabilities& can) {
  Case c = draw_gradient_case(draws, can);
  Exec& exec = c.calls[gradient_call].exec;
  exec.overlap = Overlap::in_place;
  exec.y = exec.x;
  std::get<Backward>(c.calls[gradient_call].operation).want_dx = true;
  return c;
}
std::optional<std::string> excludes_apart_only(const Capabilities& can) {
  if (!can.in_place || !can.caller_output) return "the subject does not write dx over dy";
  return excludes_without_backward(can);
}

/// The same call twice gives the same bits, whatever ran between.
Verdict check_determinism(const Case& c, Runner& runner) {
  const Tensor& x = one_valid_gradient(c, runner.can()).forward.x;
  const Run first = runner.run(c);
  runner.run(with_gradient(c, filled_with(x.dtype, x.shape, 2)));
  const Run second = runner.run(c);
  Verdict verdict;
  judge_same_results(first, second, true, runner.can(), verdict);
  return verdict;
}
Case draw_any(Draws& draws, const Capabilities& can) {
  return draw_gradient_case(draws, can);
}
std::optional<std::string> excludes_nondeterministic(const Capabilities& can) {
  if (!can.numerics.deterministic) return "the subject does not claim to be deterministic";
  return excludes_without_backward(can);
}

Verdict check_environment(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  Exec plain = c.calls[gradient_call].exec;
  plain.threads = 0;
  plain.rounding = Rounding::nearest;
  plain.flush_to_zero = false;
  if (plain == c.calls[gradient_call].exec) return Verdict::not_applicable("the plain environment");
  const Run run = runner.run(c);
  const Run usual = runner.run(with_execs(c, c.calls[0].exec, plain));
  Verdict verdict;
  judge_same_results(usual, run, runner.can().numerics.thread_invariant, runner.can(), verdict);
  return verdict;
}
Case draw_environment(Draws& draws, const Capabilities& can) {
  Case c = draw_gradient_case(draws, can);
  Exec& exec = c.calls[gradient_call].exec;
  exec.threads = can.threads ? static_cast<int>(draws.between(1, 5)) : 0;
  if (can.any_environment) {
    exec.rounding = draws.pick({Rounding::down, Rounding::up, Rounding::zero});
    exec.flush_to_zero = draws.chance(1, 2);
  }
  return c;
}
std::optional<std::string> excludes_fixed_environment(const Capabilities& can) {
  if (!can.threads && !can.any_environment) {
    return "the subject takes neither a number of threads nor a floating-point environment";
  }
  return excludes_without_backward(can);
}

/// Each gradient wanted alone is what it is among the others, within both bounds: a subject may take another
/// way where less is wanted.
Verdict check_wanted(const Case& c, Runner& runner) {
  one_valid_gradient(c, runner.can());
  Case all = c;
  auto& wanted = std::get<Backward>(all.calls[gradient_call].operation);
  wanted.want_dx = wanted.want_dweight = wanted.want_dbias = true;
  const Run together = runner.run(all);
  together.values(gradient_call);
  const Capabilities& can = runner.can();
  Verdict verdict;
  for (const auto& [output, expected] : together.expected[gradient_call].outputs) {
    wanted.want_dx = output == Output::dx;
    wanted.want_dweight = output == Output::dweight;
    wanted.want_dbias = output == Output::dbias;
    const Run alone = runner.run(all);
    alone.values(gradient_call);
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      judge_agreement({&together, gradient_call, output, i}, {&alone, gradient_call, output, i}, false, can,
                      verdict);
    }
  }
  return verdict;
}

// ---- channels

/// All outputs of the channels other than `changed` are the same bits in both runs.
void judge_other_channels(const Run& a, const Run& b, std::int64_t changed, const Capabilities& can,
                          Verdict& verdict) {
  const Geometry geometry(std::get<Forward>(a.content.calls[0].operation).x.shape);
  a.values(gradient_call);
  for (const auto& [output, expected] : a.expected[gradient_call].outputs) {
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const std::int64_t channel = output == Output::dx ? i / geometry.spatial % geometry.channels : i;
      if (channel == changed) continue;
      judge_agreement({&a, gradient_call, output, i}, {&b, gradient_call, output, i},
                      can.numerics.deterministic, can, verdict);
    }
  }
}

/// An infinity or a NaN in x or in dy of one channel, or just other numbers there, change no bit of another
/// channel's gradients.
Verdict check_confined(const Case& c, Runner& runner) {
  const auto [forward, backward] = one_valid_gradient(c, runner.can());
  const Geometry geometry(forward.x.shape);
  if (geometry.channels < 2) return Verdict::not_applicable("one channel");
  const Run run = runner.run(c);
  Verdict verdict;
  for (const double poison :
       {std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity(), 3.0}) {
    const std::int64_t changed = std::isnan(poison) ? 0 : geometry.channels - 1;
    const std::int64_t at = geometry.at(geometry.samples / 2, changed, geometry.spatial / 2);
    Tensor x = forward.x;
    set_element(x, at, poison);
    Tensor dy = backward.dy;
    set_element(dy, at, poison);
    judge_other_channels(run, runner.run(with_input(c, std::move(x))), changed, runner.can(), verdict);
    judge_other_channels(run, runner.run(with_gradient(c, std::move(dy))), changed, runner.can(), verdict);
  }
  return verdict;
}
Case draw_channels(Draws& draws, const Capabilities& can) {
  Case c = draw_gradient_case(draws, can);
  while (std::get<Forward>(c.calls[0].operation).x.shape[1] < 2) c = draw_gradient_case(draws, can);
  return c;
}

/// The gradient of an empty batch: an empty dx of its shape, zeros for dgamma and dbeta, no change of state.
Verdict check_empty(const Case& c, Runner& runner) {
  const auto* forward = c.calls.size() == 2 ? std::get_if<Forward>(&c.calls[0].operation) : nullptr;
  const auto* backward = forward != nullptr ? std::get_if<Backward>(&c.calls[1].operation) : nullptr;
  if (backward == nullptr || !forward->x.bytes.empty() || forward->x.shape.size() < 2 ||
      !all_succeed(c, runner.can().dialect)) {
    return Verdict::not_applicable("not the gradient of an empty batch");
  }
  const Run run = runner.run(c);
  run.values(gradient_call);
  for (const auto& [output, expected] : run.expected[gradient_call].outputs) {
    const Tensor& got = run.output(gradient_call, output);
    const std::string name(name_of(output));
    if (got.shape != expected.shape()) {
      return Verdict::violated(name + " of an empty batch has shape " + to_string(got.shape) + ", expected " +
                               to_string(expected.shape()));
    }
    if (!all_elements(got, [](double value) { return value == 0; })) {
      return Verdict::violated(name + " of an empty batch is not 0");
    }
  }
  if (run.after(gradient_call) != run.before(gradient_call)) {
    return Verdict::violated("the gradient of an empty batch changed the state");
  }
  return {};
}
Case draw_empty(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Case c = draw_gradient_case(draws, can, wish);
  Shape shape = draw_empty_shape(draws, c.config.dimensions);
  shape[1] = c.config.num_features;
  auto& x = std::get<Forward>(c.calls[0].operation).x;
  x = Tensor::zeros(x.dtype, shape);
  std::get<Backward>(c.calls[gradient_call].operation).dy = x;
  return c;
}
std::optional<std::string> excludes_other_empty(const Capabilities& can) {
  if (can.dialect.empty_batch != EmptyBatch::untouched) {
    return "the dialect does not leave the state alone for an empty batch";
  }
  return excludes_without_backward(can);
}

}  // namespace

std::vector<Law> gradient_invariance_laws() {
  return {
      {"backward_layouts_agree",
       "Layouts of x, dy and dx, in any combination, change nothing but addresses.",
       excludes_dense_only,
       draw_layouts,
       check_layouts,
       {.any_dtype = true,
        .rationale =
            "It compares layouts of x, dy and dx: a violation is about addresses and nothing else."}},
      {"backward_in_place_agrees",
       "dx over dy gives what dx beside dy gives.",
       excludes_apart_only,
       draw_in_place,
       check_in_place,
       {.any_dtype = true,
        .rationale = "It compares dx over dy with dx beside dy: a violation is about overwritten values and "
                     "nothing else."}},
      {"backward_determinism",
       "The same backward call gives the same bits.",
       excludes_nondeterministic,
       draw_any,
       check_determinism,
       {.any_dtype = true, .rationale = "Bit by bit, where all other laws allow for rounding."}},
      {"backward_environment_ignored",
       "Threads, rounding mode and flush-to-zero flags of the caller do not matter to gradients.",
       excludes_fixed_environment,
       draw_environment,
       check_environment,
       {.any_dtype = true,
        .rationale =
            "It compares the caller's threads, rounding mode and flush-to-zero with the usual ones."}},
      {"backward_wanted_alone",
       "Each gradient wanted alone is what it is beside the others.",
       excludes_without_backward,
       draw_any,
       check_wanted,
       {.any_dtype = true, .rationale = "Only here is each gradient asked for without the others."}},
      {"backward_confined",
       "What happens in x or dy of one channel stays in that channel's gradients.",
       excludes_without_backward,
       draw_channels,
       check_confined,
       {.any_dtype = true,
        .rationale =
            "It finds the channel that leaks into another's gradient without knowing any right value."}},
      {"backward_empty_batch",
       "The gradient of an empty batch: empty dx, dgamma = dbeta = 0.",
       excludes_other_empty,
       draw_empty,
       check_empty,
       {.any_dtype = true, .rationale = "Only here is the gradient always that of an empty batch."}},
  };
}

}  // namespace bncheck
