/// Laws about what must not change the results, in both directions: layout, shared buffers, order of the
/// batch, threads, environment and repetition; for gradients, also which of them are requested.

#include <algorithm>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/direction.hpp"

namespace bncheck {
namespace {

// ---- layouts

/// All placements of the case that the subject can be asked for: those of x and y, or of x, dy and dx.
std::vector<Placement*> placements_of(Case& c, const Direction& d, const Capabilities& can) {
  std::vector<Placement*> placements{&c.calls[0].exec.x};
  Exec& judged = c.calls[d.judged].exec;
  if (d.judged > 0) placements.push_back(&judged.x);
  if (can.caller_output) placements.push_back(&judged.y);
  return placements;
}

/// Compares tensors in layouts of their own with dense tensors of the same values. The results have the same
/// bits if the subject declares layout invariance. Otherwise they agree within the sum of both attainable
/// errors, because the order of summation may follow the layout.
Verdict check_layouts(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  Case dense = c;
  for (Call& call : dense.calls) {
    if (call.exec.overlap != Overlap::none) return Verdict::not_applicable("not calls with separate buffers");
    call.exec.x = call.exec.y = Placement{};
  }
  const Run strided = runner.run(c);
  const Run plain = runner.run(dense);
  Verdict verdict;
  judge_same_results(plain, strided, runner.can().numerics.layout_invariant, runner.can(), verdict);
  return verdict;
}

/// Shape with some dimensions of size 1. Their strides do not matter, and mislead code that finds out the
/// layout from strides.
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

/// Placement for which kernels are often written, so that every pair of those occurs, or, where the subject takes any
/// strides, another dense one. A dimension of size 1 makes one layout look like another.
Placement draw_known_placement(Draws& draws, const Capabilities& can, std::size_t rank) {
  if (!can.strided) return draws.chance(1, 2) ? channels_last(rank) : Placement{};
  const std::uint64_t kind = draws.below(6);
  if (kind == 0) return {};
  if (kind == 1) return channels_last(rank);
  Placement any = draw_placement(draws, rank);
  if (kind == 2) any = {any.order, {}, 0};
  return any;
}

Case draw_layouts(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  // Sums are computed in blocks, and the values of the second block have offsets of their own.
  const bool blocks = draws.chance(1, 4);
  if (blocks) wish.shape.min_values = 257;
  Case c = d.draw(draws, can, wish);
  // Per activation, the state fits these positions only.
  if (!blocks && can.dialect.axes == Axes::spatial && draws.chance(2, 3)) {
    c = with_shape(draws, c, with_thin_dimensions(draws, input(c, 0).shape), wish);
  }
  const std::vector<Placement*> placements = placements_of(c, d, can);
  const auto dense = [](const Placement* placement) { return *placement == Placement{}; };
  const std::size_t rank = input(c, 0).shape.size();
  if (!can.strided && channels_last(rank) == Placement{}) return c;
  while (std::ranges::all_of(placements, dense)) {
    for (Placement* placement : placements) *placement = draw_known_placement(draws, can, rank);
  }
  return c;
}

// ---- in place

/// An output that overwrites the input has the values of an output beside it. Bits are compared if the
/// subject is deterministic, because the arithmetic and the layout of the input are the same.
Verdict check_in_place(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  Exec apart = c.calls[d.judged].exec;
  if (apart.overlap != Overlap::in_place) return Verdict::not_applicable("not in place");
  apart.overlap = Overlap::none;
  apart.y = apart.x;
  const Run over = runner.run(c);
  const Run beside = runner.run(with_judged_exec(c, d, apart));
  Verdict verdict;
  judge_same_results(beside, over, runner.can().numerics.deterministic, runner.can(), verdict);
  return verdict;
}

Case draw_in_place(const Direction& d, Draws& draws, const Capabilities& can) {
  Case c = d.draw(draws, can, {});
  Exec& exec = c.calls[d.judged].exec;
  exec.overlap = Overlap::in_place;
  exec.y = exec.x;
  if (auto* backward = std::get_if<Backward>(&c.calls[d.judged].operation)) backward->want_dx = true;
  return c;
}

// ---- order of the batch

Tensor reversed(const Tensor& tensor) {
  Tensor result = tensor;
  const auto row = static_cast<std::ptrdiff_t>(tensor.bytes.size()) / tensor.shape[0];
  for (std::int64_t n = 0; n < tensor.shape[0]; ++n) {
    std::copy_n(tensor.bytes.begin() + n * row, row, result.bytes.begin() + (tensor.shape[0] - 1 - n) * row);
  }
  return result;
}

/// The order of samples in the batch changes the order of y or dx and nothing else. Sums are taken in another
/// order, so the results agree within both bounds. The samples are reversed, which moves all but a middle
/// one, and the outermost ones farthest.
Verdict check_permutation(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  const Shape& shape = input(c, 0).shape;
  if (shape[0] < 2) return Verdict::not_applicable("one sample");
  Case other = c;
  for (Call& call : other.calls) *input_of(call) = reversed(*input_of(call));
  const Run run = runner.run(c);
  const Run moved = runner.run(other);
  const std::int64_t row = *element_count(shape) / shape[0];
  Verdict verdict;
  judge_same_results(run, moved, false, runner.can(), verdict,
                     [&](std::int64_t i) { return (shape[0] - 1 - i / row) * row + i % row; });
  return verdict;
}

Case draw_samples(const Direction& d, Draws& draws, const Capabilities& can) {
  Case c = d.draw(draws, can, {});
  while (input(c, 0).shape[0] < 2) c = d.draw(draws, can, {});
  return c;
}

// ---- sequences

/// BatchNorm1d(E) of a (B, S, E) sequence gives the same results for its B·S rows and for its (B, E, S)
/// transpose.
Verdict check_sequence(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  const Shape& shape = input(c, 0).shape;
  if (c.config.dimensions != 1 || shape.size() != 3) return Verdict::not_applicable("not (B, E, S)");
  const std::int64_t channels = shape[1];
  const std::int64_t length = shape[2];
  const auto row_index = [&](std::int64_t i) {
    const std::int64_t b = i / (channels * length);
    const std::int64_t e = i / length % channels;
    return (b * length + i % length) * channels + e;
  };
  Case rows = with_exec(c, Exec{});
  for (Call& call : rows.calls) {
    const Tensor transposed = *input_of(call);
    Tensor& flat = *input_of(call);
    flat.shape = {shape[0] * length, channels};
    for (std::int64_t i = 0; i < static_cast<std::int64_t>(flat.size()); ++i) {
      set_element_bits(flat, row_index(i), element_bits(transposed, i));
    }
  }
  const Run transposed = runner.run(c);
  const Run flat = runner.run(rows);
  Verdict verdict;
  judge_same_results(transposed, flat, runner.can().numerics.layout_invariant, runner.can(), verdict,
                     row_index);
  return verdict;
}

Case draw_sequence(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Capabilities flat = can;
  flat.dimensions = {1};
  Case c = d.draw(draws, flat, wish);
  const Shape shape = input(c, 0).shape;
  if (shape.size() == 3) return c;
  return with_shape(draws, c, {shape[0], shape[1], draws.between(1, 9)}, wish);
}

// ---- repetition

/// The same call gives the same bits again, after another call in between.
Verdict check_determinism(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  const Tensor& given = input(c, d.judged);
  const Run first = runner.run(c);
  runner.run(with_input_of(c, d.judged, filled_with(given.dtype, given.shape, 2)));
  const Run second = runner.run(c);
  Verdict verdict;
  judge_same_results(first, second, true, runner.can(), verdict);
  return verdict;
}

Case draw_any(const Direction& d, Draws& draws, const Capabilities& can) {
  return d.draw(draws, can, {});
}

// ---- environment

/// Compares the case with one whose judged call has the Exec `usual`: bits if the subject declares thread
/// invariance, otherwise within both attainable errors.
Verdict judge_execs(const Direction& d, const Case& c, const Exec& usual, Runner& runner) {
  const Run run = runner.run(c);
  const Run other = runner.run(with_judged_exec(c, d, usual));
  Verdict verdict;
  judge_same_results(other, run, runner.can().numerics.thread_invariant, runner.can(), verdict);
  return verdict;
}

/// Threads, rounding mode and flush-to-zero flags of the caller do not change the results.
Verdict check_environment(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  Exec plain = c.calls[d.judged].exec;
  plain.threads = 0;
  plain.rounding = Rounding::nearest;
  plain.flush_to_zero = false;
  if (plain == c.calls[d.judged].exec) return Verdict::not_applicable("the plain environment");
  return judge_execs(d, c, plain, runner);
}

Case draw_environment(const Direction& d, Draws& draws, const Capabilities& can) {
  Case c = d.draw(draws, can, {});
  Exec& exec = c.calls[d.judged].exec;
  exec.threads = can.threads ? static_cast<int>(draws.between(1, 5)) : 0;
  if (can.any_environment) {
    exec.rounding = draws.pick({Rounding::down, Rounding::up, Rounding::zero});
    exec.flush_to_zero = draws.chance(1, 2);
  }
  return c;
}

/// One thread gives the results of several. The shares of n that several threads get may leave a remainder.
Verdict check_thread_counts(const Direction& d, const Case& c, Runner& runner) {
  d.require(c, runner.can());
  Exec alone = c.calls[d.judged].exec;
  if (alone.threads < 2) return Verdict::not_applicable("one thread");
  alone.threads = 1;
  return judge_execs(d, c, alone, runner);
}

Case draw_threads(const Direction& d, Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Case c = d.draw(draws, can, wish);
  c.calls[d.judged].exec.threads = static_cast<int>(draws.between(2, 8));
  return c;
}

// ---- gradients on their own

/// Each gradient that is requested alone agrees with the one requested with the others. They agree within
/// both bounds, because a subject may use another algorithm where less is requested.
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

// ---- the laws

std::vector<Law> laws_of(const Direction& d) {
  const bool forward = d.judged == 0;
  const std::string results = d.results;
  return {
      law_over(d, "layouts_agree",
               forward ? "Strides, order of dimensions and offset do not change the results."
                       : "Layouts of x, dy and dx, in any combination, do not change the results.",
               {Need::layouts}, draw_layouts, check_layouts,
               "It compares layouts of the same data, so a violation is an error in addresses."),
      law_over(d, "in_place_agrees",
               forward ? "y that overwrites x has the values of y in a buffer of its own."
                       : "dx that overwrites dy has the values of dx in a buffer of its own.",
               {forward ? Need::in_place : Need::gradient_in_place}, draw_in_place, check_in_place,
               "It only moves the output onto the input, so a violation is an error with overwritten "
               "values."),
      law_over(d, "batch_permutation",
               forward ? "Reordering the batch reorders y and leaves the statistics."
                       : "Reordering the batch reorders dx and leaves dgamma and dbeta.",
               {}, draw_samples, check_permutation,
               "It detects a sum that depends on the places of samples in the batch, without the "
               "exact answer."),
      law_over(d, "sequence_reshape",
               forward ? "(B, S, E) as B S rows equals its (B, E, S) transpose."
                       : "The gradients of (B, S, E) as B S rows are those of its (B, E, S) transpose.",
               {Need::batch_norm_1d, Need::spatial_axes}, draw_sequence, check_sequence,
               "It compares the two ranks of BatchNorm1d, which users confuse."),
      law_over(d, "determinism",
               forward ? "The same call gives the same bits." : "The same backward call gives the same bits.",
               {Need::deterministic}, draw_any, check_determinism,
               "It compares bits, also those that other laws compare within a bound."),
      law_over(
          d, "environment_ignored",
          "Threads, rounding mode and flush-to-zero flags of the caller do not matter to " + results + ".",
          {Need::environment}, draw_environment, check_environment,
          "It compares the rounding mode and the flush-to-zero flags of the caller with the usual ones."),
      law_over(d, "thread_counts", "Two to eight threads give what one gives: " + results + ".",
               {Need::threads}, draw_threads, check_thread_counts,
               "It draws numbers of threads up to eight, while environment_ignored draws up to five."),
  };
}

}  // namespace

std::vector<Law> invariance_laws() {
  return laws_of(forward_direction());
}

std::vector<Law> gradient_invariance_laws() {
  std::vector<Law> laws = laws_of(backward_direction());
  laws.push_back(
      {"backward_wanted_alone",
       "Each gradient that is requested alone is the one requested with the others.",
       {Need::backward},
       [](Draws& draws, const Capabilities& can) { return draw_gradient_case(draws, can); },
       check_wanted,
       {.any_dtype = true, .rationale = "Only in this law is each gradient requested without the others."}});
  return laws;
}

}  // namespace bncheck
