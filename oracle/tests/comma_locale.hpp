#pragma once
/// A locale that makes text go wrong where it depends on the locale.

#include <clocale>
#include <cstdlib>
#include <locale>
#include <stdexcept>
#include <string>
#include <vector>

namespace bncheck::test {

/// Locale that writes 1.234,5 and counts some letters as blanks. It is global for the lifetime of the object.
/// BNCHECK_TEST_LOCALE names a locale of the system for C's part (de_DE.UTF-8), which cannot be made here.
class CommaLocale {
 public:
  CommaLocale() : before_(std::locale::global(comma())) {
    const char* name = std::getenv("BNCHECK_TEST_LOCALE");
    if (name == nullptr) return;
    if (std::setlocale(LC_ALL, name) == nullptr) throw std::runtime_error("no locale " + std::string(name));
    if (*std::localeconv()->decimal_point != ',') throw std::runtime_error("its decimal point is no comma");
  }
  ~CommaLocale() {
    std::locale::global(before_);
    std::setlocale(LC_ALL, "C");
  }
  CommaLocale(const CommaLocale&) = delete;
  CommaLocale& operator=(const CommaLocale&) = delete;

 private:
  struct Comma : std::numpunct<char> {
    char do_decimal_point() const override { return ','; }
    char do_thousands_sep() const override { return '.'; }
    std::string do_grouping() const override { return "\3"; }
  };
  /// A stream reads "f", "rward" from "forward training" with it.
  struct Blanks : std::ctype<char> {
    Blanks() : std::ctype<char>(table()) {}
    static const mask* table() {
      static const std::vector<mask> classes = [] {
        std::vector<mask> all(classic_table(), classic_table() + table_size);
        for (const char letter : {'o', 'a', '1'}) all[static_cast<unsigned char>(letter)] |= space;
        return all;
      }();
      return classes.data();
    }
  };
  static std::locale comma() {
    return std::locale(std::locale(std::locale::classic(), new Comma), new Blanks);
  }

  std::locale before_;
};

}  // namespace bncheck::test
