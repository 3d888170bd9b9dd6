#pragma once
/// Letters and words of ASCII text, the same in every locale. <cctype> and streams depend on the locale.

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

/// Words of a text, in order, separated by blanks.
class Words {
 public:
  /// Keeps a view of the text, which must stay alive as long as this object.
  explicit Words(std::string_view text) : rest_(text) {}

  /// The next word; empty at the end of the text.
  std::string next() {
    std::size_t begin = 0;
    while (begin < rest_.size() && is_blank(rest_[begin])) ++begin;
    std::size_t end = begin;
    while (end < rest_.size() && !is_blank(rest_[end])) ++end;
    const std::string_view word = rest_.substr(begin, end - begin);
    rest_.remove_prefix(end);
    return std::string(word);
  }
  /// The next word, in `word`. Returns false at the end of the text.
  bool next(std::string& word) {
    word = next();
    return !word.empty();
  }

 private:
  std::string_view rest_;
};

}  // namespace bncheck
