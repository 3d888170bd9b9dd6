#include "commands/common.hpp"

#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <iostream>
#include <random>
#include <regex>

#include "bncheck/case_file.hpp"
#include "commands/commands.hpp"
#include "laws/catalogue.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

/// A subject that is judged as if it spoke another dialect.
class InDialect : public Subject {
 public:
  InDialect(std::unique_ptr<Subject> subject, Dialect dialect)
      : subject_(std::move(subject)), can_(subject_->can()) {
    can_.dialect = without_lacks(std::move(dialect), can_);
    subject_->assume(can_.dialect);
  }
  std::string name() const override { return subject_->name(); }
  std::string version() const override { return subject_->version(); }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override { return subject_->run(c); }

 private:
  std::unique_ptr<Subject> subject_;
  Capabilities can_;
};

[[noreturn]] void refuse(const std::string& option, const std::string& name, const std::string& why) {
  throw UsageError(option + " '" + name + "' cannot be written: " + why);
}

std::atomic<bool> interrupted{false};

void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

Dialect dialect_from(const std::string& text) {
  try {
    return dialect_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

Numerics numerics_from(const std::string& text) {
  try {
    return numerics_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
}

std::unique_ptr<Subject> subject_from(const std::string& name, const std::string& dialect,
                                      const ForeignLimits& limits) {
  std::unique_ptr<Subject> subject;
  try {
    subject = make_subject(name, limits);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  if (dialect.empty()) return subject;
  return std::make_unique<InDialect>(std::move(subject), dialect_from(dialect));
}

void add_foreign_options(CLI::App& command, ForeignLimits& limits) {
  const auto add_time = [&](const std::string& name, std::chrono::milliseconds& time,
                            const std::string& about) {
    command.add_option_function<std::string>(
        name,
        [name, &time](const std::string& text) {
          time = duration_from(name, text);
          if (time.count() == 0) throw UsageError(name + " is '" + text + "', expected more than no time");
        },
        about + " (default: " + std::to_string(time.count() / 1000) + "s)");
  };
  add_time("--start-timeout", limits.start, "how long a plugin or program may take to start");
  add_time("--case-timeout", limits.call, "how long a plugin may take for a case, and a program for a call");
  command.add_option_function<std::string>(
      "--memory-limit",
      [&limits](const std::string& text) {
        limits.memory = bytes_from("--memory-limit", text);
        if (limits.memory == 0)
          throw UsageError("--memory-limit is '" + text + "', expected more than nothing");
      },
      "resident memory that a plugin or program may take, such as 500M or 8G (default: half of the "
      "machine's)");
}

std::vector<const Law*> laws_from(const std::string& pattern) {
  std::vector<const Law*> laws = laws_matching(pattern);
  if (laws.empty()) {
    throw UsageError("no law matches '" + pattern +
                     "', expected a name or a pattern with * and ? ('bncheck list laws')");
  }
  return laws;
}

std::chrono::milliseconds duration_from(const std::string& option, const std::string& text) {
  static const std::regex pattern(R"((\d{1,7})(ms|s|m|h))");
  std::smatch match;
  if (!std::regex_match(text, match, pattern)) {
    throw UsageError(option + " is '" + text +
                     "', expected a number with a unit such as 500ms, 30s, 10m or 1h");
  }
  const std::string unit = match[2];
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 3'600'000;
  return std::chrono::milliseconds(std::stoll(match[1]) * factor);
}

std::uint64_t bytes_from(const std::string& option, const std::string& text) {
  static const std::regex pattern(R"((\d{1,7})([KMG]))");
  std::smatch match;
  if (!std::regex_match(text, match, pattern)) {
    throw UsageError(option + " is '" + text + "', expected a number with a unit such as 500M or 8G");
  }
  const std::string unit = match[2];
  return std::stoull(match[1]) << (unit == "K" ? 10 : unit == "M" ? 20 : 30);
}

Style stdout_style() {
  return {::isatty(STDOUT_FILENO) != 0 && std::getenv("NO_COLOR") == nullptr};
}
bool stderr_is_terminal() {
  return ::isatty(STDERR_FILENO) != 0;
}

const std::atomic<bool>& interruption() {
  std::signal(SIGINT, on_interrupt);
  return interrupted;
}

void require_writable_file(const std::string& option, const std::string& name) {
  if (name.empty() || name == "-") return;
  const std::filesystem::path path(name);
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) refuse(option, name, "it is a folder");
  if (std::filesystem::exists(path, error)) {
    if (::access(path.c_str(), W_OK) != 0) refuse(option, name, std::strerror(errno));
    return;
  }
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  if (!std::filesystem::is_directory(folder, error)) {
    refuse(option, name, "there is no folder '" + folder.string() + "'");
  }
  if (::access(folder.c_str(), W_OK | X_OK) != 0) refuse(option, name, std::strerror(errno));
}

void require_writable_folder(const std::string& option, const std::string& name) {
  std::error_code error;
  std::filesystem::path nearest = std::filesystem::absolute(name, error);
  // What does not exist yet can be made where the nearest thing that exists is a writable folder.
  while (!std::filesystem::exists(std::filesystem::symlink_status(nearest, error)) &&
         nearest != nearest.root_path()) {
    nearest = nearest.parent_path();
  }
  if (name.empty()) refuse(option, name, "it has no name");
  if (!std::filesystem::is_directory(nearest, error)) {
    refuse(option, name, "'" + nearest.string() + "' is no folder");
  }
  if (::access(nearest.c_str(), W_OK | X_OK) != 0) refuse(option, name, std::strerror(errno));
}

void write_text(const std::string& name, const std::string& text) {
  if (name == "-") {
    std::cout << text << std::flush;
    return;
  }
  try {
    write_file(name, std::as_bytes(std::span(text)));
  } catch (const std::runtime_error& error) {
    throw UsageError(error.what());
  }
}

std::uint64_t seed_from(const std::string& text) {
  if (text.empty()) return std::random_device{}();
  const std::optional<std::int64_t> seed = parse_integer(text);
  if (!seed || *seed < 0)
    throw UsageError("--seed is '" + text + "', expected an integer from 0 to 2^63 - 1");
  return static_cast<std::uint64_t>(*seed);
}

}  // namespace bncheck
