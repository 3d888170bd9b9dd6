#include "bncheck/safetensors.hpp"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <optional>

#include "bncheck/files.hpp"
#include "bncheck/json_text.hpp"
#include "bncheck/untrusted_text.hpp"

namespace bncheck {
namespace {

using nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
/// Longest part of the header that a message shows.
constexpr std::size_t shown_bytes = 40;
constexpr std::size_t length_bytes = 8;
/// Bytes that are allocated at a time for a tensor that comes from a pipe.
constexpr std::size_t pipe_step = std::size_t{16} << 20;

/// Deepest nesting of a header. The headers that bncheck writes are three deep.
constexpr int deepest_header = 8;

/// Source of an archive's bytes, in order.
class Source {
 public:
  virtual ~Source() = default;
  /// Total size in bytes; nullopt where only reading shows it.
  virtual std::optional<std::uint64_t> size() const = 0;
  /// Reads bytes into `place` and returns their number, which is smaller only at the end.
  virtual std::size_t read(std::span<std::byte> place) = 0;
};

class MemorySource : public Source {
 public:
  explicit MemorySource(std::span<const std::byte> bytes) : bytes_(bytes), rest_(bytes) {}
  std::optional<std::uint64_t> size() const override { return bytes_.size(); }
  std::size_t read(std::span<std::byte> place) override {
    const auto part = rest_.first(std::min(rest_.size(), place.size()));
    std::ranges::copy(part, place.begin());
    rest_ = rest_.subspan(part.size());
    return part.size();
  }

 private:
  std::span<const std::byte> bytes_, rest_;
};

class FileSource : public Source {
 public:
  explicit FileSource(const std::filesystem::path& path) : file_(path) {}
  std::optional<std::uint64_t> size() const override { return file_.size(); }
  std::size_t read(std::span<std::byte> place) override { return file_.read(place); }

 private:
  InputFile file_;
};

std::uint64_t length_in(std::span<const std::byte> bytes) {
  std::uint64_t length = 0;
  for (std::size_t k = length_bytes; k-- > 0;) length = length << 8 | static_cast<std::uint64_t>(bytes[k]);
  return length;
}

/// Number of bytes of data after the header: exactly (`known`) or at most.
struct DataSize {
  std::uint64_t bytes = 0;
  bool known = false;
};

struct Header {
  json content;
  DataSize data;
};

Header read_header(Source& source, std::size_t most) {
  std::array<std::byte, length_bytes> first{};
  if (const std::size_t got = source.read(first); got < first.size()) {
    throw FormatError("expected 8 bytes of header length but the file has " + std::to_string(got));
  }
  const std::uint64_t length = length_in(first);
  const std::uint64_t after = source.size().value_or(max_pipe_bytes) - length_bytes;
  const std::uint64_t limit = std::min<std::uint64_t>(after, most);
  if (length > limit) {
    throw FormatError("the header claims " + std::to_string(length) + " bytes, expected at most " +
                      std::to_string(limit));
  }
  std::string text(static_cast<std::size_t>(length), '\0');
  if (const std::size_t got = source.read(std::as_writable_bytes(std::span(text))); got < text.size()) {
    throw FormatError("the header claims " + std::to_string(length) + " bytes, the file has " +
                      std::to_string(got) + " more");
  }
  require_plain_json(text, deepest_header, "the header");
  return {json::parse(text), {after - length, source.size().has_value()}};
}

std::int64_t integer(const json& value, const std::string& what) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})) {
    throw FormatError(what + " holds " + untrusted_line(value.dump(), shown_bytes) + ", expected an integer");
  }
  return value.get<std::int64_t>();
}

/// Tensor without its bytes, which are data[begin, end).
struct Entry {
  std::size_t begin, end;
  std::string name;
  Tensor tensor;
};

Entry parse_entry(const std::string& name, const json& entry, const DataSize& data) {
  const std::string what = "tensor " + in_quotes(name);
  if (!entry.is_object() || !entry.contains("dtype") || !entry.contains("shape") ||
      !entry.contains("data_offsets")) {
    throw FormatError(what + " lacks dtype, shape or data_offsets");
  }
  Tensor tensor;
  const auto dtype =
      entry["dtype"].is_string() ? dtype_named(entry["dtype"].get<std::string>()) : std::nullopt;
  if (!dtype) {
    throw FormatError(what + " has dtype " + untrusted_line(entry["dtype"].dump(), shown_bytes) +
                      ", expected F32, F64, F16 or BF16");
  }
  tensor.dtype = *dtype;
  const json& shape = entry["shape"];
  if (!shape.is_array() || shape.size() > 64)
    throw FormatError(what + " has no list of at most 64 sizes as shape");
  for (const json& size : shape) tensor.shape.push_back(integer(size, what + " shape"));
  const json& offsets = entry["data_offsets"];
  if (!offsets.is_array() || offsets.size() != 2) throw FormatError(what + " has no pair of data_offsets");
  const std::int64_t begin = integer(offsets[0], what + " data_offsets");
  const std::int64_t end = integer(offsets[1], what + " data_offsets");
  if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > data.bytes) {
    throw FormatError(
        what + " has data_offsets " + offsets.dump() + " outside the " + std::to_string(data.bytes) +
        (data.known ? " bytes of data (truncated file?)" : " bytes of data that a pipe may give"));
  }
  const auto count = element_count(tensor.shape);
  const std::uint64_t given = static_cast<std::uint64_t>(end - begin);
  if (!count || given % size_of(*dtype) != 0 ||
      static_cast<std::uint64_t>(*count) != given / size_of(*dtype)) {
    throw FormatError(what + " of shape " + to_string(tensor.shape) + " and dtype " +
                      std::string(name_of(*dtype)) + " has " + std::to_string(given) + " bytes of data");
  }
  return {static_cast<std::size_t>(begin), static_cast<std::size_t>(end), name, std::move(tensor)};
}

