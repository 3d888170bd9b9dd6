#pragma once
/// Common parts of the tests of properties/: subjects made for them, and short ways to build a Case.

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <vector>

#include "bncheck/answer_file.hpp"
#include "bncheck/case.hpp"
#include "bncheck/walk.hpp"
#include "core/runner.hpp"
#include "search/check_law.hpp"
#include "search/shrink.hpp"

namespace bncheck::test {

inline Tensor vector_of(const std::vector<float>& values) {
  return Tensor::of({static_cast<std::int64_t>(values.size())}, values);
}

/// Case with a fresh layer and one forward call. Precondition: rank >= 2.
inline Case forward_case(bool training, Shape shape, const std::vector<float>& x) {
  Case c;
  c.config.dimensions = shape.size() <= 3 ? 1 : static_cast<int>(shape.size()) - 2;
  c.config.num_features = shape[1];
  c.state = fresh_state(c.config);
  c.calls.push_back({Forward{training, Tensor::of(std::move(shape), x)}, {}});
  return c;
}

/// The exact answer, rounded to nearest, to which no law may object, in any dialect and with any claim.
class Perfect : public Subject {
 public:
  explicit Perfect(Dialect dialect, Claim claim = Claim::exact) {
    can_.dialect = std::move(dialect);
    can_.caller_state = true;
    can_.canonical_bits = true;
    can_.numerics.claim = claim;
    can_.numerics.thread_invariant = can_.numerics.layout_invariant = true;
  }
  std::string name() const override { return "perfect"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    for (Walk walk(c, can_.dialect); !walk.done(); walk.advance(outcome.replies.back().state)) {
      outcome.replies.push_back(rounded_reply(walk.expected(), walk.before()));
    }
    return outcome;
  }

 protected:
  static Reply rounded_reply(const ExpectedCall& expected, const State& before) {
    if (expected.must_fail()) return {Failure{expected.errors[0], "not allowed", false}, before};
    Values values;
    for (const auto& [output, tensor] : expected.outputs) {
      if (!is_state(output)) values.outputs.emplace(output, tensor.nearest());
    }
    return {std::move(values), rounded_state(expected)};
  }

  Capabilities can_;
};

/// The smallest case that is still wanted, without a time limit.
inline Case shrunk(Case c, const std::function<bool(const Case&)>& wanted) {
  return shrink(std::move(c), wanted, std::chrono::steady_clock::time_point::max());
}

/// Fixed seed, so that every run of the tests has the same cases; BNCHECK_SEED sets another one.
inline std::uint64_t test_seed() {
  const char* given = std::getenv("BNCHECK_SEED");
  return given == nullptr ? 20240229 : std::strtoull(given, nullptr, 10);
}

/// Number of random cases to run, reduced in builds with sanitizers.
inline int some_of(int cases) {
  return std::max(cases / BNCHECK_ONE_CASE_IN, 1);
}
constexpr bool draws_all = BNCHECK_ONE_CASE_IN == 1;

/// Whether the law holds. With few cases, one discarded case is too many for a verdict.
inline bool holds(const LawResult& result) {
  const bool discarded = result.kind == Verdict::Kind::inconclusive && result.cases > 0 &&
                         result.reason.starts_with("discarded");
  return result.kind == Verdict::Kind::holds || (!draws_all && discarded);
}
inline bool holds_or_is_not_applicable(const LawResult& result) {
  return holds(result) || result.kind == Verdict::Kind::not_applicable;
}

inline CheckOptions test_options() {
  CheckOptions options;
  options.cases = some_of(200);
  options.seed = test_seed();
  return options;
}

/// Text with letters, digits and underscores only, as the name of a test requires.
inline std::string test_name(std::string text) {
  for (char& letter : text) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return text;
}

}  // namespace bncheck::test
