/// Shrinking: it ends where no step is wanted, it is short, and for a wrong BatchNorm it reaches a case that
/// is easy to read.

#include "search/shrink.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "laws/catalogue.hpp"
#include "report/show_case.hpp"
#include "search/smaller.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

const Tensor& input_of(const Case& c) {
  return std::get<Forward>(c.calls[0].operation).x;
}

Case of_twelve_channels() {
  std::vector<float> x(std::size_t{12} * 40);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = 0.1f * static_cast<float>(i) - 7;
  return forward_case(true, {4, 12, 10}, x);
}

TEST(Shrink, EndsWhereNoStepIsWanted) {
  const auto wanted = [](const Case& c) {
    return std::ranges::count_if(input_of(c).floats(), [](float v) { return std::fabs(v) >= 1.5f; }) >= 3;
  };
  const Case c = shrunk(of_twelve_channels(), wanted);
  EXPECT_TRUE(wanted(c));
  for (const auto& step : smaller(c)) EXPECT_FALSE(wanted(step())) << show_case(step());
  EXPECT_EQ(input_of(c).size(), 3U);
  EXPECT_TRUE(std::ranges::all_of(input_of(c).floats(), [](float v) { return v == 2; })) << show_case(c);
}

TEST(Shrink, WithoutTimeTheCaseStays) {
  const Case start = of_twelve_channels();
  const auto never_asked = [](const Case&) {
    ADD_FAILURE();
    return true;
  };
  EXPECT_EQ(shrink(start, never_asked, std::chrono::steady_clock::time_point::min()), start);
}

/// Every channel is needed, each with its own simplification. Continuing after a successful step asks about
/// each step of the last case and little more; starting again after each success would multiply the two.
TEST(Shrink, GoesOnWhereAStepWorked) {
  std::size_t asked = 0;
  const auto wanted = [&](const Case& c) {
    ++asked;
    const auto x = input_of(c).floats();
    return x.size() == 64 && std::ranges::all_of(x, [](float v) { return std::fabs(v) >= 1; }) &&
           std::ranges::adjacent_find(x) == x.end();
  };
  std::vector<float> x(64);
  for (std::size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(3 + 2 * i);
  const Case c = shrunk(forward_case(true, {64, 1}, x), wanted);
  EXPECT_LT(asked, 4 * (smaller(c).size() + 64 * 12)) << show_case(c);
}

struct Small {
  const char* fault;
  const char* law;
};

class ShrinksFault : public testing::TestWithParam<Small> {};

/// At most 2 channels of at most 8 values, each 0, ±1 or another number with few bits; faults that depend on
/// cancellation need more.
TEST_P(ShrinksFault, ToACaseForAPerson) {
  const auto subject = make_subject(std::string("fault:") + GetParam().fault);
  CheckOptions options = test_options();
  options.shrink_time = std::chrono::hours(1);
  const LawResult result = check_law(*law_named(GetParam().law), *subject, options);
  ASSERT_TRUE(result.counterexample.has_value());
  const Case& c = *result.counterexample;
  EXPECT_FALSE(result.flaky());
  EXPECT_LE(c.config.num_features, 2) << show_case(c);
  EXPECT_LE(input_of(c).size(), 8U * static_cast<std::size_t>(c.config.num_features)) << show_case(c);
  for (const float v : input_of(c).floats()) EXPECT_LT(complexity(v), complexity(0.1f)) << show_case(c);
}

INSTANTIATE_TEST_SUITE_P(
    Faults, ShrinksFault,
    testing::Values(Small{"normalises_unbiased", "matches_oracle"},
                    Small{"eps_outside_root", "matches_oracle"}, Small{"shard_spread_lost", "matches_oracle"},
                    Small{"squares_overflow", "extreme_range"},
                    Small{"running_var_biased", "momentum_one_step"},
                    Small{"x_read_as_nchw", "matches_oracle"}, Small{"one_pass", "matches_oracle"},
                    Small{"inference_folded", "matches_oracle"},
                    Small{"dx_without_projection", "backward_matches_oracle"},
                    Small{"dy_read_as_nchw", "backward_matches_oracle"},
                    Small{"in_place_reads_overwritten_x", "matches_oracle"}),
    [](const auto& of) { return test_name(std::string(of.param.fault) + "_" + of.param.law); });

}  // namespace
}  // namespace bncheck::test
