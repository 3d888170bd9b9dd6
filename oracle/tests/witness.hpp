#pragma once
/// Comparison of the oracle's numbers with interval arithmetic at growing precision. An element agrees where
/// both ends of its enclosure round to the oracle's float. Where no precision separates the ends, the number
/// must be exactly zero or the midpoint of two floats. The inputs are below.

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>

#include "textbook.hpp"

namespace bncheck::test {

inline constexpr mpfr_prec_t first_precision = 96;
inline constexpr mpfr_prec_t last_precision = 8192;

struct Counts {
  std::int64_t agreed = 0, ties = 0, undecided = 0, beyond_first = 0;
  std::int64_t agreed_elsewhere = 0;  ///< agreed in f16, bf16 and f64
};
inline Counts total;

/// The number itself if it is zero or the midpoint of the nearest float and a neighbour.
inline std::optional<Dyadic> boundary_at(const ExactNumber& exact) {
  if (exact.sign() == 0) return Dyadic();
  const std::uint32_t code = bits_of(std::fabs(exact.nearest_f32()));
  for (const std::uint32_t below : {code - 1, code}) {
    if (below >= 0x7f800000u) continue;  // includes 0 − 1, which wraps
    const Dyadic low = value_of_code(below, format_f32);
    const Dyadic middle{low.mantissa * 2 + 1, low.exponent - 1};
    for (const Dyadic& t : {middle, -middle}) {
      if (exact.compare(t) == 0) return t;
    }
  }
  return std::nullopt;
}

/// Compares the oracle's numbers with those of a `Book`: a textbook of problems of type `P`.
template <class Book, class P>
class Witness {
 public:
  explicit Witness(const P& problem) : problem_(problem) {}

  void check(Output output, std::int64_t index, const ExactNumber& exact) {
    const float claimed = exact.nearest_f32();
    for (mpfr_prec_t precision = first_precision; precision <= last_precision; precision *= 2) {
      if (const auto float_there = nearest_f32(book(precision).value(output, index))) {
        ASSERT_EQ(bits_of(claimed), bits_of(*float_there))
            << name_of(output) << '[' << index << "]: " << claimed << " is not " << *float_there;
        ++total.agreed;
        return check_other_formats(output, index, exact, book(precision));
      }
      total.beyond_first += precision == first_precision ? 1 : 0;
      if (const auto boundary = boundary_at(exact)) return check_boundary(output, index, claimed, *boundary);
    }
    ++total.undecided;
    ADD_FAILURE() << name_of(output) << '[' << index << "] is undecided at " << last_precision << " bits";
  }

 private:
  /// Number of another format that both ends of the deciding enclosure round to, if there is one.
  static void check_other_formats(Output output, std::int64_t index, const ExactNumber& exact,
                                  const Book& book) {
    const Interval interval = book.value(output, index);
    const Real left = interval.left();
    const Real right = interval.right();
    for (const FloatFormat& format : {format_f16, format_bf16, format_f64}) {
      const double low = nearest(left, format);
      if (low != nearest(right, format)) continue;
      EXPECT_EQ(exact.nearest(format), low)
          << name_of(output) << '[' << index << "] in a format of " << format.precision << " bits";
      ++total.agreed_elsewhere;
    }
  }

  /// A tie goes to the even float, and the enclosure at 2048 bits must contain it.
  void check_boundary(Output output, std::int64_t index, float claimed, const Dyadic& boundary) {
    EXPECT_TRUE(book(2048).value(output, index).contains(Real(2048, boundary)))
        << name_of(output) << '[' << index << ']';
    EXPECT_EQ(bits_of(claimed) & 1, 0u);
    ++total.ties;
  }

  const Book& book(mpfr_prec_t precision) {
    return books_.try_emplace(precision, problem_, precision).first->second;
  }

