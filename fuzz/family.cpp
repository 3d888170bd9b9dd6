#include "family.hpp"

#include <algorithm>

#include "laws/catalogue.hpp"
#include "laws/parts.hpp"

namespace bncheck::fuzz {
namespace {

bool is_rejection(const Law& law) {
  return law.name.ends_with("_rejected");
}

Family family_of(std::string name, bool rejections, int case_size, bool (*wanted)(const Law&)) {
  Family family{std::move(name), {}, rejections, case_size};
  for (const Law& law : all_laws()) {
    if (wanted(law)) family.laws.push_back(&law);
  }
  return family;
}

std::string_view rejection_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::channels:
      return "channel_mismatch_rejected";
    case ErrorKind::rank:
      return "rank_rejected";
    case ErrorKind::length:
      return "length_rejected";
    case ErrorKind::eps:
      return "eps_rejected";
    case ErrorKind::momentum:
      return "momentum_rejected";
    case ErrorKind::counter:
      return "counter_rejected";
    case ErrorKind::one_value:
      return "one_value_rejected";
    case ErrorKind::alias:
      return "alias_rejected";
    default:
      return "";
  }
}

}  // namespace

const Family& forward_family() {
  static const Family family =
      family_of("fuzz_forward", false, 40, [](const Law& law) { return !is_rejection(law); });
  return family;
}

const Family& reject_family() {
  static const Family family = family_of("fuzz_reject", true, 400, [](const Law& law) {
    return is_rejection(law) || law.name == "empty_batch";
  });
  return family;
}

const Family& whole_family() {
  static const Family family = family_of("fuzz_case_file", false, 60, [](const Law&) { return true; });
  return family;
}

const Law* law_for(const Family& family, const Case& c, const Dialect& dialect) {
  const std::vector<ErrorKind> errors = errors_of_case(c, dialect);
  std::string_view name = all_finite(c) ? "matches_oracle" : "non_finite_rule";
  if (elements_of(c) == 0 && errors.empty()) name = "empty_batch";
  if (!errors.empty()) name = rejection_of(errors[static_cast<std::size_t>(c.calls.size()) % errors.size()]);
  const auto found = std::ranges::find_if(family.laws, [&](const Law* law) { return law->name == name; });
  return found == family.laws.end() ? nullptr : *found;
}

std::vector<ErrorKind> errors_of_case(const Case& c, const Dialect& dialect) {
  std::vector<ErrorKind> errors;
  for (const Call& call : c.calls) {
    for (const ErrorKind kind : errors_of(c.config, c.state, call, dialect)) errors.push_back(kind);
  }
  return errors;
}

std::int64_t elements_of(const Case& c) {
  std::int64_t elements = 0;
  for (const Call& call : c.calls) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) {
      elements += static_cast<std::int64_t>(forward->x.size());
    }
  }
  return elements;
}

}  // namespace bncheck::fuzz
