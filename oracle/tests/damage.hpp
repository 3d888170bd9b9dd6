#pragma once
/// Byte-level helpers for the tests of file formats.

#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "bncheck/safetensors.hpp"

namespace bncheck::test {

/// Container with this header, valid or not, and `data` zero bytes of data.
inline std::vector<std::byte> container(const std::string& header, std::size_t data) {
  std::vector<std::byte> bytes(8 + header.size() + data);
  for (std::size_t k = 0; k < 8; ++k) bytes[k] = static_cast<std::byte>(header.size() >> (8 * k));
  std::memcpy(bytes.data() + 8, header.data(), header.size());
  return bytes;
}

/// Message of the FormatError; "accepted" if there is none. Any other exception passes through.
inline std::string complaint(const std::function<void()>& action) {
  try {
    action();
  } catch (const FormatError& error) {
    return error.what();
  }
  return "accepted";
}

inline std::string complaint(const std::string& header, std::size_t data = 0) {
  const std::vector<std::byte> bytes = container(header, data);
  return complaint([&] { read_archive(bytes); });
}

}  // namespace bncheck::test
