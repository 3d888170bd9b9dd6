#pragma once
/// Store of cases that violated a law, a folder shared by `bncheck check` and the fuzzers. A case is written
/// when it violates a law, and tried first the next time. The case file is the record; it stays when the
/// fault is repaired.

#include <filesystem>
#include <string>
#include <vector>

#include "bncheck/case_file.hpp"
#include "core/law.hpp"

namespace bncheck {

struct StoredCase {
  Case content;
  /// The case violated the law with this subject in this dialect.
  bool of_this_subject = false;
  /// Cases to run before it in a subject that has just started: without them, it holds.
  std::vector<Case> before{};
};

class FailureStore {
 public:
  /// Empty store.
  FailureStore() = default;
  /// Reads every regular *.safetensors file of the folder, in the order of their names. A folder that does
  /// not exist is an empty store.
  explicit FailureStore(const std::filesystem::path& folder);

  /// Cases that violated this law with any subject, because an error of one BatchNorm is worth trying on
  /// another. Those of this subject and dialect come first.
  std::vector<StoredCase> cases_for(const Law& law, const std::string& subject,
                                    const std::string& dialect) const;
  /// One line for each file that cannot be used, with the reason. The files stay where they are.
  const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  void add(const std::filesystem::path& path);

  struct Stored {
    CaseFile file;
    std::vector<Case> before;
  };
  std::vector<Stored> files_;
  std::vector<std::string> warnings_;
};

/// Saves a case whose notes have "law" and "subject", and creates the folder. The same case of the same law
/// and subject gets the same name: "FOLDER/matches_oracle-torch-1f2e3d4c.safetensors". A note "name", which is what the
/// subject calls itself, stands in for the subject there. Returns the name of
/// the file. The notes "name", "version" and "message", which come from the subject and may be long, are bounded
/// (bncheck/untrusted_text.hpp). Throws std::runtime_error, which names the file.
///
/// Cases that must run before it are saved beside it, as "FOLDER/matches_oracle-torch-1f2e3d4c.before-1.safetensors" and
/// so on. Its note "after" has their names, separated by blanks.
std::filesystem::path store_failure(const std::filesystem::path& folder, CaseFile file,
                                    const std::vector<Case>& before = {});

/// Cases that a file's note "after" names, which lie in the file's folder. Throws std::runtime_error, which names the
/// file.
std::vector<Case> cases_before(const std::filesystem::path& path, const CaseFile& file);

}  // namespace bncheck
