#include "search/explanation.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "core/redeclared.hpp"

namespace bncheck {
namespace {

/// Losses of accuracy, the smaller first.
constexpr std::array losses{"form=folded",        "summation=welford",
                            "summation=naive",    "form=folded,summation=naive",
                            "flush_to_zero=true", "rounds_statistics=true"};
/// Losses that change the numbers themselves.
constexpr std::array substitutions{"flush_to_zero=true", "rounds_statistics=true"};

/// Judges one case under other declarations. The law must apply and hold; where a call was carried out that must fail,
/// no call of the case must fail any more.
class Judgement {
 public:
  Judgement(const Law& law, const Case& c, Rank rank, Subject& subject, History* history)
      : law_(law), case_(c), lax_(rank == Rank::lax), subject_(subject), history_(history) {}

  bool holds_with(const Numerics& numerics) const {
    Capabilities can = subject_.can();
    if (can.numerics == numerics) return false;
    can.numerics = numerics;
    return holds(std::move(can));
  }

  bool holds_with(const Dialect& dialect) const {
    Capabilities can = subject_.can();
    if (knobs_apart(can.dialect, dialect) == 0) return false;
    can.dialect = dialect;
    return holds(std::move(can));
  }

 private:
  bool holds(Capabilities can) const {
    const bool applies = lax_ || !unmet_need(law_, can);
    if (!applies) return false;
    Redeclared judged(subject_, std::move(can));
    Runner runner(judged);
    runner.set_history(history_);
    if (!lax_) return check_case(law_, case_, runner).kind == Verdict::Kind::holds;
    return settled([&] {
             const Run run = runner.run(case_);
             return std::ranges::any_of(run.expected, &ExpectedCall::must_fail)
                        ? Verdict::violated("a call must fail")
                        : Verdict();
           }).kind == Verdict::Kind::holds;
  }

  const Law& law_;
  const Case& case_;
  bool lax_;
  Subject& subject_;
  History* history_;
};

/// Whether the value says what the subject has or lacks, not what it computes.
bool is_lack(const std::string& knob, const std::string& word) {
  return knob == "saved" || (knob == "averaging" && word == "none") || word == "unsupported";
}

bool is_of_dialect(const Explanation& explanation) {
  return explanation.option.starts_with("--dialect");
}

}  // namespace

std::string show(const Explanation& explanation) {
  return "explained by " + explanation.cause +
         (explanation.option.empty() ? "" : " (" + explanation.option + ')');
}

std::vector<Explanation> explanations_of(const Law& law, const Case& counterexample, const Case& drawn,
                                         Rank rank, Subject& subject, History* history,
                                         const std::function<bool()>& is_over) {
  std::vector<Explanation> found;
  if (rank == Rank::limit) return found;
  const Judgement judgement(law, counterexample, rank, subject, history);
  const Judgement of_drawn(law, drawn, rank, subject, history);
  const Capabilities& can = subject.can();
  const auto try_losses = [&](const auto& names) {
    for (const char* loss : names) {
      if (!is_over() && judgement.holds_with(numerics_from_text(loss, can.numerics)))
        found.push_back({loss, std::string("--numerics ") + loss});
    }
  };
  if (rank == Rank::inaccurate) {
    try_losses(losses);
    Numerics one_pass = can.numerics;
    one_pass.form = Form::one_pass;
    const bool explains = !is_over() && judgement.holds_with(one_pass);
    one_pass.summation = Summation::naive;
    if (explains || (!is_over() && judgement.holds_with(one_pass)))
      found.push_back({"a one-pass variance", ""});
    return found;
  }
  try_losses(substitutions);
  for (const std::string& knob : dialect_knobs()) {
    for (const std::string& word : knob_words(knob)) {
      if (is_lack(knob, word)) continue;
      const Dialect dialect = with_knob(can.dialect, knob, word);
      if (!is_over() && judgement.holds_with(dialect) && of_drawn.holds_with(dialect))
        found.push_back({knob + '=' + word, "--dialect " + text_of(dialect)});
    }
  }
  return found;
}

std::vector<const Explanation*> fewest_causes(
    const std::vector<const std::vector<Explanation>*>& explanations) {
  std::vector<const Explanation*> chosen(explanations.size());
  const auto explanation_by = [&](std::size_t k, const std::string& cause) -> const Explanation* {
    const auto at = std::ranges::find(*explanations[k], cause, &Explanation::cause);
    return chosen[k] != nullptr || at == explanations[k]->end() ? nullptr : &*at;
  };
  for (;;) {
    const Explanation* best = nullptr;
    std::int64_t most = 0;
    for (std::size_t k = 0; k < explanations.size(); ++k) {
      if (chosen[k] != nullptr) continue;
      for (const Explanation& one : *explanations[k]) {
        std::int64_t explained = 0;
        for (std::size_t j = 0; j < explanations.size(); ++j)
          explained += explanation_by(j, one.cause) != nullptr;
        // Alone with others of its kind, a knob of the dialect is a guess.
        const bool guess = explained == 1 && is_of_dialect(one) && explanations[k]->size() > 1;
        if (explained > most && !guess) {
          best = &one;
          most = explained;
        }
      }
    }
    if (best == nullptr) return chosen;
    for (std::size_t k = 0; k < explanations.size(); ++k) {
      if (const Explanation* explanation = explanation_by(k, best->cause)) chosen[k] = explanation;
    }
  }
}

}  // namespace bncheck
