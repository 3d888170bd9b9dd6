#pragma once
/// Frames: messages between bncheck and a program that is a BatchNorm. "bncheck1", 8 bytes of little-endian
/// length, and as many bytes of a safetensors archive (PROTOCOL.md beside the subjects).

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

/// An archive as the pieces of a frame, in the order in which they are written. Tensors are not copied.
class OutgoingFrame {
 public:
  /// `tensors` must outlive the frame.
  OutgoingFrame(const std::map<std::string, std::string>& metadata, const NamedTensors& tensors);
  const std::vector<std::span<const std::byte>>& pieces() const { return pieces_; }
  OutgoingFrame(const OutgoingFrame&) = delete;
  OutgoingFrame& operator=(const OutgoingFrame&) = delete;

 private:
  std::string head_;
  std::vector<std::span<const std::byte>> pieces_;
};

/// Assembles a frame from bytes as they arrive. The memory in use is in proportion to the bytes that arrived,
/// whatever size a frame claims.
class FrameParser {
 public:
  /// `skip_noise`: bytes before the first frame, such as a login message, are skipped, not rejected.
  explicit FrameParser(std::size_t max_content_bytes, bool skip_noise = false)
      : limit_(max_content_bytes), skip_noise_(skip_noise) {}

  /// Takes the bytes that belong to the frame and returns their number. Throws FormatError.
  std::size_t feed(std::span<const std::byte> bytes);
  /// Place to which the next bytes of the content can be read without a copy: at most `most` bytes, none
  /// before the content begins. `filled` must be called with the number of bytes read.
  std::span<std::byte> room(std::size_t most);
  void filled(std::size_t count) { size_ += count; }
  bool complete() const { return content_bytes_ && size_ == *content_bytes_; }
  /// Whether any byte of the frame is there.
  bool begun() const { return !prefix_.empty(); }
  /// "12 of a frame's 340 bytes", or the same for the bytes that begin a frame.
  std::string progress() const;
  /// Number of bytes that are known to be missing: those of the prefix, then those of the content.
  std::size_t missing() const {
    return content_bytes_ ? *content_bytes_ - size_ : frame_prefix_bytes - prefix_.size();
  }
  /// Returns the content and makes the parser ready for the next frame. Precondition: complete().
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
  std::size_t size_ = 0;  ///< bytes of content so far
};

/// Blocking reads and writes of frames, for the program's side. Both throw std::runtime_error; read_frame
/// throws FormatError for bytes that are no frame, and returns nullopt at the end of the input.
std::optional<std::vector<std::byte>> read_frame(int descriptor);
void write_frame(int descriptor, const OutgoingFrame& frame);

}  // namespace bncheck
