#pragma once
/// Relations between computed numbers: what several runs must have in common whatever the right answer is.

#include "laws/law_support.hpp"

namespace bncheck {

/// A computed number, and what the subject may have lost in it.
struct Measured {
  long double value = 0;
  /// Half an ulp of the number for an exact subject, an ulp for a faithful one, else the attainable error.
  long double bound = 0;
  /// The bound means something, and the exact value is a float.
  bool usable = true;
};
/// `beyond`: numbers count too whose intermediate results leave float's range; wider arithmetic, or scaling
/// by powers of two, has no reason to fail there.
Measured measure(const Counterpart& at, const Capabilities& can, bool beyond = false);

/// A sum of computed numbers with known factors, which is 0 for the exact ones. Each number is off by its own
/// bound at most, so the sum is off by the sum of |factor| bound.
class Balance {
 public:
  explicit Balance(const Capabilities& can, bool beyond = false) : can_(can), beyond_(beyond) {}
  void add(long double factor, const Counterpart& at);
  /// A term that is no result of the subject's, known to 2^-62.
  void add(long double term);
  /// What the relation itself leaves open.
  void allow(long double amount) { allowed_ += amount; }
  /// False where a number is not usable: nothing was judged.
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

/// "running_mean[3]", in messages.
std::string element_of(Output output, std::int64_t index);

/// new = factor old + offset.
struct Change {
  long double factor = 1, offset = 0;
};
/// Every output of the last call of `after` is that of `before`, changed as `change(output, index)` says;
/// `index` is that of a channel where the output is not y. Not applicable where nothing can be judged.
void judge_changes(const Run& before, const Run& after,
                   const std::function<Change(Output, std::int64_t)>& change, const Capabilities& can,
                   Verdict& verdict, bool beyond = false);

/// The weights of r <- old r + fresh s in a training call, from the options and the dialect alone. `batches`
/// counts that call.
struct RunningWeights {
  long double old, fresh;
};
RunningWeights running_weights(const Config& config, const Dialect& dialect, std::int64_t batches);

/// A float holds the value without rounding.
bool is_float(double value);

/// eps for 2^k x: it scales as what it is added to.
double scaled_eps(double eps, int k, const Dialect& dialect);

/// x + c without rounding, with the largest c for each channel that is a power of two, or 0.
struct Shifted {
  Tensor x;
  std::vector<float> offsets;
};
/// Throws Settled where no channel can be shifted.
Shifted shifted(const Tensor& x, Axes axes);
/// Rounds x to a few leading bits, so that there is room for a shift: its ratio to the spread is
/// 2^(23 - bits).
void leave_few_bits(Draws& draws, Tensor& x);

/// Samples [begin, end) of a tensor.
Tensor samples_of(const Tensor& tensor, std::int64_t begin, std::int64_t end);

/// The forward call of a case of finite values that normalises with the batch's statistics. Throws Settled.
const Forward& one_batch_forward(const Case& c, const Capabilities& can);

}  // namespace bncheck
