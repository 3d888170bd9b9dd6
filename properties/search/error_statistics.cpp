#include "search/error_statistics.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "core/runner.hpp"
#include "search/condition.hpp"

namespace bncheck {
namespace {

constexpr double no_condition = std::numeric_limits<double>::quiet_NaN();

/// Condition number for one element of an output; NaN if there is none.
double condition_at(const std::vector<double>& conditions, const Forward& forward, Output output,
                    std::int64_t index, Axes axes) {
  const bool like_x = output == Output::y || output == Output::dx;
  const std::size_t k = like_x && !conditions.empty() ? statistic_of(index, forward.x.shape, axes)
                                                      : static_cast<std::size_t>(index);
  return k < conditions.size() ? conditions[k] : no_condition;
}

}  // namespace

void ErrorScatter::add(double condition, double ulps) {
  if (!(condition > 0) || !std::isfinite(condition)) return;
  const int row = ulps == 0              ? LogHistogram::lowest - 1
                  : !std::isfinite(ulps) ? LogHistogram::highest + 1
                                         : LogHistogram::bin_of(ulps);
  const auto [at, is_new] =
      cells_.try_emplace({LogHistogram::bin_of(condition), row}, ErrorPoint{condition, ulps, 0});
  ErrorPoint& point = at->second;
  ++point.elements;
  if (is_new || !(ulps > point.ulps)) return;
  point.condition = condition;
  point.ulps = ulps;
}

std::vector<ErrorPoint> ErrorScatter::points() const {
  std::vector<ErrorPoint> points;
  for (const auto& [cell, point] : cells_) points.push_back(point);
  return points;
}

ErrorFigures PassErrors::total() const {
  ErrorFigures sum;
  for (const auto& [output, errors] : outputs) sum.add(errors.figures);
  return sum;
}

ErrorFigures ErrorStatistics::total() const {
  ErrorFigures sum;
  for (const auto& [pass, errors] : passes_) sum.add(errors.total());
  return sum;
}

void ErrorStatistics::take(const Run& run, std::size_t call, Output output,
                           std::span<const JudgedElement> elements) {
  const Forward* forward = run.forward(call);
  if (elements.empty() || forward == nullptr) return;
  const bool backward = std::holds_alternative<Backward>(run.content.calls[call].operation);
  PassErrors& errors = passes_[pass_of(run.content.config, *forward, backward)];
  OutputErrors& of_output = errors.outputs[output];
  const std::vector<double> conditions =
      condition_numbers(run.expected[call].config, run.before(call), *forward, dialect_);
  const JudgedElement* worst = nullptr;
  for (const JudgedElement& element : elements) {
    of_output.figures.add(element.error, element.has_bound);
    if (!element.error.in_range) continue;
    of_output.ulps.add(element.error.ulps);
    of_output.ratio.add(element.error.ratio);
    of_output.scatter.add(condition_at(conditions, *forward, output, element.index, dialect_.axes),
                          element.error.ulps);
    if (worst == nullptr || element.error.ratio > worst->error.ratio) worst = &element;
  }
  if (worst == nullptr) return;
  offer(errors, run, call, output, *worst,
        condition_at(conditions, *forward, output, worst->index, dialect_.axes));
}

void ErrorStatistics::offer(PassErrors& errors, const Run& run, std::size_t call, Output output,
                            const JudgedElement& element, double condition) {
  std::vector<WorstCase>& list = errors.worst;
  const double ratio = element.error.ratio;
  const auto ratio_of = [](const WorstCase& worst) { return worst.worst.error.ratio; };
  if (ratio <= 0 || (list.size() == PassErrors::most_worst && ratio <= ratio_of(list.back()))) return;
  // A case counts once, for all its outputs and for all laws that it is used with.
  const auto known =
      std::ranges::find_if(list, [&](const WorstCase& worst) { return worst.content == run.content; });
  if (known != list.end()) {
    if (ratio <= ratio_of(*known)) return;
    list.erase(known);
  }
  const ExpectedTensor& expected = run.expected[call].outputs.at(output);
  const auto at = std::ranges::upper_bound(list, ratio, std::ranges::greater(), ratio_of);
  list.insert(at, {run.content,
                   {call, output, element.index, element.got, expected.nearest(element.index), element.error,
                    expected.dtype()},
                   condition});
  if (list.size() > PassErrors::most_worst) list.pop_back();
}

}  // namespace bncheck
