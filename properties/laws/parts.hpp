#pragma once
/// What several laws do alike.

#include <functional>

#include "core/judge.hpp"
#include "core/law.hpp"
#include "generate/cases.hpp"

namespace bncheck {

/// A law about every subject.
std::optional<std::string> excludes_nobody(const Capabilities& can);

/// The only Forward of a case that must succeed and is not empty; else Settled as not applicable.
/// Throws Settled.
const Forward& one_valid_forward(const Case& c, const Capabilities& can);

/// Every input and statistic of the case is finite.
bool all_finite(const Case& c);
bool all_finite(const Tensor& tensor);
/// The state that call `call` started from is finite, or the subject declares what it does where it is not:
/// statistics that overflowed in an earlier step are not to be judged again in a later one.
bool fit_to_judge(const Run& run, std::size_t call, const Capabilities& can);

/// The same case with other data or another way of carrying it out.
Case with_exec(Case c, const Exec& exec);
Case with_input(Case c, Tensor x);

/// Flat index of (sample, channel, position) in an (N, C, ...) tensor.
struct Geometry {
  std::int64_t samples, channels, spatial;
  explicit Geometry(const Shape& shape);
  std::int64_t at(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return (n * channels + c) * spatial + s;
  }
};

/// All outputs of the first calls of two runs agree; y's element i of `a` is y's element `map(i)` of `b`.
void judge_same_results(const Run& a, const Run& b, bool bitwise, const Capabilities& can, Verdict& verdict,
                        const std::function<std::int64_t(std::int64_t)>& map = {});

}  // namespace bncheck
