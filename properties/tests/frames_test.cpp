#include "subjects/foreign/frames.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <thread>

namespace bncheck {
namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> frame_of(std::string_view content) {
  const auto prefix = frame_prefix(content.size());
  std::vector<std::byte> frame(prefix.begin(), prefix.end());
  for (const std::byte byte : bytes_of(content)) frame.push_back(byte);
  return frame;
}

/// Feeds everything in pieces of that size, as far as the parser accepts it.
std::size_t feed(FrameParser& parser, std::span<const std::byte> bytes, std::size_t piece) {
  std::size_t used = 0;
  while (used < bytes.size() && !parser.complete())
    used += parser.feed(bytes.subspan(used, std::min(piece, bytes.size() - used)));
  return used;
}

TEST(Frames, ComeTogetherFromPiecesOfAnySize) {
  const auto frame = frame_of("the content");
  for (std::size_t piece = 1; piece <= frame.size() + 1; ++piece) {
    FrameParser parser(100);
    EXPECT_EQ(feed(parser, frame, piece), frame.size());
    ASSERT_TRUE(parser.complete());
    EXPECT_EQ(parser.take(), bytes_of("the content"));
    EXPECT_FALSE(parser.begun());
  }
}

TEST(Frames, EndWhereTheySaySo) {
  auto bytes = frame_of("first");
  for (const std::byte byte : frame_of("second")) bytes.push_back(byte);
  FrameParser parser(100);
  const std::size_t used = feed(parser, bytes, 7);
  EXPECT_EQ(used, frame_of("first").size());
  EXPECT_EQ(parser.take(), bytes_of("first"));
  feed(parser, std::span(bytes).subspan(used), 7);
  EXPECT_EQ(parser.take(), bytes_of("second"));
}

TEST(Frames, MayBeEmpty) {
  FrameParser parser(0);
  feed(parser, frame_of(""), 16);
  ASSERT_TRUE(parser.complete());
  EXPECT_TRUE(parser.take().empty());
}

TEST(Frames, RefuseWhatIsNone) {
  FrameParser words(100);
  EXPECT_THROW(words.feed(bytes_of("hello")), FormatError);
  FrameParser large(10);
  EXPECT_THROW(large.feed(frame_of("eleven byte")), FormatError);
  FrameParser exact(11);
  exact.feed(frame_of("eleven byte"));
  EXPECT_TRUE(exact.complete());
}

TEST(Frames, AreFoundInNoise) {
  for (const char* noise :
       {"hello\n", "b", "bncheck", "bncheckbncheck1", "bbbncheck1 is what begins a frame\n"}) {
    auto bytes = bytes_of(noise);
    for (const std::byte byte : frame_of("content")) bytes.push_back(byte);
    for (std::size_t piece = 1; piece <= bytes.size(); ++piece) {
      FrameParser parser(100, /*skip_noise=*/true);
      feed(parser, bytes, piece);
      ASSERT_TRUE(parser.complete()) << noise;
      EXPECT_EQ(parser.take(), bytes_of("content")) << noise;
    }
  }
}

TEST(Frames, TakeMemoryAsItComes) {
  constexpr std::size_t claimed = std::size_t{1} << 60;
  FrameParser parser(claimed);
  const auto prefix = frame_prefix(claimed);
  parser.feed(prefix);
  parser.feed(bytes_of("a little"));
  EXPECT_FALSE(parser.complete());
  EXPECT_EQ(parser.progress(), "8 of a frame's 1152921504606846976 bytes");
}

TEST(Frames, LeaveInOrder) {
  const float values[] = {1, 2};
  const Tensor tensor = Tensor::of({2}, values);
  const OutgoingFrame frame({{"key", "value"}}, {{"x", &tensor}});
  std::vector<std::byte> bytes;
  for (const auto piece : frame.pieces()) bytes.insert(bytes.end(), piece.begin(), piece.end());
  FrameParser parser(1000);
  feed(parser, bytes, bytes.size());
  ASSERT_TRUE(parser.complete());
  EXPECT_EQ(read_archive(parser.take()), (Archive{{{"key", "value"}}, {{"x", tensor}}}));
}

/// Both ends are non-blocking, and the frame is longer than a pipe's buffer.
TEST(Frames, AreWaitedFor) {
  int ends[2];
  ASSERT_EQ(::pipe2(ends, O_NONBLOCK), 0);
  const Tensor tensor = Tensor::filled({1 << 20}, 0.5F);
  std::thread writer([&] { write_frame(ends[1], OutgoingFrame({{"key", "value"}}, {{"x", &tensor}})); });
  const auto frame = read_frame(ends[0]);
  writer.join();
  ::close(ends[1]);
  ASSERT_TRUE(frame);
  EXPECT_EQ(read_archive(*frame), (Archive{{{"key", "value"}}, {{"x", tensor}}}));
  EXPECT_FALSE(read_frame(ends[0]));
  ::close(ends[0]);
}

}  // namespace
}  // namespace bncheck
