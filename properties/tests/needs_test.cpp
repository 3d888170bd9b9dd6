/// Every law on the exact answer in every value of every knob, in random combinations of them, and of a subject that can
/// do less: no law accuses it, and none is left without cases. A law whose mathematics or generator asks more than its
/// `needs` say shows here.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>

#include "core/reach.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "report/show_case.hpp"
#include "search/measure.hpp"
#include "search/mutate.hpp"
#include "search/random_cases.hpp"
#include "search/smaller.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

struct Setting {
  std::string knob, value;
  /// Place among the settings.
  std::size_t number;
};

/// Values of a knob: every word, and of the numbers none, zero and what is large beside the usual eps.
std::vector<std::string> values_of(const std::string& knob) {
  if (knob == "eps_floor") return {"0", "0.001"};
  if (knob == "backward_eps") return {"none", "0", "0.001"};
  return knob_words(knob);
}

/// Every one but those of PyTorch, in which law_test.cpp has all laws.
std::vector<Setting> all_settings() {
  std::vector<Setting> settings;
  for (const std::string& knob : dialect_knobs()) {
    for (const std::string& value : values_of(knob)) {
      if (value != knob_of(*dialect_named("pytorch"), knob))
        settings.push_back({knob, value, settings.size()});
    }
  }
  return settings;
}

std::string explain(const LawResult& result, const Dialect& dialect) {
  std::string text = result.law->name + " in " + text_of(dialect) + " is " +
                     std::string(name_of(result.kind)) + ": " + result.reason + " (seed " +
                     std::to_string(test_seed()) + ")\n";
  if (result.counterexample) text += show_case(*result.counterexample);
  return text;
}

LawResult asked(const Law& law, Subject& subject, int cases) {
  CheckOptions options = test_options();
  options.cases = law.traits.bulky ? std::max(cases / 10, 1) : cases;
  options.shrink_time = std::chrono::milliseconds(200);
  return check_law(law, subject, options);
}

class EveryLaw : public testing::TestWithParam<Setting> {};

/// Nothing is found, and most cases that are drawn are judged. That no more than a few percent are discarded takes more
/// cases: LawInDialect asks for it in the presets.
void expect_fair(const Law& law, const Dialect& dialect, int cases) {
  Perfect subject(dialect);
  const LawResult result = asked(law, subject, cases);
  EXPECT_FALSE(result.counterexample) << explain(result, dialect);
  if (result.kind == Verdict::Kind::not_applicable) return;
  EXPECT_GT(result.cases, result.discarded) << explain(result, dialect);
}

TEST_P(EveryLaw, HoldsForTheExactAnswerInThisSetting) {
  const Dialect dialect = with_knob(*dialect_named("pytorch"), GetParam().knob, GetParam().value);
  for (const Law& law : all_laws()) expect_fair(law, dialect, some_of(20));
}

INSTANTIATE_TEST_SUITE_P(Knobs, EveryLaw, testing::ValuesIn(all_settings()), [](const auto& test) {
  return test_name(test.param.knob + "_" + test.param.value);
});

/// Of this many combinations, each in a test of its own.
constexpr int combinations = 200;

Dialect random_dialect(std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Dialect dialect;
  for (const std::string& knob : dialect_knobs()) {
    const std::vector<std::string> values = values_of(knob);
    dialect = with_knob(std::move(dialect), knob, values[random() % values.size()]);
  }
  return dialect;
}

class EveryLawOnce : public testing::TestWithParam<int> {};

TEST_P(EveryLawOnce, HoldsForTheExactAnswerInARandomDialect) {
  const Dialect dialect = random_dialect(test_seed() + static_cast<std::uint64_t>(GetParam()));
  constexpr int cases = 4;
  for (const Law& law : all_laws()) expect_fair(law, dialect, cases);
}

INSTANTIATE_TEST_SUITE_P(Dialects, EveryLawOnce, testing::Range(0, some_of(combinations)));

// ---- subjects that can do less

struct Narrowing {
  std::string name;
  void (*narrow)(Capabilities&);
};

class NarrowSubject : public Perfect {
 public:
  explicit NarrowSubject(const Narrowing& narrowing) : Perfect(*dialect_named("pytorch")) {
    narrowing.narrow(can_);
  }
};

