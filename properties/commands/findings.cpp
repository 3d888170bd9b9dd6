#include "commands/findings.hpp"

#include "search/failure_store.hpp"

namespace bncheck {

std::string save_finding(const std::string& folder, const std::string& subject_name, const LawResult& result,
                         const Subject& subject, std::uint64_t seed) {
  return store_failure(folder, {*result.counterexample,
                                {{"law", result.law->name},
                                 {"subject", subject_name},
                                 {"version", subject.version()},
                                 {"dialect", subject.can().dialect.name},
                                 {"message", result.reason},
                                 {"seed", std::to_string(seed)}}})
      .string();
}

}  // namespace bncheck
