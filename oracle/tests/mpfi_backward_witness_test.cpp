/// dx, dγ and dβ against interval arithmetic (witness.hpp), each preset by itself: PyTorch's dialect, and
/// those with ε outside the root, without ε, with a variance over n − 1, and with an ε of the backward pass.

#include <memory>

#include "textbook_gradient.hpp"
#include "witness.hpp"

namespace bncheck::test {
namespace {

void check(const GradientProblem& problem) {
  const Call call{Backward{problem.dy}, {}};
  const ExpectedCall expected =
      expect(problem.config, problem.state, call, problem.dialect, &problem.forward);
  ASSERT_FALSE(expected.must_fail());
  Witness<TextbookGradient, GradientProblem> witness(problem);
  for (const auto& [output, tensor] : expected.outputs) {
    for (std::int64_t i = 0; i < tensor.size(); ++i) {
      witness.check(output, i, tensor.value(i));
      if (testing::Test::HasFatalFailure()) return;
    }
  }
}

// ---- dy

/// Affine function of x, rounded: x̂, y, or another one with much cancellation.
std::vector<float> affine_of_x(Random& random, const Draft& draft) {
  std::vector<float> dy;
  const auto scale = static_cast<double>(any_gamma(random));
  const auto shift = static_cast<double>(any_beta(random));
  for (const float x : draft.x) {
    const double value = static_cast<double>(x) * scale + shift;
    dy.push_back(std::fabs(value) <= 0x1.fffffep127 ? static_cast<float>(value) : 1.0f);
  }
  return dy;
}

using Slope = std::function<float(Random&, std::int64_t)>;

const std::vector<Slope>& slopes() {
  static const std::vector<Slope> all{
      [](Random& r, std::int64_t) { return static_cast<float>(r.normal()); },
      [](Random& r, std::int64_t) { return r.any_finite(); },
      [](Random&, std::int64_t) { return -0.7f; },
      [](Random& r, std::int64_t) { return neighbour(1.0f, r.between(-2, 2)); },
      [](Random&, std::int64_t i) { return i == 3 ? 0x1.fffffep127f : 0.0f; },
      [](Random& r, std::int64_t i) { return i % 4 < 2 ? 1e30f : -1e30f + static_cast<float>(r.normal()); },
      [](Random& r, std::int64_t) { return static_cast<float>(r.between(-99, 99)) * 0x1p-149f; },
      [](Random& r, std::int64_t) { return static_cast<float>(r.between(-2, 2)); },
      [](Random& r, std::int64_t) { return std::ldexp(1.0f, static_cast<int>(r.between(-126, 126))); }};
  return all;
}

std::vector<float> draw_dy(Random& random, const Draft& draft, int k) {
  const std::size_t kind = static_cast<std::size_t>(k) % (slopes().size() + 1);
  if (kind == slopes().size()) return affine_of_x(random, draft);
  std::vector<float> dy;
  for (std::size_t i = 0; i < draft.x.size(); ++i) {
    dy.push_back(slopes()[kind](random, static_cast<std::int64_t>(i)));
  }
  return dy;
}

GradientProblem with_dy(Draft draft, const std::vector<float>& dy) {
  GradientProblem problem{finish(std::move(draft)), {}};
  problem.dy = Tensor::of(problem.forward.x.shape, dy);
  return problem;
}

/// Without ε inside the root, a constant channel has no derivative, so its first element is changed.
void make_vary(Draft& draft) {
  const auto channels = static_cast<std::size_t>(draft.problem.config.num_features);
  for (std::size_t c = 0; c < channels; ++c) {
    bool varies = false;
    for (std::size_t i = 0; i < draft.x.size(); ++i) {
      varies = varies || (i / 2 % channels == c && draft.x[i] != draft.x[2 * c]);
    }
    if (!varies) draft.x[2 * c] = draft.x[2 * c] == 0 ? 1.0f : draft.x[2 * c] / 2;
  }
}

class MpfiBackwardWitness : public MpfiWitness {};

TEST_F(MpfiBackwardWitness, TrainingInEveryRegime) {
  Random random(40);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 200; ++k) {
      Draft draft = draw(random, regime, 4, 20);
      draft.problem.forward.training = true;
      leave_out_parameters(draft.problem.config, k);
      const std::vector<float> dy = draw_dy(random, draft, k);
      check(with_dy(std::move(draft), dy));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 100000);
}

TEST_F(MpfiBackwardWitness, InferenceInEveryRegime) {
  Random random(41);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 200; ++k) {
      Draft draft = draw(random, regime, 4, 20);
      draft.problem.forward.training = false;
      if (k % 4 == 0) {
        draft.problem.config.eps = 0;
        for (float& v : draft.variance) v += v == 0 ? 1.0f : 0.0f;
      }
      const std::vector<float> dy = draw_dy(random, draft, k);
      check(with_dy(std::move(draft), dy));
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 100000);
}

