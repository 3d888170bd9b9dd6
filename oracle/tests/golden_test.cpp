/// The oracle against the golden answers, which golden.py computes independently from the contract with
/// Python's fractions: every tensor bit for bit, every outcome, every counter.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "bncheck/answer_file.hpp"
#include "bncheck/case_file.hpp"
#include "bncheck/files.hpp"

namespace bncheck {
namespace {

const std::string case_suffix = ".case.safetensors";
const std::string answer_suffix = ".answer.safetensors";

/// Names of the pairs in the golden folder, in order.
std::vector<std::string> golden_names() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(BNCHECK_GOLDEN_FOLDER)) {
    const std::string file = entry.path().filename().string();
    if (file.ends_with(case_suffix)) names.push_back(file.substr(0, file.size() - case_suffix.size()));
  }
  std::ranges::sort(names);
  return names;
}

std::filesystem::path golden_path(const std::string& name, const std::string& suffix) {
  return std::filesystem::path(BNCHECK_GOLDEN_FOLDER) / (name + suffix);
}

/// The words of an outcome: "values", or "error" and the kinds.
std::set<std::string> words_of(const std::string& outcome) {
  std::istringstream words(outcome);
  std::set<std::string> set;
  for (std::string word; words >> word;) set.insert(word);
  return set;
}

bool is_call(const std::string& key) {
  return key.starts_with("call.") && key.find('.', 5) == std::string::npos;
}

/// The golden answer names kinds of error that are right; the oracle may allow more.
void compare_metadata(const Archive& golden, const Archive& answer) {
  EXPECT_EQ(golden.metadata.size(), answer.metadata.size());
  for (const auto& [key, expected] : golden.metadata) {
    const auto found = answer.metadata.find(key);
    ASSERT_NE(found, answer.metadata.end()) << "the oracle's answer lacks '" << key << "'";
    if (!is_call(key)) {
      EXPECT_EQ(found->second, expected) << key;
      continue;
    }
    const std::set<std::string> right = words_of(found->second);
    const std::set<std::string> stored = words_of(expected);
    EXPECT_TRUE(std::ranges::includes(right, stored) && stored.contains("values") == right.contains("values"))
        << key << ": golden '" << expected << "', oracle '" << found->second << "'";
  }
}

std::size_t compare_tensor(const std::string& name, const Tensor& golden, const Tensor& answer) {
  EXPECT_EQ(golden.dtype, Dtype::f32) << name;
  EXPECT_EQ(golden.shape, answer.shape) << name;
  if (golden.dtype != answer.dtype || golden.shape != answer.shape || golden.bytes == answer.bytes) {
    return golden.size();
  }
  const auto expected = golden.floats();
  const auto got = answer.floats();
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(expected[i]), std::bit_cast<std::uint32_t>(got[i]))
        << name << "[" << i << "]: golden " << hexfloat(static_cast<double>(expected[i])) << ", oracle "
        << hexfloat(static_cast<double>(got[i]));
  }
  return golden.size();
}

/// Compares the tensors and returns the number of elements.
std::size_t compare_tensors(const Archive& golden, const Archive& answer) {
  std::size_t elements = 0;
  for (const auto& [name, tensor] : golden.tensors) {
    const auto found = answer.tensors.find(name);
    EXPECT_NE(found, answer.tensors.end()) << "the oracle's answer lacks '" << name << "'";
    if (found != answer.tensors.end()) elements += compare_tensor(name, tensor, found->second);
  }
  for (const auto& [name, tensor] : answer.tensors) {
    EXPECT_TRUE(golden.tensors.contains(name)) << "the golden answer lacks '" << name << "'";
  }
  return elements;
}

TEST(Golden, OracleGivesTheGoldenAnswers) {
  const std::vector<std::string> names = golden_names();
  // A lower bound, so that a folder that was not found completely fails.
  ASSERT_GE(names.size(), 400U) << "pairs in " << BNCHECK_GOLDEN_FOLDER;
  std::size_t elements = 0;
  for (const std::string& name : names) {
    SCOPED_TRACE(name);
    const Case content = load_case(golden_path(name, case_suffix)).content;
    const Archive golden = read_archive(read_file(golden_path(name, answer_suffix)));
    ASSERT_EQ(golden.metadata.at("format"), "bncheck-answer");
    const Archive answer = answer_archive(content, dialect_from_text(golden.metadata.at("dialect")));
    compare_metadata(golden, answer);
    elements += compare_tensors(golden, answer);
  }
  EXPECT_GT(elements, 0U);
  std::cout << names.size() << " golden cases, " << elements << " elements compared\n";
}

/// golden.py writes the same bytes as the library, so that both use one format.
TEST(Golden, FilesAreWrittenAsTheLibraryWritesThem) {
  for (const std::string& name : golden_names()) {
    const auto case_bytes = read_file(golden_path(name, case_suffix));
    EXPECT_EQ(write_archive(to_archive(case_from_bytes(case_bytes))), case_bytes) << name << case_suffix;
    const auto answer_bytes = read_file(golden_path(name, answer_suffix));
    EXPECT_EQ(write_archive(read_archive(answer_bytes)), answer_bytes) << name << answer_suffix;
  }
}

}  // namespace
}  // namespace bncheck
