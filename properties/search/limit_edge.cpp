#include "search/limit_edge.hpp"

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "bncheck/elements.hpp"
#include "bncheck/number_text.hpp"
#include "laws/law_support.hpp"

namespace bncheck {
namespace {

/// An input of a case by its place, so that it is found in copies of the case.
struct Input {
  std::string name;
  std::function<Tensor*(Case&)> of;
};

std::vector<Input> inputs_of(const Case& c) {
  std::vector<Input> inputs;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (input_of(c.calls[k]) == nullptr) continue;
    const bool forward = std::holds_alternative<Forward>(c.calls[k].operation);
    inputs.push_back({forward ? "x" : "dy", [k](Case& copy) { return input_of(copy.calls[k]); }});
  }
  for (const StateTensor& row : state_tensors) {
    const auto member = row.member;
    if (c.state.*member)
      inputs.push_back({std::string(row.name), [member](Case& copy) { return &*(copy.state.*member); }});
  }
  return inputs;
}

double largest(const Tensor& tensor) {
  double most = 0;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(tensor.size()); ++i)
    most = std::max(most, std::fabs(element(tensor, i)));
  return most;
}

/// Largest |x − μ| of the first forward call, in double, which is enough to print; nullopt if it has no batch's mean, or
/// no value differs from it.
std::optional<double> largest_deviation(const Case& c, const Tensor& x, Axes axes) {
  const auto* forward = std::get_if<Forward>(&c.calls[0].operation);
  if (forward == nullptr || &forward->x != &x || !uses_batch(c.config, *forward)) return std::nullopt;
  const Geometry geometry(x.shape, axes);
  double most = 0;
  for (std::int64_t channel = 0; channel < geometry.channels; ++channel) {
    const std::vector<std::size_t> elements = geometry.elements(channel);
    double mean = 0;
    for (const std::size_t i : elements)
      mean += element(x, static_cast<std::int64_t>(i)) / static_cast<double>(elements.size());
    for (const std::size_t i : elements)
      most = std::max(most, std::fabs(element(x, static_cast<std::int64_t>(i)) - mean));
  }
  return most > 0 ? std::optional(most) : std::nullopt;
}

/// The case with one input times a factor.
Case scaled(Case c, const Input& input, double factor) {
  change_elements(*input.of(c), [=](double v) { return v * factor; });
  return c;
}

/// Name of the size that is printed, and the size.
std::pair<std::string, double> printed_size(Case& c, const Input& input, Axes axes) {
  const Tensor& tensor = *input.of(c);
  if (const auto deviation = largest_deviation(c, tensor, axes)) return {"max |x - mu|", *deviation};
  return {"max |" + input.name + '|', largest(tensor)};
}

/// Factors between which the edge lies, the right one first; nullopt if there is none.
std::optional<std::pair<double, double>> factors_around(const Case& lost, const Input& input,
                                                        const IsRight& is_right) {
  Case copy = lost;
  const double most = largest(*input.of(copy));
  if (most == 0 || !std::isfinite(most)) return std::nullopt;
  const auto right_at = [&](double factor) { return is_right(scaled(lost, input, factor)); };
  int right = -std::ilogb(most);
  int wrong = 0;
  if (right == 0 || right_at(std::ldexp(1.0, right)) != true) return std::nullopt;
  while (std::abs(right - wrong) > 1) {
    const int middle = right + (wrong - right) / 2;
    const std::optional<bool> answer = right_at(std::ldexp(1.0, middle));
    if (!answer) return std::nullopt;
    (*answer ? right : wrong) = middle;
  }
  double good = std::ldexp(1.0, right);
  double bad = std::ldexp(1.0, wrong);
  while (std::fabs(good - bad) > 0.01 * std::min(good, bad)) {
    const double middle = (good + bad) / 2;
    const std::optional<bool> answer = right_at(middle);
    if (!answer) break;
    (*answer ? good : bad) = middle;
  }
  return std::pair(good, bad);
}

}  // namespace

std::string show(const LimitEdge& edge) {
  return "lost from " + edge.size + " = " + general_decimal(edge.lost, 3) +
         (edge.lost > edge.right ? " on" : " down") + " (right at " + general_decimal(edge.right, 3) + ')';
}

std::optional<LimitEdge> limit_edge(const Case& lost, Axes axes, const IsRight& is_right) {
  for (const Input& input : inputs_of(lost)) {
    const auto factors = factors_around(lost, input, is_right);
    if (!factors) continue;
    Case good = scaled(lost, input, factors->first);
    Case bad = scaled(lost, input, factors->second);
    auto [name, size] = printed_size(good, input, axes);
    return LimitEdge{std::move(name), size, printed_size(bad, input, axes).second};
  }
  return std::nullopt;
}

}  // namespace bncheck