TEST_F(MpfiBackwardWitness, OtherDtypesInEveryRegime) {
  Random random(44);
  for (const auto& [name, regime] : regimes()) {
    SCOPED_TRACE(name);
    for (int k = 0; k < 80; ++k) {
      Draft draft = draw(random, regime, 3, 16);
      draft.problem.forward.training = k % 3 != 0;
      const Dtype data = random.pick<Dtype>({Dtype::f64, Dtype::f16, Dtype::bf16});
      const std::vector<float> dy = draw_dy(random, draft, k);
      const GradientProblem plain = with_dy(std::move(draft), dy);
      check({in_dtype(plain, data, k % 2 == 0 ? data : Dtype::f32, random),
             in_dtype(plain.dy, data, [&] { return random.uniform(); })});
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GE(total.agreed, 30000);
  EXPECT_GE(total.agreed_elsewhere, 90000);
}

std::vector<Dialect> other_dialects() {
  Dialect outside;
  outside.eps_place = EpsPlace::outside;
  Dialect less;
  less.normalising_variance = Correction::unbiased;
  Dialect outside_less = outside;
  outside_less.normalising_variance = Correction::unbiased;
  Dialect absent = less;
  absent.eps_place = EpsPlace::absent;
  Dialect own_eps;
  own_eps.backward_eps = 1e-3;
  Dialect all = outside_less;
  all.backward_eps = 1e-5;
  return {outside, less, outside_less, absent, own_eps, all};
}

TEST_F(MpfiBackwardWitness, OtherDialects) {
  Random random(42);
  for (const Dialect& dialect : other_dialects()) {
    for (const auto& [name, regime] : regimes()) {
      SCOPED_TRACE(name + ", " + describe(dialect));
      for (int k = 0; k < 60; ++k) {
        Draft draft = draw(random, regime, 3, 16);
        draft.problem.dialect = dialect;
        draft.problem.forward.training = k % 4 != 0;
        make_vary(draft);
        for (float& v : draft.variance) v += v == 0 ? 1.0f : 0.0f;
        const std::vector<float> dy = draw_dy(random, draft, k);
        check(with_dy(std::move(draft), dy));
        if (HasFatalFailure()) return;
      }
    }
  }
  EXPECT_GE(total.agreed, 100000);
}

/// ε is outside and σ = ε = 1: (√v)² − ε² = 0, and the root is rational, ties included.
TEST_F(MpfiBackwardWitness, SigmaThatEqualsAnEpsOutsideTheRoot) {
  Random random(43);
  for (int k = 0; k < 100; ++k) {
    Draft draft;
    const float sigma = std::ldexp(1.0f, static_cast<int>(random.between(-20, 20)));
    const auto mean = static_cast<float>(random.between(-3, 3)) * sigma;
    for (int i = 0; i < 8; ++i) draft.x.push_back(mean + (i % 2 == 0 ? sigma : -sigma));
    draft.weight = {any_gamma(random)};
    draft.bias = {0};
    draft.mean = {0};
    draft.variance = {sigma * sigma};
    draft.problem.config.eps = static_cast<double>(sigma);
    draft.problem.dialect.eps_place = EpsPlace::outside;
    draft.problem.forward.training = k % 3 != 0;
    const std::vector<float> dy = draw_dy(random, draft, k);
    check(with_dy(std::move(draft), dy));
    if (HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace bncheck::test
