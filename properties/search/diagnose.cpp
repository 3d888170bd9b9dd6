#include "search/diagnose.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

#include "bncheck/number_text.hpp"
#include "core/runner.hpp"
#include "search/dialect_experiments.hpp"
#include "search/dialect_fit.hpp"

namespace bncheck {
namespace {

/// Runs of the subject: each case once for each assumed dialect.
class Trials {
 public:
  explicit Trials(Subject& subject) : subject_(subject) {
    Dialect other = subject.can().dialect;
    other.averaging = other.averaging == Averaging::none ? Averaging::new_weight : Averaging::none;
    subject.assume(other);
    by_interface_ = subject.can().dialect == other;
  }

  /// Whether the subject gets the inputs of the interface of the dialect that it is assumed to speak, and
  /// owes that dialect's outputs.
  bool by_interface() const { return by_interface_; }

  const Outcome& run(const Case& c, const Dialect& candidate, bool for_statistics) {
    // The inputs and the owed outputs depend only on these knobs.
    Dialect assumed;
    assumed.averaging = candidate.averaging;
    assumed.empty_batch = candidate.empty_batch;
    assumed.saved = candidate.saved;
    assumed.axes = candidate.axes;
    if (!for_statistics) return ask(c, assumed);
    // A subject that keeps no statistics, or leaves them alone, shows it when it is asked for them.
    Dialect asked_for = assumed;
    if (assumed.averaging == Averaging::none) asked_for.averaging = Averaging::new_weight;
    if (assumed.empty_batch == EmptyBatch::untouched) asked_for.empty_batch = EmptyBatch::nan;
    const Outcome& outcome = ask(c, asked_for);
    const bool left_out = outcome.death && outcome.death->cause == Death::Cause::protocol;
    return left_out ? ask(c, assumed) : outcome;
  }
  /// Forgets the runs, before the next experiment.
  void clear() { trials_.clear(); }

 private:
  struct Trial {
    Case content;
    Dialect assumed;
    Outcome outcome;
  };

  const Outcome& ask(const Case& c, const Dialect& assumed) {
    for (const Trial& trial : trials_) {
      if (trial.assumed == assumed && trial.content == c) return trial.outcome;
    }
    subject_.assume(assumed);
    trials_.push_back({c, assumed, outcome_of(subject_, c)});
    return trials_.back().outcome;
  }

