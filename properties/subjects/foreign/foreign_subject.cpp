#include "subjects/foreign/foreign_subject.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>

#include "bncheck/case_file.hpp"
#include "subjects/foreign/child_process.hpp"
#include "subjects/foreign/keeper.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/memory/owed_outputs.hpp"

namespace bncheck {
namespace {

/// Bytes allowed for the header and messages of a reply.
constexpr std::size_t reply_overhead = std::size_t{16} << 20;
/// Bytes allowed for the tensors of a reply, per byte of the request's tensors. A reply has at most a y or dx
/// for each x, and saved and running statistics for each parameter.
constexpr std::size_t reply_growth = 4;

/// Time that a subject may take to exit after the end of its requests. Frameworks take long to shut down.
std::chrono::milliseconds grace(const ForeignLimits& limits) {
  return std::clamp<std::chrono::milliseconds>(limits.call, std::chrono::seconds(1), std::chrono::seconds(5));
}

class ForeignSubject : public Subject {
 public:
  /// `library`: file that the command loads; empty if it loads none.
  ForeignSubject(std::string name, std::vector<std::string> command, std::string library,
                 const ForeignLimits& limits)
      : name_(std::move(name)), library_(std::move(library)), limits_(limits), keeper_(std::move(command)) {
    if (const auto failure = start())
      cannot_start(std::string(name_of(failure->cause)) + ": " + failure->detail);
  }

  std::string name() const override { return declared_.name; }
  std::string version() const override { return declared_.version; }
  const Capabilities& can() const override { return declared_.can; }

  void assume(const Dialect& dialect) override {
    assumed_ = without_lacks(dialect, declared_.can);
    declared_.can.dialect = *assumed_;
  }

  Outcome run(const Case& c) override {
    if (!child_ || child_->is_gone()) {
      if (auto failure = start()) {
        if (child_ && command_is_missing(*child_)) cannot_start(failure->detail);
        failure->detail = "and cannot be started again: " + failure->detail;
        return {{}, std::move(failure)};
      }
    }
    return declared_.takes_cases ? run_whole(c) : run_single(c);
  }

  bool starts_afresh() const override { return true; }
  std::optional<Death> finish() override {
    if (!child_) return std::nullopt;
    auto death = child_->finish(grace(limits_));
    child_.reset();
    return death;
  }

 private:
  [[noreturn]] void cannot_start(const std::string& why) const {
    throw SubjectUnavailable("subject '" + name_ + "' cannot be started" +
                             (declared_.name.empty() ? ": " : " again: ") + why);
  }

  /// Whether the shell exited because it cannot find (127) or cannot run (126) the command.
  static bool command_is_missing(const ChildProcess& child) {
    return child.exit_code() == 127 || child.exit_code() == 126;
  }

  /// Starts the process and reads its declaration. nullopt if this succeeds. Throws SubjectUnavailable if
  /// there is nothing to run.
  std::optional<Death> start() {
    std::error_code ignored;
    if (!library_.empty() && !std::filesystem::exists(library_, ignored))
      cannot_start("there is no such file");
    if (!library_.empty() && !std::filesystem::is_regular_file(library_, ignored))
      cannot_start("it is no regular file, expected a shared library");
    child_.reset();
    try {
      child_ = std::make_unique<ChildProcess>(keeper_, limits_);
    } catch (const SubjectUnavailable& unavailable) {
      cannot_start(unavailable.what());
    }
    const Metadata request = capabilities_request();
    auto answer = child_->exchange(OutgoingFrame(request, {}), limits_.start, reply_overhead);
    if (auto* death = std::get_if<Death>(&answer)) return std::move(*death);
    try {
      Declared declared =
          read_capabilities(read_archive(std::get<std::vector<std::byte>>(answer), max_reply_header));
      // The first declaration holds after every restart, because earlier cases were judged by it.
      if (declared_.name.empty()) declared_ = std::move(declared);
    } catch (const FormatError& error) {
      child_.reset();
      return Death{Death::Cause::protocol, std::string("what it says of itself: ") + error.what(), 0};
    }
    return std::nullopt;
  }

  /// Archive in the reply, or the Death that prevented it.
  std::variant<Archive, Death> ask(const Metadata& metadata, const NamedTensors& tensors) {
    std::size_t size = reply_overhead;
    for (const auto& [name, tensor] : tensors) size += reply_growth * tensor->bytes.size();
    auto answer = child_->exchange(OutgoingFrame(metadata, tensors), limits_.call, size);
    if (auto* death = std::get_if<Death>(&answer)) return std::move(*death);
    try {
      return read_archive(std::get<std::vector<std::byte>>(answer), max_reply_header);
    } catch (const FormatError& error) {
      return broke(error);
    }
  }

  /// Death for an invalid reply. Ends the process, because its later replies may be out of step.
  Death broke(const FormatError& error) {
    child_.reset();
    return {Death::Cause::protocol, error.what(), 0};
  }

  Outcome run_single(const Case& c) {
    Outcome outcome = run_single_calls(c, can().dialect, [this](const SingleCall& call) {
      CallReply reply;
      auto answer = ask(call_request(call), tensors_of(call));
      if (auto* death = std::get_if<Death>(&answer)) {
        reply.death = std::move(*death);
        return reply;
      }
      try {
        return read_call_reply(std::move(std::get<Archive>(answer)));
      } catch (const FormatError& error) {
        reply.death = broke(error);
        return reply;
      }
    });
    if (outcome.death) child_.reset();
    return outcome;
  }

  Outcome run_whole(const Case& c) {
    CaseParts request = parts_of(c);
    if (assumed_) request.metadata[assumed_dialect] = text_of(*assumed_);
    const NamedTensors tensors(request.tensors.begin(), request.tensors.end());
    auto answer = ask(request.metadata, tensors);
    if (auto* death = std::get_if<Death>(&answer)) {
      if (c.calls.size() > 1) death->call.reset();
      return {{}, std::move(*death)};
    }
    Outcome outcome;
    try {
      outcome = read_outcome(std::move(std::get<Archive>(answer)), c);
    } catch (const FormatError& error) {
      return {{}, broke(error)};
    }
    if (!outcome.death) outcome.death = breach_of(outcome, c, can().dialect);
    if (outcome.death) child_.reset();
    return outcome;
  }

  std::string name_, library_;
  ForeignLimits limits_;
  Keeper keeper_;
  std::unique_ptr<ChildProcess> child_;
  Declared declared_;
  std::optional<Dialect> assumed_;
};

}  // namespace

std::string host_program() {
  if (const char* program = std::getenv("BNCHECK_PROGRAM"); program != nullptr && *program != '\0')
    return program;
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error);
}

std::unique_ptr<Subject> make_exec(std::string_view command, const ForeignLimits& limits) {
  return std::make_unique<ForeignSubject>("exec:" + std::string(command),
                                          std::vector<std::string>{"/bin/sh", "-c", std::string(command)}, "",
                                          limits);
}

std::unique_ptr<Subject> make_plugin(std::string_view path, const ForeignLimits& limits) {
  return std::make_unique<ForeignSubject>(
      "plugin:" + std::string(path),
      std::vector<std::string>{host_program(), "serve", "plugin:" + std::string(path)}, std::string(path),
      limits);
}

}  // namespace bncheck
