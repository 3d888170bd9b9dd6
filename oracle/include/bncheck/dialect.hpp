#pragma once
/// What a BatchNorm *means*: the mathematics and the errors in which implementations legitimately differ.
/// Deficient arithmetic is never a dialect; accuracy is `numerics.hpp`.
///
/// Source of the presets: shared knowledge of the public implementations' code and documentation, see README.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace bncheck {

enum class Averaging {
  new_weight,    ///< r <- (1-m) r + m s, with m as given
  old_weight,    ///< r <- w r + (1-w) s, where the interface takes w: w = fl(1-m) in the scalars' precision
  both_weights,  ///< r <- w r + v s, w = fl(1-m) and v = fl(m) rounded separately: they need not add up to 1
  ratio,         ///< S <- w S + s, c <- w c + 1, statistic = S/c (0 where c = 0); w = fl(1-m)
  none,          ///< no running statistics are kept
};
enum class Cumulative {
  nearest_double,
  exact,
  unsupported
};  ///< what m is when momentum is absent: fl(1/k), 1/k
enum class Correction { population, unbiased };  ///< divide by n, by n-1
enum class SingleValue {
  error,  ///< one value per channel is rejected where batch statistics are used
  nan,    ///< an unbiased variance of one value is 0/0
  zero,   ///< its variance counts as 0
  skip,   ///< the running statistics keep their values
};
enum class EmptyBatch { untouched, nan, error };
enum class EpsPlace { inside, outside, absent };  ///< sqrt(v+eps), sqrt(v)+eps, sqrt(v)
enum class Saved { none, mean_var, mean_invstd };
enum class Scalars { f64, f32 };              ///< the precision in which eps and momentum reach the subject
enum class Axes { spatial, per_activation };  ///< statistics per channel, or per channel and position

struct Dialect {
  std::string name = "pytorch";  ///< the preset that it was made from
  Averaging averaging = Averaging::new_weight;
  Cumulative cumulative = Cumulative::nearest_double;
  Correction running_variance = Correction::unbiased;
  Correction normalising_variance = Correction::population;
  SingleValue single_value = SingleValue::error;
  EmptyBatch empty_batch = EmptyBatch::untouched;
  EpsPlace eps_place = EpsPlace::inside;
  double eps_floor = 0;  ///< eps is raised to at least this
  /// Absent: the backward pass is the gradient of the forward pass. Present: dx is the textbook's formula
  /// with h = 1/sqrt(v + this) and 1/n in both means, whatever the forward pass has; dweight keeps to the
  /// forward's x^. A backward pass that mixes both eps in one output would have two radicals: no dialect can
  /// ask for it.
  std::optional<double> backward_eps;
  Saved saved = Saved::mean_invstd;
  Scalars scalars = Scalars::f64;
  Axes axes = Axes::spatial;

  bool operator==(const Dialect&) const = default;
};

/// pytorch, onnx, keras, onednn, caffe, darknet.
const std::vector<Dialect>& dialect_presets();
std::optional<Dialect> dialect_named(std::string_view name);
/// A preset and what differs from it, separated by commas: "pytorch", "pytorch,running_var=population",
/// "keras,eps_place=outside,eps_floor=1e-3"; differences alone are from pytorch. The knobs, in the order of
/// the members above: averaging, cumulative, running_var, normalising_var, single_value, empty_batch,
/// eps_place, eps_floor (a finite number >= 0), backward_eps (likewise, or "none"), saved, scalars, axes; the
/// values are the enumerators' names. Throws std::invalid_argument whose one line names what is unknown, and
/// what is known.
Dialect dialect_from_text(std::string_view text);
/// The shortest such text from the preset that the dialect is named after (pytorch, where it is named after
/// none): dialect_from_text gives the same knobs back.
std::string text_of(const Dialect& dialect);
/// The preset that differs in the fewest knobs, the first of several.
std::string nearest_preset(const Dialect& dialect);
/// In how many knobs they differ.
int knobs_apart(const Dialect& a, const Dialect& b);

/// The knobs' keys, in the order of the members.
const std::vector<std::string>& dialect_knobs();
/// The values that a knob can have; none for one that is a number. This and the next two throw
/// std::invalid_argument as dialect_from_text does.
std::vector<std::string> knob_words(const std::string& knob);
std::string knob_of(const Dialect& dialect, const std::string& knob);
Dialect with_knob(Dialect dialect, const std::string& knob, const std::string& value);

/// Every knob and its value, "key=value" separated by blanks.
std::string describe(const Dialect& dialect);

}  // namespace bncheck
