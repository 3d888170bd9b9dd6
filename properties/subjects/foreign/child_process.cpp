#include "subjects/foreign/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "bncheck/untrusted_text.hpp"
#include "subjects/foreign/process_memory.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kept_words = 2000;
/// How often memory is looked at while an answer is waited for.
constexpr std::chrono::milliseconds tick{50};
/// How long a program whose pipe is closed may take to be seen to have ended.
constexpr std::chrono::milliseconds farewell{500};
/// A deadline further away than the clock can say is none.
constexpr std::chrono::hours longest{24 * 365};
constexpr int pipe_bytes = 1 << 20;

[[noreturn]] void fail(const char* what, int error) {
  throw SubjectUnavailable(std::string(what) + ": " + std::generic_category().message(error));
}

/// Out of the way of 0 to 4, which the child is given by number.
Descriptor moved_up(int number) {
  Descriptor low(number);
  Descriptor high(::fcntl(number, F_DUPFD_CLOEXEC, 10));
  if (!high.is_open()) fail("cannot duplicate a descriptor", errno);
  return high;
}

struct Ends {
  Descriptor ours, theirs;
};

Ends make_output() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  Ends result{moved_up(ends[0]), moved_up(ends[1])};
  ::fcntl(result.ours.get(), F_SETPIPE_SZ, pipe_bytes);  // fewer switches between processes, where allowed
  ::fcntl(result.ours.get(), F_SETFL, O_NONBLOCK);
  return result;
}

/// A socket, for a write to a closed pipe would raise a signal.
Ends make_input() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("cannot make a socket", errno);
  Ends result{moved_up(ends[0]), moved_up(ends[1])};
  ::setsockopt(result.ours.get(), SOL_SOCKET, SO_SNDBUF, &pipe_bytes, sizeof pipe_bytes);
  ::fcntl(result.ours.get(), F_SETFL, O_NONBLOCK);
  return result;
}

/// What posix_spawn is to do in the child before the program runs.
class SpawnPlan {
 public:
  SpawnPlan() {
    posix_spawn_file_actions_init(&actions_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, usual;
    sigemptyset(&none);
    sigemptyset(&usual);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGCHLD}) sigaddset(&usual, number);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &usual);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_,
                             POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  void place(const Descriptor& descriptor, int number) {
    posix_spawn_file_actions_adddup2(&actions_, descriptor.get(), number);
  }
  pid_t run(const std::vector<std::string>& command) {
    std::vector<char*> arguments;
    for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
    arguments.push_back(nullptr);
    std::string requests = "BNCHECK_REQUESTS=3";
    std::string replies = "BNCHECK_REPLIES=4";
    std::vector<char*> environment;
    for (char** entry = environ; *entry != nullptr; ++entry) {
      const std::string_view text = *entry;
      if (!text.starts_with("BNCHECK_REQUESTS=") && !text.starts_with("BNCHECK_REPLIES="))
        environment.push_back(*entry);
    }
    environment.insert(environment.end(), {requests.data(), replies.data(), nullptr});
    pid_t pid = -1;
    const int error =
        posix_spawnp(&pid, arguments[0], &actions_, &attributes_, arguments.data(), environment.data());
    if (error != 0) fail(("cannot start '" + command[0] + "'").c_str(), error);
    return pid;
  }

 private:
  posix_spawn_file_actions_t actions_;
  posix_spawnattr_t attributes_;
};

std::string gibibytes(std::uint64_t bytes) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f GiB", static_cast<double>(bytes) / 0x1p30);
  return text;
}

std::string seconds(std::chrono::milliseconds time) {
  char text[32];
  std::snprintf(text, sizeof text, "%g s", static_cast<double>(time.count()) / 1000);
  return text;
}

/// One piece of an outgoing frame after the other, as far as the descriptor takes them.
class Sender {
 public:
  explicit Sender(const OutgoingFrame& frame) : pieces_(frame.pieces()) {}
  bool done() const { return next_ == pieces_.size(); }
  /// false where nobody reads any more.
  bool send_to(int descriptor) {
    while (!done()) {
      const auto rest = pieces_[next_].subspan(sent_);
      const ssize_t sent = ::send(descriptor, rest.data(), rest.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN || errno == EINTR;
      sent_ += static_cast<std::size_t>(sent);
      if (sent_ < pieces_[next_].size()) continue;
      ++next_;
      sent_ = 0;
    }
    return true;
  }

 private:
  const std::vector<std::span<const std::byte>>& pieces_;
  std::size_t next_ = 0, sent_ = 0;
};

}  // namespace

/// One frame out and one frame in.
class ChildProcess::Exchange {
 public:
  Exchange(ChildProcess& child, const OutgoingFrame& frame, std::chrono::milliseconds limit,
           std::size_t max_reply_bytes)
      : child_(child),
        limit_(limit),
        deadline_(Clock::now() + std::min<std::chrono::milliseconds>(limit, longest)),
        request_(frame),
        spare_request_(frame),
        reply_(max_reply_bytes),
        spoken_(max_reply_bytes, /*skip_noise=*/true),
        block_(std::size_t{1} << 20) {}

