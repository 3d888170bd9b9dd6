#include <memory>

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "laws/catalogue.hpp"
#include "search/measure.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/registry.hpp"
#include "subjects/variants/variants.hpp"

namespace bncheck {
namespace {

void list_laws() {
  for (const Law& law : all_laws()) print("{:<36}{}\n", law.name, law.statement);
}

void list_subjects() {
  for (const SubjectEntry& entry : subject_entries()) {
    print("{:<16}{}{}\n", entry.name, entry.about,
          entry.unavailable.empty() ? "" : " -- unavailable: " + entry.unavailable);
  }
  for (const SubjectFamily& family : subject_families()) {
    print("{:<16}{}{}\n", family.prefix + family.what, family.about,
          family.listed_by.empty() ? "" : " ('" + family.listed_by + "')");
  }
}

void list_faults() {
  for (const variants::Fault& fault : variants::faults()) {
    print("{:<40}{} ({})\n", fault.name, fault.sentence, fault.source);
  }
}

void list_controls() {
  for (const variants::Control& control : variants::controls()) {
    print("{:<20}{} (sums: {})\n", control.name, control.sentence, name_of(control.numerics.summation));
  }
}

void list_knobs(const std::vector<KnobDescription>& knobs) {
  for (const KnobDescription& knob : knobs)
    print("{:<19}{:<15} {}\n{:<35}({})\n", knob.key, knob.usual, knob.about, "", knob.values);
}

void list_dialects() {
  for (const Dialect& dialect : dialect_presets()) print("{:<10}{}\n", dialect.name, describe(dialect));
  print("\n{:<19}{:<15} what it says (values)\n", "knob", "of pytorch");
  list_knobs(dialect_descriptions());
}

void list_numerics() {
  for (const Claim claim : {Claim::exact, Claim::faithful, Claim::sound})
    print("{:<19}{}\n", name_of(claim),
          claim == Claim::exact      ? "every result is the nearest representable number"
          : claim == Claim::faithful ? "every result is less than one ulp off"
                                     : "every result is within what its arithmetic can attain (default)");
  print("\n{:<19}{:<15} what it says (values)\n", "knob", "default");
  list_knobs(numerics_descriptions());
}

void list_capabilities() {
  print("{:<17}{:<10} what it says (values; in C: field of bncheck_capabilities)\n", "key", "default");
  for (const CapabilityKey& key : capability_keys()) {
    print("{:<17}{:<10} {}\n{:<28}({}; in C: {})\n", key.key,
          key.usual.empty()       ? "-"
          : key.usual.size() > 10 ? "all"
                                  : key.usual,
          key.about, "", key.values, key.field);
  }
}

void list_kinds() {
  for (const Workload& workload : all_workloads()) print("{}\n", kind_of(workload));
}

}  // namespace

void add_list(CLI::App& app, int& status) {
  auto what = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "list",
      "what there is: laws, subjects, faults, controls, kinds, and what a subject declares: "
      "dialects, numerics, capabilities");
  command
      ->add_option("what", *what,
                   "laws, subjects, faults, controls, kinds, dialects, numerics or capabilities")
      ->required()
      ->check(CLI::IsMember(
          {"laws", "subjects", "faults", "controls", "dialects", "numerics", "capabilities", "kinds"}));
  command->callback([what, &status] {
    if (*what == "laws") list_laws();
    if (*what == "subjects") list_subjects();
    if (*what == "faults") list_faults();
    if (*what == "controls") list_controls();
    if (*what == "dialects") list_dialects();
    if (*what == "numerics") list_numerics();
    if (*what == "capabilities") list_capabilities();
    if (*what == "kinds") list_kinds();
    status = exit_holds;
  });
}

}  // namespace bncheck
