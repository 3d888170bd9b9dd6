#pragma once
/// The safetensors container: 8 bytes of header length, a JSON header, raw little-endian data.
/// https://github.com/huggingface/safetensors#format

#include <cstddef>
#include <filesystem>
#include <map>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "bncheck/tensor.hpp"

namespace bncheck {

/// Content that is not what it has to be; the message names the part, and `read_file`'s callers add the file.
class FormatError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

struct Archive {
  std::map<std::string, std::string> metadata;
  std::map<std::string, Tensor> tensors;
  bool operator==(const Archive&) const = default;
};

/// Longest header that is read, in bytes.
inline constexpr std::size_t max_header_bytes = std::size_t{16} << 20;

using NamedTensors = std::vector<std::pair<std::string, const Tensor*>>;
/// What stands before the data: 8 bytes of length and the JSON header. The tensors' bytes follow in this
/// order.
std::string archive_header(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors);
std::vector<std::byte> write_archive(const Archive& archive);
/// Throws FormatError. Allocates no more than a small multiple of what `bytes` holds, whatever the header
/// says.
Archive read_archive(std::span<const std::byte> bytes);

/// Throws std::runtime_error that names the file.
std::vector<std::byte> read_file(const std::filesystem::path& path);
/// Writes a temporary file beside `path`, then renames it: no reader ever sees half a file. What exists and
/// is no ordinary file (a device, a pipe) is written to directly. Throws std::runtime_error that names the
/// file.
void write_file(const std::filesystem::path& path, std::span<const std::byte> bytes);

}  // namespace bncheck
