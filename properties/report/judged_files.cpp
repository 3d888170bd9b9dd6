#include "report/judged_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/json_values.hpp"
#include "report/results.hpp"
#include "report/show_case.hpp"

namespace bncheck {

using nlohmann::ordered_json;

std::string_view name_of(JudgedFile::Kind kind) {
  switch (kind) {
    case JudgedFile::Kind::holds:
      return "holds";
    case JudgedFile::Kind::violated:
      return "violated";
    case JudgedFile::Kind::not_judged:
      return "not judged";
    case JudgedFile::Kind::missing:
      return "missing";
    case JudgedFile::Kind::unreadable:
      break;
  }
  return "unreadable";
}

std::string_view verdict_word(const JudgedFile& file) {
  return file.kind == JudgedFile::Kind::violated ? name_of(file.rank) : name_of(file.kind);
}

std::size_t JudgedFiles::count(JudgedFile::Kind kind) const {
  return static_cast<std::size_t>(std::ranges::count(files, kind, &JudgedFile::kind));
}

std::string show_judged(const JudgedFile& file) {
  if (file.kind == JudgedFile::Kind::holds) return "";
  return fmt::format("{}: {}\n  {}\n{}", verdict_word(file), untrusted_line(file.output_file, message_bytes),
                     untrusted_line(file.message, message_bytes),
                     show_mismatches(file.content, file.mismatches));
}

std::string output_table(const std::map<Pass, PassErrors>& accuracy) {
  if (accuracy.empty()) return "";
  std::string text = fmt::format("\n{:<19}{:<15}{:>10}{:>11}{:>12}{:>12}  {}\n", "operation", "output",
                                 "values", "nearest", "worst ulps", "worst ratio", "accuracy");
  for (const auto& [pass, errors] : accuracy) {
    for (const auto& [output, of_output] : errors.outputs) {
      const ErrorFigures& figures = of_output.figures;
      text += fmt::format("{:<19}{:<15}{:>10}{:>11}{:>12}{:>12}  {}\n", name_of(pass), name_of(output),
                          figures.elements, show_share(figures), show_measure(figures.worst_ulps),
                          show_measure(figures.worst_ratio), show_class(figures));
    }
  }
  return text;
}

std::string judged_summary(const JudgedFiles& judged) {
  std::string text =
      fmt::format("\n{} output {} in {}, {}:", judged.files.size(),
                  judged.files.size() == 1 ? "file" : "files", judged.dialect, judged.numerics);
  const char* separator = " ";
  std::vector<std::string_view> words{name_of(JudgedFile::Kind::holds)};
  for (const Rank rank : all_ranks) words.push_back(name_of(rank));
  for (const auto kind :
       {JudgedFile::Kind::not_judged, JudgedFile::Kind::missing, JudgedFile::Kind::unreadable})
    words.push_back(name_of(kind));
  for (const std::string_view word : words) {
    const auto count = std::ranges::count_if(
        judged.files, [=](const JudgedFile& file) { return verdict_word(file) == word; });
    if (count > 0) text += separator + show_count(word, static_cast<int>(count));
    if (count > 0) separator = ", ";
  }
  return text + (judged.interrupted ? " (interrupted)\n" : "\n");
}

namespace {

ordered_json mismatches_json(const std::vector<Mismatch>& mismatches) {
  ordered_json list = ordered_json::array();
  for (const Mismatch& mismatch : mismatches) {
    list.push_back({{"call", mismatch.call},
                    {"output", name_of(mismatch.output)},
                    {"index", mismatch.index},
                    {"got", json_number(mismatch.got)},
                    {"expected", json_number(mismatch.expected)},
                    {"ulps", json_number(mismatch.error.ulps)},
                    {"ratio", json_number(mismatch.error.ratio)}});
  }
  return list;
}

}  // namespace

std::string judged_json(const JudgedFiles& judged) {
  ordered_json files = ordered_json::array();
  for (const JudgedFile& file : judged.files) {
    files.push_back(
        {{"case", file.case_file},
         {"output", file.output_file},
         {"verdict", name_of(file.kind)},
         {"rank", json_text_or_null(file.kind == JudgedFile::Kind::violated ? std::string(name_of(file.rank))
                                                                            : std::string())},
         {"reason", json_text_or_null(untrusted_line(file.message, message_bytes))},
         {"mismatches", mismatches_json(file.mismatches)}});
  }
  return json_text({{"schema", 2},
                    {"dialect", judged.dialect},
                    {"numerics", judged.numerics},
                    {"interrupted", judged.interrupted},
                    {"files", std::move(files)},
                    {"accuracy", accuracy_json(judged.accuracy, [](Pass) { return std::string(); })}});
}

}  // namespace bncheck
