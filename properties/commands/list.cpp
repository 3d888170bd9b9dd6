#include <fmt/format.h>

#include <memory>

#include "commands/commands.hpp"
#include "laws/catalogue.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

void list_laws() {
  for (const Law& law : all_laws()) fmt::print("{:<36}{}\n", law.name, law.statement);
}

void list_subjects() {
  for (const SubjectEntry& entry : subject_entries()) {
    fmt::print("{:<16}{}{}\n", entry.name, entry.about,
               entry.unavailable.empty() ? "" : " -- unavailable: " + entry.unavailable);
  }
}

void list_dialects() {
  for (const Dialect& dialect : dialect_presets()) fmt::print("{:<10}{}\n", dialect.name, describe(dialect));
}

}  // namespace

void add_list(CLI::App& app, int& status) {
  auto what = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("list", "what there is: laws, subjects or dialects");
  command->add_option("what", *what, "laws, subjects or dialects")
      ->required()
      ->check(CLI::IsMember({"laws", "subjects", "dialects"}));
  command->callback([what, &status] {
    if (*what == "laws") list_laws();
    if (*what == "subjects") list_subjects();
    if (*what == "dialects") list_dialects();
    status = exit_holds;
  });
}

}  // namespace bncheck
