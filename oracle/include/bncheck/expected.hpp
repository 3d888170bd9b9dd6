#pragma once
/// The exact answer to one call of a Case in a Dialect.
///
/// Each call of a sequence is answered from the state that the subject itself had before it, so rounding of
/// earlier steps is never counted against a later one.

#include <map>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "bncheck/case.hpp"
#include "bncheck/dialect.hpp"
#include "bncheck/error_kind.hpp"
#include "bncheck/exact.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {

enum class Output {
  y,
  saved_mean,
  saved_var,
  saved_invstd,
  running_mean,
  running_var,
  running_weight,
  dx,
  dweight,
  dbias
};
std::string_view name_of(Output output);
std::optional<Output> output_named(std::string_view name);
/// Where a State keeps an output that the call leaves there; null for one that it returns.
std::optional<Tensor> State::* member_of(Output output);
/// Outputs that a call leaves in the state rather than returning them.
bool is_state(Output output);

class Answer;

/// What attainable_error.hpp allows around one exact number, beyond the rounding of the result itself.
struct Slack {
  long double amount = 0;
  /// What y = alpha x + beta' may lose in addition, with alpha and beta' folded beforehand: a form that is
  /// sound only where beta' does not cancel. Never part of a verdict, but it explains one. 0 for what is not
  /// y.
  long double folding = 0;
  /// false: an intermediate result leaves the exponent range of the arithmetic; nothing is promised by the
  /// bound there, and a law of its own looks at such elements.
  bool in_range = true;
};

/// How far a number of the output's dtype is from the exact one, in the three measures that are never mixed.
struct Error {
  bool nearest = false;     ///< correctly rounded: same bits, where +0 equals -0 and any NaN equals any other
  double ulps = 0;          ///< |got - exact| / ulp(exact); infinite where one is finite and the other is not
  double ratio = 0;         ///< |got - exact| / attainable error
  double folded_ratio = 0;  ///< the same, had the subject folded mean and invstd into alpha x + beta'
  long double attainable = 0;  ///< that attainable error, half an ulp included
  bool in_range = true;        ///< the ratio means something
};

/// One output tensor: an exact number per element, made on demand.
class ExpectedTensor {
 public:
  ExpectedTensor(std::shared_ptr<const Answer> answer, Output output);

  const Shape& shape() const;
  std::int64_t size() const;
  /// That of x for y and dx; of running statistics their own; else the parameters'.
  Dtype dtype() const;
  ExactNumber value(std::int64_t index) const;
  Slack slack(std::int64_t index, const Numerics& numerics) const;
  /// `got` is a number of the output's dtype, which a double holds exactly.
  Error error(std::int64_t index, double got, const Numerics& numerics) const;
  /// The nearest number of the dtype.
  double nearest(std::int64_t index) const;
  /// All elements rounded to the dtype.
  Tensor nearest() const;

 private:
  std::shared_ptr<const Answer> answer_;
  Output output_;
};

struct ExpectedCall {
  /// Not empty: the call must fail with one of these kinds and change nothing.
  std::vector<ErrorKind> errors;
  /// What the call returns and what it newly puts into the state.
  std::map<Output, ExpectedTensor> outputs;
  /// The state afterwards, bit for bit, apart from the tensors in `outputs`.
  State state;
  /// The configuration afterwards (SetMomentum changes it).
  Config config;
  bool must_fail() const { return !errors.empty(); }
};

/// A case asks what has no answer: an x or dy without the bytes that its shape calls for.
class NoAnswer : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// `latest`: the latest forward call that succeeded, unless a Load came after it; null where there is none.
/// To go through a whole case, see walk.hpp. Throws NoAnswer.
ExpectedCall expect(const Config& config, const State& before, const Call& call, const Dialect& dialect,
                    const Forward* latest = nullptr);

/// Every error kind that the contract allows for the call; empty if it must succeed. Throws like `expect`.
std::vector<ErrorKind> errors_of(const Config& config, const State& before, const Call& call,
                                 const Dialect& dialect, const Forward* latest = nullptr);

/// eps and momentum as the dialect's scalars carry them.
double effective_eps(const Config& config, const Dialect& dialect);

/// The number of statistics and values per statistic of an x of this shape. Precondition: rank >= 2.
struct FeatureCount {
  std::int64_t features, values;
};
FeatureCount feature_count(const Shape& shape, Axes axes);

}  // namespace bncheck
