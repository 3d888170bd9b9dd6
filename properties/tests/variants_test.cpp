/// The faulty variants and the controls: controls satisfy every law, faults have visible effects.

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "laws/catalogue.hpp"
#include "search/tape.hpp"
#include "subjects/registry.hpp"
#include "subjects/variants/real.hpp"
#include "subjects/variants/sums.hpp"
#include "subjects/variants/variants.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using variants::Control;
using variants::Fault;
using variants::Real;
using variants::Reals;

// ---- the tables

TEST(Variants, NamesAreUnique) {
  std::set<std::string> names;
  for (const Fault& fault : variants::faults()) EXPECT_TRUE(names.insert(fault.name).second) << fault.name;
  names.clear();
  for (const Control& control : variants::controls()) {
    EXPECT_TRUE(names.insert(control.name).second) << control.name;
  }
}

TEST(Variants, EveryMechanismHasAFault) {
  std::set<int> rows;
  for (const Fault& fault : variants::faults()) rows.insert(fault.row);
  ASSERT_EQ(variants::mechanisms().size(), 20u);
  for (int row = 1; row <= 20; ++row) EXPECT_TRUE(rows.contains(row)) << row;
  EXPECT_EQ(rows.size(), 20u);
}

TEST(Variants, EveryFaultSaysWhereItComesFrom) {
  for (const Fault& fault : variants::faults()) {
    EXPECT_FALSE(std::string(fault.source).empty()) << fault.name;
    EXPECT_TRUE(std::string(fault.sentence).ends_with(".")) << fault.name;
  }
}

