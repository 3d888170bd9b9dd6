/// A plugin with right answers that after each call changes its process in the way that the environment
/// variable BNCHECK_MISBEHAVE names.

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cfenv>
#include <clocale>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <locale>
#include <map>
#include <string>

#include "bncheck_plugin.h"

#define bncheck_plugin_table right_table
#include "plugin.c"
#undef bncheck_plugin_table

namespace {

struct Comma : std::numpunct<char> {
  char do_decimal_point() const override { return ','; }
  char do_thousands_sep() const override { return '.'; }
  std::string do_grouping() const override { return "\3"; }
};

volatile std::sig_atomic_t signals_seen = 0;
void on_signal(int) {
  signals_seen = 1;
}

template <class Use>
void each_descriptor(int first, int last, const Use& use) {
  for (int number = first; number <= last; ++number) use(number);
}
void set_not_to_block(int number) {
  const int flags = fcntl(number, F_GETFL);
  if (flags >= 0) fcntl(number, F_SETFL, flags | O_NONBLOCK);
}
void close_it(int number) {
  close(number);
}

void handle_signals() {
  static std::array<char, 1 << 16> stack;
  stack_t alternate{};
  alternate.ss_sp = stack.data();
  alternate.ss_size = stack.size();
  sigaltstack(&alternate, nullptr);
  struct sigaction action{};
  action.sa_handler = on_signal;
  for (int number = 1; number < NSIG; ++number) sigaction(number, &action, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
}

/// Thousands of signals per second, each of which interrupts waiting system calls.
void interrupt_always() {
  struct sigaction action{};
  action.sa_handler = on_signal;
  sigaction(SIGALRM, &action, nullptr);
  const itimerval often{{0, 300}, {0, 300}};
  setitimer(ITIMER_REAL, &often, nullptr);
}

void spoil_streams() {
  static std::array<char, 16> small;
  setvbuf(stdout, small.data(), _IOFBF, small.size());
  setvbuf(stderr, nullptr, _IOFBF, 1 << 16);
  std::ios_base::sync_with_stdio(false);
  std::cout.exceptions(std::ios::failbit);
}

#if defined(__x86_64__)
void spoil_x87() {
  const unsigned short single = 0x007f;
  __asm__ volatile("fldcw %0; pxor %%mm0, %%mm0" : : "m"(single) : "mm0");
}
void flush_to_zero() {
  unsigned control = 0;
  __asm__ volatile("stmxcsr %0" : "=m"(control));
  control |= 0x8040;
  __asm__ volatile("ldmxcsr %0" : : "m"(control));
}
#else
void spoil_x87() {}
void flush_to_zero() {}
#endif

using Trick = void (*)();
const std::map<std::string, Trick>& tricks() {
  static const std::map<std::string, Trick> all{
      {"nothing", [] {}},
      {"rounding", [] { std::fesetround(FE_UPWARD); }},
      {"traps", [] { feenableexcept(FE_ALL_EXCEPT); }},
      {"flags", [] { std::feraiseexcept(FE_ALL_EXCEPT); }},
      {"flush_to_zero", flush_to_zero},
      {"x87", spoil_x87},
      {"c_locale",
       [] {
         // Without this locale the test would have no effect.
         if (std::setlocale(LC_ALL, "") == nullptr || *std::localeconv()->decimal_point != ',') std::abort();
       }},
      {"named_locale", [] { std::locale::global(std::locale("")); }},
      {"numpunct", [] { std::locale::global(std::locale(std::locale(), new Comma)); }},
      {"directory", [] { (void)!chdir("/proc"); }},
      {"umask", [] { umask(0777); }},
      {"signals", handle_signals},
      {"timer", interrupt_always},
      {"not_blocking", [] { each_descriptor(0, 5000, set_not_to_block); }},
      {"not_blocking_3_and_4", [] { each_descriptor(3, 4, set_not_to_block); }},
      {"closed", [] { each_descriptor(0, 4, close_it); }},
      {"closed_to_255", [] { each_descriptor(3, 255, close_it); }},
      {"redirected",
       [] {
         const int nothing = open("/dev/null", O_RDWR);
         each_descriptor(0, 4, [&](int number) { dup2(nothing, number); });
         if (nothing > 4) close(nothing);
       }},
      {"environment", [] { clearenv(); }},
      {"streams", spoil_streams},
      {"terminate", [] { std::set_terminate([] { std::_Exit(0); }); }},
  };
  return all;
}

/// The variable is read once, because a trick may remove it.
Trick the_trick() {
  static const Trick trick = [] {
    const char* name = std::getenv("BNCHECK_MISBEHAVE");
    return tricks().at(name == nullptr ? "nothing" : name);
  }();
  return trick;
}

int create_and_spoil(void** context, char*, size_t) {
  *context = nullptr;
  the_trick()();
  return BNCHECK_OK;
}
void declare_and_spoil(void* context, bncheck_capabilities* can) {
  capabilities(context, can);
  the_trick()();
}
int train_and_spoil(void* context, bncheck_call* call) {
  const int status = forward_training(context, call);
  the_trick()();
  return status;
}
int infer_and_spoil(void* context, bncheck_call* call) {
  const int status = forward_inference(context, call);
  the_trick()();
  return status;
}

}  // namespace

const bncheck_plugin* bncheck_plugin_table(void) {
  static bncheck_plugin spoiled = [] {
    bncheck_plugin copy = *right_table();
    copy.create = create_and_spoil;
    copy.capabilities = declare_and_spoil;
    copy.forward_training = train_and_spoil;
    copy.forward_inference = infer_and_spoil;
    return copy;
  }();
  the_trick()();
  return &spoiled;
}
