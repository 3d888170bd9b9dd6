#pragma once
/// What the exact judge saw, pass by pass and output by output: figures, histograms, a bounded sample of
/// errors against the condition of the data, and the worst cases.

#include <map>
#include <utility>
#include <vector>

#include "core/error_sink.hpp"
#include "core/pass.hpp"
#include "core/verdict.hpp"
#include "search/error_figures.hpp"

namespace bncheck {

/// An error beside the condition number of its channel (search/condition.hpp).
struct ErrorPoint {
  double condition = 0, ulps = 0;
  std::int64_t elements = 1;  ///< that it stands for
};

/// At most one point for each power of two of the condition number and of the error: the worst element stands
/// for all that fall there, the first of equal ones. Bounded, whatever the number of elements, and dense
/// where the extremes are.
class ErrorScatter {
 public:
  void add(double condition, double ulps);
  std::vector<ErrorPoint> points() const;

 private:
  /// By LogHistogram's bins, where an error of 0 lies below and an infinite one above all others.
  std::map<std::pair<int, int>, ErrorPoint> cells_;
};

/// All of them of elements within float's range.
struct OutputErrors {
  ErrorFigures figures;  ///< these count all elements
  LogHistogram ulps, ratio;
  ErrorScatter scatter;
};

/// A case as it was run, with its worst element.
struct WorstCase {
  Case content;
  Mismatch worst;
  double condition = 0;  ///< NaN where there is none
};

struct PassErrors {
  static constexpr std::size_t most_worst = 5;

  std::map<Output, OutputErrors> outputs;
  /// Different cases, those with the largest ratios, the largest first.
  std::vector<WorstCase> worst;

  ErrorFigures total() const;
};

class ErrorStatistics : public ErrorSink {
 public:
  explicit ErrorStatistics(const Dialect& dialect) : dialect_(dialect) {}
  void take(const Run& run, std::size_t call, Output output,
            std::span<const JudgedElement> elements) override;

  /// Passes of which no element was judged are not in it.
  const std::map<Pass, PassErrors>& passes() const { return passes_; }
  /// Of all passes.
  ErrorFigures total() const;

 private:
  void offer(PassErrors& errors, const Run& run, std::size_t call, Output output,
             const JudgedElement& element, double condition);

  Dialect dialect_;
  std::map<Pass, PassErrors> passes_;
};

}  // namespace bncheck
