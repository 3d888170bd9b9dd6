#include "family.hpp"

#include <algorithm>

#include "bncheck/walk.hpp"
#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"

namespace bncheck::fuzz {
namespace {

bool is_rejection(const Law& law) {
  return law.name.ends_with("_rejected");
}
bool is_about_gradients(const Law& law) {
  return law.name.starts_with("backward_");
}
/// Whether the law is about sequences that mix refused calls and gradients with others, so that it belongs to
/// no single family.
bool is_about_sequences(const Law& law) {
  return law.name == "call_sequences";
}

Family family_of(std::string name, Aim aim, int case_size, bool (*wanted)(const Law&)) {
  Family family{std::move(name), {}, aim, case_size};
  for (const Law& law : all_laws()) {
    // Slow laws would reduce the number of executions of a campaign.
    if (wanted(law) && !law.traits.bulky) family.laws.push_back(&law);
  }
  return family;
}

/// Name of the law about this error; "" if there is none.
std::string_view rejection_of(ErrorKind kind, bool gradient) {
  switch (kind) {
    case ErrorKind::no_forward:
      return "backward_no_forward_rejected";
    case ErrorKind::channels:
      return "channel_mismatch_rejected";
    case ErrorKind::rank:
      return "rank_rejected";
    case ErrorKind::length:
      return gradient ? "backward_shape_rejected" : "length_rejected";
    case ErrorKind::eps:
      return "eps_rejected";
    case ErrorKind::momentum:
      return "momentum_rejected";
    case ErrorKind::counter:
      return "counter_rejected";
    case ErrorKind::one_value:
      return "one_value_rejected";
    case ErrorKind::alias:
      return gradient ? "backward_alias_rejected" : "alias_rejected";
    default:
      return "";
  }
}

/// Name of the law about the case. No law is about an earlier call that fails before a last one that does
/// not.
std::string_view law_about(const Case& c, const Dialect& dialect) {
  const std::vector<std::vector<ErrorKind>> errors = errors_by_call(c, dialect);
  if (errors.empty()) return "";
  const std::vector<ErrorKind>& last = errors.back();
  if (!last.empty()) {
    const ErrorKind kind = last[c.calls.size() % last.size()];
    return rejection_of(kind, std::holds_alternative<Backward>(c.calls.back().operation));
  }
  if (std::ranges::any_of(errors, [](const auto& kinds) { return !kinds.empty(); })) return "";
  const bool gradient = std::ranges::any_of(
      c.calls, [](const Call& call) { return std::holds_alternative<Backward>(call.operation); });
  // Two laws about gradients concern only a forward call with its gradient.
  const bool pair = c.calls.size() == 2;
  if (elements_of(c) == 0 && (!gradient || pair)) return gradient ? "backward_empty_batch" : "empty_batch";
  if (all_finite(c)) return gradient ? "backward_matches_oracle" : "matches_oracle";
  if (gradient) return pair ? "backward_non_finite_rule" : "";
  return "non_finite_rule";
}

}  // namespace

const Family& forward_family() {
  static const Family family = family_of("fuzz_forward", Aim::forward, 40, [](const Law& law) {
    return !is_rejection(law) && !is_about_gradients(law) && !is_about_sequences(law);
  });
  return family;
}

const Family& backward_family() {
  static const Family family = family_of("fuzz_backward", Aim::backward, 14, [](const Law& law) {
    return !is_rejection(law) && is_about_gradients(law);
  });
  return family;
}

const Family& reject_family() {
  static const Family family = family_of("fuzz_reject", Aim::rejection, 400, [](const Law& law) {
    return is_rejection(law) || law.name == "empty_batch";
  });
  return family;
}

const Family& whole_family() {
  static const Family family =
      family_of("fuzz_case_file", Aim::anything, 60, [](const Law&) { return true; });
  return family;
}

const Law* law_for(const Family& family, const Case& c, const Dialect& dialect) {
  const std::string_view name = law_about(c, dialect);
  const auto found = std::ranges::find_if(family.laws, [&](const Law* law) { return law->name == name; });
  return found == family.laws.end() ? nullptr : *found;
}

std::int64_t elements_of(const Case& c) {
  std::int64_t elements = 0;
  for (const Call& call : c.calls) {
    if (const Tensor* input = input_of(call)) elements += static_cast<std::int64_t>(input->size());
  }
  return elements;
}

}  // namespace bncheck::fuzz
