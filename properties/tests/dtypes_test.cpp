/// The text form of a subject's dtypes.
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

}  // namespace
}  // namespace bncheck
