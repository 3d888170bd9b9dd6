#pragma once
/// A case, and the mismatches of its outcome, for a reader.

#include <string>
#include <string_view>
#include <vector>

#include "bncheck/case.hpp"
#include "core/verdict.hpp"

namespace bncheck {

/// Shape, options, state and values (decimal and bits); long tensors are cut.
std::string show_case(const Case& c);
/// ", affine = false", ", weight only" or ", bias only"; nothing for a layer with both.
std::string_view show_parameters(const Config& config);
/// "call 0 y[0,1,2]: got 1.5 (0x3fc00000), expected 1 (0x3f800000): 0.5 ulps, ratio 3" per mismatch, without ulps where
/// the error is as large as the result, and "one run 1, the other run 1.5" where two runs must agree.
std::string show_mismatches(const Case& c, const std::vector<Mismatch>& mismatches);
/// "-0.99999776 (0xbf7fffda)": as many digits as identify a number of the dtype, and its bits.
std::string show_number(double value, Dtype dtype);
std::string show_element(const Tensor& tensor, std::int64_t index);
/// Three significant digits: "0.5", "1.23e+08", "inf".
std::string show_measure(double value);

}  // namespace bncheck
