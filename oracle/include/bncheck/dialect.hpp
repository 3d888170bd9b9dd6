#pragma once
/// Dialect: the mathematics and the errors in which implementations legitimately differ. Deficient arithmetic
/// is never a dialect; accuracy is described in numerics.hpp.
///
/// Formulas of the knobs and sources of the presets: properties/DIALECTS.md.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bncheck/knob_description.hpp"

namespace bncheck {

enum class Averaging {
  new_weight,  ///< r ← (1−m)·r + m·s, where the interface takes m
  old_weight,  ///< r ← w·r + (1−w)·s, where the interface takes w, the double 1 − m
  ratio,       ///< S ← w·S + s, c ← w·c + 1, statistic = S/c (0 where c = 0); the interface takes w
  none,        ///< no running statistics are kept
};
enum class Cumulative {
  nearest_double,
  exact,
  unsupported
};  ///< m where momentum is absent: fl(1/k), 1/k, or not possible
enum class Correction { population, unbiased };  ///< divisor n, n−1
enum class SingleValue {
  error,  ///< one value per channel is rejected where batch statistics are used
  nan,    ///< the unbiased variance of one value is NaN (0/0)
  zero,   ///< the variance of one value counts as 0
  skip,   ///< the running statistics keep their values
};
enum class EmptyBatch { untouched, nan, error };
enum class EpsPlace { inside, outside, absent };  ///< √(v+ε), √v+ε, √v
enum class Saved { none, mean_var, mean_invstd };
enum class Scalar { f64, f32, data };  ///< precision of a number of the interface; data: double for double x
/// Weight q that belongs to the weight p of the interface, where the momentum becomes a float by fl. Where it stays a
/// double, q = 1 − p.
enum class Complement {
  exact,    ///< fl(p) and q = 1 − fl(p)
  rounded,  ///< fl(p) and q = fl(1 − fl(p))
  apart,    ///< fl(p) and q = fl(1 − p), where 1 − p is a double: their sum may differ from 1
  first,    ///< q = fl(1 − p), and 1 − q in the place of p
};
enum class Axes { spatial, per_activation };  ///< statistics per channel, or per channel and position

struct Dialect {
  std::string name = "pytorch";  ///< name of the preset that it was made from
  Averaging averaging = Averaging::new_weight;
  Cumulative cumulative = Cumulative::nearest_double;
  Correction running_variance = Correction::unbiased;
  Correction normalising_variance = Correction::population;
  SingleValue single_value = SingleValue::error;
  EmptyBatch empty_batch = EmptyBatch::untouched;
  EpsPlace eps_place = EpsPlace::inside;
  double eps_floor = 0;  ///< a smaller ε is raised to this
  /// Absent: the backward pass is the gradient of the forward pass. Present: dx is the textbook formula with
  /// h = 1/√(v + this) and 1/n in both means, whatever the forward pass uses; dweight keeps the x̂ of the
  /// forward pass. No knob describes a backward pass that uses both ε in one output, because that output
  /// would have two radicands.
  std::optional<double> backward_eps;
  Saved saved = Saved::mean_invstd;
  Scalar eps_as = Scalar::f64, momentum_as = Scalar::f64;
  Complement complement = Complement::exact;
  Axes axes = Axes::spatial;

  bool operator==(const Dialect&) const = default;
};

/// The presets: pytorch, onnx, keras, onednn, caffe, darknet.
const std::vector<Dialect>& dialect_presets();
std::optional<Dialect> dialect_named(std::string_view name);
/// Dialect from text: a preset and the knobs that differ from it, separated by commas: "pytorch",
/// "pytorch,running_var=population", "keras,eps_place=outside,eps_floor=1e-3". Without a preset the knobs
/// apply to pytorch. The knobs, in the order of the members above: averaging, cumulative, running_var,
/// normalising_var, single_value, empty_batch, eps_place, eps_floor (a finite number >= 0), backward_eps
/// (likewise, or "none"), saved, eps_as, momentum_as, complement, axes. The values are the names of the enumerators.
/// Two knobs of earlier versions stand for others: "scalars" for eps_as and momentum_as, and
/// "averaging=both_weights" for "averaging=old_weight,complement=apart". Throws
/// std::invalid_argument; its message of one line names what is unknown and what is known.
Dialect dialect_from_text(std::string_view text);
/// Shortest such text, from the preset that the dialect is named after, or from pytorch if the name is no
/// preset. dialect_from_text of the result has the same knobs.
std::string text_of(const Dialect& dialect);
/// Name of the preset that differs in the fewest knobs; the first one if there are several.
std::string nearest_preset(const Dialect& dialect);
/// Number of knobs in which the two dialects differ.
int knobs_apart(const Dialect& a, const Dialect& b);

/// The knobs, in the order of the members.
std::vector<KnobDescription> dialect_descriptions();
/// Their keys.
const std::vector<std::string>& dialect_knobs();
/// Values that a knob can have; empty for a knob that is a number. This function and the next two throw
/// std::invalid_argument as dialect_from_text does.
std::vector<std::string> knob_words(const std::string& knob);
std::string knob_of(const Dialect& dialect, const std::string& knob);
Dialect with_knob(Dialect dialect, const std::string& knob, const std::string& value);

/// All knobs with their values: "key=value", separated by blanks.
std::string describe(const Dialect& dialect);

}  // namespace bncheck
