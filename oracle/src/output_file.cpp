#include "bncheck/output_file.hpp"

#include "archive_reader.hpp"

namespace bncheck {
namespace {

std::string key_of(std::size_t call) {
  return "call." + std::to_string(call);
}

std::vector<ErrorKind> read_errors(const ArchiveReader& reader, const std::string& key) {
  const std::string text = reader.find(key).value_or("values");
  Words words(text);
  std::string word = words.next();
  std::vector<ErrorKind> errors;
  const std::string expected = "values, or error and a kind of error from error_kind.hpp";
  if (word == "values") {
    reader.expect_end(key, words, expected);
    return errors;
  }
  if (word != "error") reader.reject(key, expected);
  while (words.next(word)) {
    const auto kind = error_kind_named(word);
    if (!kind) reader.reject(key, expected);
    errors.push_back(*kind);
  }
  if (errors.empty()) reader.reject(key, expected);
  return errors;
}

/// Moves a tensor to its call by its name: "call.3.y" is output y of call 3.
void take_tensor(const std::string& name, Tensor& tensor, std::vector<RecordedCall>& calls) {
  const std::string prefix = "call.";
  const std::size_t dot = name.find('.', prefix.size());
  const auto call = name.starts_with(prefix) && dot != std::string::npos
                        ? parse_integer(name.substr(prefix.size(), dot - prefix.size()))
                        : std::nullopt;
  const auto output = call ? output_named(name.substr(dot + 1)) : std::nullopt;
  if (!output) {
    throw FormatError("tensor " + in_quotes(name) + " is unknown, expected names such as 'call.0.y'");
  }
  if (*call < 0 || *call >= static_cast<std::int64_t>(calls.size())) {
    throw FormatError("tensor " + in_quotes(name) + " belongs to none of the " +
                      std::to_string(calls.size()) + " calls");
  }
  RecordedCall& recorded = calls[static_cast<std::size_t>(*call)];
  if (!recorded.errors.empty()) {
    throw FormatError("tensor " + in_quotes(name) + " belongs to a call that failed");
  }
  recorded.outputs.emplace(*output, std::move(tensor));
}

}  // namespace

Archive to_archive(const OutputFile& file) {
  Archive archive;
  archive.metadata = {
      {"format", "bncheck-output"}, {"version", "1"}, {"calls", std::to_string(file.calls.size())}};
  for (std::size_t k = 0; k < file.calls.size(); ++k) {
    const RecordedCall& call = file.calls[k];
    std::string outcome = call.errors.empty() ? "values" : "error";
    for (const ErrorKind kind : call.errors) outcome += " " + std::string(name_of(kind));
    archive.metadata[key_of(k)] = outcome;
    if (!call.message.empty()) archive.metadata[key_of(k) + ".message"] = call.message;
    if (call.num_batches_tracked) {
      archive.metadata[key_of(k) + ".num_batches_tracked"] = std::to_string(*call.num_batches_tracked);
    }
    for (const auto& [output, tensor] : call.outputs) {
      archive.tensors[key_of(k) + "." + std::string(name_of(output))] = tensor;
    }
  }
  return archive;
}

OutputFile outputs_from_archive(Archive archive) {
  const ArchiveReader reader(archive);
  const std::string format = reader.text("format");
  if (format != "bncheck-output" && format != "bncheck-answer") reader.reject("format", "bncheck-output");
  if (reader.integer("version") != 1) reader.reject("version", "1");
  OutputFile file;
  file.calls.resize(static_cast<std::size_t>(reader.small_integer("calls", 0, max_calls)));
  for (std::size_t k = 0; k < file.calls.size(); ++k) {
    RecordedCall& call = file.calls[k];
    call.errors = read_errors(reader, key_of(k));
    call.message = reader.find(key_of(k) + ".message").value_or("");
    const std::string counter = key_of(k) + ".num_batches_tracked";
    if (reader.find(counter)) call.num_batches_tracked = reader.integer(counter);
  }
  for (auto& [name, tensor] : archive.tensors) take_tensor(name, tensor, file.calls);
  return file;
}

OutputFile load_outputs(const std::filesystem::path& path) {
  try {
    return outputs_from_archive(load_archive(path));
  } catch (const FormatError& error) {
    throw std::runtime_error("'" + path.string() + "' is no output file: " + error.what());
  }
}

}  // namespace bncheck
