#pragma once
/// Relations between the computed numbers of several runs, which do not depend on the right answer.

#include "laws/law_support.hpp"

namespace bncheck {

/// Computed number and the bound of its error.
struct Measured {
  long double value = 0;
  /// Half an ulp of the number for an exact subject, one ulp for a faithful one, otherwise the attainable
  /// error.
  long double bound = 0;
  /// Whether the bound is valid and the exact value rounds to a finite float.
  bool usable = true;
};
/// With `beyond`, numbers whose intermediate results leave the range of float are usable too, because wider
/// arithmetic, or scaling by powers of two, has no reason to fail there.
Measured measure(const Counterpart& at, const Capabilities& can, bool beyond = false);

/// Sum of computed numbers with known factors, which is 0 for the exact numbers. Each number is off by at
/// most its own bound, so the sum is off by at most Σ |factor|·bound.
class Balance {
 public:
  explicit Balance(const Capabilities& can, bool beyond = false) : can_(can), beyond_(beyond) {}
  void add(long double factor, const Counterpart& at);
  /// Adds a term that the subject did not compute, known to 2^−62 of itself.
  void add(long double term);
  /// Adds to the bound what the relation itself leaves open.
  void allow(long double amount) { allowed_ += amount; }
  /// Compares the sum with its bound. False if a number is not usable: then nothing was judged.
  bool judge(Verdict& verdict, const std::string& what) const;

 private:
  struct Term {
    long double factor;
    Counterpart at;
  };
  const Capabilities& can_;
  bool beyond_;
  std::vector<Term> terms_;
  std::vector<long double> known_;
  long double allowed_ = 0;
};

/// Name of an element in messages: "running_mean[3]".
std::string element_of(Output output, std::int64_t index);

/// new = factor·old + offset.
struct Change {
  long double factor = 1, offset = 0;
};
/// Checks that every output of the last call of `after` is that of `before`, changed as `change(output,
/// index)` says. `index` is that of an element for y and dx, and that of a channel for the other outputs. Not
/// applicable if nothing can be judged.
void judge_changes(const Run& before, const Run& after,
                   const std::function<Change(Output, std::int64_t)>& change, const Capabilities& can,
                   Verdict& verdict, bool beyond = false);

/// Whether a float holds the value without rounding.
bool is_float(double value);

/// ε for 2^k·x. It scales like the number to which it is added: σ² by 4^k, or σ by 2^k if ε is outside the
/// root.
double scaled_eps(double eps, int k, const Dialect& dialect);

/// x + c without rounding. In each channel c is 2^23 times the last bit of its values, or 0 if that sum would
/// be rounded.
struct Shifted {
  Tensor x;
  std::vector<float> offsets;
};
/// Throws Settled (not applicable) if no channel can be shifted.
Shifted shifted(const Tensor& x, Axes axes);
/// Rounds x to a few leading bits, so that there is room for a shift of about 2^(23 − bits) times the spread.
void leave_few_bits(Draws& draws, Tensor& x);

/// Samples [begin, end) of a tensor.
Tensor samples_of(const Tensor& tensor, std::int64_t begin, std::int64_t end);

/// Forward call of a case with finite values that normalises with the statistics of its batch. Throws Settled
/// (not applicable) for other cases.
const Forward& one_batch_forward(const Case& c, const Capabilities& can);

}  // namespace bncheck
