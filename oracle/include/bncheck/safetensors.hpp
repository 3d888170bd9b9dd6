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

/// Content that is not what it has to be; the message names the part, and callers add the file.
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
/// An archive's bytes in pieces that follow one another: the header, and the tensors' own bytes, which are
/// not copied and have to stay.
class ArchivePieces {
 public:
  ArchivePieces(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors);
  ArchivePieces(const ArchivePieces&) = delete;
  ArchivePieces& operator=(const ArchivePieces&) = delete;
  const std::vector<std::span<const std::byte>>& all() const { return pieces_; }
  std::size_t size() const;

 private:
  std::string header_;
  std::vector<std::span<const std::byte>> pieces_;
};

std::vector<std::byte> write_archive(const Archive& archive);
/// Throws FormatError. Allocates no more than a small multiple of what `bytes` holds, whatever the header
/// says; a header of more than `most_header` bytes is not looked at.
Archive read_archive(std::span<const std::byte> bytes, std::size_t most_header = max_header_bytes);

/// Takes little more memory than the archive: its tensors are read straight to their place. Throws
/// FormatError, and std::runtime_error that names a file which cannot be read.
Archive load_archive(const std::filesystem::path& path);
/// Throws std::runtime_error that names the file.
void save_archive(const std::filesystem::path& path, const Archive& archive);

}  // namespace bncheck
