// Shapes in messages: "[10, 5, 32, 32]".
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace bn {

inline std::string shape_text(std::span<const std::int64_t> sizes) {
  std::string text = "[";
  for (const std::int64_t size : sizes) {
    if (text.size() > 1) text += ", ";
    text += std::to_string(size);
  }
  return text + "]";
}

}  // namespace bn
