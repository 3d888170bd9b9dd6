#include "subjects/foreign/keeper.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>
#include <system_error>

#include "core/subject.hpp"
#include "subjects/foreign/process_tree.hpp"

namespace bncheck {
namespace {

using Clock = std::chrono::steady_clock;

/// Longest wait for killed processes to end. One with much memory takes a while, and one that hangs in a
/// driver does not end at all.
constexpr std::chrono::seconds funeral{10};

enum class Order : char { start, kill };
struct Report {
  enum class Kind { started, failed, ended } kind;
  int value;  ///< an error number, or a status as waitpid gives it
};

/// The keeper's side: all code that its process runs.
class KeeperProcess {
 public:
  /// Precondition: all signals are blocked.
  KeeperProcess(int orders, pid_t owner, char* const* command, char* const* environment)
      : orders_(orders), command_(command), environment_(environment) {
    ::setsid();                              // out of reach of a terminal's signals
    ::prctl(PR_SET_CHILD_SUBREAPER, 1);      // adopts processes whose parents have ended
    ::prctl(PR_SET_NAME, "subject-keeper");  // not "bncheck", which a user may kill by name
    // Default actions, because the command would inherit which signals are ignored.
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) std::signal(number, SIG_DFL);
    sigemptyset(&child_ends_);
    sigaddset(&child_ends_, SIGCHLD);
    signals_ = above_commands(::signalfd(-1, &child_ends_, SFD_CLOEXEC | SFD_NONBLOCK));
    owner_ = above_commands(static_cast<int>(::syscall(SYS_pidfd_open, owner, 0)));
    orders_ = above_commands(orders_);
    close_others();
    if (::getppid() != owner) ::_exit(0);
  }

  [[noreturn]] void run() {
    std::array<pollfd, 3> all{{{orders_, POLLIN, 0}, {owner_, POLLIN, 0}, {signals_, POLLIN, 0}}};
    while (true) {
      ::poll(all.data(), all.size(), -1);
      if (all[1].revents != 0) leave();
      if (all[2].revents != 0) look_after_children();
      if (all[0].revents != 0) obey();
    }
  }

 private:
  /// Duplicate with a number above those of the command's descriptors.
  static int above_commands(int number) {
    constexpr int lowest = 10;
    return number < 0 ? -1 : ::fcntl(number, F_DUPFD_CLOEXEC, lowest);
  }

  /// Closes all descriptors but the keeper's own, because a copy of the end of a pipe keeps that pipe open.
  void close_others() const {
    std::array<int, 3> kept{orders_, owner_, signals_};
    std::ranges::sort(kept);
    int next = 0;
    for (const int number : kept) {
      if (number > next) close_range_of(next, number - 1);
      next = std::max(next, number + 1);
    }
    close_range_of(next, -1);
    // Descriptors that arrive get the lowest free numbers. The numbers that the command's descriptors will
    // have are occupied, so that none arrives there.
    while (true) {
      const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
      if (nothing < 0 || nothing >= static_cast<int>(Keeper::Descriptors().size())) {
        if (nothing >= 0) ::close(nothing);
        return;
      }
    }
  }

  static void close_range_of(int first, int last) {
    if (::close_range(static_cast<unsigned>(first), static_cast<unsigned>(last), 0) == 0) return;
    const long end = last >= 0 ? last : std::min(::sysconf(_SC_OPEN_MAX), 1L << 16);
    for (int number = first; number <= end; ++number) ::close(number);
  }

  [[noreturn]] void leave() {
    end_all();
    ::_exit(0);
  }

  void obey() {
    Order order{};
    Keeper::Descriptors given{};
    const ssize_t got = receive(order, given);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) return;
    if (got <= 0) leave();
    if (order == Order::kill) {
      end_all();
      report_end();
      return;
    }
    const int error = start(given);
    for (const int number : given) ::close(number);
    report(error == 0 ? Report::Kind::started : Report::Kind::failed, error);
  }

