#include "subjects/foreign/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <system_error>

#include "bncheck/ascii.hpp"
#include "bncheck/files.hpp"
#include "bncheck/number_text.hpp"
#include "bncheck/untrusted_text.hpp"
#include "subjects/foreign/process_tree.hpp"

namespace bncheck {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kept_words = 2000;
/// Interval at which memory and the user's interrupt are checked while an answer is awaited.
constexpr std::chrono::milliseconds tick{50};
/// Time within which a program must end after its replies or its requests were closed; otherwise it counts as
/// running.
constexpr std::chrono::milliseconds farewell{500};
/// Longest limit: a deadline further away may be beyond the clock's range.
constexpr std::chrono::hours longest{24 * 365};
constexpr int pipe_bytes = 1 << 20;
constexpr std::size_t block_bytes = std::size_t{1} << 20;

[[noreturn]] void fail(const char* what, int error) {
  throw SubjectUnavailable(std::string(what) + ": " + std::generic_category().message(error));
}

struct Ends {
  Descriptor ours, theirs;
};

Ends both_moved_up(const int (&ends)[2]) {
  Ends result{moved_up(ends[0]), moved_up(ends[1])};
  if (!result.ours.is_open() || !result.theirs.is_open()) fail("cannot duplicate a descriptor", errno);
  return result;
}

Ends make_output() {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) fail("cannot make a pipe", errno);
  Ends result = both_moved_up(ends);
  ::fcntl(result.ours.get(), F_SETPIPE_SZ, pipe_bytes);  // fewer switches between processes, where allowed
  ::fcntl(result.ours.get(), F_SETFL, O_NONBLOCK);
  return result;
}

/// Socket pair for the program's input. A write to a closed pipe would raise a signal.
Ends make_input() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) fail("cannot make a socket", errno);
  Ends result = both_moved_up(ends);
  ::setsockopt(result.ours.get(), SOL_SOCKET, SO_SNDBUF, &pipe_bytes, sizeof pipe_bytes);
  ::fcntl(result.ours.get(), F_SETFL, O_NONBLOCK);
  return result;
}

std::string gibibytes(std::uint64_t bytes) {
  constexpr int precision = 2;
  return fixed_decimal(static_cast<double>(bytes) / 0x1p30, precision) + " GiB";
}

std::string seconds(std::chrono::milliseconds time) {
  constexpr int precision = 6;
  return general_decimal(static_cast<double>(time.count()) / 1000, precision) + " s";
}

/// Bytes that are available; none at the end of the input, which closes the descriptor.
std::span<const std::byte> read_into(Descriptor& descriptor, std::span<std::byte> place) {
  if (!descriptor.is_open()) return {};
  const ssize_t got = ::read(descriptor.get(), place.data(), place.size());
  if (got > 0) return place.first(static_cast<std::size_t>(got));
  if (got == 0 || (errno != EAGAIN && errno != EINTR)) descriptor.close();
  return {};
}

/// Sends the pieces of an outgoing frame in order, as far as the descriptor takes them.
class Sender {
 public:
  explicit Sender(const OutgoingFrame& frame) : pieces_(frame.pieces()) {}
  bool done() const { return next_ == pieces_.size(); }
  /// false if the other end no longer reads.
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

/// Exchange of one outgoing frame for one incoming frame.
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
        spoken_(max_reply_bytes, /*skip_noise=*/true) {}

  Answer run() {
    try {
      if (auto answer = look_before()) return std::move(*answer);
      while (true) {
        if (auto answer = step()) {
          require_nothing_more();
          return std::move(*answer);
        }
      }
    } catch (const FormatError& error) {
      return child_.end(Death::Cause::protocol, error.what());
    }
  }

