#include "core/kept_arithmetic.hpp"

namespace bncheck {
namespace {

// glibc's fesetenv does not restore the precision of the x87 unit, nor registers that MMX code has left in
// use, with which every long double is NaN.
#if defined(__x86_64__) || defined(__i386__)
unsigned short x87_control() {
  unsigned short control = 0;
  __asm__ volatile("fnstcw %0" : "=m"(control));
  return control;
}
void reset_x87() {
  __asm__ volatile("fninit");
}
void set_x87_control(unsigned short control) {
  __asm__ volatile("fldcw %0" : : "m"(control));
}
#else
unsigned short x87_control() {
  return 0;
}
void reset_x87() {}
void set_x87_control(unsigned short) {}
#endif

}  // namespace

KeptArithmetic::KeptArithmetic() : x87_control_(x87_control()) {
  std::fegetenv(&environment_);
}

KeptArithmetic::~KeptArithmetic() {
  // This comes first, because a pending exception would trap in any other instruction.
  reset_x87();
  std::fesetenv(&environment_);
  set_x87_control(x87_control_);
}

}  // namespace bncheck
