/// libFuzzer's hook for frames. It changes their content and corrects the lengths; otherwise most mutants
/// would be rejected at once.

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <vector>

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

namespace {

constexpr std::size_t prefix = 16;  ///< bytes before the content of a frame
constexpr std::size_t length_bytes = 8;

std::uint64_t length_at(const std::uint8_t* data) {
  std::uint64_t length = 0;
  for (std::size_t k = length_bytes; k-- > 0;) length = length << 8 | data[k];
  return length;
}
void put_length(std::uint8_t* data, std::uint64_t length) {
  for (std::size_t k = 0; k < length_bytes; ++k) data[k] = static_cast<std::uint8_t>(length >> (8 * k));
}

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  const std::size_t header_at = prefix + length_bytes;
  const bool framed = size > header_at && length_at(data + prefix) <= size - header_at;
  // Occasionally the lengths and the magic number are mutated too.
  if (!framed || seed % 16 == 0) return LLVMFuzzerMutate(data, size, max_size);
  const auto header = static_cast<std::size_t>(length_at(data + prefix));
  const std::size_t rest = size - header_at - header;
  const std::vector<std::uint8_t> tail(data + header_at + header, data + size);
  std::size_t changed = header;
  if (seed % 4 != 0) changed = LLVMFuzzerMutate(data + header_at, header, max_size - header_at - rest);
  std::copy(tail.begin(), tail.end(), data + header_at + changed);
  std::size_t end = rest;
  if (seed % 4 == 0) {
    end = LLVMFuzzerMutate(data + header_at + changed, rest, max_size - header_at - changed);
  }
  put_length(data + prefix, changed);
  put_length(data + length_bytes, length_bytes + changed + end);
  return header_at + changed + end;
}
