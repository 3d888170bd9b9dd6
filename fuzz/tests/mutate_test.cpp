#include "mutate.hpp"

#include <gtest/gtest.h>

#include <set>

#include "bncheck/walk.hpp"
#include "edits.hpp"
#include "findings.hpp"
#include "laws/law_support.hpp"

namespace bncheck::fuzz {
namespace {

/// Visits inputs that follow from each other as in a campaign.
template <class Visit>
void walk(const Family& family, int steps, const Visit& visit) {
  RandomDraws draws(11);
  Input input = decode(family, {});
  for (int k = 0; k < steps; ++k) {
    input = mutate(draws, family, input);
    visit(input);
  }
}

TEST(Mutate, GivesCaseFilesThatDecodeToThemselves) {
  for (const Family* family : {&forward_family(), &backward_family(), &reject_family()}) {
    walk(*family, 500, [&](const Input& input) {
      const Input again = decode(*family, encode(input));
      ASSERT_EQ(again.law, input.law);
      ASSERT_EQ(again.subject, input.subject);
      ASSERT_EQ(encode(again), encode(input));
    });
  }
}

/// The campaign's share of applicable inputs depends on this. law_for is tested against the verdict
/// elsewhere.
TEST(Mutate, StaysOnTheFamilysSideOfTheContract) {
  for (const Family* family : {&forward_family(), &backward_family(), &reject_family()}) {
    int on_their_side = 0;
    constexpr int steps = 500;
    walk(*family, steps, [&](const Input& input) {
      const Dialect& dialect = subject_named(input.subject).can().dialect;
      on_their_side += law_for(*family, input.content, dialect) != nullptr ? 1 : 0;
    });
    EXPECT_EQ(on_their_side, steps) << family->name;
  }
}

TEST(Mutate, ReachesEveryPartOfACase) {
  std::set<std::string> seen;
  Case before = decode(forward_family(), {}).content;
  walk(forward_family(), 3000, [&](const Input& input) {
    const Case& c = input.content;
    const Exec& exec = c.calls[0].exec;
    seen.insert("rank " + std::to_string(c.config.dimensions));
    seen.insert(c.config.weight ? "weight" : "no weight");
    seen.insert(c.config.bias ? "bias" : "no bias");
    if (c.config.one_parameter_alone()) seen.insert(c.config.weight ? "weight only" : "bias only");
    seen.insert(c.config.track_running_stats ? "tracking" : "not tracking");
    if (!c.config.momentum) seen.insert("cumulative");
    if (c.calls.size() > 2) seen.insert("three calls");
    if (exec.flush_to_zero) seen.insert("flush to zero");
    if (exec.overlap == Overlap::in_place) seen.insert("in place");
    if (!exec.x.order.empty()) seen.insert("strided");
    if (c.config.eps != 1e-5) seen.insert("eps");
    for (const Call& call : c.calls) {
      if (std::holds_alternative<Load>(call.operation)) seen.insert("load");
      if (std::holds_alternative<SetMomentum>(call.operation)) seen.insert("set momentum");
    }
  });
  const std::set<std::string> all{"rank 1",     "rank 2",        "rank 3",      "weight",      "no weight",
                                  "bias",       "no bias",       "weight only", "bias only",   "tracking",
                                  "cumulative", "not tracking",  "in place",    "strided",     "three calls",
                                  "eps",        "flush to zero", "load",        "set momentum"};
  EXPECT_EQ(seen, all);
}

/// With their tensors, each without the other and both at once.
TEST(Edit, TogglesWeightAndBiasApart) {
  Case both;
  both.state = fresh_state(both.config);
  std::set<std::pair<bool, bool>> seen;
  RandomDraws draws(17);
  for (int k = 0; k < 200; ++k) {
    Case c = both;
    edit_options(draws, c);
    EXPECT_EQ(c.state.weight.has_value(), c.config.weight);
    EXPECT_EQ(c.state.bias.has_value(), c.config.bias);
    seen.emplace(c.config.weight, c.config.bias);
  }
  EXPECT_EQ(seen.size(), 4U);
}

TEST(Damage, MeetsEveryKindOfError) {
  std::set<ErrorKind> seen;
  RandomDraws draws(13);
  const Capabilities& can = subject_named("bn_functional").can();
  for (int k = 0; k < 2000; ++k) {
    RandomDraws fresh(draws.bits(64), 10);
    Case c = forward_family().laws[0]->draw(fresh, can);
    damage(draws, c);
    if (!affordable(c)) continue;
    for (const auto& kinds : errors_by_call(c, can.dialect)) seen.insert(kinds.begin(), kinds.end());
  }
  const std::set<ErrorKind> all{ErrorKind::rank,  ErrorKind::channels, ErrorKind::length,
                                ErrorKind::eps,   ErrorKind::momentum, ErrorKind::one_value,
                                ErrorKind::alias, ErrorKind::counter};
  EXPECT_EQ(seen, all);
}

}  // namespace
}  // namespace bncheck::fuzz
