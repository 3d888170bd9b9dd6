/// Cases of dtypes other than float32: drawing, shrinking, changing and showing.

#include <gmock/gmock.h>

#include <cmath>
#include <set>

#include "bncheck/elements.hpp"
#include "generate/cases.hpp"
#include "report/case_line.hpp"
#include "report/show_case.hpp"
#include "search/mutate.hpp"
#include "search/smaller.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

constexpr Dtype others[] = {Dtype::f16, Dtype::bf16, Dtype::f64};

/// Channels of one regime.
std::vector<std::vector<double>> drawn(Regime regime, Dtype dtype) {
  RandomDraws draws(17);
  std::vector<std::vector<double>> channels;
  for (int k = 0; k < 200; ++k) channels.push_back(draw_values(draws, regime, 24, dtype));
  return channels;
}

double share_of(const std::vector<std::vector<double>>& channels,
                const std::function<bool(const std::vector<double>&)>& holds) {
  const auto count = std::ranges::count_if(channels, holds);
  return static_cast<double>(count) / static_cast<double>(channels.size());
}

std::size_t distinct(const std::vector<double>& values) {
  return std::set<double>(values.begin(), values.end()).size();
}

TEST(DtypeValues, AreNumbersOfTheDtype) {
  for (const Dtype dtype : others) {
    for (const Regime regime : finite_regimes()) {
      for (const auto& channel : drawn(regime, dtype)) {
        for (const double v : channel) {
          ASSERT_TRUE(std::isfinite(v)) << name_of(regime);
          ASSERT_EQ(rounded_to(dtype, v), v) << name_of(regime) << " " << name_of(dtype);
        }
      }
    }
  }
}

TEST(DtypeValues, RegimesKeepTheirMeaning) {
  for (const Dtype dtype : others) {
    SCOPED_TRACE(name_of(dtype));
    const FloatFormat format = format_of(dtype);
    const auto all = [&](const std::function<bool(double)>& holds) {
      return [=](const std::vector<double>& values) { return std::ranges::all_of(values, holds); };
    };
    // Neighbours are different numbers at most three steps apart.
    EXPECT_GE(share_of(drawn(Regime::ulp_neighbours, dtype),
                       [&](const std::vector<double>& values) {
                         const auto [low, high] = std::ranges::minmax(values);
                         double top = low;
                         for (int k = 0; k < 3; ++k) top = next_to(dtype, top, true);
                         return distinct(values) > 1 && high <= top;
                       }),
              0.95);
    EXPECT_EQ(
        share_of(drawn(Regime::constant, dtype), [](const auto& values) { return distinct(values) == 1; }),
        1);
    EXPECT_GE(
        share_of(drawn(Regime::large_mean, dtype), [](const auto& values) { return distinct(values) > 3; }),
        0.95);
    EXPECT_EQ(share_of(drawn(Regime::tiny, dtype), all([=](double v) {
                         return std::fabs(v) <= std::ldexp(1.0, format.min_exponent + 7);
                       })),
              1);
    EXPECT_EQ(share_of(drawn(Regime::huge, dtype), all([=](double v) {
                         return std::fabs(v) >= std::ldexp(1.0, (1 - format.min_exponent) / 3);
                       })),
              1);
    EXPECT_GE(share_of(drawn(Regime::huge, dtype), [](const auto& values) { return distinct(values) > 3; }),
              0.95);
  }
}

/// Half of the float64 tensors have bits that no float has.
TEST(DtypeValues, DoublesUseTheirBits) {
  const double share = share_of(drawn(Regime::ordinary, Dtype::f64), [](const std::vector<double>& values) {
    return std::ranges::any_of(values, [](double v) { return rounded_to(Dtype::f32, v) != v; });
  });
  EXPECT_GT(share, 0.3);
  EXPECT_LT(share, 0.7);
}

Case drawn_case(const DtypePair& pair, std::uint64_t seed) {
  Capabilities can;
  can.dtypes = {pair};
  RandomDraws draws(seed);
  return draw_case(draws, can, {});
}

