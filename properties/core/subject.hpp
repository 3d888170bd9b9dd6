#pragma once
/// A Subject is a BatchNorm under test: what it can do, and what it did with a Case.

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

/// Of a subject that keeps to the contract.
std::set<ErrorKind> every_error();

/// What laws may ask of a subject. Laws outside are "not applicable", with the reason.
struct Capabilities {
  Dialect dialect;
  Numerics numerics;
  std::set<int> dimensions{1, 2, 3};
  /// Which dtypes it takes together. Laws that read float32 values themselves ask for the pair of float32.
  std::vector<DtypePair> dtypes{{}};
  bool training = true, inference = true;  ///< Forward calls in that mode
  bool empty = true;                       ///< batches without a value
  std::int64_t channel_multiple = 1;       ///< of what C has to be a multiple
  std::int64_t max_elements = 0;           ///< of x; 0: no cap
  /// The errors that it detects and reports. A call that must fail for others only is never put to it.
  std::set<ErrorKind> errors = every_error();
  bool strided = true;          ///< any strides and offsets; else only dense tensors in logical order
  bool channels_last = true;    ///< dense tensors with the channel innermost, strided or not
  bool in_place = true;         ///< y may be x
  bool caller_output = true;    ///< writes y into the caller's memory
  bool caller_state = false;    ///< parameters and running statistics are the caller's buffers in every call
  bool threads = true;          ///< Exec::threads is honoured
  bool any_environment = true;  ///< works under any rounding mode and flush-to-zero flag of the caller
  bool untracked = true;        ///< track_running_stats = false
  bool without_affine = true;   ///< affine = false
  bool settable = true;         ///< SetMomentum and Load calls
  bool backward = true;         ///< Backward calls, of a forward call in any of these modes:
  bool backward_training = true, backward_inference = true;
  /// A Backward without its Forward, or in another mode, can be asked for and is refused.
  bool remembers_forward = true;
  bool canonical_bits = false;  ///< a NaN is 0x7fc00000, an exact zero +0, a vanished result keeps its sign
  bool non_finite_rule = true;  ///< declares the total rule for values that are not finite
};

/// The dialect that such a subject is taken to speak, without what it declares not to take.
inline Dialect without_lacks(Dialect dialect, const Capabilities& can) {
  if (can.dialect.cumulative == Cumulative::unsupported) dialect.cumulative = Cumulative::unsupported;
  return dialect;
}

/// The call returned. Tensors are dense, in logical order; running statistics are in `Reply::state`.
struct Values {
  std::map<Output, Tensor> outputs;
};
/// The call was rejected.
struct Failure {
  ErrorKind kind = ErrorKind::other;
  std::string message;
  bool wrote_outputs = false;  ///< it changed one of its outputs all the same
};
struct Reply {
  std::variant<Values, Failure> result;
  State state;  ///< after the call
};

/// The subject did something that no call may do.
struct Death {
  enum class Cause { signal, exited, hang, memory, protocol, guard_zone, input_changed };
  Cause cause = Cause::guard_zone;
  std::string detail;
  /// In which call; absent where only the case is known.
  std::optional<std::size_t> call = 0;
};
std::string_view name_of(Death::Cause cause);

struct Outcome {
  std::vector<Reply> replies;  ///< one per call, or fewer before a death
  std::optional<Death> death;
};

/// A subject that is not there, or no longer: its program cannot be started, its library has gone.
class SubjectUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// A case that was given up because the user wants an end: nothing is known of the subject by that.
struct Interrupted {};

class Subject {
 public:
  virtual ~Subject() = default;
  virtual std::string name() const = 0;
  virtual std::string version() const = 0;
  virtual const Capabilities& can() const = 0;
  /// Throws SubjectUnavailable and Interrupted.
  virtual Outcome run(const Case& c) = 0;
  /// It is taken to speak this dialect from now on, which decides what it is given where its interface depends
  /// on it: the weight that a momentum is of, the statistics to save. The others need not know.
  virtual void assume(const Dialect&) {}
  /// Lets go in an orderly way what it holds, such as a process, and says what was wrong with its end; the
  /// next case starts it again.
  virtual std::optional<Death> finish() { return std::nullopt; }
};

}  // namespace bncheck
