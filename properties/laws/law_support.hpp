#pragma once
/// What several laws do alike.

#include <functional>

#include "core/judge.hpp"
#include "core/law.hpp"
#include "generate/cases.hpp"

namespace bncheck {

/// The only Forward of a case that must succeed and is not empty; else Settled as not applicable.
/// Throws Settled.
const Forward& one_valid_forward(const Case& c, const Capabilities& can);

/// A case of two calls that must succeed: a forward call on a batch that is not empty, and its gradient.
struct GradientCalls {
  const Forward& forward;
  const Backward& backward;
};
/// Index of the backward call in such a case.
inline constexpr std::size_t gradient_call = 1;
/// Else Settled as not applicable. Throws Settled.
GradientCalls one_valid_gradient(const Case& c, const Capabilities& can);

/// Every output of every call against the exact answer, within the attainable error that
/// oracle/src/attainable_error.cpp derives, and the state that no call may touch. Not applicable
/// where a call must fail or a value is not finite.
Verdict judge_every_call(const Case& c, Runner& runner);
/// The same of its backward calls only: what is wrong with a forward call is another law's affair.
Verdict judge_every_gradient(const Case& c, Runner& runner);

/// |got - expected| <= bound, with `what` as the subject of the message otherwise.
void judge_bound(Verdict& verdict, const std::string& what, long double got, long double expected,
                 long double bound);

/// Every call must succeed, each after those before it.
bool all_succeed(const Case& c, const Dialect& dialect);
/// Throws Settled, not applicable, unless `all_succeed`.
void require_success(const Case& c, const Capabilities& can);

/// Every input and statistic of the case is finite.
bool all_finite(const Case& c);
bool all_finite(const Tensor& tensor);
/// The state that call `call` started from is finite and has no variance with V = running_var + eps <= 0, or
/// the subject declares what it does there: statistics that overflowed in an earlier step are not to be
/// judged again in a later one.
bool fit_to_judge(const Run& run, std::size_t call, const Capabilities& can);

/// An infinity or a NaN in one place. Precondition: the tensor has elements.
void put_special(Draws& draws, Tensor& tensor);

/// The same case with other data or another way of carrying it out.
Case with_exec(Case c, const Exec& exec);
Case with_input(Case c, Tensor x);
Case with_gradient(Case c, Tensor dy);

/// Flat index of (sample, channel, position) in an (N, C, ...) tensor. Per activation, each position of a channel is
/// a channel of its own: (N, C S) has the same order of elements.
struct Geometry {
  std::int64_t samples, channels, spatial;
  explicit Geometry(const Shape& shape, Axes axes = Axes::spatial);
  std::int64_t at(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return (n * channels + c) * spatial + s;
  }
  /// Values per channel.
  std::int64_t values() const { return samples * spatial; }
  std::int64_t channel_of(std::int64_t index) const { return index / spatial % channels; }
  /// All elements of a channel, in logical order.
  std::vector<std::size_t> elements(std::int64_t c) const;
};

/// All outputs of the last calls of two runs agree; element i of y or dx of `a` is element `map(i)` of `b`.
void judge_same_results(const Run& a, const Run& b, bool bitwise, const Capabilities& can, Verdict& verdict,
                        const std::function<std::int64_t(std::int64_t)>& map = {});

}  // namespace bncheck
