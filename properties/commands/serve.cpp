#include "subjects/foreign/serve.hpp"

#include <memory>

#include "commands/commands.hpp"
#include "commands/signals.hpp"
#include "subjects/foreign/plugin_subject.hpp"
#include "subjects/registry.hpp"

namespace bncheck {
namespace {

constexpr std::string_view plugin_prefix = "plugin:";

/// Makes the subject. A plugin is loaded into this process, which exists for that purpose.
std::unique_ptr<Subject> make_here(const std::string& name) {
  if (name.starts_with(plugin_prefix)) return load_plugin(name.substr(plugin_prefix.size()));
  return make_subject(name);
}

}  // namespace

void add_serve(CLI::App& app, int& status) {
  auto name = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "serve",
      "answer another bncheck's cases over a pipe: 'bncheck check plugin:X.so' starts one, and\n"
      "exec:'ssh board bncheck serve plugin:X.so' brings one from elsewhere");
  command->add_option("subject", *name, "plugin:PATH.so, or any other subject")->required();
  command->callback([name, &status] {
    // The subject must find the signals as any program does.
    restore_signals();
    serve([&] { return make_here(*name); });
    status = exit_holds;
  });
}

}  // namespace bncheck
