/// Figures, histograms, classes and worst cases of the exact judge.

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "core/judge.hpp"
#include "laws/catalogue.hpp"
#include "report/accuracy.hpp"
#include "report/results.hpp"
#include "search/condition.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
const Dialect pytorch = *dialect_named("pytorch");

Error error_of(bool nearest, double ulps, double ratio, double folded_ratio) {
  Error error;
  error.nearest = nearest;
  error.ulps = ulps;
  error.ratio = ratio;
  error.folded_ratio = folded_ratio;
  return error;
}

ErrorFigures figures_of(const std::vector<Error>& errors) {
  ErrorFigures figures;
  for (const Error& error : errors) figures.add(error);
  return figures;
}

TEST(AccuracyClass, IsTheBestThatEveryElementIsIn) {
  const Error right = error_of(true, 0.5, 1, 1), close = error_of(false, 0.75, 1.5, 1.5),
              in_bound = error_of(false, 9, 0.9, 0.1), folded = error_of(false, 90, 9, 0.9),
              wrong = error_of(false, 90, 9, 1.1);
  EXPECT_EQ(accuracy_class(figures_of({})), std::nullopt);
  EXPECT_EQ(accuracy_class(figures_of({right, right})), AccuracyClass::correctly_rounded);
  EXPECT_EQ(accuracy_class(figures_of({right, close})), AccuracyClass::faithful);
  EXPECT_EQ(accuracy_class(figures_of({right, in_bound})), AccuracyClass::sound);
  EXPECT_EQ(accuracy_class(figures_of({right, in_bound, folded})), AccuracyClass::folded);
  EXPECT_EQ(accuracy_class(figures_of({folded, wrong})), AccuracyClass::unsound);
}

/// The two strong classes are statements about every element; the others ignore elements outside the range.
TEST(AccuracyClass, BeyondTheRangeOnlyTheStrongClassesAreLost) {
  Error beyond = error_of(false, 1e9, infinity, infinity);
  beyond.in_range = false;
  EXPECT_EQ(accuracy_class(figures_of({error_of(true, 0, 0, 0), beyond})), AccuracyClass::sound);
  EXPECT_EQ(accuracy_class(figures_of({beyond})), std::nullopt);
}

TEST(ErrorFigures, LeaveWhatIsBeyondTheRangeOutOfTheWorst) {
  Error beyond = error_of(true, 7, 8, 9);
  beyond.in_range = false;
  const ErrorFigures figures = figures_of({error_of(false, 2, 3, 4), beyond});
  EXPECT_EQ(figures.elements, 2);
  EXPECT_EQ(figures.nearest, 1);
  EXPECT_EQ(figures.out_of_range, 1);
  EXPECT_EQ(figures.worst_ulps, 2);
  EXPECT_EQ(figures.worst_ratio, 3);
  EXPECT_EQ(figures.worst_folded_ratio, 4);
}

TEST(ErrorFigures, AShareIsRoundedNeitherToAllNorToNone) {
  ErrorFigures figures;
  figures.elements = 1'000'000;
  figures.nearest = 999'999;
  EXPECT_EQ(show_share(figures), "99.99 %");
  figures.nearest = 1;
  EXPECT_EQ(show_share(figures), "0.01 %");
  figures.nearest = figures.elements;
  EXPECT_EQ(show_share(figures), "100 %");
}

TEST(LogHistogram, BinsArePowersOfTwoWithOpenEnds) {
  LogHistogram histogram;
  for (const double value : {0.0, 1.0, 1.999, 2.0, 0.5, 1e-30, 1e30, infinity, std::nan("")}) {
    histogram.add(value);
  }
  EXPECT_EQ(histogram.zeros(), 1);
  EXPECT_EQ(histogram.count(0), 2);
  EXPECT_EQ(histogram.count(1), 1);
  EXPECT_EQ(histogram.count(-1), 1);
  EXPECT_EQ(histogram.count(LogHistogram::lowest), 1);
  EXPECT_EQ(histogram.count(LogHistogram::highest), 1);
  EXPECT_EQ(histogram.infinite(), 2);
}

