#pragma once
/// The folder of cases that once violated a law, shared by `bncheck check` and fuzzing: written when a law is
/// violated, tried first the next time. The case file is the record; a case whose fault is mended stays.

#include <filesystem>
#include <string>
#include <vector>

#include "bncheck/case_file.hpp"
#include "core/law.hpp"

namespace bncheck {

struct StoredCase {
  Case content;
  /// It was this subject, in this dialect, that violated the law with it.
  bool of_this_subject = false;
};

class FailureStore {
 public:
  /// No case at all.
  FailureStore() = default;
  /// Every regular *.safetensors file of the folder, in the order of their names; a folder that does not
  /// exist is an empty store.
  explicit FailureStore(const std::filesystem::path& folder);

  /// The cases that violated this law, of any subject: what one BatchNorm got wrong is worth trying on
  /// another. Those of this subject and dialect come first.
  std::vector<StoredCase> cases_for(const Law& law, const std::string& subject,
                                    const std::string& dialect) const;
  /// A line for each file that is no use, which says why. They stay where they are.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void add(const std::filesystem::path& path);

  std::vector<CaseFile> files_;
  std::vector<std::string> warnings_;
};

/// Saves a case whose notes name its "law" and its "subject", and makes the folder. The same case of the same
/// law and subject gets the same name: "FOLDER/matches_oracle-torch-1f2e3d4c.safetensors". Returns the file.
/// The notes "version" and "message", which a subject can make of any length, are bounded
/// (bncheck/untrusted_text.hpp). Throws std::runtime_error whose message starts with the file's name.
std::filesystem::path store_failure(const std::filesystem::path& folder, CaseFile file);

}  // namespace bncheck
