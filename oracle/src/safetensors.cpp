#include "bncheck/safetensors.hpp"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>
#include <system_error>

#include "bncheck/untrusted_text.hpp"

namespace bncheck {
namespace {

using nlohmann::json;

constexpr const char* metadata_key = "__metadata__";
/// Of a part of the header, in a message.
constexpr std::size_t shown_bytes = 40;

json parse_header(std::span<const std::byte> bytes) {
  if (bytes.size() < 8) {
    throw FormatError("expected 8 bytes of header length but the file has " + std::to_string(bytes.size()));
  }
  std::uint64_t length = 0;
  for (std::size_t k = 8; k-- > 0;) length = length << 8 | static_cast<std::uint64_t>(bytes[k]);
  const std::size_t limit = std::min(bytes.size() - 8, max_header_bytes);
  if (length > limit) {
    throw FormatError("the header claims " + std::to_string(length) + " bytes, expected at most " +
                      std::to_string(limit));
  }
  const auto* text = reinterpret_cast<const char*>(bytes.data()) + 8;
  // A header nested a million deep would exhaust the stack when it is taken apart; ours is three deep.
  constexpr int deepest = 8;
  std::array<std::set<std::string>, deepest + 2> names;
  const auto inspect = [&](int level, json::parse_event_t event, json& value) {
    if (level > deepest) throw FormatError("the header is nested more than 8 deep");
    // An object at one level has its names at the next.
    if (event == json::parse_event_t::object_start) names[static_cast<std::size_t>(level) + 1].clear();
    if (event == json::parse_event_t::key &&
        !names[static_cast<std::size_t>(level)].insert(value.get<std::string>()).second) {
      throw FormatError("the header gives " + in_quotes(value.get<std::string>()) + " twice");
    }
    return true;
  };
  json header = json::parse(text, text + length, inspect, /*allow_exceptions=*/false);
  if (header.is_discarded() || !header.is_object()) throw FormatError("the header is not a JSON object");
  return header;
}

std::int64_t integer(const json& value, const std::string& what) {
  if (!value.is_number_integer() ||
      (value.is_number_unsigned() && value.get<std::uint64_t>() > std::uint64_t{INT64_MAX})) {
    throw FormatError(what + " holds " + untrusted_line(value.dump(), shown_bytes) + ", expected an integer");
  }
  return value.get<std::int64_t>();
}

/// A tensor without its bytes yet, which are data[begin, end).
struct Entry {
  std::size_t begin, end;
  std::string name;
  Tensor tensor;
};

Entry parse_entry(const std::string& name, const json& entry, std::size_t data_size) {
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
  if (begin < 0 || end < begin || static_cast<std::uint64_t>(end) > data_size) {
    throw FormatError(what + " has data_offsets " + offsets.dump() + " outside the " +
                      std::to_string(data_size) + " bytes of data (truncated file?)");
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

/// Every byte of the data belongs to exactly one tensor, which also bounds what is allocated.
void check_tiling(std::vector<Entry>& entries, std::size_t data_size) {
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
  if (end != data_size) {
    throw FormatError("the last " + std::to_string(data_size - end) + " bytes of data belong to no tensor");
  }
}

[[noreturn]] void fail(const std::filesystem::path& path, const char* verb, int error) {
  throw std::runtime_error("cannot " + std::string(verb) + " '" + path.string() +
                           "': " + std::generic_category().message(error));
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
  // The format asks for data aligned to 8 bytes, with blanks after the header.
  text.append((8 - text.size() % 8) % 8, ' ');
  std::string length(8, '\0');
  for (std::size_t k = 0; k < 8; ++k) length[k] = static_cast<char>(text.size() >> (8 * k));
  return length + text;
}

std::vector<std::byte> write_archive(const Archive& archive) {
  NamedTensors tensors;
  std::size_t size = 0;
  for (const auto& [name, tensor] : archive.tensors) {
    tensors.emplace_back(name, &tensor);
    size += tensor.bytes.size();
  }
  const std::string header = archive_header(archive.metadata, tensors);
  std::vector<std::byte> bytes(header.size() + size);
  std::memcpy(bytes.data(), header.data(), header.size());
  std::byte* end = bytes.data() + header.size();
  for (const auto& [name, tensor] : tensors) end = std::ranges::copy(tensor->bytes, end).out;
  return bytes;
}

Archive read_archive(std::span<const std::byte> bytes) {
  const json header = parse_header(bytes);
  std::uint64_t length = 0;
  for (std::size_t k = 8; k-- > 0;) length = length << 8 | static_cast<std::uint64_t>(bytes[k]);
  const auto data = bytes.subspan(8 + static_cast<std::size_t>(length));
  Archive archive;
  std::vector<Entry> entries;
  for (const auto& [name, entry] : header.items()) {
    if (name != metadata_key) {
      entries.push_back(parse_entry(name, entry, data.size()));
      continue;
    }
    if (!entry.is_object()) throw FormatError("__metadata__ is not an object");
    for (const auto& [key, value] : entry.items()) {
      if (!value.is_string()) throw FormatError("metadata " + in_quotes(key) + " is not a string");
      archive.metadata[key] = value.get<std::string>();
    }
  }
  check_tiling(entries, data.size());
  for (Entry& entry : entries) {
    const auto part = data.subspan(entry.begin, entry.end - entry.begin);
    entry.tensor.bytes.assign(part.begin(), part.end());
    archive.tensors.emplace(std::move(entry.name), std::move(entry.tensor));
  }
  return archive;
}

std::vector<std::byte> read_file(const std::filesystem::path& path) {
  std::error_code error;
  if (std::filesystem::is_directory(path, error)) fail(path, "read", EISDIR);
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, "read", errno != 0 ? errno : EIO);
  std::vector<std::byte> bytes;
  std::vector<char> block(std::size_t{1} << 16);
  while (file.read(block.data(), static_cast<std::streamsize>(block.size())) || file.gcount() > 0) {
    const auto* start = reinterpret_cast<const std::byte*>(block.data());
    bytes.insert(bytes.end(), start, start + file.gcount());
  }
  if (file.bad()) fail(path, "read", errno != 0 ? errno : EIO);
  return bytes;
}

namespace {
/// 0 where every byte arrived, else the error's number.
int write_bytes(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (file) {
    file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    file.close();
  }
  if (file) return 0;
  return errno != 0 ? errno : EIO;
}
}  // namespace

void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
      !std::filesystem::is_directory(status)) {
    if (const int code = write_bytes(path, bytes); code != 0) fail(path, "write", code);
    return;
  }
  // Threads of one process, and processes, each have a name of their own.
  static std::atomic<unsigned> serial{0};
  std::filesystem::path temporary = path;
  temporary += ".tmp" + std::to_string(::getpid()) + "." + std::to_string(serial++);
  int code = write_bytes(temporary, bytes);
  if (code == 0) {
    std::filesystem::rename(temporary, path, error);
    code = error.value();
  }
  if (code != 0) {
    std::filesystem::remove(temporary, error);
    fail(path, "write", code);
  }
}

}  // namespace bncheck
