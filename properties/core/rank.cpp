#include "core/rank.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "bncheck/elements.hpp"
#include "core/judge.hpp"

namespace bncheck {
namespace {

constexpr std::array<std::pair<Rank, std::string_view>, 4> ranks{
    {{Rank::wrong, "wrong"}, {Rank::inaccurate, "inaccurate"}, {Rank::limit, "limit"}, {Rank::lax, "lax"}}};

/// Rank of one number; nullopt if it is within the claim, or, where an intermediate result leaves the range, within the
/// bound of an arithmetic with a wider one.
std::optional<Rank> rank_of_element(const ExpectedTensor& expected, std::int64_t i, double got,
                                    const Numerics& numerics) {
  const Error error = expected.error(i, got, numerics);
  if (error.in_range) {
    if (meets_claim(error, numerics.claim)) return std::nullopt;
    const bool right = expected.error(i, got, least_accurate(numerics)).ratio <= 1;
    return right ? Rank::inaccurate : Rank::wrong;
  }
  const std::optional<Error> beyond = error_beyond_range(expected, i, got, numerics);
  if (!beyond || meets_claim(*beyond, numerics.claim)) return std::nullopt;
  return Rank::limit;
}

/// Worst rank of the numbers of the runs so far. Where the verdict names outputs, only those count: another output of
/// the same run may be off for another reason.
class Evidence {
 public:
  Evidence(const Numerics& numerics, const Verdict& verdict) : numerics_(numerics) {
    for (const Mismatch& mismatch : verdict.mismatches) named_.emplace(mismatch.call, mismatch.output);
  }

  void add(const Run& run) {
    for (std::size_t call = 0; call < run.replies.size(); ++call) {
      if (run.expected[call].must_fail() || !std::holds_alternative<Values>(run.replies[call].result))
        continue;
      for (const auto& [output, expected] : run.expected[call].outputs) {
        const Tensor* tensor = find_output(run.replies[call], output);
        if (!named_.empty() && !named_.contains({call, output})) continue;
        if (tensor == nullptr || tensor->dtype != expected.dtype() || tensor->shape != expected.shape() ||
            !tensor->is_whole()) {
          continue;
        }
        for (std::int64_t i = 0; i < expected.size(); ++i)
          add(rank_of_element(expected, i, element(*tensor, i), numerics_));
      }
    }
  }

  std::optional<Rank> worst() const { return worst_; }

 private:
  void add(std::optional<Rank> rank) {
    if (rank) worst_ = worst_ ? std::min(*worst_, *rank) : *rank;
  }

  const Numerics& numerics_;
  std::set<std::pair<std::size_t, Output>> named_;
  std::optional<Rank> worst_;
};

/// Observes the runs of a runner, whose statistics do not see them, during its lifetime.
class Observation {
 public:
  Observation(Runner& runner, std::function<void(const Run&)> observer)
      : runner_(runner), sink_(runner.set_sink(nullptr)) {
    runner_.set_observer(std::move(observer));
  }
  ~Observation() {
    runner_.set_observer({});
    runner_.set_sink(sink_);
  }
  Observation(const Observation&) = delete;
  Observation& operator=(const Observation&) = delete;

 private:
  Runner& runner_;
  ErrorSink* sink_;
};

}  // namespace

std::string_view name_of(Rank rank) {
  return std::ranges::find(ranks, rank, &std::pair<Rank, std::string_view>::first)->second;
}

std::optional<Rank> rank_named(std::string_view name) {
  const auto found = std::ranges::find(ranks, name, &std::pair<Rank, std::string_view>::second);
  return found == ranks.end() ? std::nullopt : std::optional(found->first);
}

Numerics least_accurate(Numerics numerics) {
  numerics.claim = Claim::sound;
  numerics.summation = Summation::naive;
  numerics.form = Form::one_pass;
  return numerics;
}

Rank rank_of(const Verdict& verdict, Runner& runner, const std::function<Verdict()>& again) {
  if (verdict.ground == Verdict::Ground::conduct) return Rank::wrong;
  if (verdict.ground == Verdict::Ground::acceptance) return Rank::lax;
  Evidence evidence(runner.can().numerics, verdict);
  {
    const Observation observation(runner, [&](const Run& run) { evidence.add(run); });
    const Verdict second = again();
    if (second.is_bad() && second.ground == Verdict::Ground::conduct) return Rank::wrong;
  }
  // Runs whose numbers are all within the claim break a relation that right numbers have.
  const Rank rank = evidence.worst().value_or(Rank::wrong);
  const bool beyond_range = std::ranges::none_of(
      verdict.mismatches, [](const Mismatch& mismatch) { return mismatch.error.in_range; });
  return rank == Rank::limit && !beyond_range ? Rank::wrong : rank;
}

Rank rank_of(const Verdict& verdict, const Law& law, const Case& c, Runner& runner) {
  return rank_of(verdict, runner, [&] { return check_case(law, c, runner); });
}

}  // namespace bncheck
