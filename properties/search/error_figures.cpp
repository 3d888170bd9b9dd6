#include "search/error_figures.hpp"

#include <algorithm>
#include <cmath>

namespace bncheck {

void ErrorFigures::add(const Error& error, bool has_bound) {
  ++elements;
  nearest += error.nearest ? 1 : 0;
  faithful += error.nearest || error.ulps < 1 ? 1 : 0;
  if (!error.in_range) {
    ++out_of_range;
    unjudged += has_bound ? 0 : 1;
    return;
  }
  worst_ulps = std::max(worst_ulps, error.ulps);
  worst_ratio = std::max(worst_ratio, error.ratio);
  worst_folded_ratio = std::max(worst_folded_ratio, error.folded_ratio);
}

void ErrorFigures::add(const ErrorFigures& other) {
  elements += other.elements;
  nearest += other.nearest;
  faithful += other.faithful;
  out_of_range += other.out_of_range;
  unjudged += other.unjudged;
  worst_ulps = std::max(worst_ulps, other.worst_ulps);
  worst_ratio = std::max(worst_ratio, other.worst_ratio);
  worst_folded_ratio = std::max(worst_folded_ratio, other.worst_folded_ratio);
}

double ErrorFigures::share_nearest() const {
  return elements == 0 ? 0 : static_cast<double>(nearest) / static_cast<double>(elements);
}

std::string_view name_of(AccuracyClass accuracy) {
  switch (accuracy) {
    case AccuracyClass::correctly_rounded:
      return "correctly rounded";
    case AccuracyClass::faithful:
      return "faithful";
    case AccuracyClass::sound:
      return "sound";
    case AccuracyClass::folded:
      return "explained by folding";
    case AccuracyClass::unsound:
      break;
  }
  return "unsound";
}

std::optional<AccuracyClass> accuracy_class(const ErrorFigures& figures) {
  if (figures.elements == 0) return std::nullopt;
  if (figures.nearest == figures.elements) return AccuracyClass::correctly_rounded;
  if (figures.faithful == figures.elements) return AccuracyClass::faithful;
  if (figures.out_of_range == figures.elements) return std::nullopt;
  if (figures.worst_ratio <= 1) return AccuracyClass::sound;
  return figures.worst_folded_ratio <= 1 ? AccuracyClass::folded : AccuracyClass::unsound;
}

int LogHistogram::bin_of(double value) {
  return std::clamp(std::ilogb(value), lowest, highest);
}

void LogHistogram::add(double value) {
  if (value == 0) {
    ++zeros_;
  } else if (!std::isfinite(value)) {
    ++infinite_;
  } else {
    ++counts_[static_cast<std::size_t>(bin_of(value) - lowest)];
  }
}

void LogHistogram::add(const LogHistogram& other) {
  zeros_ += other.zeros_;
  infinite_ += other.infinite_;
  for (std::size_t k = 0; k < bins; ++k) counts_[k] += other.counts_[k];
}

}  // namespace bncheck