  Subject& subject_;
  bool by_interface_ = false;
  std::vector<Trial> trials_;
};

struct Candidate {
  Dialect dialect;
  bool silent = false;  ///< the experiment says nothing about this dialect
  DialectFit fit;
};

bool survives(const Candidate& candidate) {
  return candidate.silent || candidate.fit.explains;
}

bool contains(const std::vector<std::string>& values, const std::string& value) {
  return std::ranges::find(values, value) != values.end();
}

/// Values of a knob among some dialects, in the order of its words.
std::vector<std::string> values_among(const std::vector<Dialect>& dialects, const std::string& knob) {
  std::vector<std::string> values;
  for (const Dialect& dialect : dialects) {
    if (const std::string value = knob_of(dialect, knob); !contains(values, value)) values.push_back(value);
  }
  const std::vector<std::string> words = knob_words(knob);
  if (words.empty()) return values;
  std::vector<std::string> ordered;
  for (const std::string& word : words) {
    if (contains(values, word)) ordered.push_back(word);
  }
  return ordered;
}

/// Text of the place: "running_mean[0]".
std::string place_of(const ComparedElement& element) {
  return std::string(name_of(element.output)) + "[" + std::to_string(element.index) + "]";
}

std::string digits_of(float value) {
  return general_decimal(static_cast<double>(value), std::numeric_limits<float>::max_digits10);
}

double misfit(const Candidate& candidate) {
  const ComparedElement* worst = candidate.fit.worst();
  const bool measured = worst != nullptr && candidate.fit.remark.empty();
  return candidate.fit.explains ? 0 : measured ? worst->ratio : std::numeric_limits<double>::infinity();
}

/// Answers for the values of a knob, at the element where an eliminated one is farthest off.
Evidence evidence_for(const std::string& knob, const std::string& asks,
                      const std::vector<Candidate>& candidates) {
  std::map<std::string, const Candidate*> best;  // best candidate of each value
  for (const Candidate& candidate : candidates) {
    if (candidate.silent) continue;
    const Candidate*& known = best[knob_of(candidate.dialect, knob)];
    if (known == nullptr || misfit(candidate) < misfit(*known)) known = &candidate;
  }
  const ComparedElement* at = nullptr;
  for (const auto& [value, candidate] : best) {
    if (candidate->fit.explains || candidate->fit.worst() == nullptr) continue;
    if (at == nullptr || candidate->fit.worst()->ratio > at->ratio) at = candidate->fit.worst();
  }
  for (const auto& [value, candidate] : best) {
    if (at == nullptr) at = candidate->fit.worst();
  }
  Evidence evidence{asks, "", {}};
  if (at != nullptr) {
    evidence.place = place_of(*at);
  }
  std::vector<Dialect> dialects;
  for (const auto& [value, candidate] : best) dialects.push_back(candidate->dialect);
  for (const std::string& value : values_among(dialects, knob)) {
    const Candidate& candidate = *best.at(value);
    Alternative alternative{value, candidate.fit.explains, candidate.fit.remark, 0, 0};
    if (candidate.fit.refused) alternative.remark = "succeeds, rejected here";
    const ComparedElement* element =
        at == nullptr ? nullptr : candidate.fit.find(at->call, at->output, at->index);
    if (element != nullptr) {
      alternative.got = element->got;
      alternative.wanted = element->wanted;
    } else if (alternative.remark.empty()) {
      alternative.remark = candidate.fit.explains ? "explains it" : "does not explain it";
    }
    evidence.alternatives.push_back(std::move(alternative));
  }
  return evidence;
}

/// Number of knobs about what is computed in which the dialects differ; the others are about roundings and about what
/// is done where there is nothing to compute.
int semantic_differences(const Dialect& a, const Dialect& b) {
  static const std::array knobs{"averaging",    "running_var", "normalising_var", "eps_place", "eps_floor",
                                "backward_eps", "axes"};
  return static_cast<int>(
      std::ranges::count_if(knobs, [&](const char* knob) { return knob_of(a, knob) != knob_of(b, knob); }));
}

class Investigation {
 public:
  explicit Investigation(Subject& subject)
      : subject_(subject), declared_(subject.can().dialect), trials_(subject) {
    Dialect neutral;  // a dialect in which no output is owed
    neutral.averaging = Averaging::none;
    neutral.saved = Saved::none;
    alive_ = {neutral};
  }

  Diagnosis run() {
    for (const Experiment& experiment : dialect_experiments()) make(experiment);
    subject_.assume(declared_);
    diagnosis_.dialect = chosen();
    for (const std::string& knob : dialect_knobs()) diagnosis_.knobs.push_back(finding(knob));
    return std::move(diagnosis_);
  }

 private:
  bool known(const std::string& knob) const { return contains(known_, knob); }
  bool decided(const Experiment& experiment) const {
    return !experiment.knobs.empty() && std::ranges::all_of(experiment.knobs, [&](const std::string& knob) {
      return known(knob) && values_among(alive_, knob).size() == 1;
    });
  }

  /// Records that the knobs of an experiment are not identifiable for this reason, unless another experiment
  /// decides them.
  void give_up(const Experiment& experiment, const std::string& why) {
    for (const std::string& knob : experiment.knobs) reasons_[knob] = why;
  }

  void make(const Experiment& experiment) {
    trials_.clear();
    if (experiment.kind == Experiment::Kind::probe && decided(experiment)) return;
    if (const std::string why = experiment.hindrance(subject_.can()); !why.empty()) {
      return give_up(experiment, why);
    }
    if (std::ranges::all_of(alive_, [&](const Dialect& dialect) { return silent(experiment, dialect); }))
      return;
    std::vector<Candidate> candidates;
    for (const Dialect& dialect : expanded(experiment)) candidates.push_back(tried(experiment, dialect));
    if (experiment.measure) measure(experiment, candidates);
    ++diagnosis_.posed;
    if (is_no_evidence(candidates)) {
      const auto rejected =
          std::ranges::find_if(candidates, [](const Candidate& candidate) { return candidate.fit.rejected; });
      const std::string why = rejected == candidates.end() ? "" : rejected->fit.remark;
      return give_up(experiment, experiment.asks + ": " + why + ", and so was every call before");
    }
    eliminate(experiment, candidates);
  }

