#include "search/check_law.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>
#include <utility>

#include "core/fnv.hpp"
#include "search/random_cases.hpp"
#include "search/sequence.hpp"
#include "search/shrink.hpp"

namespace bncheck {

namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t seed_of(std::uint64_t seed, std::string_view name) {
  return Fnv(seed).add(name).value();
}

/// Number of runs that confirm a bad case, and of those that confirm a hang, which take the whole time limit
/// each.
constexpr int confirmations = 3;
constexpr int hang_confirmations = 2;

/// One check of one law.
class Search {
 public:
  Search(const Law& law, Subject& subject, const CheckOptions& options)
      : law_(law), runner_(subject), options_(options) {
    result_.law = &law;
    if (subject.starts_afresh()) runner_.set_history(&history());
  }

  LawResult run() {
    runner_.set_sink(options_.statistics);
    try_stored();
    if (!result_.counterexample) draw_cases();
    runner_.set_sink(nullptr);
    if (!result_.counterexample && kept_) found(*kept_);
    look_closer();
    conclude();
    if (options_.hangs != nullptr) options_.hangs->count(runner_.runs(), runner_.hangs());
    return std::move(result_);
  }

  LawResult climb_from(LawResult blind, const ClimbLimits& limits) {
    result_ = std::move(blind);
    try {
      result_.climbed = climb(
          result_.worst_cases.cases(),
          [this](const Case& c) {
            Verdict verdict = check_any(c);
            if (!result_.lost.empty()) throw SubjectUnavailable(result_.lost);
            return verdict;
          },
          seed_of(options_.seed, law_.name), limits);
    } catch (const SubjectUnavailable&) {
      return std::move(result_);
    }
    const Climbed& climbed = *result_.climbed;
    if (!climbed.bad) return std::move(result_);
    found(bad_of(*climbed.bad, climbed.verdict));
    look_closer();
    conclude();
    return std::move(result_);
  }

 private:
  struct Bad {
    Case content;
    Verdict verdict;
    Rank rank;
    bool known = false;
    std::size_t mark = 0;     ///< of the history before the case
    std::vector<Case> ran{};  ///< what the subject had run by then, since it started
  };

  void try_stored() {
    for (const StoredCase& stored : options_.stored) {
      if (stopped() || result_.counterexample) return;
      const Verdict verdict = check_stored(stored);
      if (verdict.kind == Verdict::Kind::not_applicable) continue;
      ++result_.stored;
      if (verdict.kind == Verdict::Kind::holds && stored.of_this_subject) ++result_.held_again;
      if (verdict.is_bad()) take_bad(stored.content, verdict);
    }
  }

  Verdict check_stored(const StoredCase& stored) {
    if (!stored.before.empty()) run_afresh(stored.before);
    return check_any(stored.content);
  }

  /// Does something with the subject. Returns false if it is not available any more or the run is to end.
  template <class Action>
  bool attempt(const Action& action) {
    try {
      action();
      return true;
    } catch (const Interrupted&) {
      stop_reason_ = "interrupted";
    } catch (const SubjectUnavailable& error) {
      stop_reason_ = result_.lost = error.what();
    }
    return false;
  }

  void run_afresh(const std::vector<Case>& cases) {
    attempt([&] { runner_.run_afresh(cases); });
  }

  /// Verdict on the case; nullopt if the subject is not available any more or the run is to end.
  std::optional<Verdict> ask(const Case& c) {
    mark_ = history().mark();
    std::optional<Verdict> verdict;
    attempt([&] { verdict = check_case(law_, c, runner_); });
    return verdict;
  }

  Verdict check_any(const Case& c) {
    std::optional<Verdict> verdict = ask(c);
    return verdict ? std::move(*verdict) : Verdict::not_applicable(stop_reason_);
  }

  /// Rank of a bad verdict; nullopt if the subject is not available any more or the run is to end.
  std::optional<Rank> ranked(const Verdict& verdict, const Case& c) {
    std::optional<Rank> rank;
    attempt([&] { rank = rank_of(verdict, law_, c, runner_); });
    return rank;
  }

  /// The bad verdict of the case that was asked last, with its rank.
  Bad bad_of(const Case& c, const Verdict& verdict) {
    const std::size_t mark = mark_;
    Bad bad{c, verdict, ranked(verdict, c).value_or(Rank::wrong)};
    bad.known = options_.is_known && options_.is_known(law_, verdict, bad.rank);
    bad.mark = mark;
    return bad;
  }

