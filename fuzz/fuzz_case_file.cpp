/// Untrusted bytes: a case file or a FormatError, nothing else. A case that loads is written and loaded
/// again, and must be equal; it is shown, checked for errors and, if it is small, answered in some dialect.

#include <cmath>
#include <stdexcept>

#include "bncheck/answer_file.hpp"
#include "bncheck/walk.hpp"
#include "core/fnv.hpp"
#include "findings.hpp"
#include "judge_input.hpp"
#include "laws/law_support.hpp"
#include "report/show_case.hpp"
#include "statistics.hpp"

namespace {
using namespace bncheck;
using namespace bncheck::fuzz;

constexpr std::int64_t most_answered = 96;  ///< elements; the exact answer takes microseconds for each

/// The file with NaN replaced, the only option that does not equal itself.
CaseFile comparable(CaseFile file) {
  const auto replace_nan = [](double& value) { value = std::isnan(value) ? 0 : value; };
  replace_nan(file.content.config.eps);
  if (file.content.config.momentum) replace_nan(*file.content.config.momentum);
  for (Call& call : file.content.calls) {
    auto* set = std::get_if<SetMomentum>(&call.operation);
    if (set != nullptr && set->momentum) replace_nan(*set->momentum);
  }
  return file;
}

void check_round_trip(const CaseFile& file) {
  const std::vector<std::byte> written = write_archive(to_archive(file));
  const CaseFile again = case_from_bytes(written);
  if (comparable(again) != comparable(file)) abort_with("a case file changed on its way to bytes and back");
  if (write_archive(to_archive(again)) != written) abort_with("the same case file was written in two ways");
}

void answer(const Case& c, const Dialect& dialect) {
  try {
    errors_by_call(c, dialect);
    if (is_small(c) && elements_of(c) <= most_answered) write_archive(answer_archive(c, dialect));
  } catch (const std::invalid_argument&) {  // documented for backward calls
  }
}

}  // namespace

const Family& bncheck::fuzz::target_family() {
  return whole_family();
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file = parse({data, size});
  Statistics::instance().count(file ? elements_of(file->content) : 0, file.has_value());
  if (!file) return 0;
  check_round_trip(*file);
  show_case(file->content);
  answer(
      file->content,
      dialect_presets()[Fnv().add(std::as_bytes(std::span(data, size))).value() % dialect_presets().size()]);
  return 0;
}
