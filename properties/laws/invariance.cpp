/// What must not matter: layout, place, order of the batch, threads, environment, how often it was asked.

#include <algorithm>
#include <numeric>

#include "bncheck/elements.hpp"

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

/// Same data in logical order, other memory. Bits where the subject declares layout invariance, else within
/// the sum of both attainable errors, since the order of summation may follow the layout.
Verdict check_layouts(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  const Exec& exec = c.calls[0].exec;
  if (exec.overlap != Overlap::none) return Verdict::not_applicable("not a call with separate x and y");
  Exec dense = exec;
  dense.x = dense.y = Placement{};
  const Run strided = runner.run(c);
  const Run plain = runner.run(with_exec(c, dense));
  Verdict verdict;
  judge_same_results(plain, strided, runner.can().numerics.layout_invariant, runner.can(), verdict);
  return verdict;
}
Case draw_layouts(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Case c = draw_case(draws, can, wish);
  const std::size_t rank = std::get<Forward>(c.calls[0].operation).x.shape.size();
  Exec& exec = c.calls[0].exec;
  while (exec.x == Placement{} && exec.y == Placement{}) {
    exec.x = draw_placement(draws, rank);
    if (can.caller_output) exec.y = draw_placement(draws, rank);
  }
  return c;
}
std::optional<std::string> excludes_dense_only(const Capabilities& can) {
  if (can.strided) return std::nullopt;
  return "the subject takes dense tensors only";
}

/// y over x gives what y beside x gives, bit for bit: the same arithmetic on the same layout of x.
Verdict check_in_place(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  if (c.calls[0].exec.overlap != Overlap::in_place) return Verdict::not_applicable("not in place");
  Exec apart = c.calls[0].exec;
  apart.overlap = Overlap::none;
  apart.y = apart.x;
  const Run over = runner.run(c);
  const Run beside = runner.run(with_exec(c, apart));
  Verdict verdict;
  judge_same_results(beside, over, runner.can().numerics.deterministic, runner.can(), verdict);
  return verdict;
}
Case draw_in_place(Draws& draws, const Capabilities& can) {
  Case c = draw_case(draws, can);
  Exec& exec = c.calls[0].exec;
  exec.overlap = Overlap::in_place;
  exec.y = exec.x;
  return c;
}
std::optional<std::string> excludes_apart_only(const Capabilities& can) {
  if (can.in_place) return std::nullopt;
  return "the subject does not work in place";
}

/// The order of samples in the batch moves y's rows and nothing else; sums are taken in another order.
Verdict check_permutation(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  const Geometry geometry(forward.x.shape);
  if (geometry.samples < 2) return Verdict::not_applicable("one sample");
  // Reversed: it moves every sample, and those at the ends farthest.
  Tensor x = forward.x;
  const std::size_t row = forward.x.bytes.size() / static_cast<std::size_t>(geometry.samples);
  for (std::int64_t n = 0; n < geometry.samples; ++n) {
    const auto from =
        forward.x.bytes.begin() + static_cast<std::ptrdiff_t>(static_cast<std::size_t>(n) * row);
    std::copy_n(from, row,
                x.bytes.begin() +
                    static_cast<std::ptrdiff_t>(static_cast<std::size_t>(geometry.samples - 1 - n) * row));
  }
  const Run run = runner.run(c);
  const Run reversed = runner.run(with_input(c, std::move(x)));
  const std::int64_t length = geometry.channels * geometry.spatial;
  Verdict verdict;
  judge_same_results(run, reversed, false, runner.can(), verdict, [&](std::int64_t i) {
    return (geometry.samples - 1 - i / length) * length + i % length;
  });
  return verdict;
}
Case draw_batch(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  Case c = draw_case(draws, can, wish);
  while (std::get<Forward>(c.calls[0].operation).x.shape[0] < 2) c = draw_case(draws, can, wish);
  return c;
}

/// BatchNorm1d(E) of a (B, S, E) sequence: as (B S, E) rows, and as the (B, E, S) transpose.
Verdict check_sequence(const Case& c, Runner& runner) {
  const Forward& forward = one_valid_forward(c, runner.can());
  if (c.config.dimensions != 1 || forward.x.shape.size() != 3)
    return Verdict::not_applicable("not (B, E, S)");
  const Shape& shape = forward.x.shape;
  const std::int64_t channels = shape[1];
  const std::int64_t length = shape[2];
  const auto row_index = [&](std::int64_t i) {
    const std::int64_t b = i / (channels * length);
    const std::int64_t e = i / length % channels;
    return (b * length + i % length) * channels + e;
  };
  Tensor rows = Tensor::zeros(forward.x.dtype, {shape[0] * length, channels});
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(rows.size()); ++i) {
    set_element_bits(rows, row_index(i), element_bits(forward.x, i));
  }
  const Run transposed = runner.run(c);
  const Run flat = runner.run(with_exec(with_input(c, std::move(rows)), Exec{}));
  Verdict verdict;
  judge_same_results(transposed, flat, runner.can().numerics.layout_invariant, runner.can(), verdict,
                     row_index);
  return verdict;
}
Case draw_sequence(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Capabilities flat = can;
  flat.dimensions = {1};
  Case c = draw_case(draws, flat, wish);
  Shape shape = std::get<Forward>(c.calls[0].operation).x.shape;
  if (shape.size() == 2) {
    shape = {shape[0], shape[1], draws.between(1, 9)};
    wish.dtypes = dtypes_in(c);
    std::get<Forward>(c.calls[0].operation).x = draw_input(draws, shape, wish);
  }
  return c;
}
std::optional<std::string> excludes_without_1d(const Capabilities& can) {
  if (can.dimensions.contains(1)) return std::nullopt;
  return "the subject has no BatchNorm1d";
}