TEST(ErrorScatter, KeepsTheWorstOfEachCellAndCountsAll) {
  ErrorScatter scatter;
  scatter.add(1.0, 0.25);
  scatter.add(1.5, 0.375);
  scatter.add(1.75, 0.375);
  scatter.add(4, 0);
  scatter.add(std::nan(""), 1);
  scatter.add(4, infinity);
  const std::vector<ErrorPoint> points = scatter.points();
  ASSERT_EQ(points.size(), 3U);
  EXPECT_EQ(points[0].condition, 1.5);
  EXPECT_EQ(points[0].ulps, 0.375);
  EXPECT_EQ(points[0].elements, 3);
  EXPECT_EQ(points[1].ulps, 0);
  EXPECT_EQ(points[2].ulps, infinity);
}

TEST(Condition, IsTheMeanMagnitudeInUnitsOfTheDeviation) {
  Case c = forward_case(true, {2, 2}, {999, -1, 1001, 1});
  c.config.eps = 0;
  const std::vector<double> numbers =
      condition_numbers(c.config, c.state, std::get<Forward>(c.calls[0].operation), pytorch);
  ASSERT_EQ(numbers.size(), 2U);
  EXPECT_DOUBLE_EQ(numbers[0], 2000);  // (1000 + |1000|) / 1
  EXPECT_DOUBLE_EQ(numbers[1], 1);     // (1 + 0) / 1
}

TEST(Condition, OfInferenceIsThatOfTheGivenStatistics) {
  Case c = forward_case(false, {2, 1}, {3, 5});
  c.config.eps = 0;
  c.state.running_mean = vector_of({-6});
  c.state.running_var = vector_of({4});
  const Forward& forward = std::get<Forward>(c.calls[0].operation);
  EXPECT_DOUBLE_EQ(condition_numbers(c.config, c.state, forward, pytorch)[0], 5);  // (4 + |-6|) / 2
}

TEST(Condition, FindsTheStatisticOfAnElement) {
  EXPECT_EQ(statistic_of(11, {2, 3, 4}, Axes::spatial), 2U);
  EXPECT_EQ(statistic_of(12, {2, 3, 4}, Axes::spatial), 0U);
  EXPECT_EQ(statistic_of(13, {2, 3, 4}, Axes::per_activation), 1U);
}

/// Right, except for the last element of y, which is off by a number of floats.
class LastOff : public Perfect {
 public:
  explicit LastOff(int floats) : Perfect(pytorch, Claim::sound), floats_(floats) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Perfect::run(c);
    for (Reply& reply : outcome.replies) {
      auto* values = std::get_if<Values>(&reply.result);
      if (values == nullptr || !values->outputs.contains(Output::y)) continue;
      float& last = values->outputs.at(Output::y).floats().back();
      for (int k = 0; k < floats_; ++k) last = std::nextafter(last, HUGE_VALF);
    }
    return outcome;
  }

 private:
  int floats_;
};

void judge_into(ErrorStatistics& statistics, Subject& subject, const Case& c) {
  Runner runner(subject);
  runner.set_sink(&statistics);
  const Run run = runner.run(c);
  Verdict verdict;
  judge_call(run, c.calls.size() - 1, subject.can(), Judged::in_range, verdict);
}

TEST(ErrorStatistics, CountsByPassAndOutput) {
  LastOff subject(64);
  ErrorStatistics statistics(pytorch);
  const Case c = forward_case(true, {3, 1}, {1, 2, 4});
  judge_into(statistics, subject, c);
  ASSERT_EQ(statistics.passes().size(), 1U);
  const PassErrors& training = statistics.passes().at(Pass::training);
  const OutputErrors& y = training.outputs.at(Output::y);
  EXPECT_EQ(y.figures.elements, 3);
  EXPECT_EQ(y.figures.nearest, 2);
  EXPECT_EQ(y.ulps.count(6) + y.ulps.count(5), 1);
  EXPECT_EQ(training.outputs.at(Output::running_mean).figures.nearest, 1);
  ASSERT_FALSE(training.worst.empty());
  EXPECT_EQ(training.worst.front().content, c);
  EXPECT_EQ(training.worst.front().worst.output, Output::y);
  EXPECT_EQ(training.worst.front().worst.index, 2);
  EXPECT_GT(training.worst.front().condition, 1);
  EXPECT_EQ(statistics.total().elements, training.total().elements);
}

