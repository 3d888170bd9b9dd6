#pragma once
/// The number of Boost.Multiprecision that an Integer holds.

#include <boost/multiprecision/cpp_int.hpp>
#include <new>

#include "bncheck/integer.hpp"

namespace bncheck {

struct BoostInteger {
  using Number = boost::multiprecision::number<
      boost::multiprecision::cpp_int_backend<512, 0, boost::multiprecision::signed_magnitude,
                                             boost::multiprecision::unchecked>,
      boost::multiprecision::et_off>;
  static_assert(sizeof(Number) == sizeof(Integer) && alignof(Number) == alignof(Integer));

  static Number& of(Integer& integer) {
    return *std::launder(reinterpret_cast<Number*>(integer.storage_.data()));
  }
  static const Number& of(const Integer& integer) {
    return *std::launder(reinterpret_cast<const Number*>(integer.storage_.data()));
  }
  static void* place(Integer& integer) { return integer.storage_.data(); }
};

}  // namespace bncheck
