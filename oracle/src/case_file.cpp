#include "bncheck/case_file.hpp"

#include <algorithm>

#include "archive_reader.hpp"
#include "bncheck/files.hpp"

namespace bncheck {

namespace {

/// Largest num_features in a file, because a layer allocates its parameters by this number alone. Wrong
/// numbers, negative ones included, are cases to check.
constexpr std::int64_t max_features = std::int64_t{1} << 24;
const std::string note_prefix = "note.";

// ---- writing

template <class T>
std::string join(const std::vector<T>& values) {
  std::string text;
  for (const T& value : values) {
    if (!text.empty()) text += ' ';
    text += std::to_string(value);
  }
  return text;
}

std::string momentum_text(const std::optional<double>& momentum) {
  return momentum ? hexfloat(*momentum) : "cumulative";
}

const char* affine_word(const Config& config) {
  if (config.one_parameter_alone()) return config.weight ? "weight" : "bias";
  return config.weight ? "true" : "false";
}

void write_state(CaseParts& parts, const std::string& prefix, const State& state) {
  for (const auto& [name, member] : state_tensors) {
    if (state.*member) parts.tensors[prefix + std::string(name)] = &*(state.*member);
  }
  parts.metadata[prefix + "num_batches_tracked"] = std::to_string(state.num_batches_tracked);
}

void write_placement(CaseParts& parts, const std::string& prefix, const Placement& placement) {
  if (!placement.order.empty()) parts.metadata[prefix + "order"] = join(placement.order);
  if (!placement.gaps.empty()) parts.metadata[prefix + "gaps"] = join(placement.gaps);
  if (placement.offset != 0) parts.metadata[prefix + "offset"] = std::to_string(placement.offset);
}

/// Names of the placements of a call: of the tensor that it reads and of the one that it writes.
struct PlacementKeys {
  const char *read, *written;
};
PlacementKeys placement_keys(const Operation& operation) {
  if (std::holds_alternative<Backward>(operation)) return {"dy.", "dx."};
  return {"x.", "y."};
}

void write_exec(CaseParts& parts, const std::string& prefix, const Call& call) {
  const Exec& exec = call.exec;
  const PlacementKeys keys = placement_keys(call.operation);
  write_placement(parts, prefix + keys.read, exec.x);
  write_placement(parts, prefix + keys.written, exec.y);
  const Exec standard;
  if (exec.overlap != standard.overlap) parts.metadata[prefix + "overlap"] = name_of(exec.overlap);
  if (exec.threads != standard.threads) parts.metadata[prefix + "threads"] = std::to_string(exec.threads);
  if (exec.rounding != standard.rounding) parts.metadata[prefix + "rounding"] = name_of(exec.rounding);
  if (exec.flush_to_zero) parts.metadata[prefix + "flush_to_zero"] = "true";
}

struct OperationWriter {
  CaseParts& parts;
  const std::string& prefix;