/// A fault that shows only in the dtype's own bits is found again: the number next to 1.
TEST(DtypeShrinking, EndsAtASimpleCaseOfTheSameDtypes) {
  for (const Dtype dtype : others) {
    const DtypePair pair{dtype, dtype};
    const double wanted_value = next_to(dtype, 1, true);
    Case c = drawn_case(pair, 5);
    auto& x = std::get<Forward>(c.calls[0].operation).x;
    set_element(x, 0, 3 * wanted_value);
    const Case small = shrunk(c, [&](const Case& one) {
      const Forward* forward = only_forward(one);
      return forward != nullptr && !all_elements(forward->x, [&](double v) { return v < wanted_value; });
    });
    EXPECT_EQ(dtypes_in(small), pair);
    const Tensor& left = only_forward(small)->x;
    EXPECT_LE(left.size(), 2u) << show_case(small);
    EXPECT_FALSE(all_elements(left, [](double v) { return v != 2; })) << show_case(small);
  }
}

TEST(DtypeShrinking, ComplexityFollowsTheBits) {
  EXPECT_LT(complexity(1.5), complexity(1.25));
  EXPECT_LT(complexity(static_cast<double>(0.1f)), complexity(0.1));
  EXPECT_LT(complexity(0x1p500), complexity(0x1p1000));
  EXPECT_LT(complexity(0x1p1000), complexity(1.5));
  EXPECT_LT(complexity(0.1), complexity(HUGE_VAL));
}

TEST(DtypeMutation, KeepsDtypesAndMovesByTheirUlps) {
  for (const Dtype dtype : others) {
    const DtypePair pair{dtype, Dtype::f32};
    Case c = drawn_case(pair, 9);
    RandomDraws draws(3);
    int changed = 0;
    for (int k = 0; k < 200; ++k) {
      const Case next = mutated(c, draws);
      changed += next == c ? 0 : 1;
      ASSERT_EQ(refused_dtypes(next, {pair, {dtype, dtype}}), "");
      if (!next.calls.empty() && only_forward(next) != nullptr && next.state.weight) c = next;
    }
    EXPECT_GT(changed, 100);
  }
}

TEST(DtypeText, TensorsNameTheirDtype) {
  Case c = forward_case(true, {2, 1}, {1.5f, 0.1f});
  auto& x = std::get<Forward>(c.calls[0].operation).x;
  x = converted(x, Dtype::f16);
  EXPECT_THAT(show_case(c), testing::HasSubstr("x [2, 1] F16 = 1.5 (0x3e00) 0.099976 (0x2e66)"));
  EXPECT_THAT(show_case_line(c), testing::HasSubstr("x [2, 1] = F16 1.5 0.099975586"));
  x = converted(x, Dtype::f64);
  set_element(x, 0, 0.1);
  set_element(x, 1, 0.1);
  EXPECT_THAT(show_case_line(c), testing::HasSubstr("x [2, 1] = F64 all 0.1"));
}

TEST(DtypesOfCases, RefusedWhereNoPairFits) {
  Case c = drawn_case({Dtype::f16, Dtype::f32}, 1);
  EXPECT_EQ(refused_dtypes(c, {{Dtype::f16, Dtype::f32}}), "");
  EXPECT_EQ(refused_dtypes(c, {DtypePair{}, {Dtype::f16, Dtype::f16}}),
            "dtypes f16+f32, the subject takes f32, f16");
  // Nothing determines the dtype of its statistics.
  c.state = {};
  c.config.weight = c.config.bias = c.config.track_running_stats = false;
  EXPECT_EQ(refused_dtypes(c, {{Dtype::f16, Dtype::f32}}), "dtypes f16, the subject takes f16+f32");
  EXPECT_EQ(refused_dtypes(c, {{Dtype::f16, Dtype::f16}}), "");
}

}  // namespace
}  // namespace bncheck::test