TEST(Variants, AreSubjectsByName) {
  EXPECT_EQ(make_subject("fault:one_pass")->name(), "fault:one_pass");
  EXPECT_EQ(make_subject("control:welford")->name(), "control:welford");
  EXPECT_EQ(make_subject("control:welford")->can().numerics.summation, Summation::welford);
  for (const char* unknown : {"fault:nope", "fault:", "control:one_pass", "fault:NAME"}) {
    try {
      make_subject(unknown);
      FAIL() << unknown;
    } catch (const std::invalid_argument& error) {
      const std::string message = error.what();
      EXPECT_NE(message.find(unknown), std::string::npos) << message;
      EXPECT_NE(message.find("bncheck list "), std::string::npos) << message;
      EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
  }
}

// ---- the arithmetic

/// Where float neither overflows nor underflows, Real rounds like float.
TEST(Real, RoundsAsFloatDoes) {
  RandomDraws draws(test_seed());
  for (int k = 0; k < 20000; ++k) {
    const auto draw = [&] {
      const auto significand = static_cast<float>((draws.bits(24) | 0x800000) & 0xffffff);
      return std::ldexp(draws.chance(1, 2) ? significand : -significand,
                        static_cast<int>(draws.between(-12, 12)));
    };
    const float a = draw();
    const float b = draw();
    const float c = draw();
    EXPECT_EQ((Real(a) + Real(b)).to_float(), a + b) << a << ' ' << b;
    EXPECT_EQ((Real(a) - Real(b)).to_float(), a - b) << a << ' ' << b;
    EXPECT_EQ((Real(a) * Real(b)).to_float(), a * b) << a << ' ' << b;
    EXPECT_EQ((Real(a) / Real(b)).to_float(), a / b) << a << ' ' << b;
    EXPECT_EQ(sqrt(Real(std::fabs(a))).to_float(), std::sqrt(std::fabs(a))) << a;
    // The product is rounded to 53 bits first, which changes the nearest float to the exact value only at a
    // tie.
    const float fma = std::fma(a, b, c);
    const float got = fused(Real(a), Real(b), Real(c)).to_float();
    EXPECT_TRUE(got == fma || got == std::nextafter(fma, got)) << a << ' ' << b << ' ' << c;
  }
}

TEST(Real, ReachesBeyondFloat) {
  const Real huge = 0x1p127f;
  EXPECT_EQ((huge * huge / huge).to_float(), 0x1p127f);
  EXPECT_TRUE(std::isinf((huge * huge).to_float()));
  EXPECT_TRUE(std::isinf((huge * huge).narrowed().value()));
  const Real tiny = 0x1.8p-149f;
  EXPECT_EQ((tiny * tiny / tiny).to_float(), tiny.to_float());
  EXPECT_EQ((tiny * tiny).narrowed().value(), 0);
  EXPECT_TRUE(std::isnan((huge * Real(std::nan(""))).value()));
}

TEST(Sums, AddUpWhateverTheMethod) {
  for (const int n : {1, 2, 7, 8, 9, 13, 16, 17, 31, 100, 1000}) {
    Reals terms;
    for (int i = 1; i <= n; ++i) terms.push_back(Real::count(i));
    for (const Control& control : variants::controls()) {
      for (const int threads : {1, 2, 3, 7}) {
        const Real sum = variants::sum(terms, control.recipe.normalising.sums, {threads, false});
        EXPECT_EQ(sum.value(), n * (n + 1) / 2) << control.name << ' ' << n << ' ' << threads;
      }
    }
  }
}

// ---- controls

class Controls : public testing::TestWithParam<Control> {};

TEST_P(Controls, PassEveryLaw) {
  for (const Law& law : all_laws()) {
    CheckOptions options = test_options();
    options.cases = some_of(law.traits.bulky ? 10 : 100);
    const std::unique_ptr<Subject> subject = variants::make_control(GetParam().name);
    const LawResult result = check_law(law, *subject, options);
    const bool limit = result.counterexample && result.rank == Rank::limit;
    EXPECT_TRUE(holds_or_is_not_applicable(result) || (limit && GetParam().recipe.literal))
        << law.name << " says '" << name_of(result.kind) << "', " << name_of(result.rank) << ", of "
        << subject->name() << " after " << result.cases << " cases: " << result.reason;
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, Controls, testing::ValuesIn(variants::controls()),
                         [](const auto& test) { return std::string(test.param.name); });

// ---- faults

/// Whether some law draws a case for which the fault's answer differs from the reference; whether the law is
/// violated is tested elsewhere.
bool is_triggered(const Fault& fault, int cases, bool bulky) {
  for (const Law& law : all_laws()) {
    if (law.traits.bulky != bulky) continue;
    const std::unique_ptr<Subject> faulty = variants::make_fault(fault.name);
    const std::unique_ptr<Subject> right = variants::make_control("two_pass");
    if (unmet_need(law, right->can())) continue;
    RandomDraws draws(test_seed());
    for (int k = 0; k < cases; ++k) {
      const Case c = law.draw(draws, right->can());
      if (!same_outcome(faulty->run(c), right->run(c))) return true;
    }
  }
  return false;
}

class Faults : public testing::TestWithParam<Fault> {};

TEST_P(Faults, AreTriggered) {
  const bool triggered =
      is_triggered(GetParam(), some_of(200), false) || is_triggered(GetParam(), some_of(4), true);
  EXPECT_TRUE(triggered || !draws_all);
}

INSTANTIATE_TEST_SUITE_P(Variants, Faults, testing::ValuesIn(variants::faults()),
                         [](const auto& test) { return std::string(test.param.name); });

/// The fault in a plugin that takes dense tensors in both usual layouts and no other strides.
class DenseInTwoLayouts : public Subject {
 public:
  explicit DenseInTwoLayouts(std::unique_ptr<Subject> subject)
      : subject_(std::move(subject)), can_(subject_->can()) {
    can_.strided = false;
  }
  std::string name() const override { return subject_->name(); }
  std::string version() const override { return subject_->version(); }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override { return subject_->run(c); }

 private:
  std::unique_ptr<Subject> subject_;
  Capabilities can_;
};

TEST(Layouts, AreComparedWhereASubjectTakesTwo) {
  for (const auto& [fault, law] : {std::pair{"x_read_as_nchw", "layouts_agree"},
                                   std::pair{"dy_read_as_nchw", "backward_layouts_agree"}}) {
    DenseInTwoLayouts wrong(variants::make_fault(fault));
    EXPECT_EQ(check_law(*law_named(law), wrong, test_options()).kind, Verdict::Kind::violated) << fault;
    DenseInTwoLayouts right(variants::make_control("two_pass"));
    const LawResult result = check_law(*law_named(law), right, test_options());
    EXPECT_EQ(result.kind, Verdict::Kind::holds) << result.reason;
  }
}

/// The comparison finds no difference for the reference itself.
TEST(Faults, TheReferenceIsNotTriggered) {
  const Fault none{"two_pass", 1, "none", "Nothing.", {}};
  for (const Law& law : all_laws()) {
    const std::unique_ptr<Subject> a = variants::make_control("two_pass");
    const std::unique_ptr<Subject> b = variants::make_variant("", "again", none.recipe, {});
    if (unmet_need(law, a->can()) || law.traits.bulky) continue;
    RandomDraws draws(test_seed());
    for (int k = 0; k < 20; ++k) {
      const Case c = law.draw(draws, a->can());
      EXPECT_TRUE(same_outcome(a->run(c), b->run(c))) << law.name;
    }
  }
}

}  // namespace
}  // namespace bncheck::test
