#include "commands/findings.hpp"

#include "commands/commands.hpp"
#include "commands/output.hpp"
#include "commands/writable.hpp"
#include "search/failure_store.hpp"

namespace bncheck {

FindingFolder::FindingFolder(std::string folder, bool named_by_user) : folder_(std::move(folder)) {
  try {
    require_writable_folder("--save", folder_);
  } catch (const UsageError& error) {
    if (named_by_user) throw;
    saves_ = false;
    complain("no case will be saved (--save chooses a folder): " + std::string(error.what()));
  }
}

std::string FindingFolder::save(const std::string& subject_name, const LawResult& result,
                                const Subject& subject, std::uint64_t seed) {
  if (!saves_ || !result.counterexample || result.known) return "";
  try {
    return store_failure(folder_,
                         {*result.counterexample,
                          {{"law", result.law->name},
                           {"subject", subject_name},
                           {"name", subject.name()},
                           {"version", subject.version()},
                           {"dialect", subject.can().dialect.name},
                           {"message", result.reason},
                           {"seed", std::to_string(seed)}}},
                         result.before)
        .string();
  } catch (const std::runtime_error& error) {
    // A full disk must lose only the case file, not the results of the run.
    complain(error.what());
    lost_some_ = true;
    return "";
  }
}

}  // namespace bncheck
