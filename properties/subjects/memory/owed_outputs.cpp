#include "subjects/memory/owed_outputs.hpp"

#include <algorithm>

#include "bncheck/walk.hpp"
#include "core/runner.hpp"

namespace bncheck {
namespace {

bool same_layout(const std::optional<Tensor>& a, const std::optional<Tensor>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->shape == b->shape && a->dtype == b->dtype;
}

}  // namespace

std::string fault_of(const OwedOutput& owed, const Tensor* got) {
  const std::string name(name_of(owed.output));
  if (got == nullptr) return "the reply has no " + name;
  if (got->dtype != owed.dtype) {
    return name + " is " + std::string(name_of(got->dtype)) + ", expected " +
           std::string(name_of(owed.dtype));
  }
  if (got->shape != owed.shape || !got->is_whole())
    return name + " has shape " + to_string(got->shape) + ", expected " + to_string(owed.shape);
  return {};
}

std::optional<Death> breach_of(const Outcome& outcome, const Case& c, const Dialect& dialect) {
  const State* before = &c.state;
  const Forward* latest = nullptr;
  for (std::size_t k = 0; k < outcome.replies.size(); ++k) {
    const Reply& reply = outcome.replies[k];
    const bool returned = std::holds_alternative<Values>(reply.result);
    const Call& call = c.calls[k];
    for (const OwedOutput& output :
         returned ? owed(c.config, *before, call, dialect, latest) : std::vector<OwedOutput>()) {
      if (std::string fault = fault_of(output, find_output(reply, output.output)); !fault.empty())
        return Death{Death::Cause::protocol, std::move(fault), k};
    }
    const auto* load = returned ? std::get_if<Load>(&call.operation) : nullptr;
    const State& expected = load != nullptr ? load->state : *before;
    const bool as_before = std::ranges::all_of(state_tensors, [&](const StateTensor& tensor) {
      return same_layout(reply.state.*tensor.member, expected.*tensor.member);
    });
    if (!as_before) {
      return Death{Death::Cause::protocol, "the state has tensors of another shape or dtype than before", k};
    }
    before = &reply.state;
    latest = latest_after(call, returned, latest);
  }
  return std::nullopt;
}

}  // namespace bncheck
