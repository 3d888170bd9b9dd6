#pragma once
/// A foreign BatchNorm is asked one call at a time, each complete in itself: it need not remember anything.
/// This is where the state goes from one call of a case to the next.

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

/// A forward call, or the gradient of one. What it points to outlives it.
struct SingleCall {
  CallKind kind = CallKind::forward_training;
  /// Its momentum is the number that the dialect's own interface takes.
  Config config;
  /// Without running statistics where they are nothing to this call.
  State state;
  const Tensor* x = nullptr;
  const Tensor* dy = nullptr;  ///< of a backward call
  Exec x_exec;                 ///< where x lies, and y in a forward call
  Exec gradient_exec;          ///< where dy and dx lie
  bool want_dx = false, want_dweight = false, want_dbias = false;
};

/// What came back. Tensors of any dtype and shape: `run_single_calls` looks at them.
struct CallReply {
  std::variant<std::map<Output, Tensor>, Failure> result;
  std::optional<std::int64_t> num_batches_tracked;  ///< absent: it does not count
  std::optional<Death> death;
};

/// The number that an interface of this dialect is given for the weight `momentum` of the new value: that
/// one, or 1 - momentum where the old value's weight is what it takes.
std::optional<double> interface_momentum(std::optional<double> momentum, const Dialect& dialect);

/// Every call of the case put to `take`, each with the state that the replies before it left. A reply that
/// lacks an output, or has one of another shape or dtype than the call's, ends the case as a breach of
/// protocol.
Outcome run_single_calls(const Case& c, const Dialect& dialect,
                         const std::function<CallReply(const SingleCall&)>& take);

}  // namespace bncheck
