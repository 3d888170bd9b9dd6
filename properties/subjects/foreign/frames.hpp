#pragma once
/// Frames: what travels between bncheck and a program that is a BatchNorm. "bncheck1", 8 bytes of
/// little-endian length, and as many bytes of a safetensors archive (PROTOCOL.md beside the subjects).

#include <array>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "bncheck/safetensors.hpp"

namespace bncheck {

inline constexpr std::string_view frame_magic = "bncheck1";
inline constexpr std::size_t frame_prefix_bytes = 16;

std::array<std::byte, frame_prefix_bytes> frame_prefix(std::size_t content_bytes);

/// An archive as the pieces of a frame, in the order that they are written; tensors are not copied.
class OutgoingFrame {
 public:
  /// `tensors` outlive the frame.
  OutgoingFrame(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors);
  const std::vector<std::span<const std::byte>>& pieces() const { return pieces_; }
  OutgoingFrame(const OutgoingFrame&) = delete;
  OutgoingFrame& operator=(const OutgoingFrame&) = delete;

 private:
  std::string head_;
  std::vector<std::span<const std::byte>> pieces_;
};

/// Puts a frame together from bytes as they come in. What it allocates is in proportion to what came,
/// whatever a frame claims.
class FrameParser {
 public:
  /// `skip_noise`: bytes before the first frame, such as a login message, are skipped, not refused.
  explicit FrameParser(std::size_t max_content_bytes, bool skip_noise = false)
      : limit_(max_content_bytes), skip_noise_(skip_noise) {}

  /// Takes what belongs to the frame and returns how many bytes that was. Throws FormatError.
  std::size_t feed(std::span<const std::byte> bytes);
  /// Where the next bytes of the content may be read to, without a copy in between: at most that many, none
  /// before the content begins. `filled` says how many came.
  std::span<std::byte> room(std::size_t most);
  void filled(std::size_t count) { size_ += count; }
  bool complete() const { return content_bytes_ && size_ == *content_bytes_; }
  /// Some of the frame is there.
  bool begun() const { return !prefix_.empty(); }
  /// "12 of 340 bytes"
  std::string progress() const;
  /// Bytes that are known to be missing: at least those of the prefix.
  std::size_t missing() const {
    return content_bytes_ ? *content_bytes_ - size_ : frame_prefix_bytes - prefix_.size();
  }
  /// The content; the parser is ready for the next frame. Precondition: complete().
  std::vector<std::byte> take();

 private:
  void feed_prefix(std::byte byte);
  bool may_begin() const;
  void skip_to_beginning();

  std::size_t limit_;
  bool skip_noise_;
  std::vector<std::byte> prefix_;
  std::optional<std::size_t> content_bytes_;
  std::vector<std::byte> content_;
  std::size_t size_ = 0;  ///< of the content, so far
};

/// Blocking ends, for the program's side. Both throw std::runtime_error, read_frame FormatError for no frame.
/// nullopt at the end of the input.
std::optional<std::vector<std::byte>> read_frame(int descriptor);
void write_frame(int descriptor, const OutgoingFrame& frame);

}  // namespace bncheck
