#include "subjects/foreign/owed_outputs.hpp"

#include "core/runner.hpp"

namespace bncheck {
namespace {

Dtype dtype_of(const std::optional<Tensor>& tensor, Dtype otherwise) {
  return tensor ? tensor->dtype : otherwise;
}

bool same_layout(const std::optional<Tensor>& a, const std::optional<Tensor>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->shape == b->shape && a->dtype == b->dtype;
}

}  // namespace

std::vector<OwedOutput> outputs_of_forward(const Config& config, const State& before, const Forward& forward,
                                           const Dialect& dialect) {
  const Shape& shape = forward.x.shape;
  std::vector<OwedOutput> owed{{Output::y, forward.x.dtype, shape}};
  const bool empty = element_count(shape).value_or(0) == 0;
  const bool uses_batch = forward.training || !config.track_running_stats;
  if (!uses_batch || shape.size() < 2) return owed;
  if (empty && dialect.empty_batch == EmptyBatch::untouched) return owed;
  // Of an x with another number of channels the call has to fail, and owes nothing that could be wrong.
  const Shape vector{dialect.axes == Axes::spatial ? config.num_features
                                                   : feature_count(shape, dialect.axes).features};
  const Dtype vectors = dtype_of(before.running_mean, dtype_of(before.weight, forward.x.dtype));
  if (dialect.saved != Saved::none && !empty) {
    owed.push_back({Output::saved_mean, vectors, vector});
    owed.push_back(
        {dialect.saved == Saved::mean_var ? Output::saved_var : Output::saved_invstd, vectors, vector});
  }
  if (!forward.training || !config.track_running_stats || dialect.averaging == Averaging::none) return owed;
  owed.push_back({Output::running_mean, vectors, vector});
  owed.push_back({Output::running_var, vectors, vector});
  if (dialect.averaging == Averaging::ratio) owed.push_back({Output::running_weight, vectors, {1}});
  return owed;
}

std::vector<OwedOutput> outputs_of_backward(const Config& config, const State& before, const Forward& forward,
                                            const Backward& backward) {
  std::vector<OwedOutput> owed;
  const Dtype vectors = dtype_of(before.weight, forward.x.dtype);
  if (backward.want_dx) owed.push_back({Output::dx, forward.x.dtype, forward.x.shape});
  // As many as there are parameters: per-activation axes have more than num_features.
  const Shape vector = before.weight ? before.weight->shape : Shape{config.num_features};
  if (backward.want_dweight && config.affine) owed.push_back({Output::dweight, vectors, vector});
  if (backward.want_dbias && config.affine) owed.push_back({Output::dbias, vectors, vector});
  return owed;
}

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
    const Operation& operation = c.calls[k].operation;
    std::vector<OwedOutput> owed;
    if (const auto* forward = std::get_if<Forward>(&operation); forward != nullptr && returned) {
      owed = outputs_of_forward(c.config, *before, *forward, dialect);
      latest = forward;
    } else if (const auto* backward = std::get_if<Backward>(&operation);
               backward != nullptr && returned && latest != nullptr) {
      owed = outputs_of_backward(c.config, *before, *latest, *backward);
    }
    for (const OwedOutput& output : owed) {
      if (std::string fault = fault_of(output, find_output(reply, output.output)); !fault.empty())
        return Death{Death::Cause::protocol, std::move(fault), k};
    }
    const State& expected =
        std::holds_alternative<Load>(operation) && returned ? std::get<Load>(operation).state : *before;
    if (!same_layout(reply.state.weight, expected.weight) || !same_layout(reply.state.bias, expected.bias) ||
        !same_layout(reply.state.running_mean, expected.running_mean) ||
        !same_layout(reply.state.running_var, expected.running_var) ||
        !same_layout(reply.state.running_weight, expected.running_weight)) {
      return Death{Death::Cause::protocol, "the state has tensors of another shape or dtype than before", k};
    }
    before = &reply.state;
  }
  return std::nullopt;
}

}  // namespace bncheck