 private:
  std::optional<Answer> step() {
    child_.give_up_if_interrupted();
    enum { request, reply, spare_request, out, err, ended_process, count };
    std::array<pollfd, count> all;
    const auto watch = [&](int which, int descriptor, short events, bool wanted) {
      all[static_cast<std::size_t>(which)] = {wanted ? descriptor : -1, events, 0};
    };
    watch(request, child_.requests_.get(), POLLOUT, !request_.done());
    watch(reply, child_.replies_.get(), POLLIN, !reply_.complete());
    watch(spare_request, child_.stdin_.get(), POLLOUT, !child_.pair_known_ && !spare_request_.done());
    watch(out, child_.stdout_.get(), POLLIN, true);
    watch(err, child_.stderr_.get(), POLLIN, true);
    watch(ended_process, child_.keeper_.descriptor(), POLLIN, !child_.status_);
    // The pipes of a process that has ended can be read without waiting.
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline_ - Clock::now());
    const auto wait =
        child_.status_ ? std::chrono::milliseconds(0) : std::clamp(left, std::chrono::milliseconds(0), tick);
    const int ready = ::poll(all.data(), all.size(), static_cast<int>(wait.count()));
    if (ready < 0 && errno != EINTR) return child_.end(Death::Cause::protocol, std::strerror(errno));
    if (ready == 0 && child_.status_) {
      child_.replies_.close();
      return ended();
    }
    if (Clock::now() >= next_look_) {
      next_look_ = Clock::now() + tick;
      if (auto answer = watch_over()) return answer;
    }
    if (ready <= 0) return std::nullopt;
    if (all[ended_process].revents != 0) child_.notice_end();
    if (all[request].revents != 0 && !request_.send_to(child_.requests_.get())) child_.requests_.close();
    if (all[spare_request].revents != 0 && !spare_request_.send_to(child_.stdin_.get()))
      child_.stdin_.close();
    if (all[err].revents != 0) child_.keep_words(child_.read_from(child_.stderr_));
    if (all[out].revents != 0) {
      if (auto answer = read_stdout()) return answer;
    }
    if (all[reply].revents != 0) read_reply();
    // A reply may arrive before the whole request is sent. The rest is sent first, because the next request
    // must not follow an incomplete one.
    if (reply_.complete() && (request_.done() || !child_.requests_.is_open())) {
      if (!child_.pair_known_) choose_pair(false);
      return reply_.take();
    }
    if (!child_.replies_.is_open() && !(child_.stdout_.is_open() && !child_.pair_known_)) return ended();
    return std::nullopt;
  }

  /// Checks for bytes or an end since the last reply. They belong to that reply, and this is the first moment
  /// at which they can be seen.
  std::optional<Answer> look_before() {
    child_.give_up_if_interrupted();
    if (!child_.pair_known_) return std::nullopt;
    child_.notice_end();
    if (const std::size_t count = child_.read_from(child_.replies_).size(); count > 0) {
      throw FormatError((count == block_bytes ? "at least " : "") + std::to_string(count) +
                        " bytes came before the request: they follow the reply to an earlier one");
    }
    if (child_.replies_.is_open()) return std::nullopt;
    return child_.end(Death::Cause::protocol, "closed its replies before the request came",
                      "before the request came, after the reply to an earlier one");
  }

  void require_nothing_more() {
    if (!child_.gone_) count_surplus(child_.read_from(child_.replies_).size());
  }
  static void count_surplus(std::size_t count) {
    if (count > 0) throw FormatError(std::to_string(count) + " bytes follow the frame that answers the call");
  }

  /// Death of a process that exceeds its limit of time or memory.
  std::optional<Answer> watch_over() {
    if (Clock::now() > deadline_) {
      return child_.end(Death::Cause::hang, "no answer within " + seconds(limit_) +
                                                (reply_.begun() ? " but " + reply_.progress() : ""));
    }
    const std::uint64_t memory = child_.keeper_.memory();
    if (memory > child_.limits_.memory) {
      return child_.end(Death::Cause::memory,
                        gibibytes(memory) + ", the limit is " + gibibytes(child_.limits_.memory));
    }
    return std::nullopt;
  }

  std::optional<Answer> ended() {
    if (!reply_.begun()) return child_.end(Death::Cause::protocol, "closed its replies");
    const std::string when = "closed its replies after " + reply_.progress();
    return child_.end(Death::Cause::protocol, when, when);
  }

  void read_reply() {
    // The bulk of a large frame is read directly to its place; its end is not, because further bytes may
    // follow it.
    if (reply_.begun() && reply_.missing() > block_bytes) {
      if (const std::span<std::byte> place = reply_.room(block_bytes); !place.empty()) {
        reply_.filled(read_into(child_.replies_, place).size());
        return;
      }
    }
    const std::span<const std::byte> bytes = child_.read_from(child_.replies_);
    count_surplus(bytes.size() - reply_.feed(bytes));
  }

  /// Reads stdout: text of the program, or its answer if no frame was answered yet.
  std::optional<Answer> read_stdout() {
    const std::span<const std::byte> bytes = child_.read_from(child_.stdout_);
    if (child_.pair_known_) {
      child_.keep_words(bytes);
      return std::nullopt;
    }
    const std::size_t used = spoken_.feed(bytes);
    if (!spoken_.begun()) child_.keep_words(bytes);
    if (!spoken_.complete()) return std::nullopt;
    choose_pair(true);
    count_surplus(bytes.size() - used);
    return spoken_.take();
  }

  void choose_pair(bool through_stdout) {
    child_.pair_known_ = true;
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
};