class EveryLawOfLess : public testing::TestWithParam<Narrowing> {};

/// A law holds, or it is about what the subject cannot do: a mode or an empty batch. Of a limit on shapes, every law
/// has cases.
TEST_P(EveryLawOfLess, HoldsForTheExactAnswer) {
  NarrowSubject subject(GetParam());
  const std::set<std::string> lacks{"the subject has no training", "the subject has no inference",
                                    "the subject takes no empty batch"};
  for (const Law& law : all_laws()) {
    const LawResult result = asked(law, subject, some_of(20));
    EXPECT_FALSE(result.counterexample) << explain(result, subject.can().dialect);
    if (unmet_need(law, subject.can()) || lacks.contains(result.reason)) continue;
    EXPECT_GT(result.cases, result.discarded) << explain(result, subject.can().dialect);
  }
}

class SequencesOfLess : public testing::TestWithParam<Narrowing> {};

TEST_P(SequencesOfLess, AreWithinReach) {
  NarrowSubject subject(GetParam());
  const Law& law = *law_named("call_sequences");
  int calls = 0;
  random_cases(
      test_seed(), 100, [&](Draws& draws) { return law.draw(draws, subject.can()); },
      [&](const Case& c) {
        calls += static_cast<int>(c.calls.size());
        EXPECT_EQ(beyond_reach(c, subject.can()), std::nullopt);
        EXPECT_FALSE(c.calls.empty());
        return Drawn::counts;
      });
  EXPECT_GT(calls, 300);
}

