#include "bncheck/output_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bncheck/answer_file.hpp"
#include "damage.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using testing::HasSubstr;

/// One file that uses every field of the format.
OutputFile rich_file() {
  OutputFile file;
  file.calls.resize(3);
  for (int output = 0; output <= static_cast<int>(Output::dbias); ++output) {
    file.calls[0].outputs.emplace(static_cast<Output>(output), Tensor::filled({2, output}, -0.0f));
  }
  file.calls[0].num_batches_tracked = -3;
  file.calls[1].errors = {ErrorKind::one_value};
  file.calls[1].message = "one value per channel: \"\\\n";
  file.calls[2].outputs.emplace(Output::y, Tensor{Dtype::f16, {0, 7}, {}});
  return file;
}

std::string complaint_about(const std::function<void(Archive&)>& damage) {
  Archive archive = to_archive(rich_file());
  damage(archive);
  return complaint([&] { outputs_from_archive(archive); });
}

TEST(OutputFile, ComesBackWithEveryField) {
  const OutputFile file = rich_file();
  EXPECT_EQ(outputs_from_archive(read_archive(write_archive(to_archive(file)))), file);
}

TEST(OutputFile, TheLeastThatOneHasToSay) {
  const Tensor y = Tensor::filled({2, 1}, 1);
  const Archive archive{{{"format", "bncheck-output"}, {"version", "1"}, {"calls", "1"}}, {{"call.0.y", y}}};
  OutputFile expected;
  expected.calls.resize(1);
  expected.calls[0].outputs.emplace(Output::y, y);
  EXPECT_EQ(outputs_from_archive(archive), expected);
}

TEST(OutputFile, AnAnswerFileIsOne) {
  Case c;
  c.state = fresh_state(c.config);
  c.calls = {forward(true, Tensor::of({2, 1}, std::vector<float>{1, 2})),
             forward(true, Tensor::of({1, 1}, std::vector<float>{1}))};
  const OutputFile file = outputs_from_archive(answer_archive(c, *dialect_named("pytorch")));
  ASSERT_EQ(file.calls.size(), 2U);
  EXPECT_EQ(file.calls[0].outputs.size(), 5U);
  EXPECT_EQ(file.calls[0].num_batches_tracked, 1);
  EXPECT_EQ(file.calls[1].errors, std::vector{ErrorKind::one_value});
}

TEST(OutputFile, DamageIsNamed) {
  const auto said = [](const char* key, const char* value) {
    return complaint_about([=](Archive& archive) { archive.metadata[key] = value; });
  };
  EXPECT_THAT(said("format", "bncheck-case"),
              HasSubstr("'format' is 'bncheck-case', expected bncheck-output"));
  EXPECT_THAT(said("version", "2"), HasSubstr("'version'"));
  for (const char* calls : {"-1", "many", "4097", ""})
    EXPECT_THAT(said("calls", calls), HasSubstr("'calls'"));
  for (const char* outcome : {"", "value", "error", "error of mine", "values y", "error rank,"}) {
    EXPECT_THAT(said("call.0", outcome), HasSubstr("metadata 'call.0' is")) << outcome;
  }
  EXPECT_THAT(said("call.2.num_batches_tracked", "1.5"), HasSubstr("'call.2.num_batches_tracked'"));
  EXPECT_THAT(said("call.2", "error other"), HasSubstr("'call.2.y' belongs to a call that failed"));
  EXPECT_THAT(said("calls", "2"), HasSubstr("'call.2.y' belongs to none of the 2 calls"));
  for (const char* name :
       {"y", "call.0.z", "call.0", "call..y", "call.x.y", "call.-1.y", "call.99999999999999999999.y", ""}) {
    EXPECT_THAT(complaint_about([=](Archive& archive) { archive.tensors[name] = Tensor::filled({1}, 0); }),
                HasSubstr("tensor '" + std::string(name) + "'"));
  }
  for (const char* key : {"format", "version", "calls"}) {
    EXPECT_THAT(complaint_about([=](Archive& archive) { archive.metadata.erase(key); }),
                HasSubstr("'" + std::string(key) + "' is missing"));
  }
}

TEST(OutputFile, ATruncatedOneIsRefusedWhereverItEnds) {
  const std::vector<std::byte> bytes = write_archive(to_archive(rich_file()));
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_NE(complaint([&] { outputs_from_archive(read_archive(std::span(bytes).first(size))); }),
              "accepted");
  }
}

}  // namespace
}  // namespace bncheck::test
