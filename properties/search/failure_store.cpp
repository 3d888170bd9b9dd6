#include "search/failure_store.hpp"

#include <algorithm>
#include <stdexcept>

#include "bncheck/ascii.hpp"
#include "bncheck/untrusted_text.hpp"
#include "core/fnv.hpp"
#include "core/runner.hpp"
#include "laws/catalogue.hpp"

namespace bncheck {
namespace {

constexpr const char* extension = ".safetensors";
constexpr std::size_t longest_name = 80;

std::string note(const CaseFile& file, const std::string& key) {
  const auto found = file.notes.find(key);
  return found == file.notes.end() ? "" : found->second;
}

/// Hash of the case without the notes, which describe one run of it, and of the subject where the name of the file does
/// not have it: two subjects may call themselves the same.
std::uint32_t short_hash(const Case& c, const std::string& subject) {
  Fnv hash;
  if (!subject.empty()) hash.add(subject);
  const ArchivePieces pieces = pieces_of(c);
  for (const auto& piece : pieces.all()) hash.add(piece);
  return static_cast<std::uint32_t>(hash.value() ^ hash.value() >> 32);
}

std::string eight_digits(std::uint32_t value) {
  std::string digits;
  for (int shift = 28; shift >= 0; shift -= 4) digits += "0123456789abcdef"[value >> shift & 0xf];
  return digits;
}

}  // namespace

FailureStore::FailureStore(const std::filesystem::path& folder) {
  std::error_code error;
  std::vector<std::filesystem::path> paths;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == extension) paths.push_back(entry.path());
  }
  if (error && error != std::errc::no_such_file_or_directory && error != std::errc::not_a_directory) {
    warnings_.push_back("the stored cases of '" + folder.string() + "' are left out: " + error.message());
  }
  std::ranges::sort(paths);
  for (const std::filesystem::path& path : paths) add(path);
}

void FailureStore::add(const std::filesystem::path& path) {
  const auto warn = [&](const std::string& why) {
    warnings_.push_back("stored case '" + path.string() + "' is left out: " + why);
  };
  // Reading a pipe in the folder could wait for ever.
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    warn("it is no regular file");
    return;
  }
  try {
    CaseFile file = load_case(path);
    if (!note(file, "before").empty()) return;  // a part of the sequence that this note names
    const std::string law = note(file, "law");
    if (law.empty()) {
      warn("it names no law, expected a note.law");
    } else if (law_named(law) == nullptr) {
      warn("it names the unknown law " + in_quotes(law));
    } else {
      std::vector<Case> before = cases_before(path, file);
      files_.push_back({std::move(file), std::move(before)});
    }
  } catch (const std::runtime_error& error) {
    warnings_.push_back("a stored case is left out: " + std::string(error.what()));
  }
}

std::vector<StoredCase> FailureStore::cases_for(const Law& law, const std::string& subject,
                                                const std::string& dialect) const {
  std::vector<StoredCase> cases, others;
  for (const auto& [file, before] : files_) {
    if (note(file, "law") != law.name) continue;
    const std::string judged_in = note(file, "dialect");
    const bool same = note(file, "subject") == subject && (judged_in.empty() || judged_in == dialect);
    (same ? cases : others).push_back({file.content, same, before});
  }
  cases.insert(cases.end(), others.begin(), others.end());
  return cases;
}

std::vector<Case> cases_before(const std::filesystem::path& path, const CaseFile& file) {
  std::vector<Case> cases;
  const std::string names = note(file, "after");
  Words words(names);
  for (std::string name; words.next(name);) {
    if (std::filesystem::path(name).filename() != name)
      throw std::runtime_error("'" + path.string() + "' comes after " + in_quotes(name) +
                               ", expected the name of a file beside it");
    cases.push_back(load_case(path.parent_path() / name).content);
  }
  return cases;
}

std::filesystem::path store_failure(const std::filesystem::path& folder, CaseFile file,
                                    const std::vector<Case>& before) {
  // These come from the subject; the other notes come from bncheck or the user.
  for (const char* key : {"name", "version", "message"}) {
    if (const auto found = file.notes.find(key); found != file.notes.end())
      found->second = untrusted_line(found->second, message_bytes);
  }
  std::string name;
  const std::string subject = note(file, "subject");
  const std::string own_name = note(file, "name");
  const bool named = !own_name.empty() && own_name != subject;
  for (const char letter : note(file, "law") + "-" + (named ? own_name : subject)) {
    name += is_letter_or_digit(letter) || letter == '-' ? letter : '_';
  }
  std::filesystem::path path =
      folder / (name.substr(0, longest_name) + '-' +
                eight_digits(short_hash(file.content, named ? subject : "")) + extension);
  std::error_code error;  // ignored: if the folder cannot be made, writing the file fails
  std::filesystem::create_directories(folder, error);
  for (std::size_t k = 0; k < before.size(); ++k) {
    const std::string part = path.stem().string() + ".before-" + std::to_string(k + 1) + extension;
    save_case(folder / part, {before[k], {{"before", path.filename().string()}}});
    file.notes["after"] += (k == 0 ? "" : " ") + part;
  }
  save_case(path, file);
  return path;
}

}  // namespace bncheck
