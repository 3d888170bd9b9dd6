/// The case that is reported as slow, and the times that check_law measures.

#include "search/case_times.hpp"

#include <gtest/gtest.h>

#include "laws/catalogue.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using std::chrono::milliseconds;

Case case_of_samples(std::int64_t samples) {
  return forward_case(true, {samples, 1}, std::vector<float>(static_cast<std::size_t>(samples), 1));
}

CaseTimes times_of(int count, milliseconds usual, milliseconds once) {
  CaseTimes times;
  times.add(case_of_samples(7), once);
  for (int k = 0; k < count; ++k) times.add(case_of_samples(2), usual);
  return times;
}

TEST(CaseTimes, ASlowCaseTookLongAndFarLongerThanTheOthers) {
  const auto slow = times_of(9, milliseconds(10), milliseconds(1100)).slow();
  ASSERT_TRUE(slow.has_value());
  EXPECT_EQ(slow->content, case_of_samples(7));
  EXPECT_EQ(slow->time, milliseconds(1100));
  EXPECT_EQ(slow->median, milliseconds(10));
}

TEST(CaseTimes, WhatIsSlowBesideTheOthersAloneIsNot) {
  EXPECT_FALSE(times_of(9, milliseconds(1), milliseconds(1000)).slow());
}

TEST(CaseTimes, WhatTakesLongAmongOthersThatDoIsNot) {
  EXPECT_FALSE(times_of(9, milliseconds(50), milliseconds(5000)).slow());
  EXPECT_FALSE(CaseTimes().slow());
}

TEST(CaseTimes, CheckLawTimesEachCase) {
  CheckOptions options = test_options();
  options.cases = 20;
  std::chrono::steady_clock::time_point now;
  int readings = 0;
  options.clock = [&] {
    // Ten seconds pass between the two readings of the fifth case, a millisecond otherwise.
    return now += milliseconds(++readings == 10 ? 10'000 : 1);
  };
  Perfect subject(*dialect_named("pytorch"));
  const auto slow = check_law(*law_named("matches_oracle"), subject, options).times.slow();
  ASSERT_TRUE(slow.has_value());
  EXPECT_EQ(slow->time, milliseconds(10'000));
  EXPECT_EQ(slow->median, milliseconds(1));
}

}  // namespace
}  // namespace bncheck::test
