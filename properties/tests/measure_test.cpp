/// The measurements of `bncheck compare`.

#include <gtest/gtest.h>

#include <set>

#include "report/league.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

Measured measured_by(Subject& subject, int cases, std::uint64_t seed) {
  static const std::atomic<bool> never{false};
  Hangs hangs;
  return measure(subject, cases, seed, never, hangs);
}

/// A right answer in which every output is one float further from zero.
class OneUlpOff : public Perfect {
 public:
  OneUlpOff() : Perfect(*dialect_named("pytorch"), Claim::sound) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    for (Reply& reply : outcome.replies) {
      auto* values = std::get_if<Values>(&reply.result);
      if (values == nullptr) continue;
      for (auto& [output, tensor] : values->outputs) {
        for (float& v : tensor.floats()) v = std::nextafter(v, v < 0 ? -HUGE_VALF : HUGE_VALF);
      }
    }
    return outcome;
  }
};

class Refusing : public Perfect {
 public:
  Refusing() : Perfect(*dialect_named("pytorch")) {}
  Outcome run(const Case& c) override {
    Outcome outcome;
    for (std::size_t k = 0; k < c.calls.size(); ++k) {
      outcome.replies.push_back({Failure{ErrorKind::other, "no", false}, c.state});
    }
    return outcome;
  }
};

/// Dies in every gradient, and cannot do inference.
class Dying : public Perfect {
 public:
  Dying() : Perfect(*dialect_named("pytorch")) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    const auto& forward = std::get<Forward>(c.calls[0].operation);
    if (c.calls.size() > 1) {
      outcome.death = Death{Death::Cause::signal, "SIGSEGV", 1};
    } else if (!forward.training) {
      outcome.replies[0] = {Failure{ErrorKind::unsupported, "no inference", false}, c.state};
    }
    return outcome;
  }
};

TEST(Measure, TheExactAnswerIsNearestEverywhere) {
  Perfect subject(*dialect_named("pytorch"));
  const Measured measured = measured_by(subject, 2, 5);
  EXPECT_EQ(measured.cases, 2 * static_cast<std::int64_t>(all_workloads().size()));
  EXPECT_TRUE(measured.failures.empty());
  EXPECT_TRUE(measured.deaths.empty());
  std::set<Output> outputs;
  for (const Measurement& row : measured.rows) {
    EXPECT_GT(row.figures.elements, 0);
    EXPECT_EQ(row.figures.nearest, row.figures.elements)
        << name_of(row.workload->pass) << ' ' << row.workload->regime;
    EXPECT_LE(row.figures.worst_ulps, 0.5);
    outputs.insert(row.output);
  }
  for (const Output output : {Output::y, Output::running_var, Output::dx, Output::dweight, Output::dbias}) {
    EXPECT_TRUE(outputs.contains(output)) << name_of(output);
  }
}

TEST(Measure, OneUlpOffIsSeen) {
  OneUlpOff subject;
  for (const Measurement& row : measured_by(subject, 1, 5).rows) {
    // Where results overflow, there is no next float.
    if (is_state(row.output) || row.workload->regime.ends_with("huge")) continue;
    EXPECT_EQ(row.figures.nearest, 0) << name_of(row.workload->pass) << ' ' << row.workload->regime;
    if (row.figures.out_of_range == row.figures.elements) continue;
    EXPECT_GE(row.figures.worst_ulps, 0.5);
  }
}

TEST(Measure, RefusedCasesAreCountedAndShown) {
  Refusing subject;
  const Measured measured = measured_by(subject, 1, 5);
  EXPECT_EQ(measured.failures.size(), static_cast<std::size_t>(measured.cases));
  EXPECT_TRUE(measured.rows.empty());
  League league;
  league.contestants.push_back({.name = "refusing", .version = "1", .measured = measured});
  const std::string table = league_table(league);
  EXPECT_NE(table.find("refusing failed in 54 of 54 cases:\n"), std::string::npos) << table;
}

TEST(Measure, DeathsAreCountedAndNamed) {
  Dying subject;
  League league;
  league.contestants.push_back({.name = "dying", .version = "1", .measured = measured_by(subject, 2, 5)});
  const Measured& measured = *league.contestants[0].measured;
  std::int64_t backward = 0, inference = 0;
  for (const Workload& workload : all_workloads()) {
    backward += workload.pass == Pass::backward_training || workload.pass == Pass::backward_inference ? 2 : 0;
    inference += workload.pass == Pass::inference ? 2 : 0;
  }
  EXPECT_EQ(measured.deaths.size(), static_cast<std::size_t>(backward));
  EXPECT_EQ(measured.unsupported, inference);
  const std::string table = league_table(league);
  EXPECT_NE(table.find("dying died in "), std::string::npos) << table;
  EXPECT_NE(table.find("  backward training, x ordinary, case 0: call 1: the subject "), std::string::npos)
      << table;
}

/// Another subject in the comparison changes no case.
TEST(Measure, CasesFollowFromTheSeed) {
  OneUlpOff subject;
  const auto figures = [&](std::uint64_t seed) {
    League league;
    league.contestants.push_back({.name = "one", .version = "1", .measured = measured_by(subject, 1, seed)});
    return league_json(league);
  };
  EXPECT_EQ(figures(3), figures(3));
  EXPECT_NE(figures(3), figures(4));
}

}  // namespace
}  // namespace bncheck::test
