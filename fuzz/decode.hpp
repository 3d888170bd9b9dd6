#pragma once
/// Bytes of a fuzzer as a law and a case: a case file is taken at its word, anything else is a source of
/// choices for the law's own generator. Every input is used.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bncheck/case_file.hpp"
#include "family.hpp"

namespace bncheck::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// What one input asks for.
struct Input {
  const Law* law = nullptr;
  std::string subject;  ///< "bn" or "bn_functional"
  Case content;
};

/// The layer or the functions where the case can be said to one of them only. Precondition: affordable.
void settle_subject(Input& input);

Input decode(const Family& family, std::span<const std::uint8_t> bytes);

/// encode(input), remembered: bytes that were just written need not be read again to know what they say.
Bytes encode_and_remember(const Input& input);

/// The case file that decodes to this input, where its case is affordable and its law of the family.
Bytes encode(const Input& input);

/// The case is small enough to be judged or answered thousands of times. A case file may hold anything.
bool is_small(const Case& c);

/// The case is small and can be said to the shipped BatchNorm: f32 tensors, vectors for parameters and
/// statistics, no counter where nothing is tracked, no dx over a statistic that the call does not take, or
/// over an x of another rank.
bool affordable(const Case& c);

/// Both ways to run the shipped BatchNorm; made once.
Subject& subject_named(const std::string& name);

/// The case file in these bytes; nullopt where there is none.
std::optional<CaseFile> parse(std::span<const std::uint8_t> bytes);

}  // namespace bncheck::fuzz
