#pragma once
/// A folder of case files with their checksums, as `bncheck gen` writes and `bncheck judge` reads it.
///
/// NAME.case.safetensors     a case (bncheck/case_file.hpp)
/// NAME.answer.safetensors   its exact answer (bncheck/answer_file.hpp), if requested
/// NAME.output.safetensors   the outputs of a BatchNorm (bncheck/output_file.hpp), here or elsewhere
/// MANIFEST.json             {"schema": 1, "version", "seed", "dialect",
///                            "files": [{"name", "kind": "case" or "answer", "about", "bytes", "sha256"}]},
///                            in the order of their names
/// SHA256SUMS                the same checksums, and the manifest's, for `sha256sum -c`

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "bncheck/temporaries.hpp"

namespace bncheck {

inline constexpr const char* case_suffix = ".case.safetensors";
inline constexpr const char* answer_suffix = ".answer.safetensors";
inline constexpr const char* output_suffix = ".output.safetensors";

struct CaseSetFile {
  std::string name;   ///< file name without folders
  std::string kind;   ///< "case" or "answer"
  std::string about;  ///< source of the case: "training/ordinary", or a law's name
  std::size_t bytes = 0;
  std::string sha256;  ///< 64 hexadecimal digits
};

/// Writes a set into a temporary folder beside its place, so that the set appears as a whole or not at all.
class CaseSetWriter {
 public:
  /// Throws UsageError if `folder` exists and is not an empty folder, is the current folder, or cannot be
  /// made.
  explicit CaseSetWriter(const std::filesystem::path& folder);
  CaseSetWriter(const CaseSetWriter&) = delete;
  CaseSetWriter& operator=(const CaseSetWriter&) = delete;

  /// Throws std::runtime_error, which names the file.
  void add(const std::string& name, const std::string& kind, const std::string& about,
           std::span<const std::byte> bytes);
  /// Writes manifest and checksums and moves the folder to its place. Throws std::runtime_error.
  void finish(std::uint64_t seed, const std::string& dialect);

 private:
  std::filesystem::path folder_;
  std::optional<Temporary> temporary_;  ///< removes an unfinished set
  std::vector<CaseSetFile> files_;
};

struct CaseSet {
  std::string dialect;  ///< dialect of the answers
  std::vector<CaseSetFile> files;
};

/// Reads the set in this folder and checks that every file that it names is present and unchanged. Throws
/// UsageError, which names the file that is missing or damaged.
CaseSet read_case_set(const std::filesystem::path& folder);

}  // namespace bncheck
