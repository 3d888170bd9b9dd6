#include "subjects/foreign/frames.hpp"

#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <system_error>
#include <utility>

#include "bncheck/untrusted_text.hpp"

namespace bncheck {
namespace {

/// Address space that a frame may get before its bytes arrive. Pages that are not written cost nothing.
constexpr std::size_t at_once = std::size_t{256} << 20;

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

}  // namespace

std::array<std::byte, frame_prefix_bytes> frame_prefix(std::size_t content_bytes) {
  std::array<std::byte, frame_prefix_bytes> prefix{};
  std::memcpy(prefix.data(), frame_magic.data(), frame_magic.size());
  for (std::size_t k = 0; k < 8; ++k)
    prefix[frame_magic.size() + k] = static_cast<std::byte>(content_bytes >> (8 * k));
  return prefix;
}

OutgoingFrame::OutgoingFrame(const std::map<std::string, std::string>& metadata,
                             const NamedTensors& tensors) {
  const std::string header = archive_header(metadata, tensors);
  std::size_t size = header.size();
  for (const auto& [name, tensor] : tensors) size += tensor->bytes.size();
  const auto prefix = frame_prefix(size);
  head_.assign(reinterpret_cast<const char*>(prefix.data()), prefix.size());
  head_ += header;
  pieces_.push_back(bytes_of(head_));
  for (const auto& [name, tensor] : tensors) {
    if (!tensor->bytes.empty()) pieces_.emplace_back(tensor->bytes);
  }
}

/// Whether the bytes so far may be the beginning of a frame.
bool FrameParser::may_begin() const {
  const std::size_t known = std::min(prefix_.size(), frame_magic.size());
  return std::memcmp(prefix_.data(), frame_magic.data(), known) == 0;
}

/// Drops noise that looked like a frame, such as the first byte of "bbncheck1": a frame may begin at any
/// later byte.
void FrameParser::skip_to_beginning() {
  do {
    prefix_.erase(prefix_.begin());
  } while (!may_begin());
}

void FrameParser::feed_prefix(std::byte byte) {
  prefix_.push_back(byte);
  if (!may_begin()) {
    if (!skip_noise_) {
      throw FormatError("expected a frame, which begins with 'bncheck1', but got " +
                        in_quotes({reinterpret_cast<const char*>(prefix_.data()), prefix_.size()}));
    }
    skip_to_beginning();
  }
  if (prefix_.size() < frame_prefix_bytes) return;
  std::uint64_t size = 0;
  for (std::size_t k = 8; k-- > 0;)
    size = size << 8 | static_cast<std::uint64_t>(prefix_[frame_magic.size() + k]);
  if (size <= limit_) {
    content_bytes_ = static_cast<std::size_t>(size);
  } else if (skip_noise_) {
    skip_to_beginning();
  } else {
    throw FormatError("a frame claims " + std::to_string(size) + " bytes, expected at most " +
                      std::to_string(limit_));
  }
}

std::size_t FrameParser::feed(std::span<const std::byte> bytes) {
  std::size_t used = 0;
  while (used < bytes.size() && !content_bytes_) feed_prefix(bytes[used++]);
  if (!content_bytes_) return used;
  const std::span<std::byte> place = room(bytes.size() - used);
  if (!place.empty()) std::memcpy(place.data(), bytes.data() + used, place.size());
  filled(place.size());
  return used + place.size();
}

std::span<std::byte> FrameParser::room(std::size_t most) {
  if (!content_bytes_) return {};
  const std::size_t part = std::min(most, *content_bytes_ - size_);
  if (content_.size() < size_ + part) {
    // The capacity doubles, from at_once up to the announced size: there are few copies, and bytes that never
    // come take no memory.
    if (content_.capacity() < size_ + part)
      content_.reserve(std::min(*content_bytes_, std::max(2 * (size_ + part), at_once)));
    content_.resize(size_ + part);
  }
  return std::span(content_).subspan(size_, part);
}

std::string FrameParser::progress() const {
  if (!content_bytes_)
    return std::to_string(prefix_.size()) + " of the " + std::to_string(frame_prefix_bytes) +
           " bytes that begin a frame";
  return std::to_string(size_) + " of a frame's " + std::to_string(*content_bytes_) + " bytes";
}

std::vector<std::byte> FrameParser::take() {
  prefix_.clear();
  content_bytes_.reset();
  skip_noise_ = false;
  content_.resize(std::exchange(size_, 0));
  return std::exchange(content_, {});
}

namespace {

/// Whether to repeat a read or write that failed. Waits for a descriptor that does not block: another program
/// that shares it may have set it so, or the subject in this one.
bool try_again(int descriptor, short events) {
  if (errno == EINTR) return true;
  if (errno != EAGAIN && errno != EWOULDBLOCK) return false;
  pollfd one{descriptor, events, 0};
  return ::poll(&one, 1, -1) >= 0 || errno == EINTR;
}

}  // namespace

std::optional<std::vector<std::byte>> read_frame(int descriptor) {
  FrameParser parser(std::numeric_limits<std::size_t>::max());
  std::array<std::byte, frame_prefix_bytes> prefix;
  constexpr std::size_t piece = std::size_t{1} << 20;
  while (!parser.complete()) {
    // No byte beyond this frame is read, because the next frame belongs to another call.
    std::span<std::byte> place = parser.room(piece);
    const bool content = !place.empty();
    if (!content) place = std::span(prefix).first(parser.missing());
    const ssize_t got = ::read(descriptor, place.data(), place.size());
    if (got < 0 && try_again(descriptor, POLLIN)) continue;
    if (got < 0) throw std::system_error(errno, std::generic_category(), "reading a frame");
    if (got == 0) {
      if (!parser.begun()) return std::nullopt;
      throw FormatError("the input ended after " + parser.progress());
    }
    const auto count = static_cast<std::size_t>(got);
    content ? parser.filled(count) : static_cast<void>(parser.feed(place.first(count)));
  }
  return parser.take();
}

void write_frame(int descriptor, const OutgoingFrame& frame) {
  for (std::span<const std::byte> piece : frame.pieces()) {
    while (!piece.empty()) {
      const ssize_t written = ::write(descriptor, piece.data(), piece.size());
      if (written < 0 && try_again(descriptor, POLLOUT)) continue;
      if (written < 0) throw std::system_error(errno, std::generic_category(), "writing a frame");
      piece = piece.subspan(static_cast<std::size_t>(written));
    }
  }
}

}  // namespace bncheck
