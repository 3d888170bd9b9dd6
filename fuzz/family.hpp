#pragma once
/// A family: the laws of one fuzz target. Laws with large cases are in no family.

#include <string>
#include <vector>

#include "core/law.hpp"

namespace bncheck::fuzz {

/// Kind of cases of a family.
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
  /// Draws::size of its cases: large enough for tails, many channels and strides; small enough for a thousand
  /// cases per second with sanitizers, where the exact answer takes microseconds per element.
  int case_size = 40;
};

/// Family of forward calls that must succeed: every law except those about rejection and gradients.
const Family& forward_family();
/// Family of backward calls that must succeed: every law about gradients except those about rejection.
const Family& backward_family();
/// Family of calls that must fail, and of the empty batch.
const Family& reject_family();
/// Family of all laws.
const Family& whole_family();

/// A law of the family that applies to this case, whatever law the case was drawn for; null if there is none.
/// Precondition: every x and dy is whole.
const Law* law_for(const Family& family, const Case& c, const Dialect& dialect);

/// Number of elements in all inputs of a case.
std::int64_t elements_of(const Case& c);

}  // namespace bncheck::fuzz