  void found(Bad bad) {
    ran_ = std::move(bad.ran);
    result_.counterexample = std::move(bad.content);
    result_.verdict = std::move(bad.verdict);
    result_.rank = bad.rank;
    result_.known = bad.known;
    result_.went_on = goes_on_after(bad);
  }

  bool goes_on_after(const Bad& bad) const {
    return bad.known || is_mild(bad.rank) || !options_.fail_on.contains(bad.rank);
  }

  /// A limit, a lax check, a known finding or one that fails nothing ends no search, so that it hides nothing worse; it
  /// is the finding if nothing worse follows. Returns whether the search ends.
  bool take_bad(const Case& c, const Verdict& verdict) {
    Bad bad = bad_of(c, verdict);
    const bool goes_on = goes_on_after(bad);
    if (goes_on && kept_ && std::tie(bad.known, bad.rank) >= std::tie(kept_->known, kept_->rank))
      return false;
    bad.ran = history().before(bad.mark);
    if (goes_on) {
      kept_ = std::move(bad);
    } else {
      found(std::move(bad));
    }
    return !goes_on;
  }

  void draw_cases() {
    random_cases(
        seed_of(options_.seed, law_.name), options_.cases, [this](Draws& draws) { return draw(draws); },
        [this](const Case& c) { return take(c); });
  }

  /// Draws a case. An exception ends only the search of this law.
  Case draw(Draws& draws) {
    if (stopped()) return {};
    try {
      return law_.draw(draws, runner_.can());
    } catch (const std::exception& error) {
      stop_reason_ = std::string("no case can be drawn (") + error.what() + "),";
      return {};
    }
  }

  bool stopped() {
    if (options_.interrupted != nullptr && *options_.interrupted) stop_reason_ = "interrupted";
    if (stop_reason_.empty() && options_.deadline && options_.clock() > *options_.deadline)
      stop_reason_ = "out of time";
    return !stop_reason_.empty();
  }

  Drawn take(const Case& c) {
    if (stopped()) return Drawn::last;
    const Clock::time_point start = options_.clock();
    std::optional<Verdict> verdict = ask(c);
    if (!verdict) return Drawn::last;
    result_.times.add(c, options_.clock() - start);
    if (verdict->is_bad() && take_bad(c, *verdict)) {
      ++result_.cases;
      result_.coverage.add(c);
      return Drawn::last;
    }
    const bool applicable = verdict->kind != Verdict::Kind::not_applicable;
    count(*verdict, applicable);
    if (result_.discarded > options_.cases || (result_.cases == 0 && result_.beyond >= options_.cases))
      return Drawn::last;
    if (!applicable) return Drawn::discarded;
    result_.coverage.add(c);
    if (!verdict->is_bad()) result_.worst_cases.offer(c, verdict->worst_ratio);
    return Drawn::counts;
  }

  /// Confirms and shrinks a finding, unless the subject only hung in this law and in earlier ones.
  void look_closer() {
    if (!result_.counterexample || result_.known) return;
    const bool hangs_again = result_.verdict.hung && runner_.hangs() == runner_.runs() &&
                             options_.hangs != nullptr && options_.hangs->in_a_row > 0;
    if (hangs_again) return;
    const Case drawn = *result_.counterexample;
    if (confirm(drawn)) shrink_finding();
    if (runner_.subject().starts_afresh() && !result_.verdict.hung && !stopped()) look_back(drawn);
    if (result_.flaky() || result_.needs_others || result_.verdict.kind != Verdict::Kind::violated) return;
    result_.rank == Rank::limit ? find_edge() : explain(drawn);
  }

  /// Finds the size of an input at which the limit begins.
  void find_edge() {
    const Clock::time_point end = options_.clock() + options_.shrink_time;
    const auto is_right = [&](const Case& c) -> std::optional<bool> {
      if (stopped() || options_.clock() > end) return std::nullopt;
      const std::optional<Verdict> verdict = ask(c);
      if (!verdict || verdict->kind == Verdict::Kind::not_applicable) return std::nullopt;
      return verdict->kind == Verdict::Kind::holds;
    };
    result_.edge = limit_edge(*result_.counterexample, runner_.can().dialect.axes, is_right);
  }

