/// Every output of the forward pass against interval arithmetic (witness.hpp).

#include "witness.hpp"

namespace bncheck::test {
namespace {

void check(const Problem& problem) {
  const ExpectedCall expected = expect(problem.config, problem.state, {problem.forward, {}}, problem.dialect);
  ASSERT_FALSE(expected.must_fail());
  Witness<Textbook, Problem> witness(problem);
  for (const auto& [output, tensor] : expected.outputs) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      witness.check(output, i, tensor.value(i));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

/// β is the float nearest to −γ·x̂ of one element per channel, so that element nearly cancels.
void make_cancel(Draft& draft, Random& random) {
  Problem& problem = draft.problem;
  const auto channels = static_cast<std::size_t>(problem.config.num_features);
  for (std::size_t c = 0; c < channels; ++c) {
    std::vector<double> values;
    for (std::size_t i = 0; i < draft.x.size(); ++i) {
      if (i / 2 % channels == c) values.push_back(static_cast<double>(draft.x[i]));
    }
    double mean = 0;
    double variance = 0;
    for (const double v : values) mean += v / static_cast<double>(values.size());
    for (const double v : values) variance += (v - mean) * (v - mean) / static_cast<double>(values.size());
    if (!problem.forward.training) {
      mean = static_cast<double>(draft.mean[c]);
      variance = static_cast<double>(draft.variance[c]);
    }
    const double x = random.pick(values);
    const double product =
        static_cast<double>(draft.weight[c]) * (x - mean) / std::sqrt(variance + problem.config.eps);
    if (std::fabs(product) <= 0x1.fffffep127) draft.bias[c] = static_cast<float>(-product);
  }
}

TEST_F(MpfiWitness, TrainingInEveryRegime) {
  Random random(20);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 400; ++k) {
      Draft draft = draw(random, regime, 5, 40);
      draft.problem.forward.training = true;
      leave_out_parameters(draft.problem.config, k);
      if (k % 8 == 1) draft.problem.dialect.saved = Saved::mean_var;
      if (k % 3 == 0) make_cancel(draft, random);
      check(finish(std::move(draft)));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 500000);
}

TEST_F(MpfiWitness, InferenceInEveryRegime) {
  Random random(21);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 400; ++k) {
      Draft draft = draw(random, regime, 5, 40);
      draft.problem.forward.training = false;
      if (k % 4 == 0) {
        draft.problem.config.eps = 0;
        for (float& v : draft.variance) v += v == 0 ? 1.0f : 0.0f;
      }
      if (k % 3 == 0) make_cancel(draft, random);
      check(finish(std::move(draft)));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 500000);
}

TEST_F(MpfiWitness, OtherDtypesInEveryRegime) {
  Random random(23);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 160; ++k) {
      Draft draft = draw(random, regime, 4, 30);
      draft.problem.forward.training = k % 3 != 0;
      leave_out_parameters(draft.problem.config, k);
      if (k % 8 == 1) draft.problem.dialect.saved = Saved::mean_var;
      const Dtype data = random.pick<Dtype>({Dtype::f64, Dtype::f16, Dtype::bf16});
      check(in_dtype(finish(std::move(draft)), data, k % 2 == 0 ? data : Dtype::f32, random));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 100000);
  EXPECT_GE(total.agreed_elsewhere, 300000);
}

TEST_F(MpfiWitness, OtherPlacesOfEpsAndCorrections) {
  Random random(22);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 180; ++k) {
      Draft draft = draw(random, regime, 3, 20);
      Dialect& dialect = draft.problem.dialect;
      draft.problem.forward.training = k % 3 != 0;
      dialect.eps_place = k % 6 == 5 && name != "constant" && name != "two-valued" && name != "neighbours"
                              ? EpsPlace::absent
                              : EpsPlace::outside;
      if (k % 2 == 0) dialect.normalising_variance = Correction::unbiased;
      if (k % 4 == 0) dialect.running_variance = Correction::population;
      if (k % 3 == 0) make_cancel(draft, random);
      for (float& v : draft.variance) v += v == 0 ? 1.0f : 0.0f;
      check(finish(std::move(draft)));
      if (HasFatalFailure()) return;
    }
  }
}

/// y = b + 2^−24·(1 − 2^−127) with b = 1 + 2^−23: the midpoint between b and its even neighbour, missed by
/// 2^−151.
TEST_F(MpfiWitness, MidpointsMissedByHundredsOfBits) {
  Draft draft;
  for (int k = 0; k < 16; ++k) draft.x.push_back(k / 4 % 2 == 0 ? 1.0f : -1.0f);
  draft.weight = {0x1p-24f, -0x1p-24f};
  draft.bias = {0x1.000002p0f, -0x1.000002p0f};
  draft.mean = {0, 0};
  draft.variance = {1, 1};
  draft.problem.config.num_features = 2;
  for (const bool training : {true, false}) {
    for (const double eps : {0x1p-126, 0x1p-120, 0x1.8p-60}) {
      draft.problem.config.eps = eps;
      draft.problem.forward.training = training;
      check(finish(draft));
    }
  }
  EXPECT_GT(total.beyond_first, 0);
}

