#include "laws/rejected.hpp"

#include <algorithm>

#include "bncheck/elements.hpp"

namespace bncheck {
namespace {

/// Largest number of channels for which a twin is run. A case may declare any number without the memory that
/// the twin would need for it.
constexpr std::int64_t max_twin_channels = 1 << 16;

/// Whether the overlap can occur with the subject. Overlaps of parameters and statistics require that these
/// are buffers of the caller.
bool is_expressible(Overlap overlap, const Capabilities& can) {
  switch (overlap) {
    case Overlap::y_and_weight:
    case Overlap::y_and_running_mean:
    case Overlap::y_and_running_var:
    case Overlap::running_mean_and_var:
      return can.caller_state;
    default:
      return true;
  }
}

/// The case with vectors as long as its first input calls for, per activation: a twin whose input has another shape than
/// the refused one needs other vectors.
Case with_fitting_vectors(Case c, Axes axes) {
  const auto with_input =
      std::ranges::find_if(c.calls, [](const Call& call) { return input_of(call) != nullptr; });
  if (axes == Axes::spatial || with_input == c.calls.end() || input_of(*with_input)->shape.size() < 2)
    return c;
  const std::int64_t length = feature_count(input_of(*with_input)->shape, axes).features;
  for (Tensor* vector : vectors_of(c.state)) *vector = reshaped(*vector, {length});
  return c;
}

/// Checks the last call as judge_refusal does, and that its twin succeeds.
Verdict check_rejected(const Case& c, Runner& runner, ErrorKind kind, Twin twin_of) {
  if (c.calls.empty()) return Verdict::not_applicable("no call");
  const std::size_t last = c.calls.size() - 1;
  if (kind == ErrorKind::alias && !is_expressible(c.calls[last].exec.overlap, runner.can())) {
    return Verdict::not_applicable("the subject keeps parameters and statistics in buffers of its own");
  }
  const Run run = runner.run(c);
  const std::vector<ErrorKind>& kinds = run.expected[last].errors;
  if (std::ranges::find(kinds, kind) == kinds.end())
    return Verdict::not_applicable("no such error in the last call");
  for (std::size_t k = 0; k < last; ++k) {
    if (!run.expected[k].must_fail()) run.values(k);
  }
  if (Verdict refusal = judge_refusal(run, last, kind); refusal.is_bad()) return refusal;
  if (c.config.num_features > max_twin_channels) return {};
  std::optional<Case> twin = twin_of(c);
  if (twin) twin = with_fitting_vectors(std::move(*twin), runner.can().dialect.axes);
  if (!twin || !all_succeed(*twin, runner.can().dialect)) return {};
  const Run accepted = runner.run(*twin);
  if (const auto* refused = std::get_if<Failure>(&accepted.replies.back().result)) {
    return Verdict::violated("the nearest valid call was rejected too: " + refused->message);
  }
  return {};
}

}  // namespace

Verdict judge_refusal(const Run& run, std::size_t call, ErrorKind kind) {
  const std::vector<ErrorKind>& kinds = run.expected[call].errors;
  const std::string fails =
      "call " + std::to_string(call) + " must fail with '" + std::string(name_of(kind)) + "' but ";
  const auto* failure = std::get_if<Failure>(&run.replies[call].result);
  if (failure == nullptr) return Verdict::accepted(fails + "succeeded");
  if (std::ranges::find(kinds, failure->kind) == kinds.end()) {
    return Verdict::violated(fails + "failed with '" + std::string(name_of(failure->kind)) +
                             "': " + failure->message);
  }
  const std::string failed = "call " + std::to_string(call) + " failed as it must but ";
  if (failure->wrote_outputs) return Verdict::violated(failed + "had written to its outputs");
  if (run.after(call) != run.before(call)) return Verdict::violated(failed + "had changed the state");
  return {};
}

Law rejection(std::string name, std::string statement, ErrorKind kind,
              Case (*draw)(Draws&, const Capabilities&), Twin twin, std::vector<Need> needs) {
  return {std::move(name),
          std::move(statement),
          std::move(needs),
          draw,
          [=](const Case& c, Runner& runner) { return check_rejected(c, runner, kind, twin); },
          {.any_dtype = true,
           .rejects = kind,
           .rationale = "It draws one row of the contract in all its forms, each with a valid twin, while "
                        "call_sequences draws some."}};
}

Tensor reshaped(const Tensor& x, Shape shape) {
  Tensor result = Tensor::zeros(x.dtype, std::move(shape));
  const auto there = static_cast<std::int64_t>(x.size());
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(result.size()); ++i) {
    // Without values to copy: 0 to 6 repeatedly.
    set_element(result, i, there == 0 ? static_cast<double>(i % 7) : element(x, i % there));
  }
  return result;
}

}  // namespace bncheck
