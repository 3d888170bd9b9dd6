/// Outcomes from files, complete and damaged.

#include "subjects/recorded.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "bncheck/answer_file.hpp"
#include "core/draws.hpp"
#include "laws/outcome.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;

/// A training call, its gradient, a call that must fail, another state and an inference call from it.
Case long_case() {
  Case c = forward_case(true, {2, 2, 2}, {0.3f, -1.7f, 5.1f, 900, 1, 2, 3, 4.5f});
  const Tensor dy = Tensor::of({2, 2, 2}, std::vector<float>{1, 2, -3, 4, 0.5f, 6, 7, 8});
  c.calls.push_back({Backward{dy, true, true, true, {}}, {}});
  c.calls.push_back({Forward{true, Tensor::filled({1, 2, 1}, 1)}, {}});
  State other = c.state;
  other.running_mean = vector_of({3, -2});
  c.calls.push_back({Load{other}, {}});
  c.calls.push_back({Forward{false, Tensor::filled({1, 2, 1}, 0.7f)}, {}});
  return c;
}

const Dialect& pytorch() {
  return dialect_presets().front();
}

OutputFile answer_to(const Case& c) {
  return outputs_from_archive(answer_archive(c, pytorch()));
}

OutcomeJudgement judged(const Case& c, const OutputFile& file) {
  Capabilities can;
  can.non_finite_rule = false;
  RecordedSubject subject(file, can);
  return judge_outcome(Runner(subject).run(c), can, Judged::in_range);
}

std::string complaint_about(const std::function<void(std::vector<RecordedCall>&)>& damage) {
  OutputFile file = answer_to(long_case());
  damage(file.calls);
  const Verdict verdict = judged(long_case(), file).verdict;
  return verdict.kind == Verdict::Kind::violated ? verdict.message : "accepted";
}

TEST(Recorded, TheExactAnswerHoldsInEveryCall) {
  const OutcomeJudgement judgement = judged(long_case(), answer_to(long_case()));
  EXPECT_EQ(judgement.verdict.kind, Verdict::Kind::holds) << judgement.verdict.message;
  EXPECT_EQ(judgement.judged, 5U);
  EXPECT_EQ(judgement.unjudged, "");
  EXPECT_GT(judgement.verdict.worst_ulps, 0);
}

TEST(Recorded, ACounterThatIsNotThereIsTheDialects) {
  OutputFile file = answer_to(long_case());
  for (RecordedCall& call : file.calls) call.num_batches_tracked.reset();
  EXPECT_EQ(judged(long_case(), file).verdict.kind, Verdict::Kind::holds);
}

TEST(Recorded, TheNextCallIsJudgedFromTheStateThatThisOneLeft) {
  Case c = forward_case(true, {2, 1}, {1, 2});
  c.calls.push_back({Forward{false, Tensor::filled({2, 1}, 3)}, {}});
  OutputFile file = answer_to(c);
  // Off by less than the claim allows; the exact y of the next call changes with it.
  float& variance = file.calls[0].outputs.at(Output::running_var).floats()[0];
  variance = std::nextafter(variance, 2.0f);
  Case second = c;
  second.calls.erase(second.calls.begin());
  second.state.running_mean = file.calls[0].outputs.at(Output::running_mean);
  second.state.running_var = file.calls[0].outputs.at(Output::running_var);
  file.calls[1].outputs = answer_to(second).calls[0].outputs;
  Capabilities can;
  can.numerics.claim = Claim::faithful;
  RecordedSubject subject(file, can);
  const OutcomeJudgement judgement = judge_outcome(Runner(subject).run(c), can, Judged::in_range);
  EXPECT_EQ(judgement.verdict.kind, Verdict::Kind::holds) << judgement.verdict.message;
}

TEST(Recorded, NumbersThatAreOff) {
  const auto off = [](std::size_t call, Output output, float value) {
    return complaint_about([=](auto& calls) { calls[call].outputs.at(output).floats()[1] = value; });
  };
  constexpr float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(off(0, Output::y, nan), HasSubstr("call 0: y is not the exact result"));
  EXPECT_THAT(off(0, Output::saved_mean, 7), HasSubstr("call 0: saved_mean"));
  EXPECT_THAT(off(0, Output::running_var, 7), HasSubstr("call 0: running_var"));
  EXPECT_THAT(off(1, Output::dx, 7), HasSubstr("call 1: dx"));
  EXPECT_THAT(off(4, Output::y, 7), HasSubstr("call 4: y"));
}

