#pragma once
/// BatchNorm for tests, with tensors of any dtype: float32 arithmetic for f16, bf16 and f32, a wider one for
/// f64, and results that are rounded once. It can have one fault.

#include <memory>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck::test {

enum class DtypeFault {
  none,
  sums_in_data_dtype,    ///< each partial sum of x is rounded to the dtype of x
  truncates,             ///< y is rounded towards zero
  statistics_rounded,    ///< y is computed from the stored mean and invstd
  updates_from_rounded,  ///< so are the running statistics
  narrow_y,              ///< y is first rounded to bfloat16
  narrow_arithmetic,     ///< float32 arithmetic on float64 tensors
  gradient_sums_in_data_dtype,
  narrow_dx,       ///< dx is first rounded to bfloat16
  returns_floats,  ///< y is float32 for every dtype of x
};
const std::vector<DtypeFault>& dtype_faults();
std::string name_of(DtypeFault fault);
/// Whether the fault shows with this dtype of x.
bool shows_in(DtypeFault fault, Dtype data);

std::unique_ptr<Subject> make_dtype_subject(std::vector<DtypePair> dtypes,
                                            DtypeFault fault = DtypeFault::none);

}  // namespace bncheck::test
