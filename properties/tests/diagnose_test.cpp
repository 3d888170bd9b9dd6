#include "search/diagnose.hpp"

#include <gmock/gmock.h>

#include <algorithm>

#include "any_dialect.hpp"
#include "core/draws.hpp"
#include "search/dialect_experiments.hpp"
#include "subjects/memory/single_call.hpp"
#include "subjects/registry.hpp"
#include "support.hpp"

namespace bncheck::test {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::IsEmpty;

std::span<const float> values_of(const std::optional<Tensor>& tensor) {
  return tensor ? tensor->floats() : std::span<const float>();
}
std::span<float> room_for(std::map<Output, Tensor>& outputs, Output output, const Shape& shape) {
  return outputs.emplace(output, Tensor::filled(shape, 0)).first->second.floats();
}

/// Subject that speaks a dialect without declaring it, as a foreign subject does: it sees single calls, with
/// the momentum that the interface of the assumed dialect takes.
class Anonymous : public Subject {
 public:
  explicit Anonymous(Dialect dialect) : dialect_(std::move(dialect)) {}
  std::string name() const override { return "anonymous"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }
  void assume(const Dialect& dialect) override { can_.dialect = dialect; }
  Outcome run(const Case& c) override {
    return run_single_calls(c, can_.dialect, [this](const SingleCall& call) { return take(call); });
  }

 private:
  PlainCall plain(const SingleCall& call) const {
    PlainCall plain;
    plain.dialect = dialect_;
    plain.batch = call.x->shape[0];
    plain.channels = call.x->shape[1];
    for (std::size_t k = 2; k < call.x->shape.size(); ++k) plain.positions *= call.x->shape[k];
    plain.eps = call.config.eps;
    plain.momentum = call.config.momentum;
    plain.num_batches_tracked = call.state.num_batches_tracked;
    plain.x = call.x->floats();
    plain.weight = values_of(call.state.weight);
    plain.bias = values_of(call.state.bias);
    return plain;
  }

  CallReply take(const SingleCall& call) const {
    const PlainCall input = plain(call);
    std::map<Output, Tensor> outputs;
    const Shape vector{input.statistics()};
    State state = call.state;
    PlainRunning running;
    if (state.running_mean) running = {state.running_mean->floats(), state.running_var->floats(), {}};
    if (state.running_weight) running.weight = state.running_weight->floats();
    std::optional<ErrorKind> error;
    if (is_backward(call.kind)) {
      PlainGradients gradients;
      if (call.want_dx) gradients.dx = room_for(outputs, Output::dx, call.x->shape);
      if (call.want_dweight) gradients.dweight = room_for(outputs, Output::dweight, vector);
      if (call.want_dbias) gradients.dbias = room_for(outputs, Output::dbias, vector);
      error = is_training(call.kind) ? train_backward(input, call.dy->floats(), gradients)
                                     : infer_backward(input, call.dy->floats(), running, gradients);
    } else {
      const std::span<float> y = room_for(outputs, Output::y, call.x->shape);
      PlainSaved saved;
      if (is_training(call.kind) && dialect_.saved != Saved::none) {
        saved.mean = room_for(outputs, Output::saved_mean, vector);
        saved.second = room_for(
            outputs, dialect_.saved == Saved::mean_var ? Output::saved_var : Output::saved_invstd, vector);
      }
      error = is_training(call.kind) ? train(input, y, running, saved) : infer(input, y, running);
    }
    if (error) return {Failure{*error, "refused", false}, std::nullopt, std::nullopt};
    const auto add = [&](Output output, const std::optional<Tensor>& tensor) {
      if (tensor && call.kind == CallKind::forward_training) outputs.emplace(output, *tensor);
    };
    add(Output::running_mean, state.running_mean);
    add(Output::running_var, state.running_var);
    add(Output::running_weight, state.running_weight);
    return {std::move(outputs), std::nullopt, std::nullopt};
  }

