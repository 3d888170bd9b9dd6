#pragma once
/// A subject that cannot be run at all, which is no fault of its mathematics.

#include <stdexcept>

namespace bncheck {

class SubjectUnavailable : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

}  // namespace bncheck
