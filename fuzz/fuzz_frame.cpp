/// Bytes as a foreign program may send them: a frame in pieces, with a reply of any kind. An error in them is
/// a FormatError or a breach of protocol; nothing else may happen.

#include <algorithm>

#include "findings.hpp"
#include "generate/cases.hpp"
#include "statistics.hpp"
#include "subjects/foreign/frames.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/memory/owed_outputs.hpp"

namespace {

using namespace bncheck;
using namespace bncheck::fuzz;

constexpr std::size_t most_content = std::size_t{1} << 20;

/// Case that the replies answer: a forward call and its gradient.
Case asked() {
  Case c;
  c.config.num_features = 2;
  c.state = fresh_state(c.config);
  const float values[] = {1, 2, 3, 4};
  const Tensor x = Tensor::of({2, 2}, values);
  c.calls = {{Forward{true, x}, {}}, {Backward{x}, {}}};
  return c;
}

/// Content of the frame, read in pieces whose sizes depend on the input; the sizes must not change the
/// result.
std::optional<std::vector<std::byte>> content_of(std::span<const std::byte> bytes, bool skip_noise) {
  FrameParser parser(most_content, skip_noise);
  const std::size_t piece = bytes.empty() ? 1 : 1 + static_cast<std::size_t>(bytes.back()) % 97;
  for (std::size_t at = 0; at < bytes.size() && !parser.complete();) {
    const std::size_t used = parser.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    if (used == 0) abort_with("the frame parser takes nothing and is not complete");
    at += used;
  }
  if (!parser.complete()) return std::nullopt;
  return parser.take();
}

template <class Read>
bool is_readable(const Read& read) {
  try {
    read();
    return true;
  } catch (const FormatError&) {
    return false;
  }
}

/// Passes the reply to each reader, which accepts it or reports its error.
bool read_all_ways(const Archive& archive) {
  static const Case c = asked();
  bool readable = is_readable([&] { read_capabilities(archive); });
  readable = is_readable([&] {
               run_single_calls(c, {}, [&](const SingleCall&) { return read_call_reply(archive); });
             }) ||
             readable;
  return is_readable([&] { breach_of(read_outcome(archive, c), c, {}); }) || readable;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  bool readable = false;
  is_readable([&] { content_of(bytes, /*skip_noise=*/true); });
  is_readable([&] {
    if (const auto content = content_of(bytes, false)) readable = read_all_ways(read_archive(*content));
  });
  Statistics::instance().count(static_cast<std::int64_t>(size), readable);
  return 0;
}
