// The error of a bn call that the contract (impl/CONTRACT.md) does not allow.
#pragma once

#include <stdexcept>
#include <string>

namespace bn {

/// Row of the contract that was violated.
enum class ErrorKind {
  rank,        ///< number of dimensions of an input
  channels,    ///< channels of an input, or a number of features below 1
  length,      ///< length or presence of a parameter, statistic or output; sizes of a view
  eps,         ///< ε not 0 and not in [2^-126, 2^127], or 0 where batch statistics are used
  momentum,    ///< NaN or infinite
  one_value,   ///< one value per channel where batch statistics are used
  alias,       ///< memory that is written overlaps other memory of the call
  counter,     ///< num_batches_tracked missing, negative or exhausted
  no_forward,  ///< backward without a successful forward in that mode
};

/// A rejected call. Nothing that the caller can see has changed when it is thrown.
class Error : public std::invalid_argument {
 public:
  /// `message`: one line with the value that was given and the one that was expected.
  Error(ErrorKind kind, const std::string& message) : std::invalid_argument(message), kind_(kind) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace bn
