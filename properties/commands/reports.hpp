#pragma once
/// Reports that the user requests: --json, --junit, --markdown, --report.

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

namespace bncheck {

class Reports {
 public:
  /// Adds an option for a report. This object must not move after that. `about` describes the report, as in
  /// "write the result as JSON to this file".
  void add_option(CLI::App& command, const std::string& option, const std::string& about);

  /// Checks before a run that each report can be written and that no two of them are the same file. Throws
  /// UsageError.
  void require_writable() const;
  /// Whether a report goes to stdout, where it replaces the table.
  bool take_stdout() const;

  /// Makers of the reports, by option.
  using Texts = std::map<std::string, std::function<std::string()>>;
  /// Writes the requested reports. One that cannot be written costs one line on stderr and does not affect
  /// the others. Returns false if there was one.
  bool write(const Texts& texts) const;

 private:
  std::map<std::string, std::string> files_;  ///< by option; "": not requested, "-": stdout
};

}  // namespace bncheck
