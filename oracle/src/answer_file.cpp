#include "bncheck/answer_file.hpp"

#include "bncheck/expected.hpp"
#include "bncheck/walk.hpp"

namespace bncheck {

State rounded_state(const ExpectedCall& expected) {
  State state = expected.state;
  for (const auto& [output, tensor] : expected.outputs) {
    if (const auto member = member_of(output)) state.*member = tensor.nearest();
  }
  return state;
}

Archive answer_archive(const Case& c, const Dialect& dialect) {
  Archive archive;
  archive.metadata = {{"format", "bncheck-answer"},
                      {"version", "1"},
                      {"dialect", text_of(dialect)},
                      {"calls", std::to_string(c.calls.size())}};
  for (Walk walk(c, dialect); !walk.done();) {
    const std::string key = "call." + std::to_string(walk.index());
    const ExpectedCall expected = walk.expected();
    std::string outcome = expected.must_fail() ? "error" : "values";
    for (const ErrorKind kind : expected.errors) outcome += " " + std::string(name_of(kind));
    archive.metadata[key] = outcome;
    for (const auto& [output, tensor] : expected.outputs) {
      archive.tensors[key + "." + std::string(name_of(output))] = tensor.nearest();
    }
    archive.metadata[key + ".num_batches_tracked"] = std::to_string(expected.state.num_batches_tracked);
    walk.advance(rounded_state(expected));
  }
  return archive;
}

}  // namespace bncheck