  ssize_t receive(Order& order, Keeper::Descriptors& given) const {
    iovec content{&order, sizeof order};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(Keeper::Descriptors))> control{};
    msghdr message{};
    message.msg_iov = &content;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    const ssize_t got = ::recvmsg(orders_, &message, MSG_CMSG_CLOEXEC);
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (got > 0 && header != nullptr) std::memcpy(given.data(), CMSG_DATA(header), sizeof given);
    return got;
  }

  /// Starts the command. Returns 0 or the number of the error.
  int start(const Keeper::Descriptors& given) {
    // The pipe is closed by a successful exec, or carries the error of exec. (With ThreadSanitizer, vfork
    // shares no memory.)
    int failure[2];
    if (::pipe2(failure, O_CLOEXEC) != 0) return errno;
    // vfork, because fork would copy the page tables of all memory that the owner had when the keeper was
    // made.
    const pid_t pid = ::vfork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // if the keeper is killed
      ::setpgid(0, 0);
      for (std::size_t k = 0; k < given.size(); ++k) ::dup2(given[k], static_cast<int>(k));
      sigset_t none;
      sigemptyset(&none);
      ::sigprocmask(SIG_SETMASK, &none, nullptr);
      ::execvpe(command_[0], command_, environment_);
      const int error = errno;
      (void)!::write(failure[1], &error, sizeof error);
      ::_exit(127);
    }
    int error = pid < 0 ? errno : 0;
    ::close(failure[1]);
    if (pid > 0 && ::read(failure[0], &error, sizeof error) == sizeof error) ::waitpid(pid, nullptr, 0);
    ::close(failure[0]);
    if (error == 0) command_pid_ = pid;
    return error;
  }

  void look_after_children() {
    signalfd_siginfo info;
    while (::read(signals_, &info, sizeof info) > 0) {
    }
    reap();
    if (!status_) return;
    end_all();
    report_end();
  }

  /// Takes the status of children that have ended. Returns whether children are left.
  bool reap() {
    while (true) {
      int status = 0;
      const pid_t pid = ::waitpid(-1, &status, WNOHANG);
      if (pid <= 0) return pid == 0;
      if (pid == command_pid_) status_ = status;
    }
  }

  /// Kills all descendants. A process that is started during one search is found by the next, because its
  /// parent is dead by then.
  void end_all() {
    const Clock::time_point deadline = Clock::now() + patience_;
    while (reap()) {
      for (const ProcessEntry& entry : descendants_of(::getpid())) ::kill(entry.pid, SIGKILL);
      if (command_pid_ > 0 && !status_) ::kill(-command_pid_, SIGKILL);  // without /proc, at least the group
      if (!reap()) return;
      if (Clock::now() > deadline) {
        patience_ = std::chrono::milliseconds(100);  // a later wait would not end either
        return;
      }
      const timespec moment{0, 10'000'000};
      ::sigtimedwait(&child_ends_, nullptr, &moment);
    }
  }

  /// Reports the end of the command, once per start.
  void report_end() {
    if (command_pid_ < 0) return;
    report(Report::Kind::ended, status_.value_or(SIGKILL));
    command_pid_ = -1;
    status_.reset();
  }

  void report(Report::Kind kind, int value) const {
    const Report report{kind, value};
    ::send(orders_, &report, sizeof report, MSG_NOSIGNAL);
  }

  int orders_, owner_ = -1, signals_ = -1;
  char* const* command_;
  char* const* environment_;
  sigset_t child_ends_{};
  pid_t command_pid_ = -1;
  std::optional<int> status_;  ///< status of the command once it has ended
  std::chrono::milliseconds patience_{funeral};
};

std::vector<char*> pointers_to(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

/// Environment of this process, with the descriptors of the frames.
std::vector<std::string> environment_of_command() {
  std::vector<std::string> all{"BNCHECK_REQUESTS=3", "BNCHECK_REPLIES=4"};
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    if (!text.starts_with("BNCHECK_REQUESTS=") && !text.starts_with("BNCHECK_REPLIES="))
      all.emplace_back(text);
  }
  return all;
}

