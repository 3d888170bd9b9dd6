#pragma once
/// Statistics of the exact judge, by pass and output: figures, histograms, a bounded sample of errors against
/// the condition of the data, and the worst cases.

#include <map>
#include <utility>
#include <vector>

#include "core/error_sink.hpp"
#include "core/pass.hpp"
#include "core/verdict.hpp"
#include "search/error_figures.hpp"

namespace bncheck {

/// Error with the condition number of its channel (search/condition.hpp).
struct ErrorPoint {
  double condition = 0, ulps = 0;
  std::int64_t elements = 1;  ///< number of elements that it represents
};

/// At most one point for each power of two of the condition number and of the error. The worst element
/// represents all that fall there, the first one if several are equal. So the size is bounded for any number
/// of elements, and the extremes are kept.
class ErrorScatter {
 public:
  void add(double condition, double ulps);
  std::vector<ErrorPoint> points() const;

 private:
  /// Cells by LogHistogram's bins; an error of 0 lies below all others, an infinite one above.
  std::map<std::pair<int, int>, ErrorPoint> cells_;
};

/// Errors of one output. Only `figures` counts elements outside the exponent range.
struct OutputErrors {
  ErrorFigures figures;  ///< of all elements
  LogHistogram ulps, ratio;
  ErrorScatter scatter;
};

/// Case as it was run, with its worst element.
struct WorstCase {
  Case content;
  Mismatch worst;
  double condition = 0;  ///< NaN if there is none
};

struct PassErrors {
  static constexpr std::size_t most_worst = 5;

  std::map<Output, OutputErrors> outputs;
  /// Different cases with the largest ratios, in descending order.
  std::vector<WorstCase> worst;

  ErrorFigures total() const;
};

class ErrorStatistics : public ErrorSink {
 public:
  explicit ErrorStatistics(const Dialect& dialect) : dialect_(dialect) {}
  void take(const Run& run, std::size_t call, Output output,
            std::span<const JudgedElement> elements) override;

  /// Statistics by pass; a pass without judged elements is absent.
  const std::map<Pass, PassErrors>& passes() const { return passes_; }
  /// Figures of all passes together.
  ErrorFigures total() const;

 private:
  void offer(PassErrors& errors, const Run& run, std::size_t call, Output output,
             const JudgedElement& element, double condition);

  Dialect dialect_;
  std::map<Pass, PassErrors> passes_;
};

}  // namespace bncheck
