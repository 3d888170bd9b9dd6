#include "commands/common.hpp"

#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>
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
    can_.dialect = std::move(dialect);
  }
  std::string name() const override { return subject_->name(); }
  std::string version() const override { return subject_->version(); }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override { return subject_->run(c); }

 private:
  std::unique_ptr<Subject> subject_;
  Capabilities can_;
};

std::atomic<bool> interrupted{false};

void on_interrupt(int) {
  interrupted = true;
  std::signal(SIGINT, SIG_DFL);
}

}  // namespace

Dialect dialect_from(const std::string& name) {
  if (auto dialect = dialect_named(name)) return *dialect;
  std::string known;
  for (const Dialect& dialect : dialect_presets()) known += (known.empty() ? "" : ", ") + dialect.name;
  throw UsageError("unknown dialect '" + name + "', expected one of: " + known);
}

std::unique_ptr<Subject> subject_from(const std::string& name, const std::string& dialect) {
  std::unique_ptr<Subject> subject;
  try {
    subject = make_subject(name);
  } catch (const std::invalid_argument& error) {
    throw UsageError(error.what());
  }
  if (dialect.empty()) return subject;
  return std::make_unique<InDialect>(std::move(subject), dialect_from(dialect));
}

std::vector<const Law*> laws_from(const std::string& pattern) {
  std::vector<const Law*> laws = laws_matching(pattern);
  if (laws.empty()) {
    throw UsageError("no law matches '" + pattern +
                     "', expected a name or a pattern with * and ? ('bncheck list laws')");
  }
  return laws;
}

std::chrono::milliseconds duration_from(const std::string& text) {
  static const std::regex pattern(R"((\d{1,7})(ms|s|m|h))");
  std::smatch match;
  if (!std::regex_match(text, match, pattern)) {
    throw UsageError("--time is '" + text + "', expected a number with a unit such as 500ms, 30s, 10m or 1h");
  }
  const std::string unit = match[2];
  const std::int64_t factor = unit == "ms" ? 1 : unit == "s" ? 1000 : unit == "m" ? 60'000 : 3'600'000;
  return std::chrono::milliseconds(std::stoll(match[1]) * factor);
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

}  // namespace bncheck
