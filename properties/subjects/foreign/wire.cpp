#include "subjects/foreign/wire.hpp"

#include <algorithm>
#include <array>

#include "bncheck/ascii.hpp"
#include "bncheck/case_file.hpp"
#include "bncheck/untrusted_text.hpp"
#include "core/dtypes.hpp"

namespace bncheck {
namespace {

constexpr const char* version = "1";

struct Feature {
  std::string_view word;
  bool Capabilities::* field;
};
constexpr std::array<Feature, 15> features{{{"untracked", &Capabilities::untracked},
                                            {"unaffine", &Capabilities::without_affine},
                                            {"weight_or_bias_alone", &Capabilities::weight_or_bias_alone},
                                            {"empty", &Capabilities::empty},
                                            {"threads", &Capabilities::threads},
                                            {"non_finite_rule", &Capabilities::non_finite_rule},
                                            {"canonical_bits", &Capabilities::canonical_bits},
                                            {"strided", &Capabilities::strided},
                                            {"channels_last", &Capabilities::channels_last},
                                            {"in_place", &Capabilities::in_place},
                                            {"caller_output", &Capabilities::caller_output},
                                            {"caller_state", &Capabilities::caller_state},
                                            {"any_environment", &Capabilities::any_environment},
                                            {"settable", &Capabilities::settable},
                                            {"remembers_forward", &Capabilities::remembers_forward}}};

std::string text_or(const Archive& archive, const std::string& key, const std::string& otherwise) {
  const auto found = archive.metadata.find(key);
  return found == archive.metadata.end() ? otherwise : found->second;
}

std::string usual(const std::string& key) {
  return std::ranges::find(capability_keys(), key, &CapabilityKey::key)->usual;
}

/// Text of a subject as it is shown, cut to message_bytes. Without a limit, megabytes of it could stay with
/// every finding.
std::string shown_text(const Archive& archive, const std::string& key) {
  return untrusted_line(text_or(archive, key, ""), message_bytes);
}

[[noreturn]] void reject(const std::string& key, const std::string& given, const std::string& expected) {
  throw FormatError("'" + key + "' is " + in_quotes(given) + ", expected " + expected);
}

template <class Use>
void for_each_word(const std::string& text, const Use& use) {
  Words words(text);
  for (std::string word; words.next(word);) use(word);
}

void set_features(Capabilities& can, const std::string& key, const std::string& words, bool value) {
  for_each_word(words, [&](const std::string& word) {
    if (word == "cumulative") {
      if (!value) can.dialect.cumulative = Cumulative::unsupported;
      return;
    }
    std::string known = "cumulative";
    for (const Feature& feature : features) {
      if (feature.word == word) {
        can.*feature.field = value;
        return;
      }
      known += " " + std::string(feature.word);
    }
    reject(key, word, "words of: " + known);
  });
}

void set_operations(Capabilities& can, const std::string& words) {
  std::array<bool, 4> has{};
  for_each_word(words, [&](const std::string& word) {
    const auto kind = call_kind_named(word);
    if (!kind) {
      reject("operations", word,
             "words of: forward_training forward_inference backward_training backward_inference");
    }
    has[static_cast<std::size_t>(*kind)] = true;
  });
  const auto of = [&](CallKind kind) { return has[static_cast<std::size_t>(kind)]; };
  can.training = of(CallKind::forward_training);
  can.inference = of(CallKind::forward_inference);
  can.backward_training = of(CallKind::backward_training);
  can.backward_inference = of(CallKind::backward_inference);
  can.backward = can.backward_training || can.backward_inference;
}

std::int64_t integer(const std::string& key, const std::string& text) {
  const auto value = parse_integer(text);
  if (!value) reject(key, text, "an integer below 2^63");
  return *value;
}

void set_dimensions(Capabilities& can, const std::string& words) {
  can.dimensions.clear();
  for_each_word(words, [&](const std::string& word) {
    if (word != "1" && word != "2" && word != "3") reject("dimensions", word, "some of 1, 2 and 3");
    can.dimensions.insert(word[0] - '0');
  });
  if (can.dimensions.empty()) reject("dimensions", words, "some of 1, 2 and 3");
}

void expect_format(const Archive& archive, const std::string& wanted) {
  const std::string format = text_or(archive, "format", "");
  if (format != wanted) reject("format", format, wanted);
  const std::string given = text_or(archive, "version", version);
  if (given != version) reject("version", given, version);
}

/// Failure from the status "error KIND"; nullopt for "values". Throws FormatError for any other status.
std::optional<Failure> read_failure(const std::string& status, const std::string& message) {
  if (status == "values") return std::nullopt;
  constexpr std::string_view prefix = "error ";
  const auto kind = status.starts_with(prefix)
                        ? error_kind_named(std::string_view(status).substr(prefix.size()))
                        : std::nullopt;
  if (!kind) reject("status", status, "values, fatal, or error and a kind of error");
  return Failure{*kind, message, false};
}

}  // namespace

Capabilities modest_capabilities() {
  Capabilities can;
  for (const Feature& feature : features) can.*feature.field = false;
  can.untracked = can.without_affine = can.empty = true;
  can.errors.clear();
  return can;
}

void set_dtypes(Capabilities& can, const std::string& words) {
  can.dtypes.clear();
  for_each_word(words, [&](const std::string& word) {
    const auto pair = dtype_pair_named(word);
    if (!pair) reject("dtypes", word, "words such as f32, f64, f16, bf16, f16+f32 or bf16+f32");
    can.dtypes.push_back(*pair);
  });
  if (can.dtypes.empty()) reject("dtypes", words, "at least one dtype");
}

void set_errors(Capabilities& can, const std::string& words) {
  can.errors.clear();
  for_each_word(words, [&](const std::string& word) {
    const auto kind = error_kind_named(word);
    if (!kind) reject("errors", word, "kinds of error such as rank, channels, length or one_value");
    can.errors.insert(*kind);
  });
}

void set_dialect(Capabilities& can, const std::string& text) {
  try {
    can.dialect = dialect_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw FormatError(std::string("'dialect': ") + error.what());
  }
}

void set_numerics(Capabilities& can, const std::string& text) {
  try {
    can.numerics = numerics_from_text(text);
  } catch (const std::invalid_argument& error) {
    throw FormatError(std::string("'numerics': ") + error.what());
  }
}

void require_possible(const Capabilities& can) {
  constexpr std::int64_t most = 1024;  // larger ones make every case large
  const auto text = [](std::int64_t number) { return std::to_string(number); };
  if (can.channel_multiple < 1 || can.channel_multiple > most)
    reject("channel_multiple", text(can.channel_multiple), "an integer from 1 to " + text(most));
  if (can.max_elements != 0 && can.max_elements < can.channel_multiple) {
    reject("max_elements", text(can.max_elements),
           "0 for no limit, or at least a channel_multiple, " + text(can.channel_multiple));
  }
}

const std::vector<CapabilityKey>& capability_keys() {
  static const std::vector<CapabilityKey> table{
      {"subject_version", "", "any text", "version", "shown in reports, like name"},
      {"operations", "forward_training forward_inference backward_training backward_inference",
       "some of these", "operations", "what it can be asked"},
      {"dimensions", "1 2 3", "some of these", "dimensions", "BatchNorm1d, 2d, 3d"},
      {"dtypes", "f32", "f32, f64, f16, bf16, f16+f32, bf16+f32", "dtypes",
       "dtype of tensors, or that and the dtype of vectors with a value per channel"},
      {"channel_multiple", "1", "1 to 1024", "channel_multiple", "C is a multiple of it"},
      {"max_elements", "0", "an integer", "max_elements", "largest x that it takes; 0: any"},
      {"dialect", "pytorch", "a preset and knobs", "dialect", "what is computed ('bncheck list dialects')"},
      {"numerics", "sound", "a claim and knobs", "numerics", "how accurately ('bncheck list numerics')"},
      {"errors", "", "rank channels length eps momentum one_value alias counter no_forward", "errors",
       "errors that it finds and refuses; calls that must fail with others are not made"},
      {"lacks", "", "untracked unaffine cumulative empty", "features, less UNTRACKED, ...",
       "no training without running statistics, no calls without weight and bias, no average over all batches, no "
       "batches without values"},
      {"has", "",
       "weight_or_bias_alone threads non_finite_rule canonical_bits strided channels_last in_place",
       "features and layouts",
       "takes a weight without a bias and the reverse; obeys threads; treats infinities and NaN as the extended reals "
       "do; +0 and NaN as 0x7fc00000; layouts (a plugin only)"}};
  return table;
}

Metadata capabilities_request() {
  return {{"format", "bncheck-request"}, {"version", version}, {"operation", "capabilities"}};
}

Declared read_capabilities(const Archive& reply) {
  expect_format(reply, "bncheck-reply");
  const std::string status = text_or(reply, "status", "values");
  if (status != "values") {
    throw FormatError(reply.metadata.contains("message") ? shown_text(reply, "message")
                                                         : "status is " + in_quotes(status));
  }
  const auto given = [&](const std::string& key) { return text_or(reply, key, usual(key)); };
  Declared declared;
  declared.name = shown_text(reply, "name");
  if (declared.name.empty()) throw FormatError("'name' is missing");
  declared.version = shown_text(reply, "subject_version");
  const std::string takes = text_or(reply, "takes", "calls");
  if (takes != "calls" && takes != "cases") reject("takes", takes, "calls or cases");
  declared.takes_cases = takes == "cases";
  Capabilities& can = declared.can = modest_capabilities();
  set_dialect(can, given("dialect"));
  set_numerics(can, given("numerics"));
  set_operations(can, given("operations"));
  set_dimensions(can, given("dimensions"));
  set_dtypes(can, given("dtypes"));
  set_errors(can, given("errors"));
  can.channel_multiple = integer("channel_multiple", given("channel_multiple"));
  can.max_elements = integer("max_elements", given("max_elements"));
  require_possible(can);
  set_features(can, "lacks", given("lacks"), false);
  set_features(can, "has", given("has"), true);
  return declared;
}

Metadata capabilities_reply(const Subject& subject) {
  const Capabilities& can = subject.can();
  Metadata reply{{"format", "bncheck-reply"},
                 {"version", version},
                 {"status", "values"},
                 {"takes", "cases"},
                 {"name", subject.name()},
                 {"subject_version", subject.version()},
                 {"dialect", text_of(can.dialect)},
                 {"numerics", text_of(can.numerics)},
                 {"channel_multiple", std::to_string(can.channel_multiple)},
                 {"max_elements", std::to_string(can.max_elements)}};
  const auto add = [&](const std::string& key, std::string_view word) {
    reply[key] += (reply[key].empty() ? "" : " ") + std::string(word);
  };
  for (const int dimensions : can.dimensions) add("dimensions", std::to_string(dimensions));
  for (const DtypePair& pair : can.dtypes) add("dtypes", to_string(pair));
  for (const ErrorKind kind : can.errors) add("errors", name_of(kind));
  for (const Feature& feature : features) add(can.*feature.field ? "has" : "lacks", feature.word);
  add("operations", "");
  if (can.training) add("operations", name_of(CallKind::forward_training));
  if (can.inference) add("operations", name_of(CallKind::forward_inference));
  if (can.backward && can.backward_training) add("operations", name_of(CallKind::backward_training));
  if (can.backward && can.backward_inference) add("operations", name_of(CallKind::backward_inference));
  return reply;
}

Metadata call_request(const SingleCall& call) {
  Metadata request{
      {"format", "bncheck-request"},
      {"version", version},
      {"operation", std::string(name_of(call.kind))},
      {"dimensions", std::to_string(call.config.dimensions)},
      {"num_features", std::to_string(call.config.num_features)},
      {"eps", shortest_decimal(call.config.eps)},
      {"momentum", call.config.momentum ? shortest_decimal(*call.config.momentum) : "cumulative"},
      {"num_batches_tracked", std::to_string(call.state.num_batches_tracked)},
      {"threads", std::to_string(call.x_exec.threads)}};
  if (is_backward(call.kind)) {
    std::string wanted;
    if (call.want_dx) wanted += "dx ";
    if (call.want_dweight) wanted += "dweight ";
    if (call.want_dbias) wanted += "dbias ";
    if (!wanted.empty()) wanted.pop_back();
    request["wanted"] = wanted;
    request["threads"] = std::to_string(call.gradient_exec.threads);
  }
  return request;
}

NamedTensors tensors_of(const SingleCall& call) {
  NamedTensors tensors{{"x", call.x}};
  if (call.dy != nullptr) tensors.emplace_back("dy", call.dy);
  for (const auto& [name, member] : state_tensors) {
    if (call.state.*member) tensors.emplace_back(name, &*(call.state.*member));
  }
  return tensors;
}

CallReply read_call_reply(Archive reply) {
  expect_format(reply, "bncheck-reply");
  const std::string status = text_or(reply, "status", "");
  const std::string message = shown_text(reply, "message");
  CallReply result;
  if (status == "fatal") {
    result.death = Death{Death::Cause::exited, "it cannot go on: " + message, 0};
    return result;
  }
  if (const auto count = reply.metadata.find("num_batches_tracked"); count != reply.metadata.end()) {
    result.num_batches_tracked = parse_integer(count->second);
    if (!result.num_batches_tracked) reject("num_batches_tracked", count->second, "an integer");
  }
  if (auto failure = read_failure(status, message)) {
    result.result = std::move(*failure);
    return result;
  }
  std::map<Output, Tensor> outputs;
  for (auto& [name, tensor] : reply.tensors) {
    const auto output = output_named(name);
    if (!output) throw FormatError("there is no output " + in_quotes(name));
    outputs.emplace(*output, std::move(tensor));
  }
  result.result = std::move(outputs);
  return result;
}

namespace {

std::string cause_word(Death::Cause cause) {
  return std::to_string(static_cast<int>(cause));
}

Death read_death(const Archive& reply, const std::string& cause) {
  const auto number = parse_integer(cause);
  if (!number || *number < 0 || *number > static_cast<int>(Death::Cause::input_changed))
    reject("death", cause, "a cause of death");
  const auto call = parse_integer(text_or(reply, "death.call", "0"));
  return {static_cast<Death::Cause>(*number), shown_text(reply, "death.detail"),
          static_cast<std::size_t>(call.value_or(0))};
}

}  // namespace

OutcomeFrame write_outcome(const Outcome& outcome, const Case& c) {
  OutcomeFrame frame;
  frame.metadata = {
      {"format", "bncheck-outcome"}, {"version", version}, {"calls", std::to_string(outcome.replies.size())}};
  const State* before = &c.state;
  for (std::size_t k = 0; k < outcome.replies.size(); ++k) {
    const Reply& reply = outcome.replies[k];
    const std::string key = "call." + std::to_string(k);
    if (const auto* failure = std::get_if<Failure>(&reply.result)) {
      frame.metadata[key] = "error " + std::string(name_of(failure->kind));
      frame.metadata[key + ".message"] = failure->message;
      if (failure->wrote_outputs) frame.metadata[key + ".wrote_outputs"] = "true";
    } else {
      frame.metadata[key] = "values";
      for (const auto& [output, tensor] : std::get<Values>(reply.result).outputs)
        frame.tensors.emplace_back(key + "." + std::string(name_of(output)), &tensor);
    }
    frame.metadata[key + ".num_batches_tracked"] = std::to_string(reply.state.num_batches_tracked);
    for (const auto& [name, member] : state_tensors) {
      const std::optional<Tensor>& now = reply.state.*member;
      if (now && now != before->*member) frame.tensors.emplace_back(key + "." + std::string(name), &*now);
    }
    before = &reply.state;
  }
  if (outcome.death) {
    frame.metadata["death"] = cause_word(outcome.death->cause);
    frame.metadata["death.detail"] = outcome.death->detail;
    frame.metadata["death.call"] = std::to_string(outcome.death->call.value_or(0));
  }
  return frame;
}

Outcome read_outcome(Archive reply, const Case& c) {
  expect_format(reply, "bncheck-outcome");
  Outcome outcome;
  const auto calls = parse_integer(text_or(reply, "calls", ""));
  if (!calls || *calls < 0 || static_cast<std::size_t>(*calls) > c.calls.size())
    reject("calls", text_or(reply, "calls", ""), "at most " + std::to_string(c.calls.size()));
  State state = c.state;
  for (std::int64_t k = 0; k < *calls; ++k) {
    const std::string key = "call." + std::to_string(k);
    const auto take = [&](std::string_view name) -> std::optional<Tensor> {
      const auto found = reply.tensors.find(key + "." + std::string(name));
      if (found == reply.tensors.end()) return std::nullopt;
      return std::move(found->second);
    };
    for (const auto& [name, member] : state_tensors) {
      if (auto tensor = take(name)) state.*member = std::move(tensor);
    }
    const auto count = parse_integer(text_or(reply, key + ".num_batches_tracked", ""));
    if (count) state.num_batches_tracked = *count;
    if (auto failure = read_failure(text_or(reply, key, ""), shown_text(reply, key + ".message"))) {
      failure->wrote_outputs = text_or(reply, key + ".wrote_outputs", "") == "true";
      outcome.replies.push_back({std::move(*failure), state});
      continue;
    }
    Values values;
    for (const Output output : {Output::y, Output::saved_mean, Output::saved_var, Output::saved_invstd,
                                Output::dx, Output::dweight, Output::dbias}) {
      if (auto tensor = take(name_of(output))) values.outputs.emplace(output, std::move(*tensor));
    }
    outcome.replies.push_back({std::move(values), state});
  }
  if (const std::string cause = text_or(reply, "death", ""); !cause.empty())
    outcome.death = read_death(reply, cause);
  else if (outcome.replies.size() != c.calls.size())
    throw FormatError("replies to " + std::to_string(outcome.replies.size()) + " of " +
                      std::to_string(c.calls.size()) + " calls");
  return outcome;
}

}  // namespace bncheck
