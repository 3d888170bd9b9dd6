#pragma once
/// Letters and words of ASCII text, the same in every locale; those of <cctype> and of streams are not.

#include <string>
#include <string_view>

namespace bncheck {

constexpr bool is_digit(char letter) {
  return letter >= '0' && letter <= '9';
}
constexpr bool is_letter_or_digit(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') || is_digit(letter);
}
constexpr bool is_blank(char letter) {
  return letter == ' ' || (letter >= '\t' && letter <= '\r');
}

/// The words of a text, which blanks separate, one after the other.
class Words {
 public:
  /// The text outlives its words.
  explicit Words(std::string_view text) : rest_(text) {}

  /// Empty at the end, as no word is.
  std::string next() {
    std::size_t begin = 0;
    while (begin < rest_.size() && is_blank(rest_[begin])) ++begin;
    std::size_t end = begin;
    while (end < rest_.size() && !is_blank(rest_[end])) ++end;
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return std::string(word);
  }
  /// false at the end.
  bool next(std::string& word) {
    word = next();
    return !word.empty();
  }

 private:
  std::string_view rest_;
};

}  // namespace bncheck
