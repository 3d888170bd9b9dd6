#pragma once
/// Decoding of a fuzzer's bytes into a law and a case. A case file is used as it is, other bytes are choices
/// for the law's own generator. So every input is used.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bncheck/case_file.hpp"
#include "family.hpp"

namespace bncheck::fuzz {

using Bytes = std::vector<std::uint8_t>;

/// The content of one input.
struct Input {
  const Law* law = nullptr;
  std::string subject;  ///< "bn" or "bn_functional"
  Case content;
};

/// Sets the subject to the layer or to the functions if only that one can run the case. Precondition:
/// affordable.
void choose_subject(Input& input);

Input decode(const Family& family, std::span<const std::uint8_t> bytes);

/// encode(input), which is remembered, so that decoding the same bytes next needs no reading.
Bytes encode_and_remember(const Input& input);

/// Case file that decodes to this input, if its case is affordable and its law is in the family.
Bytes encode(const Input& input);

/// Whether the case is small enough to be judged or answered thousands of times; a case file may hold
/// anything.
bool is_small(const Case& c);

/// Whether the case is small and can be run on the shipped BatchNorm: f32 tensors, vectors for parameters and
/// statistics, no counter if nothing is tracked, no dx over a statistic that the call does not take, or over
/// an x of another rank.
bool affordable(const Case& c);

/// The shipped BatchNorm as a layer or as functions; made once.
Subject& subject_named(const std::string& name);

/// Case file in these bytes; nullopt if they are none.
std::optional<CaseFile> parse(std::span<const std::uint8_t> bytes);

}  // namespace bncheck::fuzz