  Dialect dialect_;
  Capabilities can_;
};

/// Observable difference between the rules for a single value, which concern only n = 1.
std::string trace_of(SingleValue rule, const Dialect& d) {
  if (rule == SingleValue::error) return "error";
  std::string trace = "values";
  const bool y_tells = d.normalising_variance == Correction::unbiased && d.eps_place != EpsPlace::absent;
  if (y_tells && rule == SingleValue::nan) trace += ", y is NaN";
  if (d.averaging == Averaging::none) return trace;
  if (rule == SingleValue::skip) return trace + ", statistics stay";
  const bool var_tells = d.running_variance == Correction::unbiased;
  return var_tells && rule == SingleValue::nan ? trace + ", running_var is NaN" : trace;
}

std::vector<std::string> single_values(const Dialect& d) {
  std::vector<std::string> left;
  for (const SingleValue rule :
       {SingleValue::error, SingleValue::nan, SingleValue::zero, SingleValue::skip}) {
    Dialect other = d;
    other.single_value = rule;
    if (trace_of(rule, d) == trace_of(d.single_value, d)) left.push_back(knob_of(other, "single_value"));
  }
  return left;
}

/// Weights of r and of s that the subject ends with for the momentum m, as floats: what the outputs show of them.
std::vector<float> weights_shown(const Dialect& d, double m) {
  const bool of_new = d.averaging == Averaging::new_weight;
  const auto scalar = [&](double value) {
    return d.momentum_as == Scalar::f64 ? value : static_cast<double>(static_cast<float>(value));
  };
  const double p = of_new ? m : 1 - m;
  double given = scalar(p);
  double other = 1 - given;
  const bool narrow = d.momentum_as != Scalar::f64;
  if (narrow && (d.complement == Complement::apart || d.complement == Complement::first))
    other = scalar(1 - p);
  if (narrow && d.complement == Complement::first) given = 1 - other;
  if (d.averaging == Averaging::ratio) return {static_cast<float>(given), 1};
  return {static_cast<float>(of_new ? other : given), static_cast<float>(of_new ? given : other)};
}

bool nearly(float a, float b) {
  return std::fabs(a - b) <= 0x1p-22f * std::fabs(b);
}

/// What the experiments about the momentum show: m·s for two tiny m, and the smaller weight for two others.
std::vector<float> momentum_shown(const Dialect& d) {
  if (d.averaging == Averaging::none) return {};
  const auto fresh = [&](double m) { return weights_shown(d, m)[1]; };
  const float tiny = static_cast<float>(std::ldexp(weights_shown(d, 0x1p-40)[1], 60));
  // 2^-160 is no float: the product with 2^120 is.
  const bool kept = d.averaging == Averaging::ratio ||
                    (d.averaging == Averaging::new_weight && d.momentum_as == Scalar::f64);
  return {kept ? 1.0f : 0.0f, tiny, weights_shown(d, 0.99)[0], fresh(0.01)};
}

/// Values of a knob about the momentum among all ways of rounding it that show the same.
std::vector<std::string> momentum_values(const std::string& knob, const Dialect& d) {
  const std::vector<float> shown = momentum_shown(d);
  std::vector<std::string> values;
  for (const std::string& word : asked_words(knob)) {
    const std::string other = knob == "complement" ? "momentum_as" : "complement";
    const bool same = std::ranges::any_of(asked_words(other), [&](const std::string& another) {
      const Dialect like = with_knob(with_knob(d, knob, word), other, another);
      return std::ranges::equal(momentum_shown(like), shown, nearly);
    });
    if (same) values.push_back(word);
  }
  return values;
}

/// ε as a float shows in inference, with ε inside the root.
std::vector<std::string> eps_values(const Dialect& d) {
  return d.eps_place == EpsPlace::inside ? std::vector{asked_as(knob_of(d, "eps_as"))}
                                         : asked_words("eps_as");
}

/// Values of a knob that no experiment distinguishes from the dialect's own.
std::vector<std::string> indistinguishable(const std::string& knob, const Dialect& d) {
  const bool keeps_none = d.averaging == Averaging::none;
  if (knob == "momentum_as" || knob == "complement") return momentum_values(knob, d);
  if (knob == "eps_as") return eps_values(d);
  if (knob == "single_value") return single_values(d);
  if (knob == "running_var" && keeps_none) return knob_words(knob);
  if (knob == "cumulative" && keeps_none) return knob_words(knob);
  // The share 1/3 as a double and as an exact number give the same outputs. Averaging by ratio has no such
  // share: it divides a sum by its weight.
  const bool any_share = d.cumulative != Cumulative::unsupported && d.averaging != Averaging::ratio;
  if (knob == "cumulative" && any_share) return {"nearest_double", "exact"};
  if (knob == "empty_batch" && keeps_none && d.empty_batch != EmptyBatch::error) return {"untouched", "nan"};
  // The textbook formula is the derivative if there is no ε and the divisor of the variance is n.
  const bool textbook = d.eps_place == EpsPlace::absent && d.normalising_variance == Correction::population;
  if (knob == "backward_eps" && textbook && d.backward_eps.value_or(0) == 0) return {"none", "0"};
  if (knob == "eps_floor" && d.eps_place == EpsPlace::absent) return {"0", "any other"};
  return {knob_of(d, knob)};
}

void expect_found(const Dialect& dialect, const Diagnosis& diagnosis) {
  SCOPED_TRACE(text_of(dialect));
  EXPECT_THAT(diagnosis.unexplained, IsEmpty());
  for (const KnobFinding& finding : diagnosis.knobs) {
    EXPECT_THAT(finding.values, ElementsAreArray(indistinguishable(finding.knob, dialect)))
        << finding.knob << " " << finding.reason;
    EXPECT_EQ(finding.identified(), finding.reason.empty()) << finding.knob;
  }
}

const KnobFinding& finding_of(const Diagnosis& diagnosis, const std::string& knob) {
  return *std::ranges::find(diagnosis.knobs, knob, &KnobFinding::knob);
}

Dialect random_dialect(Draws& draws) {
  Dialect dialect;
  for (const std::string& knob : dialect_knobs()) {
    const std::vector<std::string> words = knob_words(knob);
    if (!words.empty()) dialect = with_knob(dialect, knob, draws.pick_from(words));
  }
  dialect.eps_floor = draws.pick({0.0, 1e-12, 1e-5, 1.001e-5, 1e-3, 0.25});
  if (draws.chance(1, 2)) dialect.backward_eps = draws.pick({0.0, 1e-12, 1e-5, 1.25e-3, 0.5});
  return dialect;
}

TEST(Diagnose, EveryPresetOfAnAnonymousSubject) {
  for (const Dialect& preset : dialect_presets()) {
    Anonymous subject(preset);
    const Diagnosis diagnosis = diagnose(subject);
    expect_found(preset, diagnosis);
    EXPECT_EQ(text_of(diagnosis.dialect), preset.name);
  }
}

TEST(Diagnose, TwoHundredRandomKnobSets) {
  RandomDraws draws(test_seed());
  for (int k = 0; k < 200 && !::testing::Test::HasFailure(); ++k) {
    const Dialect dialect = random_dialect(draws);
    Anonymous subject(dialect);
    expect_found(dialect, diagnose(subject));
  }
}

TEST(Diagnose, WhatItNamesExplainsWhatTheSubjectDoes) {
  RandomDraws draws(test_seed() + 1);
  for (int k = 0; k < 20; ++k) {
    const Dialect dialect = random_dialect(draws);
    Anonymous subject(dialect);
    const Diagnosis diagnosis = diagnose(subject);
    for (const KnobFinding& finding : diagnosis.knobs) {
      if (finding.knob == "eps_floor" && !finding.identified()) continue;
      EXPECT_THAT(finding.values, Contains(asked_as(knob_of(diagnosis.dialect, finding.knob))))
          << finding.knob;
    }
  }
}

/// Subjects of this process take a Case as it is, whatever dialect they are assumed to speak.
TEST(Diagnose, ExactAnswersInEveryPreset) {
  for (const Dialect& preset : dialect_presets()) {
    SCOPED_TRACE(preset.name);
    Perfect subject(preset);
    const Diagnosis diagnosis = diagnose(subject);
    EXPECT_THAT(diagnosis.unexplained, IsEmpty());
    for (const KnobFinding& finding : diagnosis.knobs) {
      // The oracle has an answer even if no program of this dialect has an interface for it.
      if (finding.knob == "cumulative") continue;
      EXPECT_THAT(finding.values, Contains(asked_as(knob_of(preset, finding.knob)))) << finding.knob;
    }
  }
}

/// Arithmetic in float32 adds ε as a float.
TEST(Diagnose, TheShippedBatchNormAndTheControlsSpeakPyTorch) {
  for (const auto& [name, dialect] :
       {std::pair("bn", "pytorch"), std::pair("control:welford", "pytorch,eps_as=f32"),
        std::pair("control:naive", "pytorch,eps_as=f32")}) {
    SCOPED_TRACE(name);
    const std::unique_ptr<Subject> subject = make_subject(name);
    const Diagnosis diagnosis = diagnose(*subject);
    EXPECT_THAT(diagnosis.unexplained, IsEmpty());
    EXPECT_EQ(text_of(diagnosis.dialect), dialect);
  }
}

/// 1 − m in double, then both weights rounded, as MLX, tinygrad and TVM do it; and float(1) − float(m), as libtorch does.
TEST(Diagnose, HowTheOtherWeightIsFormed) {
  const auto dialect_of = [](const char* text) {
    Anonymous subject(dialect_from_text(text));
    return text_of(diagnose(subject).dialect);
  };
  EXPECT_EQ(dialect_of("pytorch,momentum_as=f32,complement=apart"),
            "pytorch,momentum_as=f32,complement=apart");
  EXPECT_EQ(dialect_of("pytorch,momentum_as=f32,complement=rounded"), "pytorch,momentum_as=f32");
  EXPECT_EQ(dialect_of("onnx,complement=first"), "onnx,complement=first");
}

TEST(Diagnose, EvidenceNamesTheExperimentAndWhatEachValueGives) {
  Anonymous subject(*dialect_named("caffe"));
  const Evidence evidence = finding_of(diagnose(subject), "averaging").evidence.value();
  EXPECT_THAT(evidence.asks, ::testing::HasSubstr("running_mean 32"));
  EXPECT_THAT(evidence.place, ::testing::StartsWith("running_"));
  ASSERT_EQ(evidence.alternatives.size(), 4U);
  for (const Alternative& alternative : evidence.alternatives) {
    EXPECT_EQ(alternative.explains, alternative.value == "ratio");
    EXPECT_EQ(alternative.got == alternative.wanted, alternative.explains) << alternative.value;
  }
}

/// y is twice the right value, which no dialect has.
class Doubled : public Anonymous {
 public:
  Doubled() : Anonymous(Dialect()) {}
  Outcome run(const Case& c) override {
    Outcome outcome = Anonymous::run(c);
    for (Reply& reply : outcome.replies) {
      if (auto* values = std::get_if<Values>(&reply.result); values != nullptr) {
        const auto y = values->outputs.find(Output::y);
        if (y == values->outputs.end()) continue;
        for (float& value : y->second.floats()) value *= 2;
      }
    }
    return outcome;
  }
};

TEST(Diagnose, WhatNoDialectExplainsIsNamed) {
  Doubled subject;
  const Diagnosis diagnosis = diagnose(subject);
  EXPECT_THAT(diagnosis.unexplained, Contains(::testing::HasSubstr("no dialect gives y[0]")));
  EXPECT_FALSE(finding_of(diagnosis, "eps_place").identified());
  EXPECT_TRUE(finding_of(diagnosis, "averaging").identified());
}

/// Subject that refuses calls, or cannot be asked.
class Limited : public Anonymous {
 public:
  explicit Limited(const std::function<void(Capabilities&)>& limit)
      : Anonymous(Dialect()), can_(Anonymous::can()) {
    limit(can_);
  }
  const Capabilities& can() const override { return can_; }

