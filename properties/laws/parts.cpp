#include "laws/parts.hpp"

#include <algorithm>
#include <cmath>

namespace bncheck {

std::optional<std::string> excludes_nobody(const Capabilities&) {
  return std::nullopt;
}

const Forward& one_valid_forward(const Case& c, const Capabilities& can) {
  const Forward* forward = only_forward(c);
  if (forward == nullptr) throw Settled{Verdict::not_applicable("the law is about a single forward call")};
  if (!errors_of(c.config, c.state, c.calls[0], can.dialect).empty()) {
    throw Settled{Verdict::not_applicable("the call must fail")};
  }
  if (forward->x.bytes.empty()) throw Settled{Verdict::not_applicable("the batch is empty")};
  return *forward;
}

bool all_finite(const Tensor& tensor) {
  return std::ranges::all_of(tensor.floats(), [](float value) { return std::isfinite(value); });
}

namespace {
bool finite_state(const State& s) {
  const auto finite = [](const std::optional<Tensor>& tensor) { return !tensor || all_finite(*tensor); };
  return finite(s.weight) && finite(s.bias) && finite(s.running_mean) && finite(s.running_var) &&
         finite(s.running_weight);
}
}  // namespace

bool fit_to_judge(const Run& run, std::size_t call, const Capabilities& can) {
  return can.non_finite_rule || finite_state(run.before(call));
}

bool all_finite(const Case& c) {
  return finite_state(c.state) && std::ranges::all_of(c.calls, [&](const Call& call) {
           if (const auto* forward = std::get_if<Forward>(&call.operation)) return all_finite(forward->x);
           if (const auto* load = std::get_if<Load>(&call.operation)) return finite_state(load->state);
           return true;
         });
}

Case with_exec(Case c, const Exec& exec) {
  for (Call& call : c.calls) call.exec = exec;
  return c;
}

Case with_input(Case c, Tensor x) {
  std::get<Forward>(c.calls[0].operation).x = std::move(x);
  return c;
}

Geometry::Geometry(const Shape& shape) : samples(shape[0]), channels(shape[1]), spatial(1) {
  for (std::size_t k = 2; k < shape.size(); ++k) spatial *= shape[k];
}

void judge_same_results(const Run& a, const Run& b, bool bitwise, const Capabilities& can, Verdict& verdict,
                        const std::function<std::int64_t(std::int64_t)>& map) {
  for (const auto& [output, expected] : a.expected[0].outputs) {
    if (a.output(0, output).size() != b.output(0, output).size()) {
      throw Settled{
          Verdict::violated("two runs returned " + std::string(name_of(output)) + " of different size")};
    }
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const std::int64_t j = output == Output::y && map ? map(i) : i;
      judge_agreement({&a, 0, output, i}, {&b, 0, output, j}, bitwise, can, verdict);
    }
  }
}

}  // namespace bncheck
