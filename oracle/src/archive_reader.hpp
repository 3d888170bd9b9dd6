#pragma once
/// Reading of an archive's parts by name, with checks of their meaning.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bncheck/ascii.hpp"
#include "bncheck/case_file.hpp"
#include "bncheck/safetensors.hpp"
#include "bncheck/untrusted_text.hpp"

namespace bncheck {

/// Largest number of calls in one file.
inline constexpr std::int64_t max_calls = 4096;

/// Reader of `__metadata__` and tensors. Where they are not as expected, it throws FormatError, which names
/// the part.
class ArchiveReader {
 public:
  /// The archive must stay alive. Tensors are moved out of it, each once.
  explicit ArchiveReader(Archive& archive) : archive_(archive) {}

  std::optional<std::string> find(const std::string& key) const {
    const auto found = archive_.metadata.find(key);
    if (found == archive_.metadata.end()) return std::nullopt;
    return found->second;
  }
  std::string text(const std::string& key) const {
    const auto value = find(key);
    if (!value) throw FormatError("metadata '" + key + "' is missing");
    return *value;
  }
  [[noreturn]] void reject(const std::string& key, const std::string& expected) const {
    throw FormatError("metadata '" + key + "' is " + in_quotes(text(key)) + ", expected " + expected);
  }
  std::int64_t integer(const std::string& key) const {
    const auto value = parse_integer(text(key));
    if (!value) reject(key, "an integer");
    return *value;
  }
  int small_integer(const std::string& key, std::int64_t low, std::int64_t high) const {
    const std::int64_t value = integer(key);
    if (value < low || value > high) {
      reject(key, "an integer from " + std::to_string(low) + " to " + std::to_string(high));
    }
    return static_cast<int>(value);
  }
  bool boolean(const std::string& key) const {
    const std::string value = text(key);
    if (value != "true" && value != "false") reject(key, "true or false");
    return value == "true";
  }
  double real(const std::string& key) const {
    const auto value = parse_double(text(key));
    if (!value) reject(key, "a number");
    return *value;
  }
  std::optional<double> momentum(const std::string& key, const std::string& value) const {
    if (value == "cumulative") return std::nullopt;
    const auto number = parse_double(value);
    if (!number) reject(key, "a number or 'cumulative'");
    return number;
  }
  template <class T>
  std::vector<T> list(const std::string& key) const {
    std::vector<T> values;
    const std::string text = find(key).value_or("");
    Words words(text);
    for (std::string word; words.next(word);) {
      const auto value = parse_integer(word);
      if (!value || *value != static_cast<T>(*value)) reject(key, "integers separated by blanks");
      values.push_back(static_cast<T>(*value));
    }
    return values;
  }
  /// Rejects text after the last word that has a meaning.
  void expect_end(const std::string& key, Words& words, const std::string& expected) const {
    if (!words.next().empty()) reject(key, expected);
  }
  std::optional<Tensor> take_tensor(const std::string& name) const {
    auto found = archive_.tensors.extract(name);
    if (found.empty()) return std::nullopt;
    return std::move(found.mapped());
  }
  Tensor take_required_tensor(const std::string& name) const {
    auto value = take_tensor(name);
    if (!value) throw FormatError("tensor '" + name + "' is missing");
    return std::move(*value);
  }

 private:
  Archive& archive_;
};

}  // namespace bncheck
