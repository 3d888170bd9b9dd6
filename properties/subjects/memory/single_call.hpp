#pragma once
/// Single calls: a foreign BatchNorm gets one call at a time, each complete in itself, and need not remember
/// anything. The state is carried here from one call of a case to the next.

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <variant>

#include "core/subject.hpp"

namespace bncheck {

enum class CallKind { forward_training, forward_inference, backward_training, backward_inference };
std::string_view name_of(CallKind kind);
std::optional<CallKind> call_kind_named(std::string_view name);
constexpr bool is_backward(CallKind kind) {
  return kind == CallKind::backward_training || kind == CallKind::backward_inference;
}
constexpr bool is_training(CallKind kind) {
  return kind == CallKind::forward_training || kind == CallKind::backward_training;
}

/// A forward call, or the gradient of one. The objects that it points to must outlive it.
struct SingleCall {
  CallKind kind = CallKind::forward_training;
  /// Configuration, with the momentum as the interface of the dialect takes it.
  Config config;
  /// State before the forward call, with all tensors that the layer has.
  State state;
  const Tensor* x = nullptr;
  const Tensor* dy = nullptr;  ///< null in a forward call
  Exec x_exec;                 ///< placement of x, and of y in a forward call
  Exec gradient_exec;          ///< placement of dy and dx
  bool want_dx = false, want_dweight = false, want_dbias = false;
};

/// Reply to a single call. Its tensors may have any dtype and shape; `run_single_calls` checks them.
struct CallReply {
  std::variant<std::map<Output, Tensor>, Failure> result;
  std::optional<std::int64_t> num_batches_tracked;  ///< absent: the subject does not count
  std::optional<Death> death;
};

/// Number that an interface of this dialect takes for the weight `momentum` of the new value: that weight, or
/// 1 − momentum if the interface takes the weight of the old value.
std::optional<double> interface_momentum(std::optional<double> momentum, const Dialect& dialect);

/// Outcome of a case whose calls `take` answers one by one, each from the state that the replies before it
/// left. A reply that lacks an output, or has one of another shape or dtype than the call's, ends the case as
/// a breach of protocol.
Outcome run_single_calls(const Case& c, const Dialect& dialect,
                         const std::function<CallReply(const SingleCall&)>& take);

}  // namespace bncheck