INSTANTIATE_TEST_SUITE_P(
    Subjects, SequencesOfLess,
    testing::Values(
        Narrowing{"no_errors", [](Capabilities& can) { can.errors.clear(); }},
        Narrowing{"no_training", [](Capabilities& can) { can.training = can.backward_training = false; }},
        Narrowing{"no_gradient_in_inference", [](Capabilities& can) { can.backward_inference = false; }},
        Narrowing{"no_empty_batch", [](Capabilities& can) { can.empty = false; }}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Subjects, EveryLawOfLess,
    testing::Values(
        Narrowing{"one_dimension", [](Capabilities& can) { can.dimensions = {1}; }},
        Narrowing{"two_dimensions", [](Capabilities& can) { can.dimensions = {2}; }},
        Narrowing{"three_dimensions", [](Capabilities& can) { can.dimensions = {3}; }},
        Narrowing{"float16", [](Capabilities& can) { can.dtypes = {{Dtype::f16, Dtype::f16}}; }},
        Narrowing{"bfloat16_and_float32",
                  [](Capabilities& can) { can.dtypes = {{Dtype::bf16, Dtype::f32}}; }},
        Narrowing{"training_only", [](Capabilities& can) { can.inference = can.backward_inference = false; }},
        Narrowing{"inference_only", [](Capabilities& can) { can.training = can.backward_training = false; }},
        Narrowing{"no_empty_batch", [](Capabilities& can) { can.empty = false; }},
        Narrowing{"channels_by_four", [](Capabilities& can) { can.channel_multiple = 4; }},
        Narrowing{"few_elements", [](Capabilities& can) { can.max_elements = 64; }},
        Narrowing{"few_elements_and_channels_by_sixteen",
                  [](Capabilities& can) { can.max_elements = 256, can.channel_multiple = 16; }},
        Narrowing{"no_errors", [](Capabilities& can) { can.errors.clear(); }},
        Narrowing{"dense", [](Capabilities& can) { can.strided = false; }},
        Narrowing{"dense_in_logical_order",
                  [](Capabilities& can) { can.strided = can.channels_last = false; }},
        Narrowing{"not_in_place", [](Capabilities& can) { can.in_place = false; }},
        Narrowing{"own_memory",
                  [](Capabilities& can) { can.in_place = can.caller_output = can.caller_state = false; }},
        Narrowing{"one_thread", [](Capabilities& can) { can.threads = false; }},
        Narrowing{"usual_environment", [](Capabilities& can) { can.any_environment = false; }},
        Narrowing{"tracked", [](Capabilities& can) { can.untracked = false; }},
        Narrowing{"affine", [](Capabilities& can) { can.without_affine = can.weight_or_bias_alone = false; }},
        Narrowing{"not_settable", [](Capabilities& can) { can.settable = false; }},
        Narrowing{"no_backward", [](Capabilities& can) { can.backward = false; }},
        Narrowing{"functional", [](Capabilities& can) { can.remembers_forward = can.settable = false; }},
        Narrowing{"no_non_finite_rule", [](Capabilities& can) { can.non_finite_rule = false; }}),
    [](const auto& test) { return test.param.name; });

// ---- cases that no generator draws

/// Shrinking and climbing leave what generators draw: one value per channel, say. A law that does not hold for such a
/// case accuses a right subject when it climbs, or shrinks a finding to a case that is none. In builds with sanitizers
/// each setting has its turn with some of the laws.
TEST_P(EveryLaw, HoldsForCasesThatItDoesNotDraw) {
  const Dialect dialect = with_knob(*dialect_named("pytorch"), GetParam().knob, GetParam().value);
  Perfect subject(dialect);
  Runner runner(subject);
  RandomDraws draws(test_seed());
  std::size_t turn = GetParam().number;
  for (const Law& law : all_laws()) {
    if (turn++ % BNCHECK_ONE_CASE_IN != 0) continue;
    if (unmet_need(law, subject.can()) || law.traits.bulky) continue;
    const auto expect_none = [&](const Case& c) {
      const Verdict verdict = check_case(law, c, runner);
      EXPECT_FALSE(verdict.is_bad()) << law.name << " in " << text_of(dialect) << ": " << verdict.message
                                     << '\n'
                                     << show_case(c);
    };
    for (int k = 0; k < some_of(5); ++k) {
      Case c = law.draw(draws, subject.can());
      for (int step = 0; step < 8; ++step) {
        const auto steps = smaller(c);
        if (!steps.empty()) expect_none(steps[draws.below(std::min<std::size_t>(steps.size(), 8))]());
        c = mutated(c, draws);
        expect_none(c);
      }
    }
  }
}

/// The cases of workloads, which gen writes and compare measures with, can be answered in every setting.
TEST_P(EveryLaw, WorkloadsAreAdmitted) {
  const Dialect dialect = with_knob(*dialect_named("pytorch"), GetParam().knob, GetParam().value);
  RandomDraws draws(test_seed());
  for (const Workload& workload : all_workloads()) {
    for (int k = 0; k < 3; ++k) {
      const Case c = workload.draw(draws, dialect);
      EXPECT_TRUE(all_succeed(c, dialect)) << kind_of(workload) << " in " << text_of(dialect) << '\n'
                                           << show_case(c);
    }
  }
}

/// A subject that refuses every call, with an error that is right where there is one.
class RefusesAll : public Perfect {
 public:
  RefusesAll(Dialect dialect, ErrorKind kind) : Perfect(std::move(dialect)), kind_(kind) {}
  Outcome run(const Case& c) override {
    Outcome outcome;
    for (Walk walk(c, can().dialect); !walk.done(); walk.advance(outcome.replies.back().state)) {
      const std::vector<ErrorKind> errors = walk.errors();
      outcome.replies.push_back(
          is_last(walk, c) || !errors.empty()
              ? Reply{Failure{errors.empty() ? kind_ : errors[0], "refused", false}, walk.before()}
              : rounded_reply(walk.expected(), walk.before()));
    }
    return outcome;
  }

 private:
  static bool is_last(const Walk& walk, const Case& c) { return &walk.call() == &c.calls.back(); }
  ErrorKind kind_;
};

/// Laws of refusals look at a valid twin of nearly every case that they judge, in every setting: it is refused too. A
/// layer of no channels, or one that loads a state, may have none.
TEST_P(EveryLaw, OfRefusalsHasAValidTwin) {
  const Dialect dialect = with_knob(*dialect_named("pytorch"), GetParam().knob, GetParam().value);
  for (const Law& law : all_laws()) {
    if (!law.traits.rejects) continue;
    RefusesAll subject(dialect, *law.traits.rejects);
    if (unmet_need(law, subject.can())) continue;
    Runner runner(subject);
    RandomDraws draws(test_seed());
    int held = 0;
    int found = 0;
    for (int n = 0; n < 40; ++n) {
      const Verdict verdict = check_case(law, law.draw(draws, subject.can()), runner);
      held += verdict.kind == Verdict::Kind::holds ? 1 : 0;
      found += verdict.is_bad() ? 1 : 0;
    }
    EXPECT_GT(found, 4 * held) << law.name << " in " << text_of(dialect);
  }
}

TEST(Needs, TheTableHasARowForEachInOrder) {
  std::set<std::string_view> names;
  for (std::size_t k = 0; k < need_table().size(); ++k) {
    EXPECT_EQ(static_cast<std::size_t>(need_table()[k].need), k);
    EXPECT_FALSE(need_table()[k].lack.empty());
    names.insert(need_table()[k].name);
  }
  EXPECT_EQ(names.size(), need_table().size());
}

TEST(Needs, EachIsThatOfALaw) {
  std::set<Need> used;
  for (const Law& law : all_laws()) used.insert(law.needs.begin(), law.needs.end());
  for (const NeedRow& row : need_table()) EXPECT_TRUE(used.contains(row.need)) << row.name;
}

/// Laws that do not apply in a setting. A need that asks too much would take a law from those that judge, unseen by the
/// tests above.
TEST(Needs, LeaveOutTheseLawsInASetting) {
  const std::map<std::string, std::set<std::string>> left_out{
      {"averaging=ratio", {"momentum_k_steps", "momentum_one", "momentum_zero"}},
      {"averaging=none",
       {"counter_rejected", "inference_repeats_training", "merged_batches", "merged_long_batches",
        "momentum_cumulative", "momentum_k_steps", "momentum_long_sequence", "momentum_mixture",
        "momentum_one", "momentum_one_step", "momentum_zero"}},
      {"cumulative=unsupported", {"momentum_cumulative"}},
      {"normalising_var=unbiased", {"backward_eps_identity", "duplicated_batch", "idempotent", "variance"}},
      {"single_value=nan", {"one_value_rejected"}},
      {"single_value=zero", {"one_value_rejected"}},
      {"single_value=skip", {"one_value_rejected"}},
      {"empty_batch=nan", {"backward_empty_batch", "empty_batch"}},
      {"empty_batch=error", {"backward_empty_batch", "empty_batch"}},
      {"eps_place=outside", {"backward_eps_identity", "idempotent", "variance"}},
      {"eps_place=absent", {"backward_eps_identity", "finite_in_finite_out", "idempotent", "variance"}},
      {"eps_floor=0.001", {"backward_scaling", "power_of_two_scaling", "scaling_beyond_squares"}},
      {"backward_eps=0", {"backward_directional_derivative", "backward_eps_identity", "backward_scaling"}},
      {"backward_eps=0.001",
       {"backward_directional_derivative", "backward_eps_identity", "backward_scaling"}},
      {"axes=per_activation",
       {"backward_sequence_reshape", "channels_concatenate", "inserted_constant_channel",
        "sequence_reshape"}},
  };
  for (const Setting& setting : all_settings()) {
    Perfect subject(with_knob(*dialect_named("pytorch"), setting.knob, setting.value));
    std::set<std::string> names;
    for (const Law& law : all_laws()) {
      if (unmet_need(law, subject.can())) names.insert(law.name);
    }
    const std::string text = setting.knob + '=' + setting.value;
    const auto expected = left_out.find(text);
    EXPECT_EQ(names, expected == left_out.end() ? std::set<std::string>() : expected->second) << text;
  }
}

TEST(Needs, TheFirstUnmetOneIsTheReason) {
  Perfect subject(*dialect_named("pytorch"));
  Capabilities can = subject.can();
  const Law law{"law", "", {Need::backward, Need::layouts}, {}, {}, {.rejects = ErrorKind::alias}};
  EXPECT_EQ(unmet_need(law, can), std::nullopt);
  can.errors.erase(ErrorKind::alias);
  EXPECT_EQ(unmet_need(law, can), "the subject does not report the error 'alias'");
  can.strided = can.channels_last = false;
  EXPECT_EQ(unmet_need(law, can), "the subject takes one layout only");
  can.backward = false;
  EXPECT_EQ(unmet_need(law, can), "the subject has no backward pass");
}

}  // namespace
}  // namespace bncheck::test
