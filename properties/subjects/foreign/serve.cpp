#include "subjects/foreign/serve.hpp"

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

#include "bncheck/case_file.hpp"
#include "subjects/foreign/frames.hpp"
#include "subjects/foreign/wire.hpp"

namespace bncheck {
namespace {

struct Pipes {
  int requests, replies;
};

/// Duplicate with a high number, which a program is unlikely to use: some close, redirect or set all
/// descriptors of a range. exec closes it, so that processes that the subject starts do not keep it open.
int hidden_duplicate(int number) {
  constexpr rlim_t highest = 4096, spare = 16;  // the kernel's table grows with the numbers
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const rlim_t count = std::clamp(limit.rlim_cur, spare, highest);
  const int duplicate = ::fcntl(number, F_DUPFD_CLOEXEC, static_cast<int>(count - spare));
  return duplicate >= 0 ? duplicate : ::fcntl(number, F_DUPFD_CLOEXEC, 0);
}

Pipes own_pipes() {
  const char* requests = std::getenv("BNCHECK_REQUESTS");
  const char* replies = std::getenv("BNCHECK_REPLIES");
  if (requests != nullptr && replies != nullptr) {
    const auto in = parse_integer(requests);
    const auto out = parse_integer(replies);
    if (!in || !out)
      throw std::runtime_error("BNCHECK_REQUESTS and BNCHECK_REPLIES are '" + std::string(requests) +
                               "' and '" + replies + "', expected descriptors");
    const Pipes given{static_cast<int>(*in), static_cast<int>(*out)};
    const Pipes pipes{hidden_duplicate(given.requests), hidden_duplicate(given.replies)};
    for (const int number : {given.requests, given.replies}) {
      if (number > STDERR_FILENO) ::close(number);
    }
    return pipes;
  }
  // Output of the subject must not come between frames.
  const Pipes pipes{hidden_duplicate(STDIN_FILENO), hidden_duplicate(STDOUT_FILENO)};
  const int nothing = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);
  return pipes;
}

bool asks_for_capabilities(const Archive& archive) {
  const auto found = archive.metadata.find("operation");
  return found != archive.metadata.end() && found->second == "capabilities";
}

}  // namespace

void serve(const std::function<std::unique_ptr<Subject>()>& make) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // a subject that hangs must not outlive the parent process
  const Pipes pipes = own_pipes();
  std::unique_ptr<Subject> subject;
  while (const auto request = read_frame(pipes.requests)) {
    const Archive archive = read_archive(*request);
    if (asks_for_capabilities(archive)) {
      Metadata reply;
      try {
        if (!subject) subject = make();
        reply = capabilities_reply(*subject);
      } catch (const std::exception& error) {
        reply = {{"format", "bncheck-reply"}, {"status", "error other"}, {"message", error.what()}};
      }
      write_frame(pipes.replies, OutgoingFrame(reply, {}));
      continue;
    }
    if (!subject) throw std::runtime_error("a case came before the question for capabilities");
    if (const auto assumed = archive.metadata.find(assumed_dialect); assumed != archive.metadata.end())
      subject->assume(dialect_from_text(assumed->second));
    const Case c = case_from_archive(archive).content;
    const Outcome outcome = subject->run(c);
    const OutcomeFrame frame = write_outcome(outcome, c);
    write_frame(pipes.replies, OutgoingFrame(frame.metadata, frame.tensors));
  }
}

}  // namespace bncheck