  /// Finds what the subject would have to declare.
  void explain(const Case& drawn) {
    const Clock::time_point end = options_.clock() + options_.shrink_time;
    const auto is_over = [&] { return stopped() || options_.clock() > end; };
    History* history = runner_.subject().starts_afresh() ? &this->history() : nullptr;
    attempt([&] {
      result_.explanations = explanations_of(law_, *result_.counterexample, drawn, result_.rank,
                                             runner_.subject(), history, is_over);
    });
  }

  /// Whether the law finds the same again in a subject that has just started, after these cases.
  bool fails_after(const std::vector<Case>& cases, const Case& c) {
    if (stopped()) return false;
    run_afresh(cases);
    const std::optional<Verdict> verdict = ask(c);
    return verdict && verdict->is_bad() && signature_of(*verdict) == signature_of(result_.verdict);
  }

  /// Finds out whether the finding needs other cases before it, which a replay would not have, and which. A finding
  /// that shows now and then by chance needs none.
  void look_back(const Case& drawn) {
    if (fails_after({}, *result_.counterexample)) return;
    const bool random = result_.flaky();
    // A trial starts the subject and runs many cases, where shrinking runs one: it gets more time.
    const auto end = Clock::now() + 15 * options_.shrink_time;
    const auto after = [&](const std::vector<Case>& cases) { return fails_after(cases, drawn); };
    std::optional<std::vector<Case>> needed;
    if (!ran_.empty()) needed = cases_needed(ran_, after, end);
    for (int k = 1; k < confirmations && needed; ++k) {
      if (!after(*needed)) needed.reset();
    }
    if (!needed && random) return;
    result_.needs_others = true;
    result_.counterexample = drawn;
    if (!needed) return;
    result_.repeated = result_.bad = confirmations;
    result_.before = std::move(*needed);
    shrink_sequence(Clock::now() + 5 * options_.shrink_time);
  }

  /// Shrinks the last case of a sequence, then those before it.
  void shrink_sequence(Clock::time_point end) {
    Case& last = *result_.counterexample;
    last = shrink(last, [&](const Case& smaller) { return fails_after(result_.before, smaller); }, end);
    for (Case& c : result_.before) {
      const Case whole = c;
      const auto fails = [&](const Case& smaller) {
        c = smaller;
        return fails_after(result_.before, last);
      };
      c = shrink(whole, fails, end);
    }
    // A smaller case may show by itself what the drawn one showed only after others.
    result_.needs_others = !fails_after({}, *result_.counterexample);
    if (!result_.needs_others) result_.before.clear();
    run_afresh(result_.before);
    if (const std::optional<Verdict> verdict = ask(*result_.counterexample); verdict && verdict->is_bad())
      result_.verdict = *verdict;
  }

  /// Returns true if the case is bad in every run.
  bool confirm(const Case& c) {
    result_.repeated = result_.bad = 1;
    const int wanted = result_.verdict.hung ? hang_confirmations : confirmations;
    for (; result_.repeated < wanted && !stopped(); ++result_.repeated) {
      const std::optional<Verdict> verdict = ask(c);
      if (!verdict) break;
      result_.bad += verdict->is_bad() ? 1 : 0;
    }
    return !result_.flaky();
  }

  void shrink_finding() {
    const Case drawn = *result_.counterexample;
    const Verdict verdict = result_.verdict;
    const Rank rank_drawn = result_.rank;
    const Clock::time_point end = options_.clock() + options_.shrink_time;
    const auto wanted = [&](const Case& c) {
      if (stopped() || options_.clock() > end) return false;
      std::optional<Verdict> smaller = ask(c);
      // A case must not shrink into one with another fault, which would be another finding.
      if (!smaller || !smaller->is_bad() || smaller->kind != result_.verdict.kind ||
          signature_of(*smaller) != signature_of(result_.verdict)) {
        return false;
      }
      // A wrong case must not shrink into one of a milder rank; an inaccurate one may shrink into a wrong one.
      const std::optional<Rank> rank = ranked(*smaller, c);
      if (!rank || *rank > result_.rank) return false;
      result_.rank = *rank;
      result_.verdict = std::move(*smaller);
      return true;
    };
    result_.counterexample = shrink(drawn, wanted, Clock::now() + options_.shrink_time);
    if (*result_.counterexample == drawn || result_.verdict.hung || confirm(*result_.counterexample)) return;
    result_.counterexample = drawn;
    result_.verdict = verdict;
    result_.rank = rank_drawn;
  }