  Answer run() {
    try {
      while (true) {
        if (auto answer = step()) return std::move(*answer);
      }
    } catch (const FormatError& error) {
      return child_.end(Death::Cause::protocol, error.what());
    }
  }

 private:
  std::optional<Answer> step() {
    enum { request, reply, spare_request, out, err, count };
    std::array<pollfd, count> all;
    const auto watch = [&](int which, const Descriptor& descriptor, short events, bool wanted) {
      all[static_cast<std::size_t>(which)] = {wanted ? descriptor.get() : -1, events, 0};
    };
    watch(request, child_.requests_, POLLOUT, !request_.done());
    watch(reply, child_.replies_, POLLIN, !reply_.complete());
    watch(spare_request, child_.stdin_, POLLOUT, !child_.settled_ && !spare_request_.done());
    watch(out, child_.stdout_, POLLIN, true);
    watch(err, child_.stderr_, POLLIN, true);
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    const int ready = ::poll(all.data(), all.size(),
                             static_cast<int>(std::clamp(left, std::chrono::milliseconds(0), tick).count()));
    if (ready < 0 && errno != EINTR) return child_.end(Death::Cause::protocol, std::strerror(errno));
    if (Clock::now() >= next_look_) {
      next_look_ = Clock::now() + tick;
      if (auto answer = watch_over(ready <= 0)) return answer;
    }
    if (ready <= 0) return std::nullopt;
    if (all[request].revents != 0 && !request_.send_to(child_.requests_.get())) child_.requests_.close();
    if (all[spare_request].revents != 0 && !spare_request_.send_to(child_.stdin_.get()))
      child_.stdin_.close();
    if (all[err].revents != 0) read_words(child_.stderr_);
    if (all[out].revents != 0) {
      if (auto answer = read_stdout()) return answer;
    }
    if (all[reply].revents != 0) read_reply();
    // A reply may come before the whole request was taken, which the next request must not land in.
    if (reply_.complete() && (request_.done() || !child_.requests_.is_open())) {
      if (!child_.settled_) settle(false);
      return reply_.take();
    }
    if (!child_.replies_.is_open() && !(child_.stdout_.is_open() && !child_.settled_)) return ended();
    return std::nullopt;
  }

  /// Is it alive, and within its limits? `silent`: nothing has come for a while.
  std::optional<Answer> watch_over(bool silent) {
    // What it has started itself may keep its pipes open.
    if (silent && child_.has_ended()) {
      child_.replies_.close();
      return ended();
    }
    if (Clock::now() > deadline_) {
      return child_.end(Death::Cause::hang, "no answer within " + seconds(limit_) +
                                                (reply_.begun() ? " but " + reply_.progress() : ""));
    }
    const std::uint64_t memory = group_memory(child_.pid_);
    if (memory > child_.limits_.memory) {
      return child_.end(Death::Cause::memory,
                        gibibytes(memory) + ", the limit is " + gibibytes(child_.limits_.memory));
    }
    return std::nullopt;
  }

  std::optional<Answer> ended() {
    return child_.end(Death::Cause::protocol, reply_.begun() ? "closed its replies after " + reply_.progress()
                                                             : "closed its replies");
  }

  /// Bytes that are there; 0 at the end, when the descriptor is closed.
  std::span<const std::byte> read_from(Descriptor& descriptor) { return read_from(descriptor, block_); }
  static std::span<const std::byte> read_from(Descriptor& descriptor, std::span<std::byte> place) {
    const ssize_t got = ::read(descriptor.get(), place.data(), place.size());
    if (got > 0) return place.first(static_cast<std::size_t>(got));
    if (got == 0 || (errno != EAGAIN && errno != EINTR)) descriptor.close();
    return {};
  }

  void read_words(Descriptor& descriptor) { keep_words(read_from(descriptor)); }
  void keep_words(std::span<const std::byte> bytes) {
    std::string& words = child_.words_;
    words.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (words.size() > kept_words) words.erase(0, words.size() - kept_words);
  }

  void read_reply() {
    // The bulk of a large frame goes straight to its place; its end may have something after it.
    if (reply_.begun() && reply_.missing() > block_.size()) {
      if (const std::span<std::byte> place = reply_.room(block_.size()); !place.empty()) {
        reply_.filled(read_from(child_.replies_, place).size());
        return;
      }
    }
    const std::span<const std::byte> bytes = read_from(child_.replies_);
    if (const std::size_t used = reply_.feed(bytes); used < bytes.size())
      throw FormatError(std::to_string(bytes.size() - used) +
                        " bytes follow the frame that answers the call");
  }