  /// Whether every candidate's case was refused by a subject that has carried out none so far: it may refuse what all
  /// cases have in common, such as their ε.
  bool is_no_evidence(const std::vector<Candidate>& candidates) {
    const bool rejected = std::ranges::all_of(
        candidates, [](const Candidate& candidate) { return candidate.silent || candidate.fit.rejected; });
    carried_out_ = carried_out_ || !rejected;
    return rejected && !carried_out_;
  }

  bool silent(const Experiment& experiment, const Dialect& dialect) const {
    return experiment.silent(dialect, trials_.by_interface());
  }

  std::vector<Dialect> expanded(const Experiment& experiment) const {
    std::vector<Dialect> dialects = alive_;
    for (const std::string& knob : experiment.knobs) {
      if (known(knob) || knob_words(knob).empty()) continue;
      std::vector<Dialect> wider;
      for (const Dialect& dialect : dialects) {
        for (const std::string& value : asked_words(knob)) wider.push_back(with_knob(dialect, knob, value));
      }
      dialects = std::move(wider);
    }
    return dialects;
  }

  std::set<Output> looked_at(const Experiment& experiment) const {
    std::set<Output> outputs = experiment.looks_at;
    const bool now = contains(experiment.knobs, "averaging");
    if (!known("averaging") && !now) std::erase_if(outputs, is_state);
    return outputs;
  }

  Candidate tried(const Experiment& experiment, const Dialect& dialect) {
    if (silent(experiment, dialect)) return {dialect, true, {}};
    const Case c = experiment.make(subject_.can(), dialect);
    const std::set<Output> outputs = looked_at(experiment);
    const Outcome& outcome = trials_.run(c, dialect, std::ranges::any_of(outputs, is_state));
    return {dialect, false, fit_of(c, outcome, dialect, outputs, subject_.can().numerics)};
  }

  /// Adds a candidate with the measured value: the shortest decimal near it that explains the answer. It is
  /// added beside a candidate that explains the answer too, because another experiment may separate them.
  void measure(const Experiment& experiment, std::vector<Candidate>& candidates) {
    const std::string& knob = experiment.knobs.front();
    const std::vector<Candidate> before = candidates;
    for (const Candidate& candidate : before) {
      if (candidate.silent || candidate.fit.refused) continue;
      const Case c = experiment.make(subject_.can(), candidate.dialect);
      const auto value = experiment.measure(c, trials_.run(c, candidate.dialect, false), candidate.dialect);
      if (!value) continue;
      std::vector<std::string> texts{"0"};
      for (int digits = 0; digits < std::numeric_limits<float>::max_digits10; ++digits) {
        texts.push_back(scientific_decimal(*value, digits));
      }
      for (const std::string& text : texts) {
        Candidate measured = tried(experiment, with_knob(candidate.dialect, knob, text));
        if (!measured.fit.explains) continue;
        if (measured.dialect != candidate.dialect) candidates.push_back(std::move(measured));
        break;
      }
    }
  }

  void eliminate(const Experiment& experiment, std::vector<Candidate>& candidates) {
    if (experiment.otherwise) judge_otherwise(*experiment.otherwise, candidates);
    std::vector<Dialect> left;
    for (const Candidate& candidate : candidates) {
      if (survives(candidate)) left.push_back(candidate.dialect);
    }
    if (left.empty()) return nothing_explains(experiment, candidates);
    ++diagnosis_.asked;
    for (const std::string& knob : experiment.knobs) {
      if (!known(knob)) known_.push_back(knob);
    }
    std::vector<Dialect> all;
    for (const Candidate& candidate : candidates) all.push_back(candidate.dialect);
    alive_ = std::move(left);
    for (const std::string& knob : known_) {
      const bool new_number = knob_words(knob).empty() && contains(experiment.knobs, knob);
      const std::size_t eliminated = values_among(all, knob).size() - values_among(alive_, knob).size();
      // Of several experiments, the one that eliminated most is kept.
      if ((!new_number && eliminated == 0) || eliminated < eliminated_[knob]) continue;
      eliminated_[knob] = eliminated;
      evidence_[knob] = evidence_for(knob, experiment.asks, candidates);
    }
  }

