// Stores vectors of double as floats, for kernels. To be included after hwy/highway.h, inside the copies of
// foreach_target.h.
#if defined(BN_STORE_FLOAT_INL) == defined(HWY_TARGET_TOGGLE)
#ifdef BN_STORE_FLOAT_INL
#undef BN_STORE_FLOAT_INL
#else
#define BN_STORE_FLOAT_INL
#endif

#include <hwy/highway.h>

#include "rounding.hpp"

HWY_BEFORE_NAMESPACE();
namespace bn::HWY_NAMESPACE {

// Rounds once, overflows to infinity and makes every NaN canonical. Unlike in rounded(), −0 stays −0: the
// caller ensures that there is none. Highway's emulated targets would saturate, so they convert each lane as
// the language does.
template <class D, class V>
HWY_INLINE void store_float(D d, V value, float* y) {
  namespace hn = hwy::HWY_NAMESPACE;
#if HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SCALAR
  HWY_ALIGN double lanes[hn::MaxLanes(D())];
  hn::Store(value, d, lanes);
  for (std::size_t i = 0; i < hn::Lanes(d); ++i) y[i] = rounded(lanes[i]);
#else
  using F = hn::Rebind<float, D>;
  const F f;
  const auto nan = hn::BitCast(f, hn::Set(hn::RebindToUnsigned<F>(), canonical_nan_bits));
  const auto narrow = hn::DemoteTo(f, value);
  hn::StoreU(hn::IfThenElse(hn::IsNaN(narrow), nan, narrow), f, y);
  (void)d;
#endif
}

}  // namespace bn::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target include guard
