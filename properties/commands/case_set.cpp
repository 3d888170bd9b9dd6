#include "commands/case_set.hpp"

#include <fmt/format.h>
#include <sha256.h>
#include <sys/types.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "bncheck/files.hpp"
#include "bncheck/json_text.hpp"
#include "bncheck/safetensors.hpp"
#include "bncheck/untrusted_text.hpp"
#include "commands/commands.hpp"

namespace bncheck {
namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

constexpr const char* manifest_name = "MANIFEST.json";
constexpr const char* sums_name = "SHA256SUMS";
/// Deepest nesting of a manifest; those that bncheck writes are three deep.
constexpr int deepest_manifest = 8;

std::string sha256_of(std::span<const std::byte> bytes) {
  std::array<char, SHA256_DIGEST_STRING_LENGTH> text{};
  SHA256_Data(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size(), text.data());
  return text.data();
}

[[noreturn]] void refuse(const fs::path& folder, const std::string& why) {
  throw UsageError("folder '" + folder.string() + "' " + why);
}

/// Whether a name in a manifest stays within its folder.
bool is_plain(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos &&
         name.find('\0') == std::string::npos;
}

CaseSetFile file_from(const nlohmann::json& entry, const std::string& manifest) {
  CaseSetFile file;
  try {
    file.name = entry.at("name").get<std::string>();
    file.kind = entry.at("kind").get<std::string>();
    file.about = entry.at("about").get<std::string>();
    file.bytes = entry.at("bytes").get<std::size_t>();
    file.sha256 = entry.at("sha256").get<std::string>();
  } catch (const nlohmann::json::exception&) {
    throw UsageError("'" + manifest + "': an entry of 'files' lacks name, kind, about, bytes or sha256");
  }
  if (!is_plain(file.name)) {
    throw UsageError("'" + manifest + "' names " + in_quotes(file.name) +
                     ", expected a name without folders");
  }
  return file;
}

nlohmann::json read_manifest(const fs::path& path) {
  const std::vector<std::byte> bytes = read_file(path);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  try {
    require_plain_json(text, deepest_manifest, "the manifest");
  } catch (const FormatError& error) {
    throw UsageError("'" + path.string() + "': " + error.what());
  }
  nlohmann::json manifest = nlohmann::json::parse(text);
  if (manifest.value("schema", nlohmann::json()) != 1 ||
      !manifest.value("dialect", nlohmann::json()).is_string() ||
      !manifest.value("files", nlohmann::json()).is_array()) {
    throw UsageError("'" + path.string() + "' is no manifest of schema 1 as 'bncheck gen' writes it");
  }
  return manifest;
}

void verify(const fs::path& folder, const CaseSetFile& file) {
  const fs::path path = folder / file.name;
  if (!fs::is_regular_file(path)) {
    throw UsageError("'" + path.string() + "' is missing, but " + manifest_name + " names it");
  }
  const std::string sum = sha256_of(read_file(path));
  if (sum != file.sha256) {
    throw UsageError("'" + path.string() + "' is damaged: its SHA-256 is " + sum + ", expected " +
                     untrusted_line(file.sha256, 2 * SHA256_DIGEST_LENGTH));
  }
}

}  // namespace

CaseSetWriter::CaseSetWriter(const fs::path& folder) {
  std::error_code error;
  folder_ = fs::weakly_canonical(folder, error);
  // "cases/" means "cases", whose parent must hold the temporary folder.
  if (!folder_.has_filename()) folder_ = folder_.parent_path();
  if (error || folder_.empty()) refuse(folder, "cannot be made: it has no name that leads somewhere");
  if (fs::exists(folder_, error) && !fs::is_directory(folder_, error)) {
    throw UsageError("'" + folder.string() + "' is no folder, expected a new or empty one");
  }
  if (fs::equivalent(folder_, fs::current_path(), error)) {
    refuse(folder, "is the current one, expected another: it is put in place as a whole");
  }
  if (fs::is_directory(folder_, error) && !fs::is_empty(folder_, error)) {
    refuse(folder, "is not empty, expected a new or empty one");
  }
  fs::create_directories(folder_.parent_path(), error);
  fs::path temporary = folder_;
  temporary += ".tmp" + std::to_string(::getpid());
  // Files of a killed process with the same process id would become part of the set.
  if (!error && fs::exists(temporary, error)) refuse(temporary, "is left of another run: remove it");
  temporary_.emplace(std::move(temporary));
  fs::create_directory(temporary_->path(), error);
  if (error) refuse(folder, "cannot be made: " + error.message());
}

void CaseSetWriter::add(const std::string& name, const std::string& kind, const std::string& about,
                        std::span<const std::byte> bytes) {
  write_file(temporary_->path() / name, bytes);
  files_.push_back({name, kind, about, bytes.size(), sha256_of(bytes)});
}

void CaseSetWriter::finish(std::uint64_t seed, const std::string& dialect) {
  std::ranges::sort(files_, {}, &CaseSetFile::name);
  ordered_json list = ordered_json::array();
  std::string sums;
  const auto sum = [&](const std::string& name, const std::string& sha256) {
    sums += fmt::format("{}  {}\n", sha256, name);
  };
  for (const CaseSetFile& file : files_) {
    list.push_back({{"name", file.name},
                    {"kind", file.kind},
                    {"about", file.about},
                    {"bytes", file.bytes},
                    {"sha256", file.sha256}});
    sum(file.name, file.sha256);
  }
  const ordered_json manifest{{"schema", 1},
                              {"version", BNCHECK_VERSION},
                              {"seed", seed},
                              {"dialect", dialect},
                              {"files", std::move(list)}};
  const std::string text = manifest.dump(2) + "\n";
  write_file(temporary_->path() / manifest_name, std::as_bytes(std::span(text)));
  sum(manifest_name, sha256_of(std::as_bytes(std::span(text))));
  write_file(temporary_->path() / sums_name, std::as_bytes(std::span(sums)));
  // rename replaces an empty folder, but not one that was filled meanwhile.
  std::error_code error;
  fs::rename(temporary_->path(), folder_, error);
  if (error) refuse(folder_, "cannot be written: " + error.message());
  temporary_->release();
}

CaseSet read_case_set(const fs::path& folder) {
  const fs::path path = folder / manifest_name;
  std::error_code error;
  if (!fs::is_regular_file(path, error)) {
    refuse(folder, std::string("has no ") + manifest_name + ", expected a folder that 'bncheck gen' wrote");
  }
  const nlohmann::json manifest = read_manifest(path);
  CaseSet set{manifest["dialect"].get<std::string>(), {}};
  for (const nlohmann::json& entry : manifest["files"]) {
    set.files.push_back(file_from(entry, path.string()));
    verify(folder, set.files.back());
  }
  return set;
}

}  // namespace bncheck
