#include "report/baseline.hpp"

#include <algorithm>
#include <iterator>
#include <span>
#include <stdexcept>
#include <string_view>

#include "bncheck/files.hpp"
#include "bncheck/json_text.hpp"
#include "bncheck/safetensors.hpp"
#include "report/json_values.hpp"

namespace bncheck {
namespace {

constexpr const char* schema = "bncheck-baseline-1";
constexpr int deepest = 8;

[[noreturn]] void refuse(const std::filesystem::path& path, const std::string& why) {
  throw std::runtime_error("'" + path.string() + "' is no baseline: " + why);
}

std::string text_of(const nlohmann::json& finding, const char* key) {
  const auto found = finding.find(key);
  return found != finding.end() && found->is_string() ? found->get<std::string>() : "";
}

}  // namespace

Baseline::Baseline(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    require_plain_json(text, deepest, "the baseline");
  } catch (const FormatError& error) {
    refuse(path, error.what());
  }
  const nlohmann::json json = nlohmann::json::parse(text);
  if (!json.is_object() || text_of(json, "schema") != schema)
    refuse(path, std::string("expected the schema \"") + schema + '"');
  const auto findings = json.find("findings");
  if (findings == json.end() || !findings->is_array()) refuse(path, "it has no list of findings");
  for (const nlohmann::json& finding : *findings) {
    const bool object = finding.is_object();
    const auto rank = object ? rank_named(text_of(finding, "rank")) : std::nullopt;
    if (!rank || text_of(finding, "law").empty() || text_of(finding, "signature").empty())
      refuse(path, "a finding lacks its law, rank or signature");
    add({text_of(finding, "law"), text_of(finding, "signature"), *rank});
  }
}

bool Baseline::has(const KnownFinding& finding) const {
  return std::ranges::any_of(findings_, [&](const KnownFinding& known) {
    return known.law == finding.law && known.signature == finding.signature && known.rank <= finding.rank;
  });
}

void Baseline::add(const KnownFinding& finding) {
  if (has(finding)) return;
  std::erase_if(findings_, [&](const KnownFinding& known) {
    return known.law == finding.law && known.signature == finding.signature;
  });
  findings_.insert(finding);
}

void Baseline::forget(const std::string& law) {
  std::erase_if(findings_, [&](const KnownFinding& finding) { return finding.law == law; });
}

std::string Baseline::json() const {
  nlohmann::ordered_json findings = nlohmann::ordered_json::array();
  for (const auto& [law, signature, rank] : findings_)
    findings.push_back({{"law", law}, {"rank", name_of(rank)}, {"signature", signature}});
  return json_text({{"schema", schema}, {"findings", std::move(findings)}});
}

void Baseline::write(const std::filesystem::path& path) const {
  const std::string text = json();
  write_file(path, std::as_bytes(std::span(text)));
}

BaselineRun BaselineRun::open(const std::filesystem::path& path, bool updating) {
  const bool none = path.empty() || (updating && !std::filesystem::exists(path));
  return {none ? Baseline() : Baseline(path), updating};
}

bool BaselineRun::knows(const Law& law, const Verdict& verdict, Rank rank) {
  const KnownFinding finding{law.name, signature_of(verdict), rank};
  if (!updating_ && !known_.has(finding)) return false;
  seen_.add(finding);
  return true;
}

std::set<KnownFinding> BaselineRun::gone() const {
  const auto showed = [&](const KnownFinding& known) {
    return std::ranges::any_of(seen_.findings(), [&](const KnownFinding& seen) {
      return seen.law == known.law && seen.signature == known.signature;
    });
  };
  std::set<KnownFinding> gone;
  std::ranges::copy_if(known_.findings(), std::inserter(gone, gone.end()), [&](const KnownFinding& known) {
    return completed_.contains(known.law) && !showed(known);
  });
  return gone;
}

Baseline BaselineRun::updated() const {
  Baseline baseline = known_;
  for (const std::string& law : completed_) baseline.forget(law);
  for (const KnownFinding& finding : seen_.findings()) baseline.add(finding);
  return baseline;
}

}  // namespace bncheck
