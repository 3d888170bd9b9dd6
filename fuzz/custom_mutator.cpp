/// libFuzzer's hook for a custom mutator.

#include <algorithm>

#include "judge_input.hpp"
#include "mutate.hpp"

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t* data, std::size_t size, std::size_t max_size);

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t* data, std::size_t size, std::size_t max_size,
                                               unsigned seed) {
  using namespace bncheck;
  using namespace bncheck::fuzz;
  RandomDraws draws(seed);
  // Occasionally the bytes are mutated: with a changed header they become a source of choices, or a file that
  // must be refused.
  const Family& family = target_family();
  if (draws.chance(1, 24)) return LLVMFuzzerMutate(data, size, max_size);
  const Bytes bytes = encode_and_remember(mutate(draws, family, decode(family, {data, size})));
  if (bytes.size() > max_size) return LLVMFuzzerMutate(data, size, max_size);
  std::ranges::copy(bytes, data);
  return bytes.size();
}
