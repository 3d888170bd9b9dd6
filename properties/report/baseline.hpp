#pragma once
/// Baseline: the findings of a subject that its users know. A check fails only on others.
///
/// A JSON file, a public interface:
///   {"schema": "bncheck-baseline-1",
///    "findings": [{"law": "momentum_mixture", "rank": "wrong", "signature": "running_var less its mixture at call"}]}
/// Order and other keys do not matter.

#include <compare>
#include <filesystem>
#include <map>
#include <set>
#include <string>

#include "core/law.hpp"
#include "core/rank.hpp"

namespace bncheck {

/// Finding by law, signature (`signature_of`) and rank.
struct KnownFinding {
  std::string law, signature;
  Rank rank = Rank::wrong;
  auto operator<=>(const KnownFinding&) const = default;
};

class Baseline {
 public:
  Baseline() = default;
  /// Throws std::runtime_error, which names the file.
  explicit Baseline(const std::filesystem::path& path);

  /// Whether the finding is known, in this rank or a worse one: another case may show a milder side of it.
  bool has(const KnownFinding& finding) const;
  /// Keeps the worst rank.
  void add(const KnownFinding& finding);
  /// Leaves out the findings of a law.
  void forget(const std::string& law);
  const std::set<KnownFinding>& findings() const { return findings_; }
  std::string json() const;
  /// Throws std::runtime_error, which names the file.
  void write(const std::filesystem::path& path) const;

 private:
  std::set<KnownFinding> findings_;
};

/// A baseline beside a run: which of its findings were known, and which of the known ones were seen again.
class BaselineRun {
 public:
  /// `updating`: every finding becomes a known one, and the file need not exist. Without a path none is known. Throws
  /// std::runtime_error, which names the file.
  static BaselineRun open(const std::filesystem::path& path, bool updating);
  BaselineRun(Baseline baseline, bool updating) : known_(std::move(baseline)), updating_(updating) {}

  /// Whether the finding is known.
  bool knows(const Law& law, const Verdict& verdict, Rank rank);
  /// Takes note that all cases of the law have run.
  void completed(const Law& law) { completed_.insert(law.name); }
  /// Known findings that did not show, of the laws whose cases have all run.
  std::set<KnownFinding> gone() const;
  /// The baseline with the findings of this run instead of the old ones of its laws.
  Baseline updated() const;

 private:
  Baseline known_;
  bool updating_;
  Baseline seen_;
  std::set<std::string> completed_;
};

}  // namespace bncheck