TEST(Recorded, WhatIsMissingOrHasAnotherShapeOrDtype) {
  for (const auto& [call, output] : {std::pair(0, Output::y), std::pair(0, Output::saved_invstd),
                                     std::pair(0, Output::running_mean), std::pair(1, Output::dbias)}) {
    const std::string name(name_of(output));
    const auto damaged = [&](const std::optional<Tensor>& instead) {
      return complaint_about([&, k = static_cast<std::size_t>(call), o = output](auto& calls) {
        calls[k].outputs.erase(o);
        if (instead) calls[k].outputs.emplace(o, *instead);
      });
    };
    EXPECT_THAT(damaged({}), HasSubstr("call " + std::to_string(call) + " returned no " + name));
    EXPECT_THAT(damaged(Tensor::filled({3}, 1)), HasSubstr(name + " has shape [3]"));
    EXPECT_THAT(damaged(Tensor::filled({}, 1)), HasSubstr(name + " has shape []"));
    EXPECT_THAT(damaged(Tensor::filled({0, 5}, 1)), HasSubstr(name + " has shape [0, 5]"));
    EXPECT_THAT(damaged(Tensor{Dtype::f64, {2}, std::vector<std::byte>(16)}),
                HasSubstr(name + " has dtype F64, expected F32"));
  }
}

TEST(Recorded, ErrorsThatAreNotTheRightOnes) {
  const auto fails = [](std::size_t call, std::vector<ErrorKind> errors) {
    return complaint_about([=](auto& calls) { calls[call] = {errors, "so it is", {}, {}}; });
  };
  EXPECT_THAT(fails(0, {ErrorKind::memory}),
              HasSubstr("call 0 must succeed but was rejected (memory): so it is"));
  EXPECT_EQ(fails(2, {ErrorKind::one_value}), "accepted");
  EXPECT_THAT(fails(2, {ErrorKind::rank}),
              HasSubstr("call 2 failed with the error rank, expected one_value"));
  EXPECT_THAT(fails(2, {}), HasSubstr("call 2 must fail (one_value) but succeeded"));
}

TEST(Recorded, StatisticsThatHadToStay) {
  const auto after_inference = [](const Tensor& mean) {
    return complaint_about([=](auto& calls) { calls[4].outputs.emplace(Output::running_mean, mean); });
  };
  EXPECT_EQ(after_inference(vector_of({3, -2})), "accepted");
  EXPECT_THAT(after_inference(vector_of({3, -3})), HasSubstr("call 4 changed running_mean"));
}

TEST(Recorded, ACounterThatIsOff) {
  EXPECT_THAT(complaint_about([](auto& calls) { calls[0].num_batches_tracked = 5; }),
              HasSubstr("num_batches_tracked is 5, expected 1"));
}

/// Any changed bit: the file is refused, or judged like any other.
TEST(Recorded, DamagedBytesDoNoHarm) {
  const Case c = long_case();
  const std::vector<std::byte> whole = write_archive(to_archive(answer_to(c)));
  RandomDraws draws(test_seed());
  int refused = 0, violated = 0;
  for (int k = 0; k < 2000; ++k) {
    std::vector<std::byte> bytes = whole;
    for (std::int64_t flips = draws.between(1, 3); flips > 0; --flips) {
      bytes[static_cast<std::size_t>(draws.below(bytes.size()))] ^= std::byte{1} << draws.below(8);
    }
    OutputFile file;
    try {
      file = outputs_from_archive(read_archive(bytes));
    } catch (const FormatError&) {
      ++refused;
      continue;
    }
    if (file.calls.size() == c.calls.size()) violated += judged(c, file).verdict.is_bad() ? 1 : 0;
  }
  EXPECT_GT(refused, 500);
  EXPECT_GT(violated, 50);
}

TEST(Recorded, WhatIsNotFiniteIsJudgedWhereARuleIsDeclared) {
  Case c = forward_case(true, {2, 1}, {1, std::numeric_limits<float>::infinity()});
  c.calls.insert(c.calls.begin(), {Forward{true, Tensor::of({2, 1}, std::vector<float>{1, 2})}, {}});
  const OutcomeJudgement judgement = judged(c, answer_to(c));
  EXPECT_EQ(judgement.verdict.kind, Verdict::Kind::holds);
  EXPECT_EQ(judgement.judged, 1U);
  EXPECT_THAT(judgement.unjudged, HasSubstr("call 1"));

  OutputFile wrong = answer_to(c);
  wrong.calls[1].outputs.at(Output::y).floats()[0] = 1;
  Capabilities declared;
  RecordedSubject subject(wrong, declared);
  EXPECT_TRUE(judge_outcome(Runner(subject).run(c), declared, Judged::in_range).verdict.is_bad());
}

}  // namespace
}  // namespace bncheck::test