  std::string operator()(const Forward& forward) const {
    parts.tensors[prefix + "x"] = &forward.x;
    return forward.training ? "forward training" : "forward inference";
  }
  std::string operator()(const Backward& backward) const {
    parts.tensors[prefix + "dy"] = &backward.dy;
    const char* mode = !backward.training ? "" : *backward.training ? " training" : " inference";
    return std::string("backward") + mode + (backward.want_dx ? " dx" : "") +
           (backward.want_dweight ? " dweight" : "") + (backward.want_dbias ? " dbias" : "");
  }
  std::string operator()(const SetMomentum& set) const {
    return "set_momentum " + momentum_text(set.momentum);
  }
  std::string operator()(const Load& load) const {
    write_state(parts, prefix, load.state);
    return "load";
  }
};

// ---- reading

void read_affine(const ArchiveReader& reader, Config& config) {
  const std::string word = reader.text("affine");
  config.weight = word == "true" || word == "weight";
  config.bias = word == "true" || word == "bias";
  if (!config.has_parameters() && word != "false") reader.reject("affine", "true, false, weight or bias");
}

State read_state(const ArchiveReader& reader, const std::string& prefix) {
  State state;
  for (const auto& [name, member] : state_tensors) {
    state.*member = reader.take_tensor(prefix + std::string(name));
  }
  state.num_batches_tracked = reader.integer(prefix + "num_batches_tracked");
  return state;
}

/// Gaps and offsets are bounded, so that a placement cannot ask for much more memory than its tensor.
constexpr std::int64_t max_gap = 4096;
std::int64_t max_extent(const Shape& shape) {
  return std::max(std::int64_t{1} << 22, 64 * element_count(shape).value_or(0));
}

Placement read_placement(const ArchiveReader& reader, const std::string& prefix, const Shape& shape) {
  Placement placement;
  placement.order = reader.list<int>(prefix + "order");
  placement.gaps = reader.list<std::int64_t>(prefix + "gaps");
  if (reader.find(prefix + "offset")) placement.offset = reader.small_integer(prefix + "offset", 0, max_gap);
  if (!fits(placement, shape)) {
    throw FormatError("metadata '" + prefix + "order' and '" + prefix + "gaps' do not fit the shape " +
                      to_string(shape));
  }
  for (const std::int64_t gap : placement.gaps) {
    if (gap > max_gap) reader.reject(prefix + "gaps", "gaps of at most " + std::to_string(max_gap));
  }
  if (extent_of(placement, shape) > max_extent(shape)) {
    reader.reject(prefix + "gaps",
                  "gaps that spread it over at most " + std::to_string(max_extent(shape)) + " elements");
  }
  return placement;
}

template <class E>
E read_word(const ArchiveReader& reader, const std::string& key, E standard,
            std::optional<E> (*named)(std::string_view)) {
  const auto text = reader.find(key);
  if (!text) return standard;
  const auto value = named(*text);
  if (!value) reader.reject(key, "one of the words in case_file.hpp");
  return *value;
}

Exec read_exec(const ArchiveReader& reader, const std::string& prefix, const PlacementKeys& keys,
               const Shape& shape) {
  Exec exec;
  exec.x = read_placement(reader, prefix + keys.read, shape);
  exec.y = read_placement(reader, prefix + keys.written, shape);
  exec.overlap = read_word(reader, prefix + "overlap", exec.overlap, overlap_named);
  exec.rounding = read_word(reader, prefix + "rounding", exec.rounding, rounding_named);
  if (reader.find(prefix + "threads")) exec.threads = reader.small_integer(prefix + "threads", 0, 1024);
  if (reader.find(prefix + "flush_to_zero")) exec.flush_to_zero = reader.boolean(prefix + "flush_to_zero");
  return exec;
}

Backward read_backward(const ArchiveReader& reader, const std::string& key, const std::string& prefix,
                       Words& words) {
  Backward backward{{}, false, false, false, {}};
  for (std::string word; words.next(word);) {
    if ((word == "training" || word == "inference") && !backward.training) {
      backward.training = word == "training";
    } else if (word == "dx") {
      backward.want_dx = true;
    } else if (word == "dweight") {
      backward.want_dweight = true;
    } else if (word == "dbias") {
      backward.want_dbias = true;
    } else {
      reader.reject(key, "backward with training or inference, dx, dweight, dbias");
    }
  }
  backward.dy = reader.take_required_tensor(prefix + "dy");
  return backward;
}

Call read_call(const ArchiveReader& reader, std::int64_t index) {
  const std::string key = "call." + std::to_string(index);
  const std::string prefix = key + ".";
  const std::string text = reader.text(key);
  Words words(text);
  const std::string verb = words.next();
  Call call;
  Shape shape;
  if (verb == "forward") {
    const std::string mode = words.next();
    if (mode != "training" && mode != "inference")
      reader.reject(key, "forward training or forward inference");
    reader.expect_end(key, words, "forward training or forward inference");
    Forward forward{mode == "training", reader.take_required_tensor(prefix + "x")};
    shape = forward.x.shape;
    call.operation = std::move(forward);
  } else if (verb == "backward") {
    Backward backward = read_backward(reader, key, prefix, words);
    shape = backward.dy.shape;
    call.operation = std::move(backward);
  } else if (verb == "set_momentum") {
    const std::string value = words.next();
    reader.expect_end(key, words, "set_momentum and one number");
    call.operation = SetMomentum{reader.momentum(key, value)};
  } else if (verb == "load") {
    reader.expect_end(key, words, "load");
    call.operation = Load{read_state(reader, prefix)};
  } else {
    reader.reject(key, "forward, backward, set_momentum or load");
  }
  call.exec = read_exec(reader, prefix, placement_keys(call.operation), shape);
  return call;
}

}  // namespace

CaseParts parts_of(const Case& c) {
  CaseParts parts;
  auto& metadata = parts.metadata;
  const auto word = [](bool value) { return value ? "true" : "false"; };
  metadata["format"] = "bncheck-case";
  metadata["version"] = "1";
  metadata["dimensions"] = std::to_string(c.config.dimensions);
  metadata["num_features"] = std::to_string(c.config.num_features);
  metadata["eps"] = hexfloat(c.config.eps);
  metadata["momentum"] = momentum_text(c.config.momentum);
  metadata["affine"] = affine_word(c.config);
  metadata["track_running_stats"] = word(c.config.track_running_stats);
  metadata["calls"] = std::to_string(c.calls.size());
  write_state(parts, "", c.state);
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const std::string key = "call." + std::to_string(k);
    const std::string prefix = key + ".";
    metadata[key] = std::visit(OperationWriter{parts, prefix}, c.calls[k].operation);
    write_exec(parts, prefix, c.calls[k]);
  }
  return parts;
}

