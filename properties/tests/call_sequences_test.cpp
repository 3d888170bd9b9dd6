/// The law about sequences finds errors in the memory of a layer, and its case becomes as short as possible.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "laws/catalogue.hpp"
#include "report/show_case.hpp"
#include "spoiler.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

/// State that a layer keeps between calls.
struct Memory {
  Config config;
  State state;
  const Forward* latest;
};

/// The exact answer to every call, with one error of memory after it.
struct Lapse {
  std::string name;
  std::size_t calls;  ///< largest number of calls in a case that cannot lose any call
  std::function<void(const Call& call, bool refused, const Memory& before, Memory& after)> forget;
};

class Forgetful : public Perfect {
 public:
  explicit Forgetful(const Lapse& lapse) : Perfect(*dialect_named("pytorch")), lapse_(lapse) {}

  Outcome run(const Case& c) override {
    Outcome outcome;
    Memory memory{c.config, c.state, nullptr};
    for (const Call& call : c.calls) {
      const Memory before = memory;
      const ExpectedCall expected = expect(memory.config, memory.state, call, can().dialect, memory.latest);
      Reply reply = rounded_reply(expected, memory.state);
      memory = {expected.config, reply.state, latest_after(call, !expected.must_fail(), memory.latest)};
      outcome.replies.push_back(std::move(reply));
      lapse_.forget(call, expected.must_fail(), before, memory);
    }
    return outcome;
  }

 private:
  const Lapse& lapse_;
};

template <class Kind>
bool is(const Call& call) {
  return std::holds_alternative<Kind>(call.operation);
}

std::vector<Lapse> lapses() {
  return {
      {"a refused momentum is taken", 2,
       [](const Call& call, bool refused, const Memory&, Memory& after) {
         if (refused && is<SetMomentum>(call)) after.config.momentum = 0.75;
       }},
      {"loading resets the momentum", 2,
       [](const Call& call, bool refused, const Memory&, Memory& after) {
         if (!refused && is<Load>(call)) after.config.momentum = 0.1;
       }},
      {"a momentum cannot be set", 2,
       [](const Call& call, bool, const Memory& before, Memory& after) {
         if (is<SetMomentum>(call)) after.config = before.config;
       }},
      {"a refused forward call is remembered", 3,
       [](const Call& call, bool refused, const Memory&, Memory& after) {
         if (refused && is<Forward>(call)) after.latest = &std::get<Forward>(call.operation);
       }},
      {"a refused call forgets the forward call", 3,
       [](const Call&, bool refused, const Memory&, Memory& after) {
         if (refused) after.latest = nullptr;
       }},
      {"an empty batch is not remembered", 3,
       [](const Call& call, bool, const Memory& before, Memory& after) {
         const auto* forward = std::get_if<Forward>(&call.operation);
         if (forward != nullptr && forward->x.bytes.empty()) after.latest = before.latest;
       }},
      {"a gradient can be asked for once", 3,
       [](const Call& call, bool, const Memory&, Memory& after) {
         if (is<Backward>(call)) after.latest = nullptr;
       }},
      {"the first forward call stays the latest", 3,
       [](const Call& call, bool, const Memory& before, Memory& after) {
         if (is<Forward>(call) && before.latest != nullptr) after.latest = before.latest;
       }},
      {"a refused load forgets the forward call", 3,
       [](const Call& call, bool refused, const Memory&, Memory& after) {
         if (refused && is<Load>(call)) after.latest = nullptr;
       }},
  };
}

LawResult check_sequences(Subject& subject) {
  CheckOptions options = test_options();
  options.cases = 200;
  // Only a shrinking that ends by itself shows how short a case becomes, so the time limit is long.
  options.shrink_time = std::chrono::minutes(10);
  return check_law(*law_named("call_sequences"), subject, options);
}

class Lapses : public testing::TestWithParam<Lapse> {};

TEST_P(Lapses, ShrinkToTheCallsThatMatter) {
  Forgetful subject(GetParam());
  const LawResult result = check_sequences(subject);
  ASSERT_EQ(result.kind, Verdict::Kind::violated) << result.reason;
  EXPECT_LE(result.counterexample->calls.size(), GetParam().calls) << result.reason << '\n'
                                                                   << show_case(*result.counterexample);
}

INSTANTIATE_TEST_SUITE_P(CallSequences, Lapses, testing::ValuesIn(lapses()),
                         [](const auto& test) { return test_name(test.param.name); });

/// Faults of whole implementations, with the smallest number of calls that shows them.
class PlantedFaults : public testing::TestWithParam<std::pair<const std::string, std::size_t>> {};

TEST_P(PlantedFaults, ShrinkToTheCallsThatMatter) {
  const auto& [name, calls] = GetParam();
  const std::unique_ptr<Subject> subject = make_subject("fault:" + name);
  const LawResult result = check_sequences(*subject);
  ASSERT_EQ(result.kind, Verdict::Kind::violated) << result.reason;
  EXPECT_LE(result.counterexample->calls.size(), calls) << result.reason << '\n'
                                                        << show_case(*result.counterexample);
}

const std::map<std::string, std::size_t> planted_faults{
    {"gradient_survives_load", 3},
    {"gradient_in_any_mode", 2},
    {"counts_before_checking", 1},
    {"updates_before_checking", 1},
    {"writes_before_checking", 1},
    {"inference_updates", 1},
    {"inference_counts", 1},
    {"empty_batch_counts", 1},
    {"momentum_unchecked", 1},
    {"counter_unchecked", 1},
    {"lengths_unchecked_when_loading", 1},
    {"cumulative_ignored", 1},
};

INSTANTIATE_TEST_SUITE_P(CallSequences, PlantedFaults, testing::ValuesIn(planted_faults),
                         [](const auto& test) { return test.param.first; });

TEST(CallSequences, AreTheOneLawThatAsksForAMessage) {
  const auto silent = std::ranges::find(all_spoilers(), "fails silently", &Spoiler::name);
  ASSERT_NE(silent, all_spoilers().end());
  const std::unique_ptr<Subject> subject = spoiled(*silent);
  const LawResult result = check_sequences(*subject);
  ASSERT_EQ(result.kind, Verdict::Kind::violated);
  EXPECT_EQ(result.reason, "call 0 failed as it must but has no message");
  CheckOptions options = test_options();
  options.cases = 20;
  for (const Law& law : all_laws()) {
    if (!law.traits.rejects) continue;
    EXPECT_EQ(check_law(law, *subject, options).kind, Verdict::Kind::holds) << law.name;
  }
}

/// The law draws all kinds of calls, refused and accepted ones.
TEST(CallSequences, DrawEveryKindOfCall) {
  Perfect subject(*dialect_named("pytorch"));
  Runner runner(subject);
  RandomDraws draws(test_seed());
  std::map<std::pair<std::size_t, bool>, int> seen;
  std::size_t longest = 0;
  for (int k = 0; k < 300; ++k) {
    const bncheck::Run run = runner.run(law_named("call_sequences")->draw(draws, subject.can()));
    longest = std::max(longest, run.replies.size());
    for (std::size_t call = 0; call < run.replies.size(); ++call) {
      ++seen[std::pair(run.content.calls[call].operation.index(), run.expected[call].must_fail())];
    }
  }
  EXPECT_EQ(longest, 12U);
  for (std::size_t kind = 0; kind < std::variant_size_v<Operation>; ++kind) {
    for (const bool refused : {false, true}) {
      EXPECT_GT(seen[std::pair(kind, refused)], 30) << "operation " << kind << ", refused: " << refused;
    }
  }
}

}  // namespace
}  // namespace bncheck::test
