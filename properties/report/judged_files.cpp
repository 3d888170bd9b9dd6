#include "report/judged_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "bncheck/untrusted_text.hpp"
#include "report/accuracy.hpp"
#include "report/json_values.hpp"
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

std::size_t JudgedFiles::count(JudgedFile::Kind kind) const {
  return static_cast<std::size_t>(std::ranges::count(files, kind, &JudgedFile::kind));
}

std::string show_judged(const JudgedFile& file) {
  if (file.kind == JudgedFile::Kind::holds) return "";
  return fmt::format("{}: {}\n  {}\n{}", name_of(file.kind), untrusted_line(file.output_file, message_bytes),
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
  for (const JudgedFile::Kind kind :
       {JudgedFile::Kind::holds, JudgedFile::Kind::violated, JudgedFile::Kind::not_judged,
        JudgedFile::Kind::missing, JudgedFile::Kind::unreadable}) {
    const std::size_t count = judged.count(kind);
    if (count == 0) continue;
    const bool plural = kind == JudgedFile::Kind::holds && count != 1;
    text += fmt::format("{}{} {}", separator, count, plural ? "hold" : name_of(kind));
    separator = ", ";
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
    files.push_back({{"case", file.case_file},
                     {"output", file.output_file},
                     {"verdict", name_of(file.kind)},
                     {"reason", json_text_or_null(untrusted_line(file.message, message_bytes))},
                     {"mismatches", mismatches_json(file.mismatches)}});
  }
  return json_text({{"schema", 1},
                    {"dialect", judged.dialect},
                    {"numerics", judged.numerics},
                    {"interrupted", judged.interrupted},
                    {"files", std::move(files)},
                    {"accuracy", accuracy_json(judged.accuracy, [](Pass) { return std::string(); })}});
}

}  // namespace bncheck