/// Sorts the entries by their place and checks that every byte of the data belongs to exactly one tensor,
/// which also bounds what is allocated.
void check_tiling(std::vector<Entry>& entries, const DataSize& data) {
  std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
    return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
  });
  std::size_t end = 0;
  for (const Entry& entry : entries) {
    if (entry.begin != end) {
      throw FormatError("tensor " + in_quotes(entry.name) + " begins at byte " + std::to_string(entry.begin) +
                        " of the data, expected " + std::to_string(end) +
                        ": tensors neither overlap nor leave holes");
    }
    end = entry.end;
  }
  if (data.known && end != data.bytes) {
    throw FormatError("the last " + std::to_string(data.bytes - end) + " bytes of data belong to no tensor");
  }
}

/// Reads a tensor's bytes straight to their place. For a pipe, memory is allocated only as the bytes arrive.
void read_data(Source& source, const DataSize& data, Entry& entry) {
  const std::size_t size = entry.end - entry.begin;
  const std::size_t step = data.known ? size : pipe_step;
  std::vector<std::byte>& bytes = entry.tensor.bytes;
  while (bytes.size() < size) {
    const std::size_t before = bytes.size();
    bytes.resize(std::min(size, before + step));
    const auto place = std::span(bytes).subspan(before);
    if (source.read(place) < place.size()) {
      throw FormatError("the data end within tensor " + in_quotes(entry.name) + " (truncated file?)");
    }
  }
}

Archive read_from(Source& source, std::size_t most_header) {
  const auto [header, data] = read_header(source, most_header);
  Archive archive;
  std::vector<Entry> entries;
  for (const auto& [name, entry] : header.items()) {
    if (name != metadata_key) {
      entries.push_back(parse_entry(name, entry, data));
      continue;
    }
    if (!entry.is_object()) throw FormatError("__metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) throw FormatError("metadata " + in_quotes(key) + " is not a string");
      archive.metadata[key] = value.get<std::string>();
    }
  }
  check_tiling(entries, data);
  for (Entry& entry : entries) {
    read_data(source, data, entry);
    archive.tensors.emplace(std::move(entry.name), std::move(entry.tensor));
  }
  std::array<std::byte, 1> more{};
  if (!data.known && source.read(more) != 0)
    throw FormatError("the bytes after the last tensor belong to none");
  return archive;
}

NamedTensors tensors_of(const Archive& archive) {
  NamedTensors tensors;
  for (const auto& [name, tensor] : archive.tensors) tensors.emplace_back(name, &tensor);
  return tensors;
}

}  // namespace

std::string archive_header(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors) {
  json header = json::object();
  if (!metadata.empty()) header[metadata_key] = metadata;
  std::size_t offset = 0;
  for (const auto& [name, tensor] : tensors) {
    const std::size_t end = offset + tensor->bytes.size();
    header[name] = {
        {"dtype", name_of(tensor->dtype)}, {"shape", tensor->shape}, {"data_offsets", {offset, end}}};
    offset = end;
  }
  std::string text = header.dump(-1, ' ', /*ensure_ascii=*/true, json::error_handler_t::replace);
  // The data must be aligned to 8 bytes, so blanks follow the header.
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) length[k] = static_cast<char>(text.size() >> (8 * k));
  return length + text;
}

std::vector<std::byte> write_archive(const Archive& archive) {
  const ArchivePieces pieces(archive.metadata, tensors_of(archive));
  std::vector<std::byte> bytes;
  bytes.reserve(pieces.size());
  for (const auto& piece : pieces.all()) bytes.insert(bytes.end(), piece.begin(), piece.end());
  return bytes;
}

ArchivePieces::ArchivePieces(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors)
    : header_(archive_header(metadata, tensors)), pieces_{std::as_bytes(std::span(header_))} {
  for (const auto& [name, tensor] : tensors) pieces_.emplace_back(tensor->bytes);
}

std::size_t ArchivePieces::size() const {
  std::size_t size = 0;
  for (const auto& piece : pieces_) size += piece.size();
  return size;
}

void save_archive(const std::filesystem::path& path, const Archive& archive) {
  write_file(path, ArchivePieces(archive.metadata, tensors_of(archive)).all());
}

Archive read_archive(std::span<const std::byte> bytes, std::size_t most_header) {
  MemorySource source(bytes);
  return read_from(source, most_header);
}

Archive load_archive(const std::filesystem::path& path) {
  FileSource source(path);
  return read_from(source, max_header_bytes);
}

}  // namespace bncheck
