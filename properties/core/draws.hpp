#pragma once
/// Draws: an abstract source of choices. One generator of cases serves several engines: RapidCheck drives it
/// with its random stream, a fuzzer with the bytes of its input.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>

#include "core/fnv.hpp"

namespace bncheck {

class Draws {
 public:
  virtual ~Draws() = default;

  /// The next `count` bits, 1 to 64, in the low end of the result.
  virtual std::uint64_t bits(int count) = 0;
  /// Size of the case to generate, 0 to 100.
  virtual int size() const { return 100; }

  /// 0 <= result < bound. The probabilities differ by a factor of at most 1 + 2^−8 for bounds below 2^40, and
  /// of at most 2 above; neither matters here.
  std::uint64_t below(std::uint64_t bound) {
    if (bound <= 1) return 0;
    return bits(static_cast<int>(std::bit_width(bound - 1)) + (bound < (std::uint64_t{1} << 40) ? 8 : 0)) %
           bound;
  }
  /// low <= result <= high.
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::uint64_t>(high - low) + 1));
  }
  /// True with probability parts/whole.
  bool chance(std::uint64_t parts, std::uint64_t whole) { return below(whole) < parts; }
  template <class T>
  T pick(std::initializer_list<T> choices) {
    return choices.begin()[below(choices.size())];
  }
  template <class Container>
  const auto& pick_from(const Container& choices) {
    return choices[static_cast<std::size_t>(below(choices.size()))];
  }
};

/// SplitMix64 (Steele, Lea, Flood 2014).
class RandomDraws : public Draws {
 public:
  explicit RandomDraws(std::uint64_t seed, int size = 100) : state_(seed), size_(size) {}
  std::uint64_t bits(int count) override {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return (z ^ (z >> 31)) >> (64 - count);
  }
  int size() const override { return size_; }

 private:
  std::uint64_t state_;
  int size_;
};

/// Choices read from bytes, whole bytes at a time. After the last byte the choices come from a random stream
/// that is seeded with the bytes. So short inputs make complete cases too, and every input is used.
class ByteDraws : public Draws {
 public:
  explicit ByteDraws(std::span<const std::uint8_t> bytes)
      : bytes_(bytes), rest_(Fnv().add(std::as_bytes(bytes)).value()) {}
  std::uint64_t bits(int count) override {
    const auto wanted = static_cast<std::size_t>((count + 7) / 8);
    if (wanted > bytes_.size()) {
      bytes_ = {};
      return rest_.bits(count);
    }
    std::uint64_t value = 0;
    for (std::size_t k = 0; k < wanted; ++k) value = value << 8 | bytes_[k];
    bytes_ = bytes_.subspan(wanted);
    return count == 64 ? value : value & ((std::uint64_t{1} << count) - 1);
  }

 private:
  std::span<const std::uint8_t> bytes_;
  RandomDraws rest_;
};

}  // namespace bncheck
