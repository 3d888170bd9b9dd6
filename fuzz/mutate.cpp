#include "mutate.hpp"

#include "edits.hpp"

namespace bncheck::fuzz {
namespace {

/// Largest number of elements of one input. The exact answer takes microseconds per element, about twice as
/// many for a gradient, and a campaign needs many executions.
std::int64_t most_elements(const Family& family) {
  return family.aim == Aim::backward ? 160 : 256;
}
constexpr std::int64_t few_elements = 64;

void edit(Draws& draws, Case& c, const Family& family, const Capabilities& can) {
  switch (draws.below(16)) {
    case 0:
    case 1:
    case 2:
      edit_shape(draws, c);
      break;
    case 3:
    case 4:
      edit_options(draws, c);
      break;
    case 5:
    case 6:
      edit_exec(draws, c, can);
      break;
    case 7:
      if (family.aim == Aim::rejection) break;
      if (backward_calls(c).empty()) {
        edit_calls(draws, c, can);
      } else {
        edit_gradient_calls(draws, c, can);
      }
      break;
    case 8:
    case 9:
    case 10:
      if (family.aim == Aim::rejection) {
        damage(draws, c);
        break;
      }
      if (!backward_calls(c).empty()) {
        edit_gradient(draws, c);
        break;
      }
      [[fallthrough]];
    default:
      edit_values(draws, c);
      break;
  }
}

/// Replaces placements that do not fit a changed shape.
void repair_placements(Case& c) {
  for (Call& call : c.calls) {
    const Tensor* input = input_of(call);
    if (input == nullptr) continue;
    for (Placement* placement : {&call.exec.x, &call.exec.y}) {
      if (!fits(*placement, input->shape)) *placement = Placement{};
    }
  }
}

/// Changes a case of another family, such as a golden case, into one of this family.
void bring_over(Draws& draws, Case& c, const Family& family, const Capabilities& can) {
  if (family.aim == Aim::forward) remove_gradients(c);
  if (family.aim == Aim::backward && backward_calls(c).empty()) append_gradient(draws, c, can);
}

bool belongs(const Case& c, const Family& family, const Dialect& dialect) {
  if (!affordable(c) || elements_of(c) > most_elements(family)) return false;
  return law_for(family, c, dialect) != nullptr;
}

Input fresh(Draws& draws, const Family& family, const Input& input) {
  RandomDraws case_draws(draws.bits(64), family.case_size);
  Input result = input;
  result.law = draws.pick_from(family.laws);
  do {
    result.content = result.law->draw(case_draws, subject_named(input.subject).can());
  } while (!affordable(result.content));
  choose_subject(result);
  return result;
}

}  // namespace

Input mutate(Draws& draws, const Family& family, const Input& input) {
  const Capabilities& can = subject_named(input.subject).can();
  if (draws.chance(1, 8)) return fresh(draws, family, input);
  constexpr int attempts = 4;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    Input result = input;
    if (draws.chance(1, 12)) result.law = draws.pick_from(family.laws);
    if (draws.chance(1, 24)) result.subject = input.subject == "bn" ? "bn_functional" : "bn";
    bring_over(draws, result.content, family, can);
    for (std::int64_t k = draws.between(1, 3); k > 0; --k) {
      edit(draws, result.content, family, can);
      repair_placements(result.content);
    }
    if (elements_of(result.content) < few_elements && draws.chance(3, 4)) {
      grow(draws, result.content);
      repair_placements(result.content);
    }
    if (!belongs(result.content, family, can.dialect)) continue;
    choose_subject(result);
    return result;
  }
  return fresh(draws, family, input);
}

}  // namespace bncheck::fuzz
