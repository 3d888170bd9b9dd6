#include "spoiler.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "laws/catalogue.hpp"
#include "laws/law_support.hpp"
#include "subjects/bn_subject.hpp"

namespace bncheck::test {
namespace {

/// Subject that runs the calls of a case one by one on the right subject, each from the state that the
/// spoiler left after the call before. A Backward runs together with its forward call.
class Spoiled : public Subject {
 public:
  explicit Spoiled(const Spoiler& spoiler)
      : spoiler_(spoiler), right_(make_bn_functional()), can_(right_->can()) {
    can_.remembers_forward = true;
  }
  std::string name() const override { return spoiler_.name; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    Outcome outcome;
    State state = c.state;
    const Call* latest = nullptr;
    for (const Call& call : c.calls) {
      const bool gradient = std::holds_alternative<Backward>(call.operation);
      Case asked{c.config, state, {call}};
      if (gradient) {
        asked.calls.insert(asked.calls.begin(), latest != nullptr ? *latest : stand_in(call));
        asked.state.num_batches_tracked = 0;  // at its maximum, the repeated forward call would fail
      }
      Reply reply;
      if (gradient && lacks_forward(call, latest)) {
        reply = {Failure{ErrorKind::no_forward, "no forward", false}, state};
      } else {
        Outcome answer = right_->run(asked);
        if (answer.death) return answer;
        reply = std::move(answer.replies.back());
        // The forward call before a gradient is a repetition, so its changes of the state are dropped.
        if (gradient) reply.state = state;
      }
      const bool wanted = gradient ? spoiler_.calls != Spoils::forward : spoiler_.calls != Spoils::backward;
      const bool forward = std::holds_alternative<Forward>(call.operation);
      if ((gradient || forward) && wanted) spoiler_.spoil({asked, reply, runs_, *right_});
      if (forward && std::holds_alternative<Values>(reply.result)) latest = &call;
      state = reply.state;
      outcome.replies.push_back(std::move(reply));
    }
    ++runs_;
    return outcome;
  }

 private:
  static Call stand_in(const Call& gradient) {
    return {Forward{true, std::get<Backward>(gradient.operation).dy}, {}};
  }
  static bool lacks_forward(const Call& gradient, const Call* latest) {
    if (latest == nullptr) return true;
    const bool mode = std::get<Forward>(latest->operation).training;
    return std::get<Backward>(gradient.operation).training.value_or(mode) != mode;
  }

  Spoiler spoiler_;
  std::unique_ptr<Subject> right_;
  Capabilities can_;
  int runs_ = 0;
};

}  // namespace

// ---- building blocks

void each_y(const Spoiling& s,
            const std::function<float(float y, std::size_t channel, std::int64_t n)>& change) {
  Tensor* y = s.y();
  if (y == nullptr || y->bytes.empty()) return;
  const Geometry geometry(y->shape);
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(y->size()); ++i) {
    float& value = y->floats()[static_cast<std::size_t>(i)];
    const auto channel = static_cast<std::size_t>(i / geometry.spatial % geometry.channels);
    value = change(value, channel, i / geometry.spatial / geometry.channels);
  }
}

Spoil scale_y(float factor) {
  return
      [=](const Spoiling& s) { each_y(s, [=](float y, std::size_t, std::int64_t) { return y * factor; }); };
}

float beta_of(const Spoiling& s, std::size_t channel) {
  return s.asked.state.bias ? s.asked.state.bias->floats()[channel] : 0;
}

Spoil answers_instead(const std::function<void(Case&)>& change) {
  return [=](const Spoiling& s) {
    if (s.y() == nullptr) return;
    Case other = s.asked;
    change(other);
    Reply reply = s.instead(other);
    if (std::holds_alternative<Values>(reply.result)) s.reply = std::move(reply);
  };
}

