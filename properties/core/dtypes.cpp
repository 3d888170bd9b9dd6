#include "core/dtypes.hpp"

namespace bncheck {
namespace {

std::string_view short_name(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return "f64";
    case Dtype::f16:
      return "f16";
    case Dtype::bf16:
      return "bf16";
    case Dtype::f32:
      break;
  }
  return "f32";
}

std::optional<Dtype> short_named(std::string_view name) {
  for (const Dtype dtype : {Dtype::f32, Dtype::f64, Dtype::f16, Dtype::bf16}) {
    if (short_name(dtype) == name) return dtype;
  }
  return std::nullopt;
}

}  // namespace

std::string to_string(const DtypePair& pair) {
  std::string text(short_name(pair.data));
  if (pair.vectors != pair.data) text.append("+").append(short_name(pair.vectors));
  return text;
}

std::optional<DtypePair> dtype_pair_named(std::string_view text) {
  const std::size_t plus = text.find('+');
  const std::optional<Dtype> data = short_named(text.substr(0, plus));
  const std::optional<Dtype> vectors =
      plus == std::string_view::npos ? data : short_named(text.substr(plus + 1));
  if (!data || !vectors) return std::nullopt;
  return DtypePair{*data, *vectors};
}

}  // namespace bncheck
