#pragma once
/// A Subject: a BatchNorm under test, with its capabilities and its outcomes for cases.

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <variant>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/error_kind.hpp"
#include "bncheck/expected.hpp"
#include "bncheck/numerics.hpp"
#include "core/dtypes.hpp"

namespace bncheck {

/// Errors that a subject reports if it keeps to the whole contract.
std::set<ErrorKind> every_error();

/// Capabilities of a subject: what laws may ask of it. Laws beyond them are "not applicable", with the
/// reason.
struct Capabilities {
  Dialect dialect;
  Numerics numerics;
  std::set<int> dimensions{1, 2, 3};
  /// Dtypes that it takes together. Laws that read float32 values themselves require the pair of float32.
  std::vector<DtypePair> dtypes{{}};
  bool training = true, inference = true;  ///< takes Forward calls in that mode
  bool empty = true;                       ///< takes batches without values
  std::int64_t channel_multiple = 1;       ///< C must be a multiple of this
  std::int64_t max_elements = 0;           ///< largest number of elements of x; 0: no limit
  /// Errors that it detects and reports. It is never given a call that must fail only with others.
  std::set<ErrorKind> errors = every_error();
  bool strided = true;               ///< any strides and offsets; false: only dense tensors in logical order
  bool channels_last = true;         ///< dense tensors with the channel innermost, also if not strided
  bool in_place = true;              ///< y may be x
  bool caller_output = true;         ///< writes y into the caller's memory
  bool caller_state = false;         ///< parameters and running statistics are buffers of the caller
  bool threads = true;               ///< Exec::threads is obeyed
  bool any_environment = true;       ///< works with any rounding mode and flush-to-zero flag of the caller
  bool untracked = true;             ///< track_running_stats = false
  bool without_affine = true;        ///< neither weight nor bias
  bool weight_or_bias_alone = true;  ///< a weight without a bias, and the reverse
  bool settable = true;              ///< SetMomentum and Load calls
  bool backward = true;              ///< Backward calls, for forward calls in these modes:
  bool backward_training = true, backward_inference = true;
  /// A Backward without its Forward, or in another mode, can be requested and is refused.
  bool remembers_forward = true;
  bool canonical_bits = false;  ///< a NaN is 0x7fc00000, an exact zero +0; underflow keeps the sign
  bool non_finite_rule = true;  ///< declares the total rule for values that are not finite
};

/// The dialect, without a cumulative average if the subject declares that it has none.
inline Dialect without_lacks(Dialect dialect, const Capabilities& can) {
  if (can.dialect.cumulative == Cumulative::unsupported) dialect.cumulative = Cumulative::unsupported;
  return dialect;
}

/// Values of a call that returned. Tensors are dense, in logical order; running statistics are in
/// `Reply::state`.
struct Values {
  std::map<Output, Tensor> outputs;
};
/// Rejection of a call.
struct Failure {
  ErrorKind kind = ErrorKind::other;
  std::string message;
  bool wrote_outputs = false;  ///< it changed one of its outputs nevertheless
};
struct Reply {
  std::variant<Values, Failure> result;
  State state;  ///< state after the call
};

/// Death of a subject: it did something that no call may do.
struct Death {
  enum class Cause { signal, exited, hang, memory, protocol, guard_zone, input_changed };
  Cause cause = Cause::guard_zone;
  std::string detail;
  /// Index of the call; absent if only the case is known.
  std::optional<std::size_t> call = 0;
};
std::string_view name_of(Death::Cause cause);

struct Outcome {
  std::vector<Reply> replies;  ///< one per call, or fewer before a death
  std::optional<Death> death;
};

/// The subject is not available, or not any more: its program cannot be started, its library is gone.
class SubjectUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A case was abandoned because the user ended the run; it says nothing about the subject.
struct Interrupted {};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string name() const = 0;
  virtual std::string version() const = 0;
  virtual const Capabilities& can() const = 0;
  /// Runs the case. Throws SubjectUnavailable and Interrupted.
  virtual Outcome run(const Case& c) = 0;
  /// Sets the dialect that the subject is assumed to speak. It matters for subjects whose interface depends
  /// on the dialect: the meaning of the momentum's weight, the statistics to save. Other subjects ignore it.
  virtual void assume(const Dialect&) {}
  /// Releases in order what the subject holds, such as a process, and returns a fault of its end. The next
  /// case starts it again.
  virtual std::optional<Death> finish() { return std::nullopt; }
  /// Whether the next case after `finish` meets a subject that has seen no case before, as a new process does.
  virtual bool starts_afresh() const { return false; }
};

}  // namespace bncheck