  /// Somebody's words, unless nobody has answered yet and they turn out to be the answer.
  std::optional<Answer> read_stdout() {
    const std::span<const std::byte> bytes = read_from(child_.stdout_);
    if (child_.settled_) {
      keep_words(bytes);
      return std::nullopt;
    }
    spoken_.feed(bytes);
    if (!spoken_.begun()) keep_words(bytes);
    if (!spoken_.complete()) return std::nullopt;
    settle(true);
    return spoken_.take();
  }

  void settle(bool through_stdout) {
    child_.settled_ = true;
    if (through_stdout) {
      child_.requests_ = std::move(child_.stdin_);
      child_.replies_ = std::move(child_.stdout_);
    }
    child_.stdin_.close();
  }

  ChildProcess& child_;
  std::chrono::milliseconds limit_;
  Clock::time_point deadline_;
  Clock::time_point next_look_ = Clock::now() + tick;
  Sender request_, spare_request_;
  FrameParser reply_, spoken_;
  std::vector<std::byte> block_;
};

ChildProcess::ChildProcess(const std::vector<std::string>& command, const ForeignLimits& limits)
    : limits_(limits) {
  if (limits_.memory == 0) limits_.memory = machine_memory() / 2;
  spawn(command);
}

void ChildProcess::spawn(const std::vector<std::string>& command) {
  // Where a parent has it ignored, no status of a child can be had.
  std::signal(SIGCHLD, SIG_DFL);
  Ends requests = make_input(), in = make_input();
  Ends replies = make_output(), out = make_output(), err = make_output();
  SpawnPlan plan;
  plan.place(in.theirs, 0);
  plan.place(out.theirs, 1);
  plan.place(err.theirs, 2);
  plan.place(requests.theirs, 3);
  plan.place(replies.theirs, 4);
  pid_ = plan.run(command);
  requests_ = std::move(requests.ours);
  replies_ = std::move(replies.ours);
  stdin_ = std::move(in.ours);
  stdout_ = std::move(out.ours);
  stderr_ = std::move(err.ours);
}

ChildProcess::Answer ChildProcess::exchange(const OutgoingFrame& frame, std::chrono::milliseconds limit,
                                            std::size_t max_reply_bytes) {
  return Exchange(*this, frame, limit, max_reply_bytes).run();
}

namespace {

/// Has it ended within that time, and with which status?
std::optional<int> wait_for(pid_t pid, std::chrono::milliseconds time) {
  const Clock::time_point deadline = Clock::now() + time;
  int status = 0;
  pid_t waited = 0;
  while ((waited = ::waitpid(pid, &status, WNOHANG)) == 0) {
    if (Clock::now() > deadline) return std::nullopt;
    ::poll(nullptr, 0, 1);
  }
  if (waited < 0) return std::nullopt;
  return status;
}

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

}  // namespace

Death ChildProcess::end(Death::Cause why, const std::string& detail) {
  Death death{why, detail, 0};
  // A broken pipe is how a death is noticed; whether the program died of its own shows in its status.
  const bool by_itself = why == Death::Cause::protocol && !replies_.is_open();
  const std::optional<int> status = by_itself ? wait_for(pid_, farewell) : std::nullopt;
  if (status) {
    pid_t group = std::exchange(pid_, -1);
    ::kill(-group, SIGKILL);
    constexpr int shell_adds = 128;  // a shell's status for a command that a signal ended
    const int code = WIFEXITED(*status) ? WEXITSTATUS(*status) : 0;
    if (WIFSIGNALED(*status)) {
      death = {Death::Cause::signal, signal_name(WTERMSIG(*status)), 0};
    } else if (code > shell_adds && sigabbrev_np(code - shell_adds) != nullptr) {
      death = {Death::Cause::signal, signal_name(code - shell_adds), 0};
    } else {
      death = {Death::Cause::left, "with status " + std::to_string(code), 0};
    }
    if (detail.find("after") != std::string::npos) death.detail += ", " + detail;
  }
  kill_group();
  const std::string words = last_words();
  if (!words.empty()) death.detail += "; its last words: " + words;
  return death;
}

bool ChildProcess::has_ended() const {
  siginfo_t info{};
  return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
         info.si_pid == pid_;
}

void ChildProcess::kill_group() {
  if (pid_ < 0) return;
  ::kill(-pid_, SIGKILL);
  ::kill(pid_, SIGKILL);  // it may have left its group
  int status = 0;
  while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
  }
  pid_ = -1;
}

/// The last line that says something.
std::string ChildProcess::last_words() const {
  std::string words = words_;
  while (!words.empty() && std::isspace(static_cast<unsigned char>(words.back())) != 0) words.pop_back();
  const std::size_t line = words.rfind('\n');
  if (line != std::string::npos) words.erase(0, line + 1);
  return untrusted_line(words);
}

ChildProcess::~ChildProcess() {
  requests_.close();
  stdin_.close();
  if (pid_ >= 0 && wait_for(pid_, farewell)) {
    ::kill(-pid_, SIGKILL);  // what it may have started
    pid_ = -1;
  }
  kill_group();
}

}  // namespace bncheck