ChildProcess::ChildProcess(Keeper& keeper, const ForeignLimits& limits)
    : keeper_(keeper), limits_(limits), block_(block_bytes) {
  if (limits_.memory == 0) limits_.memory = machine_memory() / 2;
  Ends requests = make_input(), in = make_input();
  Ends replies = make_output(), out = make_output(), err = make_output();
  keeper_.start(
      {in.theirs.get(), out.theirs.get(), err.theirs.get(), requests.theirs.get(), replies.theirs.get()});
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

void ChildProcess::give_up_if_interrupted() {
  if (limits_.interrupted == nullptr || !*limits_.interrupted) return;
  keeper_.kill();
  gone_ = true;
  throw Interrupted{};
}

void ChildProcess::notice_end() {
  if (!status_) status_ = keeper_.wait(std::chrono::milliseconds(0));
}

std::span<const std::byte> ChildProcess::read_from(Descriptor& descriptor) {
  return read_into(descriptor, block_);
}

void ChildProcess::keep_words(std::span<const std::byte> bytes) {
  words_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (words_.size() > kept_words) words_.erase(0, words_.size() - kept_words);
}

namespace {

constexpr int shell_adds = 128;  // status of a shell whose command was ended by signal n: 128 + n

std::string signal_name(int number) {
  const char* name = sigabbrev_np(number);
  return name != nullptr ? std::string("SIG") + name : "signal " + std::to_string(number);
}

}  // namespace

std::optional<int> ChildProcess::exit_code() const {
  return status_ && WIFEXITED(*status_) ? std::optional(WEXITSTATUS(*status_)) : std::nullopt;
}

Death ChildProcess::death_of(int status) const {
  if (WIFSIGNALED(status)) return {Death::Cause::signal, signal_name(WTERMSIG(status)), 0};
  const int code = WEXITSTATUS(status);
  if (code > shell_adds && sigabbrev_np(code - shell_adds) != nullptr)
    return {Death::Cause::signal, signal_name(code - shell_adds), 0};
  return {Death::Cause::exited, "with status " + std::to_string(code), 0};
}

Death ChildProcess::end(Death::Cause why, const std::string& detail, const std::string& at_the_end) {
  Death death{why, detail, 0};
  // A broken pipe may be the sign of a death. The status shows whether the program ended by itself.
  if (why == Death::Cause::protocol && !replies_.is_open()) {
    if (!status_) status_ = keeper_.wait(farewell);
    if (status_) {
      death = death_of(*status_);
      if (!at_the_end.empty()) death.detail += ", " + at_the_end;
    }
  }
  keeper_.kill();
  gone_ = true;
  // The last output may not be read yet. A pipe holds at most one block of it.
  keep_words(read_from(stdout_));
  keep_words(read_from(stderr_));
  const std::string words = last_words();
  if (!words.empty()) death.detail += "; its last words: " + words;
  return death;
}

std::optional<Death> ChildProcess::finish(std::chrono::milliseconds limit) {
  if (gone_) return std::nullopt;
  requests_.close();
  stdin_.close();
  const Clock::time_point deadline = Clock::now() + limit;
  const auto interrupted = [&] {
    return limits_.interrupted != nullptr && *limits_.interrupted && limit > farewell;
  };
  for (notice_end(); !status_ && keeper_.runs() && Clock::now() < deadline && !interrupted(); notice_end()) {
    // Output is read meanwhile, so that the program does not wait for a reader.
    std::array<pollfd, 4> all{{{replies_.get(), POLLIN, 0},
                               {stdout_.get(), POLLIN, 0},
                               {stderr_.get(), POLLIN, 0},
                               {keeper_.descriptor(), POLLIN, 0}}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now());
    const auto wait = std::clamp(left, std::chrono::milliseconds(0), tick);
    if (::poll(all.data(), all.size(), static_cast<int>(wait.count())) <= 0) continue;
    if (all[0].revents != 0) read_from(replies_);
    if (all[1].revents != 0) keep_words(read_from(stdout_));
    if (all[2].revents != 0) keep_words(read_from(stderr_));
  }
  if (interrupted() || (status_ && WIFEXITED(*status_) && WEXITSTATUS(*status_) == 0)) {
    keeper_.kill();
    gone_ = true;
    return std::nullopt;
  }
  replies_.close();
  if (status_) return end(Death::Cause::protocol, "");
  return end(Death::Cause::hang, "it was still there " + seconds(limit) + " after the end of the requests");
}

/// Last line of the output that is not blank.
std::string ChildProcess::last_words() const {
  std::string words = words_;
  while (!words.empty() && is_blank(words.back())) words.pop_back();
  const std::size_t line = words.rfind('\n');
  if (line != std::string::npos) words.erase(0, line + 1);
  return untrusted_line(words);
}

ChildProcess::~ChildProcess() {
  finish(farewell);
}

}  // namespace bncheck