  static void judge_otherwise(const std::pair<std::string, std::string>& otherwise,
                              std::vector<Candidate>& candidates) {
    const auto is_rest = [&](const Candidate& candidate) {
      return knob_of(candidate.dialect, otherwise.first) == otherwise.second;
    };
    const bool explained = std::ranges::any_of(candidates, [&](const Candidate& candidate) {
      return !is_rest(candidate) && !candidate.silent && candidate.fit.explains;
    });
    for (Candidate& candidate : candidates) {
      if (!is_rest(candidate)) continue;
      candidate.fit = {};
      candidate.fit.explains = !explained;
      candidate.fit.remark = explained ? "another value explains it" : "no other value explains it";
    }
  }

  void nothing_explains(const Experiment& experiment, const std::vector<Candidate>& candidates) {
    const Candidate& nearest = *std::ranges::min_element(candidates, {}, misfit);
    std::string why = nearest.fit.remark;
    if (const ComparedElement* worst = nearest.fit.worst(); worst != nullptr && why.empty()) {
      why = "no dialect gives " + place_of(*worst) + " = " + digits_of(worst->got);
    }
    const bool refused = std::ranges::all_of(
        candidates, [](const Candidate& candidate) { return candidate.silent || candidate.fit.refused; });
    const bool unsupported = refused && why.starts_with("rejected (unsupported)");
    using Kind = Experiment::Kind;
    const bool excused = experiment.kind == Kind::probe || (experiment.kind == Kind::odd && refused);
    if (!excused && !unsupported) diagnosis_.unexplained.push_back(experiment.asks + ": " + why);
    give_up(experiment, experiment.asks + ": " + why);
  }

  /// Dialect with the fewest differences from a preset, those of the mathematics first; knobs about which nothing is known have the preset's
  /// value.
  Dialect chosen() const {
    // Among presets that are equally near, the one that the subject declares comes first.
    std::vector<Dialect> presets;
    for (const bool declared : {true, false}) {
      for (const Dialect& preset : dialect_presets()) {
        if ((preset.name == declared_.name) == declared) presets.push_back(preset);
      }
    }
    std::optional<Dialect> best;
    std::pair fewest{0, 0};
    for (const Dialect& preset : presets) {
      for (const Dialect& candidate : alive_) {
        Dialect dialect = preset;
        for (const std::string& knob : known_) {
          const std::string value = knob_of(candidate, knob);
          if (asked_as(knob_of(preset, knob)) != value) dialect = with_knob(dialect, knob, value);
        }
        const std::pair apart{semantic_differences(dialect, preset), knobs_apart(dialect, preset)};
        if (!best || apart < fewest) {
          best = dialect;
          fewest = apart;
        }
      }
    }
    return *best;
  }

  KnobFinding finding(const std::string& knob) const {
    KnobFinding finding{knob, {}, std::nullopt, ""};
    if (known(knob)) {
      finding.values = values_among(alive_, knob);
    } else {
      finding.values = asked_words(knob);
      if (finding.values.empty()) finding.values = {knob_of(Dialect(), knob), "any other"};
    }
    if (const auto found = evidence_.find(knob); found != evidence_.end()) finding.evidence = found->second;
    if (!finding.identified()) finding.reason = reason(knob);
    return finding;
  }

  std::string reason(const std::string& knob) const {
    const auto all = [&](const auto& is) { return std::ranges::all_of(alive_, is); };
    const bool running = knob == "running_var" || knob == "cumulative";
    if (running && known("averaging") &&
        all([](const Dialect& d) { return d.averaging == Averaging::none; })) {
      return "no running statistics are kept";
    }
    if (knob == "eps_floor" && known("eps_place") &&
        all([](const Dialect& d) { return d.eps_place == EpsPlace::absent; })) {
      return "eps has no effect";
    }
    const auto found = reasons_.find(knob);
    if (found != reasons_.end()) return found->second;
    return "these differ by less than the attainable error, if at all, in what was asked";
  }

  Subject& subject_;
  Dialect declared_;
  Trials trials_;
  bool carried_out_ = false;        ///< the subject has carried out a case
  std::vector<Dialect> alive_;      ///< remaining candidates; unknown knobs have neutral values
  std::vector<std::string> known_;  ///< knobs that some experiment so far depends on
  std::map<std::string, Evidence> evidence_;
  std::map<std::string, std::size_t> eliminated_;  ///< number of values that the evidence eliminated
  std::map<std::string, std::string> reasons_;
  Diagnosis diagnosis_;
};

}  // namespace

Diagnosis diagnose(Subject& subject) {
  return Investigation(subject).run();
}

}  // namespace bncheck
