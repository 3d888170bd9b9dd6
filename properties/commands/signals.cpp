#include "commands/signals.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "bncheck/temporaries.hpp"

namespace bncheck {
namespace {

constexpr std::array requests{SIGINT, SIGTERM, SIGHUP};
constexpr std::array endings{SIGQUIT, SIGXCPU};
constexpr std::array failures{SIGPIPE, SIGXFSZ};

/// Time within which two signals count as one request to end: timeout(1) signals the program and then its
/// process group, and for a terminal that is closed both the kernel and the shell send a signal.
constexpr std::int64_t one_request = 100'000'000;  // ns

std::atomic<bool> ends_in_order{false};
std::atomic<bool> interrupted{false};
std::atomic<std::int64_t> first_request{0};
bool pipe_was_ignored = false;

std::int64_t now() {
  timespec time{};
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void end_by_signal(int number) {
  remove_temporaries();
  std::signal(number, SIG_DFL);
  sigset_t only;
  sigemptyset(&only);
  sigaddset(&only, number);
  ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
  std::raise(number);
}

void on_request(int number) {
  const int kept = errno;
  std::int64_t first = 0;
  if (ends_in_order && first_request.compare_exchange_strong(first, now())) {
    interrupted = true;
  } else if (!ends_in_order || now() - first >= one_request) {
    end_by_signal(number);
  }
  errno = kept;
}

/// The failing write reports the error instead. The signal is handled and not ignored, because programs that
/// are started from here would inherit that.
void on_failure(int) {}

/// Installs a handler. Returns false if the signal was ignored from the start.
bool handle(int number, void (*handler)(int), bool even_if_ignored = false) {
  struct sigaction before{};
  ::sigaction(number, nullptr, &before);
  if (before.sa_handler == SIG_IGN && !even_if_ignored) return false;
  struct sigaction action{};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  ::sigaction(number, &action, nullptr);
  return true;
}

void open_standard_descriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(number, F_GETFD) >= 0 || errno != EBADF) continue;
    // open returns the lowest free number. stdout is opened for reading only, so that a write to it fails and
    // shows that the output is lost.
    [[maybe_unused]] const int opened = ::open("/dev/null", number == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

}  // namespace

void prepare_process() {
  open_standard_descriptors();
  for (const int number : requests) handle(number, on_request, number == SIGINT);
  for (const int number : endings) handle(number, end_by_signal);
  for (const int number : failures) {
    if (!handle(number, on_failure) && number == SIGPIPE) pipe_was_ignored = true;
  }
}

void restore_signals() {
  const auto restore = [](const auto& numbers) {
    for (const int number : numbers) handle(number, SIG_DFL);
  };
  restore(requests);
  restore(endings);
  restore(failures);
}

const std::atomic<bool>& interruption() {
  ends_in_order = true;
  return interrupted;
}

void end_by_broken_pipe() {
  if (!pipe_was_ignored) end_by_signal(SIGPIPE);
}

}  // namespace bncheck
