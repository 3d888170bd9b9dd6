#include "core/judge.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <vector>

#include "bncheck/elements.hpp"
#include "core/fnv.hpp"

namespace bncheck {
namespace {

constexpr std::size_t shown_mismatches = 5;

std::string place(std::size_t call, Output output) {
  return "call " + std::to_string(call) + ": " + std::string(name_of(output));
}

void judge_tensor(const Run& run, std::size_t call, Output output, const ExpectedTensor& expected,
                  const Capabilities& can, Judged judged, Verdict& verdict, const Sample& sample) {
  const Tensor& tensor = run.output(call, output);
  if (tensor.dtype != expected.dtype()) {
    throw Settled{Verdict::violated(place(call, output) + " has dtype " + std::string(name_of(tensor.dtype)) +
                                    ", expected " + std::string(name_of(expected.dtype())))};
  }
  if (tensor.shape != expected.shape() || !tensor.is_whole()) {
    throw Settled{Verdict::violated(place(call, output) + " has shape " + to_string(tensor.shape) +
                                    ", expected " + to_string(expected.shape()))};
  }
  std::vector<JudgedElement> seen;
  for (std::int64_t k = 0; k < sample.count(expected.size()); ++k) {
    const std::int64_t i = sample.index(k, expected.size());
    const double value = element(tensor, i);
    Error error = expected.error(i, value, can.numerics);
    if (run.sink != nullptr) seen.push_back({i, value, error});
    if (!error.in_range) {
      const auto beyond = error_beyond_range(expected, i, value, can.numerics);
      if (run.sink != nullptr) seen.back().has_bound = beyond.has_value();
      if (!beyond || judged != Judged::all) continue;
      error = *beyond;
    }
    verdict.worst_ulps = std::max(verdict.worst_ulps, error.ulps);
    verdict.worst_ratio = std::max(verdict.worst_ratio, error.ratio);
    if (meets_claim(error, can.numerics.claim)) continue;
    add_mismatch(verdict, {call, output, i, value, expected.nearest(i), error, tensor.dtype},
                 place(call, output) + " is not the exact result within the subject's claim (" +
                     std::string(name_of(can.numerics.claim)) + ")");
  }
  if (run.sink != nullptr) run.sink->take(run, call, output, seen);
}

/// |a − b|, where an infinity counts as the power of two above the largest number: apart from half an ulp,
/// that is the smallest number it may have been rounded from.
long double gap(double a, double b, Dtype dtype) {
  const long double past = std::ldexp(1.0L, 2 - format_of(dtype).min_exponent);
  const auto value = [=](double v) {
    return std::isinf(v) ? std::copysign(past, static_cast<long double>(v)) : static_cast<long double>(v);
  };
  return std::fabs(value(a) - value(b));
}

}  // namespace

std::optional<Error> error_beyond_range(const ExpectedTensor& expected, std::int64_t index, double got,
                                        Numerics numerics) {
  numerics.range = Range::wide;
  Error error = expected.error(index, got, numerics);
  if (!error.in_range) return std::nullopt;
  error.in_range = false;
  return error;
}

bool meets_claim(const Error& error, Claim claim) {
  switch (claim) {
    case Claim::exact:
      return error.nearest;
    case Claim::faithful:
      return error.ulps < 1;
    case Claim::sound:
      break;
  }
  return error.ratio <= 1;
}

bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) ||
         (std::isnan(a) && std::isnan(b));
}

void add_mismatch(Verdict& verdict, const Mismatch& mismatch, const std::string& message) {
  if (verdict.kind != Verdict::Kind::violated) {
    verdict.kind = Verdict::Kind::violated;
    verdict.ground = Verdict::Ground::values;
    verdict.message = message;
  }
  auto& list = verdict.mismatches;
  const auto at = std::ranges::upper_bound(list, mismatch.error.ratio, std::ranges::greater(),
                                           [](const Mismatch& other) { return other.error.ratio; });
  list.insert(at, mismatch);
  if (list.size() > shown_mismatches) list.resize(shown_mismatches);
}

std::int64_t Sample::index(std::int64_t k, std::int64_t size) const {
  if (size <= most) return k;
  if (k == 0 || k == most - 1) return k == 0 ? 0 : size - 1;
  // Parts of size/most elements, without the products of a long size and a large k.
  const std::int64_t part = size / most;
  const std::int64_t longer = size % most;  // parts that have one element more
  const std::int64_t begin = k * part + std::min(k, longer);
  const auto length = static_cast<std::uint64_t>(part + (k < longer ? 1 : 0));
  return begin + static_cast<std::int64_t>(Fnv(number).add(static_cast<std::uint64_t>(k)).value() % length);
}

void judge_call(const Run& run, std::size_t call, const Capabilities& can, Judged judged, Verdict& verdict,
                const std::set<Output>& only, Sample sample) {
  for (const auto& [output, expected] : run.expected[call].outputs) {
    if (only.empty() || only.contains(output))
      judge_tensor(run, call, output, expected, can, judged, verdict, sample);
  }
}

void judge_state(const Run& run, std::size_t call, Verdict& verdict) {
  const ExpectedCall& expected = run.expected[call];
  const State& after = run.after(call);
  for (const Output output : {Output::running_mean, Output::running_var, Output::running_weight}) {
    const auto member = member_of(output);
    if (expected.outputs.contains(output) || after.*member == expected.state.*member) continue;
    verdict.kind = Verdict::Kind::violated;
    verdict.message = "call " + std::to_string(call) + " changed " + std::string(name_of(output));
  }
  if (after.weight != expected.state.weight || after.bias != expected.state.bias) {
    verdict = Verdict::violated("call " + std::to_string(call) + " changed weight or bias");
  }
  if (after.num_batches_tracked != expected.state.num_batches_tracked) {
    verdict = Verdict::violated("call " + std::to_string(call) + ": num_batches_tracked is " +
                                std::to_string(after.num_batches_tracked) + ", expected " +
                                std::to_string(expected.state.num_batches_tracked));
  }
}

void judge_agreement(const Counterpart& a, const Counterpart& b, bool bitwise, const Capabilities& can,
                     Verdict& verdict) {
  const Tensor& of_a = a.run->output(a.call, a.output);
  const double x = element(of_a, a.index);
  const double y = element(b.run->output(b.call, b.output), b.index);
  if (same(x, y)) return;
  const ExpectedTensor& ea = a.run->expected[a.call].outputs.at(a.output);
  const ExpectedTensor& eb = b.run->expected[b.call].outputs.at(b.output);
  if (!bitwise && can.numerics.claim != Claim::exact) {
    const Error error_a = ea.error(a.index, x, can.numerics);
    const Error error_b = eb.error(b.index, y, can.numerics);
    // Outside the range neither run has a bound; a law of its own checks such elements.
    if (!error_a.in_range || !error_b.in_range) return;
    if (!std::isnan(x) && !std::isnan(y) && gap(x, y, of_a.dtype) <= error_a.attainable + error_b.attainable)
      return;
  }
  add_mismatch(verdict,
               {b.call, b.output, b.index, y, x, eb.error(b.index, y, can.numerics), of_a.dtype, true},
               place(b.call, b.output) + " differs between two runs that must agree");
}

}  // namespace bncheck
