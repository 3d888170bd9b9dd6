#pragma once
/// A family: the laws that one fuzz target looks at. Those with large cases are in none.

#include <string>
#include <vector>

#include "core/law.hpp"

namespace bncheck::fuzz {

/// What the cases of a family are about.
enum class Aim {
  forward,    ///< calls that must succeed, none of them a Backward
  backward,   ///< calls that must succeed, with a Backward among them
  rejection,  ///< a last call that must fail
  anything,
};

struct Family {
  std::string name;
  std::vector<const Law*> laws;
  Aim aim = Aim::anything;
  /// Draws::size of its cases. Large enough for tails, many channels and strides; small enough for a thousand
  /// cases per second with sanitizers, where the exact answer takes microseconds per element.
  int case_size = 40;
};

/// Forward calls that must succeed: every law but those about rejection and about gradients.
const Family& forward_family();
/// Backward calls that must succeed: every law about gradients but those about rejection.
const Family& backward_family();
/// Calls that must fail, and the empty batch.
const Family& reject_family();
/// Every law.
const Family& whole_family();

/// A law of the family that says something about this case, whatever law the case was meant for; null where
/// there is none. Precondition: every x and dy is whole.
const Law* law_for(const Family& family, const Case& c, const Dialect& dialect);

/// Elements of all inputs of a case.
std::int64_t elements_of(const Case& c);

}  // namespace bncheck::fuzz