  void count(const Verdict& verdict, bool applicable) {
    if (!applicable) {
      ++(verdict.beyond_subject ? result_.beyond : result_.discarded);
      last_discard_ = verdict.message;
      return;
    }
    ++result_.cases;
    result_.worst_ulps = std::max(result_.worst_ulps, verdict.worst_ulps);
    result_.worst_ratio = std::max(result_.worst_ratio, verdict.worst_ratio);
    if (options_.progress) options_.progress(result_.cases);
  }

  void conclude() {
    const int drawn = result_.cases + result_.discarded;
    if (result_.counterexample) {
      // What a search that was cut short did not see may be worse than a limit.
      result_.incomplete = result_.went_on && (!stop_reason_.empty() || result_.cases < options_.cases ||
                                               result_.discarded * 100 > drawn * max_discard_percent);
      result_.kind = result_.verdict.kind;
      result_.reason = result_.verdict.message;
      if (result_.edge) result_.reason += ": " + show(*result_.edge);
      if (result_.needs_others) {
        result_.reason =
            (result_.before.empty() ? "only after other calls, of which no sequence was found: "
                                    : "only after " + std::to_string(result_.before.size()) +
                                          (result_.before.size() == 1 ? " other case: " : " other cases: ")) +
            result_.reason;
      } else if (result_.flaky()) {
        result_.reason = "flaky: " + std::to_string(result_.bad) + " of " + std::to_string(result_.repeated) +
                         " runs of this case: " + result_.reason;
      }
      result_.worst_ulps = std::max(result_.worst_ulps, result_.verdict.worst_ulps);
      result_.worst_ratio = std::max(result_.worst_ratio, result_.verdict.worst_ratio);
      return;
    }
    result_.kind = Verdict::Kind::inconclusive;
    if (!stop_reason_.empty()) {
      result_.reason = stop_reason_ + " after " + std::to_string(result_.cases) + " cases";
    } else if (result_.discarded * 100 > drawn * max_discard_percent) {
      result_.reason = "discarded " + std::to_string(result_.discarded) + " of " + std::to_string(drawn) +
                       " cases: " + last_discard_;
    } else if (result_.cases >= options_.cases) {
      result_.kind = Verdict::Kind::holds;
    } else if (result_.cases == 0 && result_.beyond > 0) {
      result_.kind = Verdict::Kind::not_applicable;
      result_.reason = last_discard_;
    } else {
      result_.reason = "only " + std::to_string(result_.cases) + " applicable cases";
    }
  }

  History& history() { return options_.history != nullptr ? *options_.history : own_history_; }

  const Law& law_;
  History own_history_;  ///< for a check without earlier laws
  Runner runner_;
  const CheckOptions& options_;
  LawResult result_;
  std::size_t mark_ = 0;     ///< of the history before the case that was asked last
  std::vector<Case> ran_;    ///< what the subject had run before the finding
  std::optional<Bad> kept_;  ///< worst finding that ended no search
  std::string stop_reason_, last_discard_;
};

}  // namespace

LawResult check_law(const Law& law, Subject& subject, const CheckOptions& options) {
  const auto without_cases = [&](Verdict::Kind kind, std::string reason) {
    LawResult result;
    result.law = &law;
    result.kind = kind;
    result.reason = std::move(reason);
    return result;
  };
  if (const auto reason = unmet_need(law, subject.can()))
    return without_cases(Verdict::Kind::not_applicable, *reason);
  if (options.hangs != nullptr && options.hangs->gave_up()) {
    return without_cases(Verdict::Kind::inconclusive, "not asked: the subject hung in " +
                                                          std::to_string(Hangs::most) +
                                                          " laws in a row and answered nothing");
  }
  return Search(law, subject, options).run();
}

bool can_climb(const LawResult& blind) {
  return !blind.counterexample && !blind.worst_cases.cases().empty();
}

LawResult climb_law(LawResult blind, Subject& subject, const CheckOptions& options,
                    const ClimbLimits& limits) {
  const Law& law = *blind.law;
  return Search(law, subject, options).climb_from(std::move(blind), limits);
}

}  // namespace bncheck
