#include "bncheck/integer.hpp"

#include <utility>

#include "boost_integer.hpp"

namespace bncheck {
namespace {

using Number = BoostInteger::Number;

Number& number(Integer& integer) {
  return BoostInteger::of(integer);
}
const Number& number(const Integer& integer) {
  return BoostInteger::of(integer);
}

template <class Value>
void make(Integer& integer, Value&& value) {
  ::new (BoostInteger::place(integer)) Number(std::forward<Value>(value));
}

}  // namespace

Integer::Integer() noexcept {
  make(*this, 0);
}
Integer::Integer(std::int64_t value) noexcept {
  make(*this, value);
}
Integer::Integer(std::uint64_t value) noexcept {
  make(*this, value);
}
Integer::Integer(Int128 value) noexcept {
  make(*this, value);
}
Integer::Integer(Uint128 value) noexcept {
  make(*this, value);
}
Integer::Integer(const std::string& digits) {
  make(*this, digits);
}
Integer::Integer(const Integer& other) {
  make(*this, number(other));
}
Integer::Integer(Integer&& other) noexcept {
  make(*this, std::move(number(other)));
}
Integer& Integer::operator=(const Integer& other) {
  number(*this) = number(other);
  return *this;
}
Integer& Integer::operator=(Integer&& other) noexcept {
  number(*this) = std::move(number(other));
  return *this;
}
Integer::~Integer() {
  number(*this).~Number();
}

int Integer::sign() const {
  return number(*this).sign();
}
std::int64_t Integer::top_bit() const {
  return static_cast<std::int64_t>(msb(abs(number(*this))));
}
std::string Integer::hexadecimal() const {
  return Number(abs(number(*this))).str(0, std::ios_base::hex);
}

Integer operator+(const Integer& a, const Integer& b) {
  Integer sum = a;
  number(sum) += number(b);
  return sum;
}
Integer operator-(const Integer& a, const Integer& b) {
  Integer difference = a;
  number(difference) -= number(b);
  return difference;
}
Integer operator*(const Integer& a, const Integer& b) {
  Integer product;
  multiply(number(product), number(a), number(b));
  return product;
}
Integer operator-(const Integer& a) {
  Integer negative = a;
  number(negative).backend().negate();
  return negative;
}
Integer operator<<(const Integer& a, unsigned bits) {
  Integer shifted = a;
  number(shifted) <<= bits;
  return shifted;
}
Integer operator>>(const Integer& a, unsigned bits) {
  Integer shifted = a;
  number(shifted) >>= bits;
  return shifted;
}
bool operator==(const Integer& a, const Integer& b) {
  return number(a) == number(b);
}

}  // namespace bncheck