TEST(ErrorStatistics, ACaseStandsOnceAmongTheWorstAndTheLargestRatioFirst) {
  LastOff slight(64), far(4096);
  ErrorStatistics statistics(pytorch);
  const Case c = forward_case(true, {3, 1}, {1, 2, 4}), other = forward_case(true, {3, 1}, {1, 2, 5});
  judge_into(statistics, slight, c);
  judge_into(statistics, slight, c);
  judge_into(statistics, far, other);
  const std::vector<WorstCase>& worst = statistics.passes().at(Pass::training).worst;
  ASSERT_EQ(worst.size(), 2U);
  EXPECT_EQ(worst[0].content, other);
  EXPECT_GT(worst[0].worst.error.ratio, worst[1].worst.error.ratio);
}

TEST(ErrorStatistics, TheWorstAreBounded) {
  LastOff subject(64);
  ErrorStatistics statistics(pytorch);
  for (int k = 0; k < 20; ++k) {
    judge_into(statistics, subject, forward_case(true, {3, 1}, {1, 2, static_cast<float>(4 + k)}));
  }
  EXPECT_EQ(statistics.passes().at(Pass::training).worst.size(), PassErrors::most_worst);
}

/// The figures are those of the drawn cases, whatever happens to a finding later, and the same for the same
/// seed.
TEST(ErrorStatistics, OfACheckFollowFromTheSeed) {
  const auto figures = [](std::uint64_t seed, int shrink_ms) {
    LastOff subject(1 << 20);
    ErrorStatistics statistics(pytorch);
    CheckOptions options;
    options.seed = seed;
    options.statistics = &statistics;
    options.shrink_time = std::chrono::milliseconds(shrink_ms);
    const LawResult result = check_law(*law_named("matches_oracle"), subject, options);
    EXPECT_EQ(result.kind, Verdict::Kind::violated);
    return accuracy_json(statistics.passes(), [](Pass) { return ""; }).dump();
  };
  EXPECT_EQ(figures(1, 0), figures(1, 1000));
  EXPECT_NE(figures(1, 0), figures(2, 0));
}

/// A stored case that violates its law ends the check of the law, and is the only measured case.
TEST(ErrorStatistics, OfACheckKnowStoredCases) {
  LastOff subject(1 << 20);
  ErrorStatistics statistics(pytorch);
  CheckOptions options;
  options.statistics = &statistics;
  options.stored.push_back({forward_case(true, {3, 1}, {1, 2, 4}), true});
  EXPECT_EQ(check_law(*law_named("matches_oracle"), subject, options).cases, 0);
  ASSERT_TRUE(statistics.passes().contains(Pass::training));
  EXPECT_EQ(statistics.passes().at(Pass::training).outputs.at(Output::y).figures.elements, 3);
}

Finding unsound_finding(Case c, double ratio, const std::string& file) {
  Finding finding;
  finding.case_file = file;
  finding.result.kind = Verdict::Kind::violated;
  finding.result.counterexample = std::move(c);
  Mismatch mismatch;
  mismatch.error.ratio = ratio;
  finding.result.verdict.mismatches.push_back(mismatch);
  return finding;
}

TEST(SmallestUnsound, IsTheSmallestOfItsPass) {
  const std::vector<Finding> findings{
      unsound_finding(forward_case(true, {2, 2}, {1, 2, 3, 4}), 5, "large"),
      unsound_finding(forward_case(true, {2, 1}, {1, 2}), 5, "small"),
      unsound_finding(forward_case(true, {1, 1}, {1}), 0.5, "sound all the same"),
      unsound_finding(forward_case(false, {1, 1}, {1}), 5, "inference")};
  EXPECT_EQ(smallest_unsound(findings, Pass::training)->case_file, "small");
  EXPECT_EQ(smallest_unsound(findings, Pass::inference)->case_file, "inference");
  EXPECT_EQ(smallest_unsound(findings, Pass::backward_training), nullptr);
}

}  // namespace
}  // namespace bncheck::test
