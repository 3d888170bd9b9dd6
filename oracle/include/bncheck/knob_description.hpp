#pragma once
/// Description of a knob, a named setting of a Dialect or of Numerics, for those who declare it.

#include <string>

namespace bncheck {

struct KnobDescription {
  std::string key;
  std::string values;  ///< "f64 or f32"
  std::string usual;   ///< value where none is given
  std::string about;
};

}  // namespace bncheck