/// The same call twice gives the same bits, whatever ran between.
Verdict check_determinism(const Case& c, Runner& runner) {
  const Tensor& x = one_valid_forward(c, runner.can()).x;
  const Run first = runner.run(c);
  runner.run(with_input(c, filled_with(x.dtype, x.shape, 2)));
  const Run second = runner.run(c);
  Verdict verdict;
  judge_same_results(first, second, true, runner.can(), verdict);
  return verdict;
}
Case draw_any(Draws& draws, const Capabilities& can) {
  return draw_case(draws, can);
}
std::optional<std::string> excludes_nondeterministic(const Capabilities& can) {
  if (can.numerics.deterministic) return std::nullopt;
  return "the subject does not claim to be deterministic";
}

/// Threads, rounding mode and flush-to-zero flags of the caller are no part of the mathematics. Bits where
/// the subject declares it, else within both attainable errors.
Verdict check_environment(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  Exec plain = c.calls[0].exec;
  plain.threads = 0;
  plain.rounding = Rounding::nearest;
  plain.flush_to_zero = false;
  if (plain == c.calls[0].exec) return Verdict::not_applicable("the plain environment");
  const Run run = runner.run(c);
  const Run usual = runner.run(with_exec(c, plain));
  Verdict verdict;
  judge_same_results(usual, run, runner.can().numerics.thread_invariant, runner.can(), verdict);
  return verdict;
}
Case draw_environment(Draws& draws, const Capabilities& can) {
  Case c = draw_case(draws, can);
  Exec& exec = c.calls[0].exec;
  exec.threads = can.threads ? static_cast<int>(draws.between(1, 5)) : 0;
  if (can.any_environment) {
    exec.rounding = draws.pick({Rounding::down, Rounding::up, Rounding::zero});
    exec.flush_to_zero = draws.chance(1, 2);
  }
  return c;
}
std::optional<std::string> excludes_fixed_environment(const Capabilities& can) {
  if (can.threads || can.any_environment) return std::nullopt;
  return "the subject takes neither a number of threads nor a floating-point environment";
}

/// One thread, and as many as the case asks for: with the remainders that their shares of n leave. Bits where
/// the subject declares it, else within both attainable errors.
Verdict check_thread_counts(const Case& c, Runner& runner) {
  one_valid_forward(c, runner.can());
  Exec alone = c.calls[0].exec;
  if (alone.threads < 2) return Verdict::not_applicable("one thread");
  alone.threads = 1;
  const Run one = runner.run(with_exec(c, alone));
  const Run many = runner.run(c);
  Verdict verdict;
  judge_same_results(one, many, runner.can().numerics.thread_invariant, runner.can(), verdict);
  return verdict;
}
Case draw_threads(Draws& draws, const Capabilities& can) {
  CaseWish wish;
  wish.any_exec = false;
  Case c = draw_case(draws, can, wish);
  c.calls[0].exec.threads = static_cast<int>(draws.between(2, 8));
  return c;
}
std::optional<std::string> excludes_one_thread(const Capabilities& can) {
  if (can.threads) return std::nullopt;
  return "the subject takes no number of threads";
}

}  // namespace

std::vector<Law> invariance_laws() {
  return {
      {"layouts_agree",
       "Strides, order of dimensions and offset change nothing but addresses.",
       excludes_dense_only,
       draw_layouts,
       check_layouts,
       {.any_dtype = true,
        .rationale =
            "It compares two layouts of the same data: a violation is about addresses and nothing else."}},
      {"in_place_agrees",
       "y over x gives what y beside x gives.",
       excludes_apart_only,
       draw_in_place,
       check_in_place,
       {.any_dtype = true,
        .rationale =
            "It compares y over x with y beside x: a violation is about overwritten values and nothing "
            "else."}},
      {"batch_permutation",
       "Reordering the batch reorders y and leaves the statistics.",
       excludes_nobody,
       draw_batch,
       check_permutation,
       {.any_dtype = true,
        .rationale = "A sum that favours places in the batch shows here within the bound of two runs."}},
      {"sequence_reshape",
       "(B, S, E) as B S rows equals its (B, E, S) transpose.",
       excludes_without_1d,
       draw_sequence,
       check_sequence,
       {.any_dtype = true, .rationale = "The one law about BatchNorm1d's two ranks, which users mix up."}},
      {"determinism",
       "The same call gives the same bits.",
       excludes_nondeterministic,
       draw_any,
       check_determinism,
       {.any_dtype = true, .rationale = "Bit by bit, where all other laws allow for rounding."}},
      {"environment_ignored",
       "Threads, rounding mode and flush-to-zero flags of the caller do not matter.",
       excludes_fixed_environment,
       draw_environment,
       check_environment,
       {.any_dtype = true,
        .rationale =
            "It compares the caller's rounding mode and flush-to-zero with the usual ones, whatever is "
            "right."}},
      {"thread_counts",
       "Two to eight threads give what one gives.",
       excludes_one_thread,
       draw_threads,
       check_thread_counts,
       {.any_dtype = true,
        .rationale = "Every number of threads from two to eight, where environment_ignored draws one."}},
  };
}

}  // namespace bncheck
