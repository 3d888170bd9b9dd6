#pragma once
/// The exact answer to one call of a Case in a Dialect.
///
/// Each call of a sequence is answered from the state that the subject itself had before it. So rounding in
/// earlier calls is never counted against a later one.

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
/// Member of State that holds an output which the call leaves in the state; null for an output that it
/// returns.
std::optional<Tensor> State::* member_of(Output output);
/// Whether the call leaves the output in the state rather than returning it.
bool is_state(Output output);

class Answer;

/// Error that attainable_error.hpp allows for one exact number, without the rounding of the result itself.
struct Slack {
  long double amount = 0;
  /// Additional error of y = α·x + β′, with α and β′ computed (folded) beforehand. This form is sound only
  /// where β′ does not cancel. The folding error is never part of a verdict, but it explains one. 0 for
  /// outputs other than y.
  long double folding = 0;
  /// false: an intermediate result leaves the exponent range of the arithmetic. The bound does not hold
  /// there; a law of its own checks such elements.
  bool in_range = true;
};

/// Error of a number of the output's dtype, in three measures that are never mixed.
struct Error {
  bool nearest = false;     ///< correctly rounded: same bits, where +0 equals −0 and any NaN equals any other
  double ulps = 0;          ///< |got − exact| / ulp(exact); infinite where only one of the two is finite
  double ratio = 0;         ///< |got − exact| / attainable
  double folded_ratio = 0;  ///< the ratio if mean and invstd may be folded into α·x + β′
  long double attainable = 0;  ///< attainable error, half an ulp of the result included
  bool in_range = true;        ///< false: the ratio says nothing, see Slack
};

/// One output tensor. The exact number of each element is computed on demand.
class ExpectedTensor {
 public:
  ExpectedTensor(std::shared_ptr<const Answer> answer, Output output);

  const Shape& shape() const;
  std::int64_t size() const;
  /// Dtype of the output: that of x for y and dx, their own for running statistics, that of the parameters
  /// for the rest.
  Dtype dtype() const;
  ExactNumber value(std::int64_t index) const;
  Slack slack(std::int64_t index, const Numerics& numerics) const;
  /// Error of `got`, a number of the output's dtype, which a double holds exactly.
  Error error(std::int64_t index, double got, const Numerics& numerics) const;
  /// Exact number rounded to the dtype.
  double nearest(std::int64_t index) const;
  /// All elements rounded to the dtype.
  Tensor nearest() const;

 private:
  std::shared_ptr<const Answer> answer_;
  Output output_;
};

struct ExpectedCall {
  /// Not empty: the call must fail with one of these kinds and must change nothing.
  std::vector<ErrorKind> errors;
  /// Outputs that the call returns or puts into the state.
  std::map<Output, ExpectedTensor> outputs;
  /// State after the call, bit for bit, except for the tensors in `outputs`.
  State state;
  /// Configuration after the call (SetMomentum changes it).
  Config config;
  bool must_fail() const { return !errors.empty(); }
};

/// The case has no answer: x or dy does not have the number of bytes that its shape and dtype require.
class NoAnswer : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

/// Exact answer to a call. `latest`: the latest forward call that succeeded, unless a Load came after it;
/// null where there is none. walk.hpp goes through a whole case. Throws NoAnswer.
ExpectedCall expect(const Config& config, const State& before, const Call& call, const Dialect& dialect,
                    const Forward* latest = nullptr);

/// Kinds of error that the contract allows for the call; empty if the call must succeed. Throws NoAnswer.
std::vector<ErrorKind> errors_of(const Config& config, const State& before, const Call& call,
                                 const Dialect& dialect, const Forward* latest = nullptr);

/// What is wrong with the first vector that makes a call fail with ErrorKind::length: "weight has shape [3], expected
/// [2]". Empty if all fit.
std::string vector_misfit(const Config& config, const State& before, const Call& call,
                          const Dialect& dialect);

/// Whether a number of the interface becomes a float, where x has the dtype `data`.
bool is_narrow(Scalar as, Dtype data);
/// A number of the interface as it reaches the formulas.
double scalar_of(double value, Scalar as, Dtype data);

/// ε as it reaches the formulas, raised to the dialect's eps_floor, where x has the dtype `data`.
double effective_eps(const Config& config, const Dialect& dialect, Dtype data);

/// Whether this ε is 0 where batch statistics need more.
bool lacks_eps(const Config& config, const Dialect& dialect, Dtype data);

/// Weights of r ← old·r + fresh·s in a training call.
struct RunningWeights {
  long double old, fresh;
};
/// Those of the call that makes `batches` batches, from the options and the dialect, where x has the dtype `data`.
RunningWeights running_weights(const Config& config, const Dialect& dialect, std::int64_t batches,
                               Dtype data);

/// Number of statistics, and of values per statistic, for an x of this shape. Precondition: rank >= 2.
struct FeatureCount {
  std::int64_t features, values;
};
FeatureCount feature_count(const Shape& shape, Axes axes);

}  // namespace bncheck
