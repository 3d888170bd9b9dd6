#include "report/embedded_case.hpp"

#include <boost/archive/iterators/base64_from_binary.hpp>
#include <boost/archive/iterators/transform_width.hpp>

namespace bncheck {
namespace {

std::string base64(const std::vector<std::byte>& bytes) {
  using namespace boost::archive::iterators;
  using Letters = base64_from_binary<transform_width<const char*, 6, 8>>;
  const auto* start = reinterpret_cast<const char*>(bytes.data());
  std::string text(Letters(start), Letters(start + bytes.size()));
  while (text.size() % 4 != 0) text += '=';
  return text;
}

}  // namespace

std::optional<std::string> case_url(const CaseFile& file) {
  constexpr std::size_t largest = 32'768;
  const std::vector<std::byte> bytes = write_archive(to_archive(file));
  if (bytes.size() > largest) return std::nullopt;
  return "data:application/octet-stream;base64," + base64(bytes);
}

}  // namespace bncheck