[[noreturn]] void fail(const std::string& what, int error) {
  throw SubjectUnavailable(what + ": " + std::generic_category().message(error));
}

}  // namespace

Keeper::Keeper(std::vector<std::string> command) : command_(std::move(command)) {}

Keeper::~Keeper() {
  dismiss();
}

/// Starts the keeper by fork, so that no program file has to be found for it. The keeper touches nothing that
/// it inherits, such as a GPU, and the command itself starts anew by exec.
void Keeper::hire() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) fail("cannot make a socket", errno);
  Descriptor ours = moved_up(ends[0]), theirs = moved_up(ends[1]);
  if (!ours.is_open() || !theirs.is_open()) fail("cannot duplicate a descriptor", errno);
  std::vector<std::string> environment = environment_of_command();
  const std::vector<char*> words = pointers_to(command_), settings = pointers_to(environment);
  const pid_t owner = ::getpid();
  sigset_t all, before;
  sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  const pid_t pid = ::fork();
  if (pid == 0) KeeperProcess(theirs.get(), owner, words.data(), settings.data()).run();
  const int error = errno;
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (pid < 0) fail("cannot make a process", error);
  pid_ = pid;
  orders_ = std::move(ours);
}

/// Ends the keeper: it exits when the other end of its orders is closed, after killing its descendants.
void Keeper::dismiss() {
  orders_.close();
  runs_ = false;
  if (pid_ < 0) return;
  while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

void Keeper::start(const Descriptors& descriptors) {
  kill();
  if (pid_ < 0) hire();
  Order order = Order::start;
  iovec content{&order, sizeof order};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof descriptors)> control{};
  msghdr message{};
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof descriptors);
  std::memcpy(CMSG_DATA(header), descriptors.data(), sizeof descriptors);
  Report report{};
  ssize_t got = ::sendmsg(orders_.get(), &message, MSG_NOSIGNAL);
  if (got > 0) {
    do {
      got = ::recv(orders_.get(), &report, sizeof report, 0);
    } while (got < 0 && errno == EINTR);
    // A command may kill its keeper before the report is sent. The command has run then, and `wait` will find
    // its end.
    if (got <= 0) {
      runs_ = true;
      return;
    }
  }
  if (got <= 0) {
    const int error = errno;
    dismiss();
    fail("cannot start '" + command_[0] + "'", error);
  }
  if (report.kind == Report::Kind::failed) fail("cannot start '" + command_[0] + "'", report.value);
  runs_ = true;
}

std::optional<int> Keeper::wait(std::chrono::milliseconds limit) {
  if (!runs_) return std::nullopt;
  pollfd end{orders_.get(), POLLIN, 0};
  const Clock::time_point deadline = Clock::now() + limit;
  for (int ready = 0; ready == 0 || (ready < 0 && errno == EINTR);) {
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    ready = ::poll(&end, 1, std::max(static_cast<int>(left.count()), 0));
    if (ready == 0 && Clock::now() >= deadline) return std::nullopt;
  }
  Report report{};
  if (::recv(orders_.get(), &report, sizeof report, MSG_DONTWAIT) <= 0) {
    dismiss();  // killed, and its command with it; the next start makes another keeper
    return std::nullopt;
  }
  runs_ = false;
  return report.value;
}

void Keeper::kill() {
  if (!runs_) return;
  const Order order = Order::kill;
  ::send(orders_.get(), &order, sizeof order, MSG_NOSIGNAL);
  if (!wait(funeral + std::chrono::seconds(5))) dismiss();
}

std::uint64_t Keeper::memory() const {
  std::uint64_t sum = 0;
  if (runs_) {
    for (const ProcessEntry& entry : descendants_of(pid_)) sum += entry.resident;
  }
  return sum;
}

}  // namespace bncheck
