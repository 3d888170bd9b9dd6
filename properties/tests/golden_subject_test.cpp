/// The golden cases of PyTorch's dialect on the shipped BatchNorm; every outcome is judged by its claim.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <memory>

#include "bncheck/case_file.hpp"
#include "bncheck/files.hpp"
#include "bncheck/walk.hpp"
#include "laws/law_support.hpp"
#include "laws/outcome.hpp"
#include "report/show_case.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

const std::string case_suffix = ".case.safetensors";

/// Case files whose answer is given in PyTorch's dialect, in order.
std::vector<std::filesystem::path> golden_cases() {
  std::vector<std::filesystem::path> found;
  for (const auto& entry : std::filesystem::directory_iterator(BNCHECK_GOLDEN_FOLDER)) {
    std::string file = entry.path().string();
    if (!file.ends_with(case_suffix)) continue;
    const std::string stem = file.substr(0, file.size() - case_suffix.size());
    if (read_archive(read_file(stem + ".answer.safetensors")).metadata.at("dialect") == "pytorch") {
      found.emplace_back(file);
    }
  }
  std::ranges::sort(found);
  return found;
}

/// Whether parameters are present as the options say. For a subject whose parameters are buffers of the
/// caller, their presence is the option.
bool has_its_parameters(const Case& c) {
  return c.state.weight.has_value() == c.config.weight && c.state.bias.has_value() == c.config.bias;
}

/// Whether the subject can run the case.
bool is_for(const Case& c, const Capabilities& can) {
  if (can.caller_state && !has_its_parameters(c)) return false;
  const auto no_forward = [](const std::vector<ErrorKind>& errors) {
    return std::ranges::find(errors, ErrorKind::no_forward) != errors.end();
  };
  if (!can.remembers_forward && std::ranges::any_of(errors_by_call(c, can.dialect), no_forward)) return false;
  return std::ranges::all_of(c.calls, [&](const Call& call) {
    const Overlap overlap = call.exec.overlap;
    const bool own_state = overlap == Overlap::y_and_weight || overlap == Overlap::y_and_running_mean ||
                           overlap == Overlap::y_and_running_var || overlap == Overlap::running_mean_and_var;
    const bool sets =
        std::holds_alternative<SetMomentum>(call.operation) || std::holds_alternative<Load>(call.operation);
    return (can.caller_state || !own_state) && (can.settable || !sets);
  });
}

Verdict judge_all(const Case& c, Subject& subject) {
  try {
    const Run run = Runner(subject).run(c);
    return judge_outcome(run, subject.can(), Judged::all).verdict;
  } catch (Settled& settled) {
    return std::move(settled.verdict);
  }
}

class GoldenOnSubject : public testing::TestWithParam<std::string> {};

TEST_P(GoldenOnSubject, EveryOutcomeIsRight) {
  const std::unique_ptr<Subject> subject = make_subject(GetParam());
  std::size_t judged = 0;
  for (const std::filesystem::path& path : golden_cases()) {
    const Case c = load_case(path).content;
    if (!is_for(c, subject->can())) continue;
    ++judged;
    const Verdict verdict = judge_all(c, *subject);
    EXPECT_EQ(verdict.kind, Verdict::Kind::holds) << path.filename() << ": " << verdict.message << "\n"
                                                  << show_mismatches(c, verdict.mismatches) << show_case(c);
  }
  // A lower bound, so that a corpus that was not found completely fails.
  EXPECT_GE(judged, 80U);
}

INSTANTIATE_TEST_SUITE_P(Golden, GoldenOnSubject, testing::Values("bn", "bn_functional"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace bncheck::test
