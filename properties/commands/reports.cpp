#include "commands/reports.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <optional>
#include <span>

#include "bncheck/files.hpp"
#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/signals.hpp"
#include "commands/writable.hpp"

namespace bncheck {
namespace {

namespace fs = std::filesystem;

const std::string to_stdout = "-";

std::optional<struct stat> status_of(const std::string& name) {
  struct stat status{};
  const int error = name == to_stdout ? ::fstat(STDOUT_FILENO, &status) : ::stat(name.c_str(), &status);
  if (error != 0) return std::nullopt;
  return status;
}

/// Whether two reports have the same target, so that one would overwrite the other or both would be mixed.
bool are_one_file(const std::string& a, const std::string& b) {
  if (a == to_stdout && b == to_stdout) return true;
  const auto first = status_of(a), second = status_of(b);
  if (first && second) {
    return first->st_dev == second->st_dev && first->st_ino == second->st_ino && !S_ISCHR(first->st_mode);
  }
  if (first || second) return false;
  const auto place = [](const std::string& name) {
    std::error_code error;
    return fs::weakly_canonical(fs::absolute(written_file(name).path, error), error);
  };
  return place(a) == place(b);
}

}  // namespace

void Reports::add_option(CLI::App& command, const std::string& option, const std::string& about) {
  command.add_option(option, files_[option], about + "; - is stdout, without the table");
}

void Reports::require_writable() const {
  for (const auto& [option, file] : files_) require_writable_file(option, file);
  for (auto a = files_.begin(); a != files_.end(); ++a) {
    for (auto b = std::next(a); b != files_.end(); ++b) {
      if (a->second.empty() || b->second.empty() || !are_one_file(a->second, b->second)) continue;
      throw UsageError(a->first + " '" + a->second + "' and " + b->first + " '" + b->second +
                       "' are one file, expected a file for each");
    }
  }
}

bool Reports::take_stdout() const {
  for (const auto& [option, file] : files_) {
    if (file == to_stdout) return true;
  }
  return false;
}

bool Reports::write(const Texts& texts) const {
  bool all = true;
  // A request to end that comes during this function gives up a report without a reader. If the request came
  // during the run, which ended for it, the next one ends the program.
  const std::atomic<bool>* given_up = interruption() ? nullptr : &interruption();
  // Earlier output must come first, because a report may go to /dev/stdout.
  flush_output();
  for (const auto& [option, text] : texts) {
    const std::string& file = files_.at(option);
    try {
      if (file == to_stdout) {
        print_text(text());
        flush_output();
      } else if (!file.empty()) {
        const std::string content = text();
        write_file(file, std::as_bytes(std::span(content)), given_up);
      }
    } catch (const std::exception& error) {
      complain(error.what());
      all = false;
    }
  }
  return all;
}

}  // namespace bncheck
