/// Tests of beyond_reach: the options of a layer that are beyond a subject, and the reason that is given.

#include "core/reach.hpp"

#include <gtest/gtest.h>

#include "support.hpp"

namespace bncheck::test {
namespace {

using Change = void (*)(Capabilities&);

std::optional<std::string> reason(bool weight, bool bias, Change change) {
  Case c = forward_case(true, {2, 1}, {0, 1});
  c.config.weight = weight;
  c.config.bias = bias;
  c.state = fresh_state(c.config);
  Capabilities can;
  change(can);
  return beyond_reach(c, can);
}

TEST(Reach, WeightAndBias) {
  const Change all = [](Capabilities&) {};
  const Change never_alone = [](Capabilities& can) { can.weight_or_bias_alone = false; };
  const Change never_without = [](Capabilities& can) { can.without_affine = false; };
  for (const Change change : {all, never_alone, never_without})
    EXPECT_EQ(reason(true, true, change), std::nullopt);
  for (const bool weight : {true, false}) {
    EXPECT_EQ(reason(weight, !weight, all), std::nullopt);
    EXPECT_EQ(reason(weight, !weight, never_without), std::nullopt);
    EXPECT_EQ(reason(weight, !weight, never_alone),
              "the subject takes no weight without a bias and no bias without a weight");
  }
  EXPECT_EQ(reason(false, false, all), std::nullopt);
  EXPECT_EQ(reason(false, false, never_alone), std::nullopt);
  EXPECT_EQ(reason(false, false, never_without), "the subject needs weight and bias");
}

}  // namespace
}  // namespace bncheck::test
