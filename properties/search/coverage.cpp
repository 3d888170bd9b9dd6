#include "search/coverage.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <set>

#include "bncheck/elements.hpp"
namespace bncheck {
namespace {

/// Figures of a channel that decide its regimes.
struct Channel {
  std::size_t count = 0, zeros = 0, distinct = 0;  ///< distinct: 3 means 3 or more
  double low = 0, high = 0;                        ///< of the finite values
  double smallest = 0, largest = 0;                ///< magnitudes of the finite values that are not 0
  bool finite = true, whole = true;
  FloatFormat format = format_f32;

  int max_exponent() const { return 1 - format.min_exponent; }
};

struct Facts {
  const Case& c;
  std::vector<Channel> channels;
};

std::vector<double> values_of_channel(const Tensor& x, std::int64_t channel) {
  const std::int64_t channels = x.shape[1];
  const std::int64_t spatial =
      x.shape[0] == 0 ? 0 : static_cast<std::int64_t>(x.size()) / (x.shape[0] * channels);
  std::vector<double> values;
  for (std::int64_t n = 0; n < x.shape[0]; ++n) {
    const std::int64_t row = (n * channels + channel) * spatial;
    for (std::int64_t i = 0; i < spatial; ++i) values.push_back(element(x, row + i));
  }
  return values;
}

Channel describe(const std::vector<double>& values, Dtype dtype) {
  Channel d;
  d.format = format_of(dtype);
  d.count = values.size();
  std::set<double> distinct;
  bool first = true;
  for (const double v : values) {
    d.finite = d.finite && std::isfinite(v);
    if (!std::isfinite(v)) continue;
    if (distinct.size() < 3) distinct.insert(v);
    d.zeros += v == 0 ? 1 : 0;
    d.whole = d.whole && std::trunc(v) == v && std::fabs(v) <= 0x1p24;
    d.low = first ? v : std::min(d.low, v);
    d.high = first ? v : std::max(d.high, v);
    first = false;
    if (v == 0) continue;
    d.smallest = d.largest == 0 ? std::fabs(v) : std::min(d.smallest, std::fabs(v));
    d.largest = std::max(d.largest, std::fabs(v));
  }
  d.distinct = distinct.size();
  return d;
}

Facts facts_of(const Case& c) {
  Facts facts{c, {}};
  for (const Call& call : c.calls) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    if (forward == nullptr) continue;
    const Tensor& x = forward->x;
    if (x.shape.size() < 2 || !x.is_whole() || x.size() == 0) continue;
    for (std::int64_t k = 0; k < x.shape[1]; ++k)
      facts.channels.push_back(describe(values_of_channel(x, k), x.dtype));
  }
  return facts;
}

using Test = std::function<bool(const Facts&)>;
using Possible = bool (*)(const Capabilities&);

Test any_channel(bool (*test)(const Channel&)) {
  return [=](const Facts& f) { return std::ranges::any_of(f.channels, test); };
}
Test any_call(std::function<bool(const Call&)> test) {
  return [test = std::move(test)](const Facts& f) { return std::ranges::any_of(f.c.calls, test); };
}
template <class T>
Test any_operation(bool (*test)(const T&)) {
  return any_call([=](const Call& call) {
    const auto* operation = std::get_if<T>(&call.operation);
    return operation != nullptr && test(*operation);
  });
}
Test any_shape(bool (*test)(const Shape&)) {
  return [=](const Facts& f) {
    return std::ranges::any_of(f.c.calls, [=](const Call& call) {
      const auto* forward = std::get_if<Forward>(&call.operation);
      return forward != nullptr && forward->x.shape.size() > 1 && test(forward->x.shape);
    });
  };
}
Test by_config(bool (*test)(const Config&)) {
  return [=](const Facts& f) { return test(f.c.config); };
}

std::int64_t values_of(const Shape& shape) {
  std::int64_t n = shape[0];
  for (std::size_t k = 2; k < shape.size(); ++k) n *= shape[k];
  return n;
}

/// Smallest |μ| in units of the spread that counts as a large mean: cancellation takes 10 bits or more, or
/// all but four bits of a shorter format.
double large_mean(const FloatFormat& format) {
  return std::ldexp(1.0, std::min(10, format.precision - 4));
}

bool of_large_mean(const Channel& d) {
  return d.distinct > 1 && std::fabs(d.low + d.high) / 2 > large_mean(d.format) * (d.high - d.low);
}
/// Whether all values are neighbours: the range is at most 16 ulps of the largest value.
bool of_neighbours(const Channel& d) {
  return d.distinct > 1 && d.largest > 0 &&
         d.high - d.low <= 16 * std::ldexp(1.0, std::max(std::ilogb(d.largest), d.format.min_exponent) -
                                                    (d.format.precision - 1));
}
/// Whether squares leave the range of the format.
bool of_huge(const Channel& d) {
  return d.largest > std::ldexp(1.0, d.max_exponent() / 2 + 1);
}
/// Whether all values are subnormal or slightly above.
bool of_tiny(const Channel& d) {
  return d.largest > 0 && d.largest < std::ldexp(1.0, d.format.min_exponent + 6);
}
bool of_mixed(const Channel& d) {
  return d.largest > std::ldexp(d.smallest, std::min(30, d.max_exponent() - 1));
}
bool of_ordinary(const Channel& d) {
  return d.finite && d.distinct > 2 && !d.whole && !of_large_mean(d) && !of_huge(d) && !of_tiny(d) &&
         !of_mixed(d) && d.zeros == 0;
}

struct Declared {
  CoverageClass name;
  Test test;
  Possible possible;
};

bool always(const Capabilities&) {
  return true;
}

void declare_regimes(std::vector<Declared>& all) {
  const auto add = [&](std::string_view name, bool (*test)(const Channel&), Possible possible = always) {
    all.push_back({{"x", name}, any_channel(test), possible});
  };
  add("ordinary", of_ordinary);
  add("large mean", of_large_mean);
  add("constant", [](const Channel& d) { return d.count > 1 && d.finite && d.distinct == 1; });
  add("two values", [](const Channel& d) { return d.count > 2 && d.finite && d.distinct == 2; });
  add("huge", of_huge);
  add("tiny", of_tiny);
  add("mixed", of_mixed);
  add("ulp neighbours", of_neighbours);
  add("integers", [](const Channel& d) { return d.distinct > 2 && d.finite && d.whole; });
  add("mostly zeros", [](const Channel& d) { return d.distinct > 1 && 2 * d.zeros > d.count; });
  add(
      "not finite", [](const Channel& d) { return !d.finite; },
      [](const Capabilities& can) { return can.non_finite_rule || can.canonical_bits; });
}

void declare_shapes(std::vector<Declared>& all) {
  const auto add = [&](std::string_view name, bool (*test)(const Shape&), Possible possible = always) {
    all.push_back({{"shape", name}, any_shape(test), possible});
  };
  add("empty", [](const Shape& s) { return values_of(s) == 0; });
  add("n = 2", [](const Shape& s) { return values_of(s) == 2; });
  add("n <= 8", [](const Shape& s) { return values_of(s) > 2 && values_of(s) <= 8; });
  add("n > 16 in whole vectors", [](const Shape& s) { return values_of(s) > 16 && values_of(s) % 16 == 0; });
  add("n > 16 with a vector's tail",
      [](const Shape& s) { return values_of(s) > 16 && values_of(s) % 16 != 0; });
  add(
      "n > 1024", [](const Shape& s) { return values_of(s) > 1024; },
      [](const Capabilities& can) { return can.backward; });
  add("one channel", [](const Shape& s) { return s[1] == 1; });
  add("more than 16 channels", [](const Shape& s) { return s[1] > 16; });
  add("one sample", [](const Shape& s) { return s[0] == 1 && s.size() > 2; });
  add("one position", [](const Shape& s) { return s.size() > 2 && values_of(s) == s[0] && s[0] > 0; });
}

void declare_calls(std::vector<Declared>& all) {
  const auto add = [&](std::string_view name, Test test, Possible possible = always) {
    all.push_back({{"call", name}, std::move(test), possible});
  };
  const Possible settable = [](const Capabilities& can) { return can.settable; };
  add("training", any_operation<Forward>([](const Forward& f) { return f.training; }));
  add("inference", any_operation<Forward>([](const Forward& f) { return !f.training; }));
  add("backward", any_operation<Backward>([](const Backward&) { return true; }),
      [](const Capabilities& can) { return can.backward; });
  add("several forward calls", [](const Facts& f) {
    return std::ranges::count_if(f.c.calls, [](const Call& call) {
             return std::holds_alternative<Forward>(call.operation);
           }) > 1;
  });
  add("set momentum", any_operation<SetMomentum>([](const SetMomentum&) { return true; }), settable);
  add("load", any_operation<Load>([](const Load&) { return true; }), settable);
}

void declare_options(std::vector<Declared>& all) {
  const auto add = [&](std::string_view name, bool (*test)(const Config&), Possible possible = always) {
    all.push_back({{"option", name}, by_config(test), possible});
  };
  const Possible alone = [](const Capabilities& can) { return can.weight_or_bias_alone; };
  add("affine", [](const Config& c) { return c.weight && c.bias; });
  add("weight only", [](const Config& c) { return c.weight && !c.bias; }, alone);
  add("bias only", [](const Config& c) { return c.bias && !c.weight; }, alone);
  add(
      "no affine", [](const Config& c) { return !c.has_parameters(); },
      [](const Capabilities& can) { return can.without_affine; });
  add("tracked", [](const Config& c) { return c.track_running_stats; });
  add(
      "untracked", [](const Config& c) { return !c.track_running_stats; },
      [](const Capabilities& can) { return can.untracked; });
  add(
      "cumulative average", [](const Config& c) { return !c.momentum; },
      [](const Capabilities& can) { return can.dialect.cumulative != Cumulative::unsupported; });
  add("momentum 0", [](const Config& c) { return c.momentum == 0.0; });
  add("momentum 1", [](const Config& c) { return c.momentum == 1.0; });
  add("another momentum", [](const Config& c) { return c.momentum && *c.momentum != 0 && *c.momentum != 1; });
  add("eps 1e-5", [](const Config& c) { return c.eps == 1e-5 || c.eps == static_cast<double>(1e-5f); });
  add("smaller eps", [](const Config& c) { return c.eps > 0 && c.eps < 0.9e-5; });
  add("larger eps", [](const Config& c) { return c.eps > 1.1e-5; });
}

void declare_executions(std::vector<Declared>& all) {
  const auto add = [&](std::string_view name, bool (*test)(const Exec&), Possible possible = always) {
    all.push_back(
        {{"execution", name}, any_call([=](const Call& call) { return test(call.exec); }), possible});
  };
  const Possible strided = [](const Capabilities& can) { return can.strided; };
  const Possible environment = [](const Capabilities& can) { return can.any_environment; };
  add("dense", [](const Exec& e) { return e.x == Placement{}; });
  add(
      "channels-last",
      [](const Exec& e) { return !e.x.order.empty() && e.x.order == channels_last(e.x.order.size()).order; },
      strided);
  add(
      "permuted",
      [](const Exec& e) { return !e.x.order.empty() && e.x.order != channels_last(e.x.order.size()).order; },
      strided);
  add("gaps", [](const Exec& e) { return !e.x.gaps.empty(); }, strided);
  add(
      "in place", [](const Exec& e) { return e.overlap == Overlap::in_place; },
      [](const Capabilities& can) { return can.in_place; });
  add(
      "threads", [](const Exec& e) { return e.threads > 1; },
      [](const Capabilities& can) { return can.threads; });
  add("another rounding mode", [](const Exec& e) { return e.rounding != Rounding::nearest; }, environment);
  add("flush to zero", [](const Exec& e) { return e.flush_to_zero; }, environment);
}

const std::vector<Declared>& declared() {
  static const std::vector<Declared> all = [] {
    std::vector<Declared> classes;
    declare_regimes(classes);
    declare_shapes(classes);
    declare_calls(classes);
    declare_options(classes);
    declare_executions(classes);
    return classes;
  }();
  return all;
}

}  // namespace

const std::vector<CoverageClass>& coverage_classes() {
  static const std::vector<CoverageClass> classes = [] {
    std::vector<CoverageClass> names;
    for (const Declared& d : declared()) names.push_back(d.name);
    return names;
  }();
  return classes;
}

void Coverage::add(const Case& c) {
  ++cases_;
  const Facts facts = facts_of(c);
  for (std::size_t k = 0; k < counts_.size(); ++k) counts_[k] += declared()[k].test(facts) ? 1 : 0;
}

void Coverage::add(const Coverage& other) {
  cases_ += other.cases_;
  for (std::size_t k = 0; k < counts_.size(); ++k) counts_[k] += other.counts_[k];
}

std::vector<CoverageClass> Coverage::never_met(const Capabilities& can) const {
  std::vector<CoverageClass> classes;
  for (std::size_t k = 0; k < counts_.size(); ++k) {
    if (counts_[k] == 0 && declared()[k].possible(can)) classes.push_back(declared()[k].name);
  }
  return classes;
}

}  // namespace bncheck
