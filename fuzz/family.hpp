#pragma once
/// A family: the laws that one fuzz target looks at.

#include <string>
#include <vector>

#include "core/law.hpp"

namespace bncheck::fuzz {

struct Family {
  std::string name;
  std::vector<const Law*> laws;
  /// What the family's cases are about: calls that must fail, or calls that must succeed.
  bool rejections = false;
  /// Draws::size of its cases. Large enough for tails, many channels and strides; small enough for a thousand
  /// cases per second with sanitizers, where the exact answer takes microseconds per element.
  int case_size = 40;
};

/// Calls that must succeed: every law but those about rejection.
const Family& forward_family();
/// Calls that must fail, and the empty batch.
const Family& reject_family();
/// Every law.
const Family& whole_family();

/// A law of the family that says something about this case, whatever law the case was meant for; null where
/// there is none.
const Law* law_for(const Family& family, const Case& c, const Dialect& dialect);

/// Kinds of error that the calls of a case must give, each call taken from the state before the first.
/// Precondition: every x is whole.
std::vector<ErrorKind> errors_of_case(const Case& c, const Dialect& dialect);

/// Elements of all inputs of a case.
std::int64_t elements_of(const Case& c);

}  // namespace bncheck::fuzz
