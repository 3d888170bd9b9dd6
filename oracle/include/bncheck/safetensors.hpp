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

/// Content that does not have the required form. The message names the part; callers add the file.
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
/// First part of an archive: 8 bytes of header length and the JSON header. The bytes of the tensors must
/// follow in the order of `tensors`.
std::string archive_header(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors);
/// Bytes of an archive, in consecutive pieces: the header, then the bytes of the tensors, which are not
/// copied and must stay alive.
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
/// Throws FormatError. Allocates no more than a small multiple of the size of `bytes`, whatever the header
/// says. A header of more than `most_header` bytes is refused unread.
Archive read_archive(std::span<const std::byte> bytes, std::size_t most_header = max_header_bytes);

/// Reads an archive from a file, directly into its tensors, so that little more memory is needed than for
/// them. Throws FormatError, and std::runtime_error for a file that cannot be read, which names the file.
Archive load_archive(const std::filesystem::path& path);
/// Throws std::runtime_error, which names the file.
void save_archive(const std::filesystem::path& path, const Archive& archive);

}  // namespace bncheck
