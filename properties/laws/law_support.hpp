#pragma once
/// Functions that several laws share.

#include <functional>

#include "core/judge.hpp"
#include "core/law.hpp"
#include "generate/cases.hpp"

namespace bncheck {

/// Forward call of a case that has no other call, must succeed and has a batch that is not empty. Throws
/// Settled (not applicable) for other cases.
const Forward& one_valid_forward(const Case& c, const Capabilities& can);

/// Calls of a case that must succeed: a forward call on a batch that is not empty, and its backward call.
struct GradientCalls {
  const Forward& forward;
  const Backward& backward;
};
/// Index of the backward call in such a case.
inline constexpr std::size_t gradient_call = 1;
/// These calls of the case. Throws Settled (not applicable) for other cases.
GradientCalls one_valid_gradient(const Case& c, const Capabilities& can);

/// Compares every output of every call with the exact answer, within the attainable error that
/// oracle/src/attainable_error.cpp derives, and checks the state that no call may change. Not applicable if a
/// call must fail or a value is not finite.
Verdict judge_every_call(const Case& c, Runner& runner);
/// The same for the backward calls only, because other laws judge the forward calls.
Verdict judge_every_gradient(const Case& c, Runner& runner);

/// Checks that |got − expected| ≤ bound. Otherwise the verdict is a violation, and `what` begins its message.
void judge_bound(Verdict& verdict, const std::string& what, long double got, long double expected,
                 long double bound);

/// Whether every call must succeed, each after the calls before it.
bool all_succeed(const Case& c, const Dialect& dialect);
/// Throws Settled (not applicable) unless `all_succeed`.
void require_success(const Case& c, const Capabilities& can);

/// Throws Settled (not applicable) if a call takes the statistics of one value, of which the dialect makes an exception:
/// its variance is NaN, or the running statistics keep their values.
void require_ordinary_counts(const Case& c, const Dialect& dialect);

/// Whether every input, parameter and statistic of the case is finite.
bool all_finite(const Case& c);
bool all_finite(const Tensor& tensor);
/// Whether call `call` can be judged: the state from which it started is finite and, where the call normalises with it,
/// has no running_var + ε ≤ 0, or the subject declares its results there. So statistics that overflowed in one call are
/// not judged again in later ones.
bool fit_to_judge(const Run& run, std::size_t call, const Capabilities& can);

/// Puts an infinity or a NaN in one place. Precondition: the tensor has elements.
void put_special(Draws& draws, Tensor& tensor);

/// The case with another Exec of every call, another x, or another dy.
Case with_exec(Case c, const Exec& exec);
Case with_input(Case c, Tensor x);
Case with_gradient(Case c, Tensor dy);

/// Flat indices of (sample, channel, position) in an (N, C, ...) tensor. Per activation, each position of a
/// channel counts as a channel: a tensor (N, C·S) has the same order of elements.
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

/// Checks that all outputs of the last calls of two runs agree, bit for bit or within both bounds. Element i
/// of y or dx of `a` belongs to element `map(i)` of `b`. Throws Settled (violated) if the sizes differ.
void judge_same_results(const Run& a, const Run& b, bool bitwise, const Capabilities& can, Verdict& verdict,
                        const std::function<std::int64_t(std::int64_t)>& map = {});

}  // namespace bncheck
