#include <gmock/gmock.h>

#include <algorithm>
#include <functional>

#include "bncheck/dialect.hpp"
#include "bncheck/numerics.hpp"

namespace bncheck {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string refusal(const std::function<void()>& read) {
  try {
    read();
  } catch (const std::invalid_argument& error) {
    return error.what();
  }
  return "accepted";
}
std::string dialect_refusal(std::string_view text) {
  return refusal([&] { dialect_from_text(text); });
}
std::string numerics_refusal(std::string_view text) {
  return refusal([&] { numerics_from_text(text); });
}

TEST(DialectText, APresetIsItsName) {
  for (const Dialect& preset : dialect_presets()) {
    EXPECT_EQ(text_of(preset), preset.name);
    EXPECT_EQ(dialect_from_text(preset.name), preset);
    EXPECT_EQ(nearest_preset(preset), preset.name);
  }
}

TEST(DialectText, EveryKnobOfEveryPresetIsRead) {
  for (const Dialect& preset : dialect_presets()) {
    std::string text = describe(preset);
    std::ranges::replace(text, ' ', ',');
    Dialect read = dialect_from_text(text);
    EXPECT_EQ(text_of(read) == "pytorch", preset.name == "pytorch") << text;
    read.name = preset.name;
    EXPECT_EQ(read, preset) << text;
  }
}

TEST(DialectText, DifferencesAreFromThePreset) {
  Dialect keras = *dialect_named("keras");
  keras.eps_place = EpsPlace::outside;
  keras.eps_floor = 1e-3;
  keras.backward_eps = 0.1;
  EXPECT_EQ(text_of(keras), "keras,eps_place=outside,eps_floor=0.001,backward_eps=0.1");
  EXPECT_EQ(dialect_from_text("keras,eps_floor=1e-3,backward_eps=0.1,eps_place=outside"), keras);

  Dialect darknet = *dialect_named("darknet");
  darknet.backward_eps.reset();
  EXPECT_EQ(text_of(darknet), "darknet,backward_eps=none");
  EXPECT_EQ(dialect_from_text("darknet,backward_eps=none"), darknet);
}

TEST(DialectText, WithoutAPresetItIsPyTorch) {
  Dialect expected;
  expected.running_variance = Correction::population;
  EXPECT_EQ(dialect_from_text("running_var=population"), expected);
  expected.name = "of no preset";
  EXPECT_EQ(text_of(expected), "pytorch,running_var=population");
}

TEST(DialectText, ValuesOfTheOldKindsComeBack) {
  for (const char* text :
       {"pytorch,averaging=ratio", "pytorch,cumulative=exact", "onnx,normalising_var=unbiased",
        "caffe,single_value=skip,empty_batch=error", "pytorch,empty_batch=nan", "pytorch,eps_place=absent",
        "pytorch,eps_floor=1e-300", "pytorch,backward_eps=0", "pytorch,saved=none,eps_as=f32",
        "pytorch,momentum_as=data,complement=first", "keras,eps_as=f32,complement=exact",
        "pytorch,axes=per_activation"}) {
    EXPECT_EQ(text_of(dialect_from_text(text)), text);
  }
}

/// Programs and plugins of earlier versions declare these.
TEST(DialectText, WordsOfEarlierVersionsStandForTodays) {
  const auto today = [](const char* text) { return text_of(dialect_from_text(text)); };
  EXPECT_EQ(today("pytorch,scalars=f32"), "pytorch,eps_as=f32,momentum_as=f32");
  EXPECT_EQ(today("onnx,scalars=f64"), "onnx,eps_as=f64,momentum_as=f64");
  EXPECT_EQ(today("pytorch,averaging=both_weights,scalars=f32"),
            "pytorch,averaging=old_weight,eps_as=f32,momentum_as=f32,complement=apart");
  EXPECT_EQ(today("onnx,averaging=both_weights"), "onnx,complement=apart");
  EXPECT_THAT(dialect_refusal("scalars=f16"), HasSubstr("unknown dialect knob 'scalars'"));
  EXPECT_THAT(dialect_refusal("scalars=f32,eps_as=f64"), HasSubstr("'eps_as' is given twice"));
}

TEST(DialectText, TheNearestPresetHasTheFewestDifferences) {
  EXPECT_EQ(nearest_preset(dialect_from_text("pytorch,running_var=population")), "pytorch");
  EXPECT_EQ(
      nearest_preset(dialect_from_text("keras,complement=exact,eps_as=f32,momentum_as=f32,eps_floor=1")),
      "onnx");
}

TEST(DialectText, OneKnobAtATime) {
  for (const std::string& knob : dialect_knobs()) {
    for (const std::string& word : knob_words(knob)) {
      const Dialect turned = with_knob(Dialect(), knob, word);
      EXPECT_EQ(knob_of(turned, knob), word);
      EXPECT_EQ(knobs_apart(turned, Dialect()), word == knob_of(Dialect(), knob) ? 0 : 1);
    }
  }
  EXPECT_TRUE(knob_words("eps_floor").empty());
  EXPECT_EQ(with_knob(Dialect(), "eps_floor", "0.5").eps_floor, 0.5);
  EXPECT_THROW(knob_of(Dialect(), "floor"), std::invalid_argument);
  EXPECT_THROW(with_knob(Dialect(), "saved", "all"), std::invalid_argument);
}

TEST(DialectText, WhatIsUnknownIsNamed) {
  EXPECT_THAT(dialect_refusal("latin"), AllOf(HasSubstr("'latin'"), HasSubstr("onnx, keras")));
  EXPECT_THAT(dialect_refusal(""), HasSubstr("unknown dialect ''"));
  EXPECT_THAT(dialect_refusal("latin,saved=none"), HasSubstr("unknown dialect 'latin'"));
  EXPECT_THAT(dialect_refusal("keras,save=none"),
              AllOf(HasSubstr("'save'"), HasSubstr("complement or axes")));
  EXPECT_THAT(dialect_refusal("keras,saved=all"),
              AllOf(HasSubstr("'all'"), HasSubstr("'saved'"), HasSubstr("none, mean_var or mean_invstd")));
  EXPECT_THAT(dialect_refusal("keras,saved"), HasSubstr("'saved' has no value"));
  EXPECT_THAT(dialect_refusal("saved=none,keras"), HasSubstr("unknown dialect knob 'keras'"));
  EXPECT_THAT(dialect_refusal("keras,"), HasSubstr("unknown dialect knob ''"));
  EXPECT_THAT(dialect_refusal("saved=none,saved=mean_var"), HasSubstr("'saved' is given twice"));
}

TEST(DialectText, AnEpsIsAFiniteNumberThatIsNotNegative) {
  for (const char* value : {"", "x", "1e", "1x", " 1", "-1", "-0", "inf", "nan", "1e999", "none"}) {
    EXPECT_THAT(dialect_refusal(std::string("eps_floor=") + value), HasSubstr("'eps_floor'")) << value;
  }
  EXPECT_THAT(dialect_refusal("backward_eps=-1"), HasSubstr("expected none or a finite number >= 0"));
}

TEST(NumericsText, AClaimAndItsKnobs) {
  EXPECT_EQ(numerics_from_text("sound"), Numerics());
  EXPECT_EQ(text_of(Numerics()), "sound");
  EXPECT_EQ(numerics_from_text("exact").claim, Claim::exact);
  EXPECT_EQ(numerics_from_text("summation=naive").summation, Summation::naive);
  Numerics all;
  all.claim = Claim::faithful;
  all.summation = Summation::compensated;
  all.range = Range::wide;
  all.arithmetic = Arithmetic::f64;
  all.rounds_statistics = true;
  all.flush_to_zero = true;
  all.deterministic = false;
  all.thread_invariant = true;
  all.layout_invariant = true;
  EXPECT_EQ(text_of(all),
            "faithful,summation=compensated,range=wide,arithmetic=f64,rounds_statistics=true,flush_to_zero="
            "true,deterministic=false,"
            "thread_invariant=true,layout_invariant=true");
  EXPECT_EQ(numerics_from_text(text_of(all)), all);
}

TEST(NumericsText, WhatIsUnknownIsNamed) {
  EXPECT_THAT(numerics_refusal("perfect"), AllOf(HasSubstr("'perfect'"), HasSubstr("faithful or sound")));
  EXPECT_THAT(numerics_refusal("sound,sums=naive"),
              AllOf(HasSubstr("'sums'"), HasSubstr("layout_invariant")));
  EXPECT_THAT(numerics_refusal("sound,range=f16"), AllOf(HasSubstr("'f16'"), HasSubstr("own or wide")));
  EXPECT_THAT(numerics_refusal("sound,deterministic=yes"), HasSubstr("expected false or true"));
}

}  // namespace
}  // namespace bncheck
