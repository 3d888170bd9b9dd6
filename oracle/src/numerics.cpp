#include "bncheck/numerics.hpp"

#include <algorithm>
#include <optional>

#include "knobs.hpp"

namespace bncheck {
namespace {

/// Words of the enumerators 0, 1, ... up to `last`.
template <class E>
std::vector<std::string> words_to(E last) {
  std::vector<std::string> words;
  for (int k = 0; k <= static_cast<int>(last); ++k) words.emplace_back(name_of(static_cast<E>(k)));
  return words;
}

std::optional<Claim> claim_named(std::string_view name) {
  for (const Claim claim : {Claim::exact, Claim::faithful, Claim::sound}) {
    if (name_of(claim) == name) return claim;
  }
  return std::nullopt;
}

const std::vector<Knob<Numerics>>& knobs() {
  static const std::vector<std::string> truth{"false", "true"};
  static const std::vector<Knob<Numerics>> table{
      word_knob("summation", &Numerics::summation, words_to(Summation::wide),
                "how sums are formed, which decides the error that a long sum may have"),
      word_knob("form", &Numerics::form, {"centred", "folded"},
                "y = gamma (x - mean) invstd + beta, or alpha x + beta with both numbers formed beforehand"),
      word_knob("range", &Numerics::range, {"own", "wide"},
                "exponents of intermediate results: of the arithmetic, or of the next wider format"),
      word_knob(
          "arithmetic", &Numerics::arithmetic, {"of_data", "f32", "f64"},
          "arithmetic of intermediate results: double for f64 data and float for the others, or one of them"),
      word_knob(
          "rounds_statistics", &Numerics::rounds_statistics, truth,
          "mean and variance or invstd are rounded to the dtype of the saved outputs before they are used"),
      word_knob("flush_to_zero", &Numerics::flush_to_zero, truth,
                "subnormal inputs and results are taken for zeros"),
      word_knob("deterministic", &Numerics::deterministic, truth, "the same call gives the same bits"),
      word_knob("thread_invariant", &Numerics::thread_invariant, truth,
                "the same bits for any number of threads"),
      word_knob("layout_invariant", &Numerics::layout_invariant, truth,
                "the same bits for any layout of x and y")};
  return table;
}

}  // namespace

Numerics numerics_from_text(std::string_view text, Numerics numerics) {
  std::vector<std::string_view> parts = parts_of(text);
  if (parts.front().find('=') == std::string_view::npos) {
    const std::optional<Claim> claim = claim_named(parts.front());
    if (!claim) {
      throw std::invalid_argument("unknown claim " + in_quotes(parts.front()) + ", expected " +
                                  listed(words_to(Claim::sound)) + ", then KNOB=VALUE where it differs");
    }
    numerics.claim = *claim;
    parts.erase(parts.begin());
  }
  turn_knobs(numerics, knobs(), parts, "numerics");
  return numerics;
}

std::vector<KnobDescription> numerics_descriptions() {
  return descriptions(knobs());
}

std::string text_of(const Numerics& numerics) {
  return std::string(name_of(numerics.claim)) + differences(numerics, Numerics(), knobs());
}

}  // namespace bncheck