 private:
  Capabilities can_;
};

/// Subject that takes no ε above 1, as most layers are tested.
class SmallEps : public Anonymous {
 public:
  explicit SmallEps(double most) : Anonymous(Dialect()), most_(most) {}
  Outcome run(const Case& c) override {
    if (c.config.eps <= most_) return Anonymous::run(c);
    Outcome outcome;
    outcome.replies.assign(c.calls.size(),
                           {Failure{ErrorKind::eps, "eps must be in (0, 1]", false}, c.state});
    return outcome;
  }

 private:
  double most_;
};

/// A refusal of the ε that all experiments have says nothing of batches with one value.
TEST(Diagnose, ARefusalOfEverythingIsNoEvidence) {
  SmallEps small(1);
  EXPECT_EQ(finding_of(diagnose(small), "single_value").values, std::vector<std::string>{"error"});
  EXPECT_FALSE(diagnose(small).rests_on_few());
  SmallEps none(0);
  const Diagnosis diagnosis = diagnose(none);
  EXPECT_GT(finding_of(diagnosis, "single_value").values.size(), 1U);
  EXPECT_EQ(diagnosis.asked, 0);
}

TEST(Diagnose, WhatCannotBeAskedIsNotIdentifiable) {
  Limited inference_only([](Capabilities& can) { can.training = can.backward = false; });
  const Diagnosis diagnosis = diagnose(inference_only);
  EXPECT_THAT(diagnosis.unexplained, IsEmpty());
  EXPECT_EQ(finding_of(diagnosis, "averaging").reason, "it has no training");
  EXPECT_EQ(finding_of(diagnosis, "eps_place").values, std::vector<std::string>{"inside"});

  Limited no_empty([](Capabilities& can) { can.empty = false; });
  EXPECT_EQ(finding_of(diagnose(no_empty), "empty_batch").reason, "it takes no empty batch");
  Limited no_backward([](Capabilities& can) { can.backward = false; });
  EXPECT_EQ(finding_of(diagnose(no_backward), "backward_eps").reason, "it has no backward pass");
}

}  // namespace
}  // namespace bncheck::test