ArchivePieces pieces_of(const Case& c, const std::map<std::string, std::string>& notes) {
  CaseParts parts = parts_of(c);
  for (const auto& [name, text] : notes) parts.metadata[note_prefix + name] = text;
  return ArchivePieces(parts.metadata, NamedTensors(parts.tensors.begin(), parts.tensors.end()));
}

Archive to_archive(const CaseFile& file) {
  CaseParts parts = parts_of(file.content);
  Archive archive{std::move(parts.metadata), {}};
  for (const auto& [name, tensor] : parts.tensors) archive.tensors.emplace(name, *tensor);
  for (const auto& [name, text] : file.notes) archive.metadata[note_prefix + name] = text;
  return archive;
}

CaseFile case_from_archive(Archive archive) {
  const ArchiveReader reader(archive);
  if (reader.text("format") != "bncheck-case") reader.reject("format", "bncheck-case");
  if (reader.integer("version") != 1) reader.reject("version", "1");
  CaseFile file;
  Config& config = file.content.config;
  config.dimensions = reader.small_integer("dimensions", 1, 3);
  config.num_features = reader.small_integer("num_features", -max_features, max_features);
  config.eps = reader.real("eps");
  config.momentum = reader.momentum("momentum", reader.text("momentum"));
  read_affine(reader, config);
  config.track_running_stats = reader.boolean("track_running_stats");
  file.content.state = read_state(reader, "");
  const int calls = reader.small_integer("calls", 0, max_calls);
  for (int k = 0; k < calls; ++k) file.content.calls.push_back(read_call(reader, k));
  for (auto& [key, text] : archive.metadata) {
    if (key.starts_with(note_prefix)) file.notes[key.substr(note_prefix.size())] = std::move(text);
  }
  return file;
}

CaseFile case_from_bytes(std::span<const std::byte> bytes) {
  return case_from_archive(read_archive(bytes));
}

CaseFile load_case(const std::filesystem::path& path) {
  try {
    return case_from_archive(load_archive(path));
  } catch (const FormatError& error) {
    throw std::runtime_error("'" + path.string() + "' is no case file: " + error.what());
  }
}

void save_case(const std::filesystem::path& path, const CaseFile& file) {
  write_file(path, pieces_of(file.content, file.notes).all());
}

}  // namespace bncheck
