#include "bncheck/answer_file.hpp"

#include "bncheck/expected.hpp"

namespace bncheck {

State rounded_state(const ExpectedCall& expected) {
  State state = expected.state;
  for (const auto& [output, tensor] : expected.outputs) {
    if (output == Output::running_mean) state.running_mean = tensor.nearest();
    if (output == Output::running_var) state.running_var = tensor.nearest();
    if (output == Output::running_weight) state.running_weight = tensor.nearest();
  }
  return state;
}

Archive answer_archive(const Case& c, const Dialect& dialect) {
  Archive archive;
  archive.metadata = {{"format", "bncheck-answer"},
                      {"version", "1"},
                      {"dialect", text_of(dialect)},
                      {"calls", std::to_string(c.calls.size())}};
  Config config = c.config;
  State state = c.state;
  std::shared_ptr<const Forward> latest;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const std::string key = "call." + std::to_string(k);
    const ExpectedCall expected = expect(config, state, c.calls[k], dialect, latest);
    std::string outcome = expected.must_fail() ? "error" : "values";
    for (const ErrorKind kind : expected.errors) outcome += " " + std::string(name_of(kind));
    archive.metadata[key] = outcome;
    for (const auto& [output, tensor] : expected.outputs) {
      archive.tensors[key + "." + std::string(name_of(output))] = tensor.nearest();
    }
    config = expected.config;
    latest = expected.latest;
    state = rounded_state(expected);
    archive.metadata[key + ".num_batches_tracked"] = std::to_string(state.num_batches_tracked);
  }
  return archive;
}

}  // namespace bncheck
