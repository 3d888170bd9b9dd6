#pragma once
/// The reports that a run was asked for: --json, --junit, --markdown, --report.

#include <CLI/CLI.hpp>
#include <functional>
#include <map>
#include <string>

namespace bncheck {

class Reports {
 public:
  /// This object has to stay where it is. `about` says what is written, as in "write the result as JSON to
  /// this file".
  void add_option(CLI::App& command, const std::string& option, const std::string& about);

  /// Before a run: each can be written, and no two of them are one file. Throws UsageError.
  void require_writable() const;
  /// One goes to stdout, where it takes the table's place.
  bool take_stdout() const;

  /// What the report of each option says.
  using Texts = std::map<std::string, std::function<std::string()>>;
  /// Writes those that were asked for. One that cannot be written costs a line on stderr and none of the
  /// others; false where there was one.
  bool write(const Texts& texts) const;

 private:
  std::map<std::string, std::string> files_;  ///< by option; "" is not asked for, "-" is stdout
};

}  // namespace bncheck