/// (x − 2)/√2.25 + β and similar: V is a square, and all quotients are dyadic.
TEST_F(MpfiWitness, TiesOfSquareVariancesInInference) {
  Random random(23);
  std::int64_t exact_boundaries = 0;
  for (int k = 0; k < 60; ++k) {
    Draft draft;
    const auto significand = static_cast<float>(random.between(1, 4095));
    const float root = std::ldexp(significand, static_cast<int>(random.between(-20, 8)));
    draft.variance = {root * root};
    draft.problem.config.eps = 0;
    if (k % 2 == 0) {
      // The running variance plus ε is a square; the running variance alone is not.
      draft.problem.config.eps = 0x1p-30;
      const double rest = static_cast<double>(root) * static_cast<double>(root) - 0x1p-30;
      if (rest <= 0 || static_cast<double>(static_cast<float>(rest)) != rest) draft.problem.config.eps = 0;
      if (draft.problem.config.eps != 0) draft.variance = {static_cast<float>(rest)};
    }
    draft.mean = {static_cast<float>(random.between(-5, 5))};
    draft.weight = {0x1p-24f};
    draft.bias = {1};
    for (int i = 0; i < 32; ++i)
      draft.x.push_back(draft.mean[0] + root * static_cast<float>(random.between(-9, 9)));
    draft.problem.forward.training = false;
    const Problem problem = finish(std::move(draft));
    check(problem);
    const ExpectedTensor y =
        expect(problem.config, problem.state, {problem.forward, {}}, problem.dialect).outputs.at(Output::y);
    for (std::int64_t i = 0; i < y.size(); ++i)
      exact_boundaries += boundary_at(y.value(i)).has_value() ? 1 : 0;
  }
  EXPECT_GE(exact_boundaries, 300);
}

/// n = 10, x = 1 twice and 0 otherwise: n²(σ² + ε) = 16 + 100ε = 4^12 for ε = 4²(4^10 − 1)/100. The mean 0.2
/// is not dyadic, so no enclosure is ever a point, and y = 2^−15 · 2^−9 + 1 is a midpoint.
TEST_F(MpfiWitness, TiesOfSquareVariancesInTraining) {
  Draft draft;
  draft.x = {1, 0, 0, 0, 0, 0, 0, 1, 0, 0};
  draft.weight = {0x1p-15f};
  draft.bias = {1};
  draft.mean = {0};
  draft.variance = {1};
  draft.problem.config.eps = (0x1p24 - 16) / 100;
  draft.problem.forward.training = true;
  check(finish(draft));
  EXPECT_EQ(total.ties, 2);
  draft.weight = {0x1p-9f};
  draft.bias = {-0x1p-18f};
  check(finish(draft));  // y = 2^−18 − 2^−18
  EXPECT_EQ(total.ties, 4);
}

/// n = 9 integers of sum 3: the unbiased variance (S₂ − S₁²/n)/(n − 1) is (S₂ − 1)/8, a dyadic number
/// although the mean is 1/3, and a midpoint where S₂ − 1 ≡ 2 (mod 4) has 26 bits.
TEST_F(MpfiWitness, TiesOfRunningVariances) {
  Random random(24);
  for (int k = 0; k < 40; ++k) {
    Problem problem;
    std::vector<float> x;
    std::int64_t sum = 0;
    for (int i = 0; i < 8; ++i) {
      const std::int64_t v = random.between(-2900, 2900);
      sum += v;
      x.push_back(static_cast<float>(v));
    }
    x.push_back(static_cast<float>(3 - sum));
    problem.config.momentum = 1;
    problem.state = fresh_state(problem.config);
    problem.forward = {true, Tensor::of({9, 1, 1}, x)};
    check(problem);
  }
  EXPECT_GT(total.ties, 0);
}

TEST_F(MpfiWitness, TiesOfIntegers) {
  Random random(25);
  for (int k = 0; k < 60; ++k) {
    Draft draft;
    const float base = 0x1p23f + static_cast<float>(random.between(0, 1000));
    for (int i = 0; i < 8; ++i) draft.x.push_back(base + static_cast<float>(random.between(0, 1)) * 0.5f);
    draft.weight = {1};
    draft.bias = {base};
    draft.mean = {0};
    draft.variance = {4};
    draft.problem.config.eps = 0x1p-126;
    draft.problem.config.momentum = random.coin() ? 0.5 : 1.0;
    draft.problem.forward.training = random.coin();
    check(finish(std::move(draft)));
  }
}

}  // namespace
}  // namespace bncheck::test