namespace {

void flip_last_bit(const Spoiling& s) {
  Tensor* y = s.y();
  if (y == nullptr || y->bytes.empty()) return;
  y->floats()[0] = std::bit_cast<float>(std::bit_cast<std::uint32_t>(y->floats()[0]) ^ 1);
}

Spoil momentum_is(const std::function<std::optional<double>(std::optional<double>)>& wrong) {
  return answers_instead([=](Case& c) { c.config.momentum = wrong(c.config.momentum); });
}

Failure* failure_of(const Spoiling& s, ErrorKind kind) {
  auto* failure = std::get_if<Failure>(&s.reply.result);
  return failure != nullptr && failure->kind == kind ? failure : nullptr;
}

/// Accepts calls that must be rejected.
Spoil accepts(ErrorKind kind) {
  return [=](const Spoiling& s) {
    if (failure_of(s, kind) == nullptr) return;
    s.reply.result = Values{{{Output::y, s.forward().x}}};
  };
}

// ---- values

void swaps_channels(const Spoiling& s) {
  const Tensor* y = s.y();
  if (y == nullptr || y->bytes.empty() || y->shape[1] < 2) return;
  const Tensor before = *y;
  const Geometry geometry(before.shape);
  for (std::int64_t n = 0; n < geometry.samples; ++n) {
    for (std::int64_t at = 0; at < geometry.spatial; ++at) {
      for (const std::int64_t c : {0, 1}) {
        s.y()->floats()[static_cast<std::size_t>(geometry.at(n, c, at))] =
            before.floats()[static_cast<std::size_t>(geometry.at(n, 1 - c, at))];
      }
    }
  }
}

void leaks_nan_to_the_next_channel(const Spoiling& s) {
  if (s.y() == nullptr || s.y()->bytes.empty()) return;
  std::vector<bool> poisoned(static_cast<std::size_t>(s.y()->shape[1]) + 1, false);
  each_y(s, [&](float y, std::size_t channel, std::int64_t) {
    if (std::isnan(y)) poisoned[channel + 1] = true;
    return y;
  });
  each_y(s, [&](float y, std::size_t channel, std::int64_t) {
    return poisoned[channel] ? std::numeric_limits<float>::quiet_NaN() : y;
  });
}

/// Replaces every y that is not finite by 0.
void hides_non_finite_values(const Spoiling& s) {
  each_y(s, [](float y, std::size_t, std::int64_t) { return std::isfinite(y) ? y : 0; });
}

void returns_negative_zeros(const Spoiling& s) {
  each_y(s, [](float y, std::size_t, std::int64_t) { return y == 0 ? -0.0f : y; });
}

/// Sets y = β in all channels if any |x| is above 2^64, whose square overflows float.
void overflows_in_squares(const Spoiling& s) {
  if (s.y() == nullptr || !s.training()) return;
  const bool huge =
      std::ranges::any_of(s.forward().x.floats(), [](float x) { return std::fabs(x) > 0x1p64f; });
  if (!huge) return;
  each_y(s, [&](float, std::size_t channel, std::int64_t) { return beta_of(s, channel); });
}

void shifts_the_mean(const Spoiling& s) {
  if (!s.training()) return;
  each_y(s, [](float y, std::size_t, std::int64_t) { return y + 0.01f; });
}

void normalises_with_the_unbiased_variance(const Spoiling& s) {
  if (!s.training() || s.y() == nullptr || s.y()->bytes.empty()) return;
  const auto n = static_cast<float>(values_per_channel(s.y()->shape));
  const float factor = std::sqrt((n - 1) / n);
  each_y(s, [&](float y, std::size_t channel, std::int64_t) {
    return (y - beta_of(s, channel)) * factor + beta_of(s, channel);
  });
}

// ---- state

/// The new running variance minus (1−m) times the old one is m times the unbiased variance. It is multiplied
/// by (n−1)/n.
void updates_with_the_biased_variance(const Spoiling& s) {
  if (!s.training() || !s.reply.state.running_var || s.y() == nullptr || s.y()->bytes.empty()) return;
  const auto n = static_cast<double>(values_per_channel(s.y()->shape));
  const double momentum =
      s.asked.config.momentum.value_or(1.0 / static_cast<double>(s.reply.state.num_batches_tracked));
  const std::span<const float> before = s.asked.state.running_var->floats();
  const std::span<float> after = s.reply.state.running_var->floats();
  for (std::size_t c = 0; c < after.size(); ++c) {
    const double kept = (1 - momentum) * static_cast<double>(before[c]);
    after[c] = static_cast<float>(kept + (static_cast<double>(after[c]) - kept) * (n - 1) / n);
  }
}

void infers_with_the_batch(const Spoiling& s) {
  if (s.training() || s.y() == nullptr) return;
  Case other = s.asked;
  std::get<Forward>(other.calls[0].operation).training = true;
  const Reply reply = s.instead(other);
  if (std::holds_alternative<Values>(reply.result)) s.reply.result = reply.result;
}

void counts_inference_batches(const Spoiling& s) {
  if (!s.training() && s.y() != nullptr) ++s.reply.state.num_batches_tracked;
}

void updates_statistics_in_inference(const Spoiling& s) {
  if (s.training() || s.y() == nullptr || !s.reply.state.running_mean) return;
  float& mean = s.reply.state.running_mean->floats()[0];
  mean = mean == 1 ? 2 : 1;
}

/// Inference without running statistics normalises with mean 0 and variance 1 instead of the batch's
/// statistics.
void forgets_untracked_inference(const Spoiling& s) {
  if (s.asked.config.track_running_stats || s.training() || s.y() == nullptr) return;
  Case other = s.asked;
  other.config.track_running_stats = true;
  const Shape length{other.config.num_features};
  other.state.running_mean = Tensor::filled(length, 0);
  other.state.running_var = Tensor::filled(length, 1);
  Reply reply = s.instead(other);
  auto& values = std::get<Values>(reply.result).outputs;
  values.merge(std::get<Values>(s.reply.result).outputs);
  s.reply.result = std::move(reply.result);
}

void decays_on_empty_batches(const Spoiling& s) {
  if (s.y() == nullptr || !s.y()->bytes.empty() || !s.reply.state.running_var) return;
  for (float& v : s.reply.state.running_var->floats()) v = 0.9f * v + 1;
}

void counts_failed_calls(const Spoiling& s) {
  if (std::holds_alternative<Failure>(s.reply.result)) ++s.reply.state.num_batches_tracked;
}

void writes_and_fails(const Spoiling& s) {
  if (auto* failure = std::get_if<Failure>(&s.reply.result)) failure->wrote_outputs = true;
}

void names_the_wrong_error(const Spoiling& s) {
  if (auto* failure = std::get_if<Failure>(&s.reply.result)) failure->kind = ErrorKind::other;
}

void fails_without_a_word(const Spoiling& s) {
  if (auto* failure = std::get_if<Failure>(&s.reply.result)) failure->message.clear();
}

void rejects_everything(const Spoiling& s) {
  if (std::holds_alternative<Values>(s.reply.result))
    s.reply.result = Failure{ErrorKind::channels, "no", false};
}

// ---- shape, place, order, environment

void flattens_y(const Spoiling& s) {
  if (Tensor* y = s.y()) y->shape = {static_cast<std::int64_t>(y->size())};
}

void flattens_empty_y(const Spoiling& s) {
  if (s.y() != nullptr && s.y()->bytes.empty()) s.y()->shape = {0};
}

void returns_no_statistics(const Spoiling& s) {
  if (auto* values = std::get_if<Values>(&s.reply.result)) values->outputs.erase(Output::saved_mean);
}

/// Strides other than the dense ones are read in the wrong order.
void reads_strided_input_wrongly(const Spoiling& s) {
  Tensor* y = s.y();
  if (y == nullptr || strides_of(s.asked.calls[0].exec.x, y->shape) == strides_of({}, y->shape)) return;
  std::ranges::reverse(y->floats());
}

void differs_in_place(const Spoiling& s) {
  if (s.asked.calls[0].exec.overlap == Overlap::in_place) flip_last_bit(s);
}

void favours_the_first_sample(const Spoiling& s) {
  each_y(s, [](float y, std::size_t, std::int64_t n) { return n == 0 ? y * 1.0001f : y; });
}

void treats_rows_differently(const Spoiling& s) {
  if (s.y() != nullptr && s.y()->shape.size() == 2) scale_y(1.0001f)(s);
}

void flips_a_bit_now_and_then(const Spoiling& s) {
  if (s.runs % 3 == 2) flip_last_bit(s);
}

void minds_rounding_and_threads(const Spoiling& s) {
  const Exec& exec = s.asked.calls[0].exec;
  if (exec.rounding != Rounding::nearest || exec.threads > 1 || exec.flush_to_zero) flip_last_bit(s);
}

/// The laws about refused calls.
std::vector<std::string> rejection_names() {
  std::vector<std::string> names{"call_sequences"};
  for (const Law& law : rejection_laws()) names.push_back(law.name);
  for (const Law& law : gradient_rejection_laws()) names.push_back(law.name);
  return names;
}

std::vector<Spoiler> value_spoilers() {
  return {
      {"off by 3e-6", {"matches_oracle", "affine_parameters"}, scale_y(1 + 3e-6f)},
      {"squares overflow", {"extreme_range", "scaling_beyond_squares"}, overflows_in_squares},
      {"hides NaN", {"non_finite_rule"}, hides_non_finite_values},
      {"negative zeros", {"canonical_zero_and_nan"}, returns_negative_zeros},
      {"mean shifted",
       {"zero_mean", "matches_oracle", "inserted_constant_channel", "inference_repeats_training"},
       shifts_the_mean},
      {"unbiased normalisation",
       {"variance", "matches_oracle", "idempotent", "inference_repeats_training"},
       normalises_with_the_unbiased_variance},
      {"channels swapped",
       {"channel_independence", "matches_oracle", "channels_concatenate"},
       swaps_channels},
      {"NaN leaks", {"non_finite_confined"}, leaks_nan_to_the_next_channel},
      {"y flattened", {"shape_preserved", "matches_oracle"}, flattens_y},
      {"no saved mean", {"shape_preserved", "matches_oracle"}, returns_no_statistics},
      {"strides mixed up", {"layouts_agree", "matches_oracle"}, reads_strided_input_wrongly},
      {"in place differs", {"in_place_agrees"}, differs_in_place},
      {"first sample favoured", {"batch_permutation", "matches_oracle"}, favours_the_first_sample},
      {"rows differ", {"sequence_reshape", "matches_oracle"}, treats_rows_differently},
      {"a bit now and then", {"determinism", "state_round_trip"}, flips_a_bit_now_and_then},
      {"minds the environment", {"environment_ignored", "thread_counts"}, minds_rounding_and_threads},
  };
}

std::vector<Spoiler> state_spoilers() {
  const auto swapped = [](std::optional<double> m) { return m ? std::optional(1 - *m) : m; };
  const auto at_least_a_tenth = [](std::optional<double> m) { return m && *m == 0 ? std::optional(0.1) : m; };
  const auto below_one = [](std::optional<double> m) { return m && *m == 1 ? std::optional(0.9) : m; };
  const auto always_given = [](std::optional<double> m) { return m ? m : std::optional(0.1); };
  return {
      {"biased running variance",
       {"momentum_one_step", "momentum_k_steps", "momentum_one", "momentum_cumulative", "matches_oracle",
        "duplicated_batch", "merged_batches", "inference_repeats_training"},
       updates_with_the_biased_variance},
      {"momentum of the old value",
       {"momentum_one_step", "momentum_k_steps", "momentum_zero", "momentum_one", "momentum_mixture",
        "momentum_long_sequence"},
       momentum_is(swapped)},
      {"momentum 0 is none", {"momentum_zero"}, momentum_is(at_least_a_tenth)},
      {"momentum below 1", {"momentum_one"}, momentum_is(below_one)},
      {"no cumulative average", {"momentum_cumulative"}, momentum_is(always_given)},
      {"inference uses the batch",
       {"inference_uses_running_statistics", "inference_elementwise"},
       infers_with_the_batch},
      {"inference counts", {"inference_changes_nothing", "matches_oracle"}, counts_inference_batches},
      {"inference updates", {"inference_changes_nothing", "matches_oracle"}, updates_statistics_in_inference},
      {"untracked forgotten", {"untracked_uses_batch"}, forgets_untracked_inference},
      {"empty batch decays", {"empty_batch"}, decays_on_empty_batches},
      {"empty batch loses its shape", {"empty_batch"}, flattens_empty_y},
  };
}

std::vector<Spoiler> rejection_spoilers() {
  return {
      {"takes other channels", {"channel_mismatch_rejected"}, accepts(ErrorKind::channels)},
      {"takes any rank", {"rank_rejected"}, accepts(ErrorKind::rank)},
      {"takes any length", {"length_rejected"}, accepts(ErrorKind::length)},
      {"takes any eps", {"eps_rejected"}, accepts(ErrorKind::eps)},
      {"takes any momentum", {"momentum_rejected"}, accepts(ErrorKind::momentum)},
      {"takes any counter", {"counter_rejected"}, accepts(ErrorKind::counter)},
      {"takes one value", {"one_value_rejected"}, accepts(ErrorKind::one_value)},
      {"takes overlaps", {"alias_rejected"}, accepts(ErrorKind::alias)},
      {"counts failed calls", rejection_names(), counts_failed_calls, Spoils::both},
      {"writes and fails", rejection_names(), writes_and_fails, Spoils::both},
      {"wrong kind of error", rejection_names(), names_the_wrong_error, Spoils::both},
      {"fails silently", {"call_sequences"}, fails_without_a_word, Spoils::both},
      {"rejects everything", rejection_names(), rejects_everything, Spoils::both},
  };
}

}  // namespace

Tensor* Spoiling::output(Output output) const {
  auto* values = std::get_if<Values>(&reply.result);
  if (values == nullptr) return nullptr;
  const auto found = values->outputs.find(output);
  return found == values->outputs.end() ? nullptr : &found->second;
}

Reply Spoiling::instead(const Case& other) const {
  return right.run(other).replies[0];
}

const std::vector<Spoiler>& all_spoilers() {
  static const std::vector<Spoiler> spoilers = [] {
    std::vector<Spoiler> all;
    for (auto family :
         {value_spoilers, state_spoilers, rejection_spoilers, gradient_spoilers, relation_spoilers}) {
      for (Spoiler& spoiler : family()) all.push_back(std::move(spoiler));
    }
    return all;
  }();
  return spoilers;
}

std::unique_ptr<Subject> spoiled(const Spoiler& spoiler) {
  return std::make_unique<Spoiled>(spoiler);
}

}  // namespace bncheck::test
