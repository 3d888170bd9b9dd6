#pragma once
/// A BatchNorm for tests that takes tensors of any dtype: float32 arithmetic for f16, bf16 and f32, a wider
/// one for f64, and results that are rounded once. One thing can be made wrong.

#include <memory>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck::test {

enum class DtypeFault {
  none,
  sums_in_data_dtype,    ///< each partial sum of x is rounded to x's dtype
  truncates,             ///< y is rounded towards zero
  statistics_rounded,    ///< y is made of the mean and invstd as they are stored
  updates_from_rounded,  ///< so are the running statistics
  narrow_y,              ///< y goes through bfloat16
  narrow_arithmetic,     ///< float32 arithmetic on float64 tensors
  gradient_sums_in_data_dtype,
  narrow_dx,       ///< dx goes through bfloat16
  returns_floats,  ///< y is float32 whatever x is
};
const std::vector<DtypeFault>& dtype_faults();
std::string name_of(DtypeFault fault);
/// Some dtype of x on which the fault shows.
bool shows_in(DtypeFault fault, Dtype data);

std::unique_ptr<Subject> make_dtype_subject(std::vector<DtypePair> dtypes,
                                            DtypeFault fault = DtypeFault::none);

}  // namespace bncheck::test