  const P& problem_;
  std::map<mpfr_prec_t, Book> books_;
};

// ---- inputs

using Regime = std::function<float(Random&, std::int64_t)>;

inline float neighbour(float base, std::int64_t steps) {
  return float_of(static_cast<std::uint32_t>(static_cast<std::int64_t>(bits_of(base)) + steps));
}

inline const std::map<std::string, Regime>& regimes() {
  static const std::map<std::string, Regime> all{
      {"ordinary", [](Random& r, std::int64_t) { return static_cast<float>(r.normal()); }},
      {"large mean", [](Random& r, std::int64_t) { return static_cast<float>(1e5 + r.normal()); }},
      {"larger mean", [](Random& r, std::int64_t) { return static_cast<float>(-3e7 + 20 * r.normal()); }},
      {"constant", [](Random&, std::int64_t c) { return static_cast<float>(c) * 0.7f - 1; }},
      {"two-valued",
       [](Random& r, std::int64_t c) { return (r.coin() ? 1.0f : -1.0f) / static_cast<float>(c + 1); }},
      {"huge",
       [](Random& r, std::int64_t) { return static_cast<float>((r.uniform() - 0.5) * 0x1.fffffep128); }},
      {"subnormal",
       [](Random& r, std::int64_t) { return static_cast<float>(r.between(-9999, 9999)) * 0x1p-149f; }},
      {"mixed", [](Random& r, std::int64_t) { return r.any_finite(); }},
      {"neighbours",
       [](Random& r, std::int64_t c) { return neighbour(static_cast<float>(c) + 0.3f, r.between(-1, 1)); }},
      {"integers", [](Random& r, std::int64_t) { return static_cast<float>(r.between(-8, 8)); }},
      {"powers of two",
       [](Random& r, std::int64_t) { return std::ldexp(1.0f, static_cast<int>(r.between(-30, 30))); }},
      {"one outlier", [](Random& r, std::int64_t) {
         return r.between(0, 40) == 0 ? 1e20f : static_cast<float>(r.normal());
       }}};
  return all;
}

inline double any_eps(Random& random) {
  static const std::vector<double> usual{1e-5, 1e-5, 1e-3, 1e-12, 0x1p-126, 0x1p127, 1.0, 0.75, 1e30};
  if (random.coin()) return random.pick(usual);
  const double significand = 1 + random.uniform();
  return std::ldexp(significand, static_cast<int>(random.between(-126, 126)));
}

inline std::optional<double> any_momentum(Random& random) {
  static const std::vector<std::optional<double>> usual{0.1,   0.0,          1.0,       -3.5,
                                                        1e300, std::nullopt, 0x1p-1074, 0.5};
  return random.pick(usual);
}

inline float any_gamma(Random& random) {
  static const std::vector<float> usual{1, 0, -1, 0x1p-24f, 0x1p-126f, 0x1.fffffep127f};
  const auto kind = random.between(0, 9);
  return kind == 0  ? random.any_finite()
         : kind < 4 ? random.pick(usual)
                    : static_cast<float>(random.normal());
}

inline float any_beta(Random& random) {
  static const std::vector<float> usual{0, -0.0f, 1, -1, 0x1p-149f, 0x1.fffffep127f};
  const auto kind = random.between(0, 9);
  return kind == 0  ? random.any_finite()
         : kind < 4 ? random.pick(usual)
                    : static_cast<float>(random.normal());
}

/// Of eight problems one has no parameters, one a bias alone and one a weight alone.
inline void leave_out_parameters(Config& config, int k) {
  config.weight = k % 8 != 0 && k % 8 != 3;
  config.bias = k % 8 != 0 && k % 8 != 5;
}

struct Draft {
  Problem problem;
  std::vector<float> x, weight, bias, mean, variance;
};

inline Draft draw(Random& random, const Regime& regime, std::int64_t max_channels, std::int64_t max_rows) {
  Draft draft;
  const std::int64_t channels = random.between(1, max_channels);
  const std::int64_t rows = random.between(1, max_rows);
  constexpr std::int64_t length = 2;
  for (std::int64_t i = 0; i < rows * channels * length; ++i) {
    draft.x.push_back(regime(random, i / length % channels));
  }
  for (std::int64_t c = 0; c < channels; ++c) {
    draft.weight.push_back(any_gamma(random));
    draft.bias.push_back(any_beta(random));
    draft.mean.push_back(random.coin() ? regime(random, c) : static_cast<float>(random.normal()));
    draft.variance.push_back(
        std::fabs(random.coin() ? regime(random, c) : static_cast<float>(random.normal())));
  }
  Config& config = draft.problem.config;
  config.num_features = channels;
  config.eps = any_eps(random);
  config.momentum = any_momentum(random);
  draft.problem.state.num_batches_tracked = random.between(0, 20);
  return draft;
}

inline Problem finish(Draft draft) {
  Problem& problem = draft.problem;
  const std::int64_t channels = problem.config.num_features;
  const auto rows = static_cast<std::int64_t>(draft.x.size()) / channels / 2;
  problem.forward.x = Tensor::of({rows, channels, 2}, draft.x);
  if (problem.config.weight) problem.state.weight = vector_of(draft.weight);
  if (problem.config.bias) problem.state.bias = vector_of(draft.bias);
  if (problem.config.track_running_stats) {
    problem.state.running_mean = vector_of(draft.mean);
    problem.state.running_var = vector_of(draft.variance);
  }
  return problem;
}

inline Problem in_dtype(Problem problem, Dtype data, Dtype vectors, Random& random) {
  const auto uniform = [&] { return random.uniform(); };
  problem.forward.x = in_dtype(problem.forward.x, data, uniform);
  for (Tensor* tensor : vectors_of(problem.state)) *tensor = in_dtype(*tensor, vectors, uniform);
  return problem;
}

class MpfiWitness : public testing::Test {
 protected:
  void SetUp() override { total = {}; }
  void TearDown() override {
    RecordProperty("agreed", std::to_string(total.agreed));
    RecordProperty("ties", std::to_string(total.ties));
    RecordProperty("undecided", std::to_string(total.undecided));
    std::printf(
        "mpfi witness: %lld elements agreed, %lld exact ties, %lld undecided (%lld wanted more than %lld "
        "bits)\n",
        static_cast<long long>(total.agreed), static_cast<long long>(total.ties),
        static_cast<long long>(total.undecided), static_cast<long long>(total.beyond_first),
        static_cast<long long>(first_precision));
    std::printf("mpfi witness: %lld agreed in other formats\n",
                static_cast<long long>(total.agreed_elsewhere));
    EXPECT_EQ(total.undecided, 0);
  }
};

}  // namespace bncheck::test
