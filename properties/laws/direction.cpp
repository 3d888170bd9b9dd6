#include "laws/direction.hpp"

namespace bncheck {

std::vector<Need> Direction::with(std::vector<Need> more) const {
  std::vector<Need> all = needs;
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

const Direction& forward_direction() {
  static const Direction direction{
      "",
      0,
      Output::y,
      {},
      "y and the statistics",
      [](Draws& draws, const Capabilities& can, const CaseWish& wish) { return draw_case(draws, can, wish); },
      [](const Case& c, const Capabilities& can) { one_valid_forward(c, can); }};
  return direction;
}

const Direction& backward_direction() {
  static const Direction direction{
      "backward_",
      gradient_call,
      Output::dx,
      {Need::backward},
      "dx, dgamma and dbeta",
      [](Draws& draws, const Capabilities& can, const CaseWish& wish) {
        return draw_gradient_case(draws, can, wish);
      },
      [](const Case& c, const Capabilities& can) { one_valid_gradient(c, can); }};
  return direction;
}

Law law_over(const Direction& direction, const char* name, std::string statement, std::vector<Need> needs,
             Case (*draw)(const Direction&, Draws&, const Capabilities&),
             Verdict (*check)(const Direction&, const Case&, Runner&), const char* rationale,
             LawTraits traits) {
  traits.rationale = rationale;
  return {direction.name(name),
          std::move(statement),
          direction.with(std::move(needs)),
          [&direction, draw](Draws& draws, const Capabilities& can) { return draw(direction, draws, can); },
          [&direction, check](const Case& c, Runner& runner) { return check(direction, c, runner); },
          traits};
}

const Tensor& input(const Case& c, std::size_t call) {
  return *input_of(c.calls[call]);
}

Case with_input_of(Case c, std::size_t call, Tensor tensor) {
  *input_of(c.calls[call]) = std::move(tensor);
  return c;
}

Case with_shape(Draws& draws, Case c, const Shape& shape, CaseWish wish) {
  wish.dtypes = dtypes_in(c);
  Tensor& x = *input_of(c.calls[0]);
  x = draw_input(draws, shape, wish);
  for (std::size_t call = 1; call < c.calls.size(); ++call) {
    *input_of(c.calls[call]) = draw_gradient(draws, x, wish);
  }
  return c;
}

Case with_judged_exec(Case c, const Direction& direction, const Exec& exec) {
  c.calls[direction.judged].exec = exec;
  return c;
}

}  // namespace bncheck
