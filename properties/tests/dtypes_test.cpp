/// The text form of a subject's dtypes, and those of a case.
#include "core/dtypes.hpp"

#include <gmock/gmock.h>

namespace bncheck {
namespace {

TEST(DtypePairs, KeepTheirText) {
  for (const char* text : {"f32", "f64", "f16", "bf16", "f16+f32", "bf16+f32", "f32+f64"}) {
    const auto pair = dtype_pair_named(text);
    ASSERT_TRUE(pair) << text;
    EXPECT_EQ(to_string(*pair), text);
  }
  EXPECT_EQ(dtype_pair_named("f16+f32"), (DtypePair{Dtype::f16, Dtype::f32}));
  EXPECT_EQ(dtype_pair_named("bf16"), (DtypePair{Dtype::bf16, Dtype::bf16}));
  EXPECT_EQ(dtype_pair_named("f32"), DtypePair{});
}

TEST(DtypePairs, NothingElseIsOne) {
  for (const char* text : {"", "F16", "f8", "f16+", "+f32", "f16+f32+f32", "f16 + f32", "f16,f32"}) {
    EXPECT_EQ(dtype_pair_named(text), std::nullopt) << text;
  }
}

/// Any vector of the state tells the dtype of all of them, one that stands alone too.
TEST(DtypePairs, AreReadFromAnyVector) {
  for (const auto& [name, member] : state_tensors) {
    Case c;
    c.calls.push_back({Forward{true, Tensor::zeros(Dtype::f16, {2, 1})}, {}});
    EXPECT_EQ(to_string(dtypes_in(c)), "f16");
    c.state.*member = Tensor::zeros(Dtype::f32, {1});
    EXPECT_EQ(to_string(dtypes_in(c)), "f16+f32") << name;
  }
}

}  // namespace
}  // namespace bncheck
