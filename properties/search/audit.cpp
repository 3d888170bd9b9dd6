#include "search/audit.hpp"

#include <algorithm>
#include <bit>
#include <exception>
#include <mutex>
#include <thread>

#include "core/fnv.hpp"
#include "core/rank.hpp"
#include "laws/catalogue.hpp"
#include "search/tape.hpp"
#include "subjects/variants/variants.hpp"

namespace bncheck {
namespace {

/// Runs work(0), ..., work(count − 1) on `jobs` threads. Rethrows an exception of any of them.
class Workers {
 public:
  Workers(const char* task, std::size_t count, const AuditOptions& options)
      : task_(task), count_(count), options_(options) {}

  void run(const std::function<void(std::size_t)>& work) {
    {
      std::vector<std::jthread> threads;
      for (unsigned k = 1; k < options_.jobs; ++k) threads.emplace_back([&] { take_all(work); });
      take_all(work);
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void take_all(const std::function<void(std::size_t)>& work) {
    for (std::size_t k = next_++; k < count_; k = next_++) {
      std::exception_ptr error;
      try {
        work(k);
      } catch (...) {
        error = std::current_exception();
        next_ = count_;
      }
      const std::lock_guard lock(mutex_);
      if (error) error_ = error;
      ++done_;
      if (options_.progress) options_.progress(task_, done_, count_);
    }
  }

  const char* task_;
  std::size_t count_;
  const AuditOptions& options_;
  std::atomic<std::size_t> next_{0};
  std::mutex mutex_;
  std::size_t done_ = 0;
  std::exception_ptr error_;
};

bool interrupted(const AuditOptions& options) {
  return options.interrupted != nullptr && *options.interrupted;
}

enum class Taken { applicable, discarded, enough };

/// Passes cases of one law, drawn from one seed, to `take`, until it has found `wanted` of them applicable,
/// has seen twice as many, or has returned `enough`.
void draw_cases(const Law& law, const Capabilities& can, std::uint64_t seed, int wanted,
                const AuditOptions& options, const std::function<Taken(const Case&)>& take) {
  int applicable = 0;
  for (int k = 0; k / 2 < wanted && applicable < wanted && !interrupted(options); ++k) {
    RandomDraws draws(case_seed(seed, law.name, static_cast<std::uint64_t>(k)), case_size(k, wanted));
    const Taken taken = take(law.draw(draws, can));
    if (taken == Taken::enough) return;
    if (taken == Taken::applicable) ++applicable;
  }
}

/// Counts a case of a right subject. Returns true if the law applies to it.
/// A limit of float32's exponent range is no alarm.
bool count_right(ControlCell& cell, const std::string& subject, const Law& law, const Case& c,
                 const Verdict& verdict, Runner& runner) {
  const bool counts = verdict.is_bad() || verdict.kind == Verdict::Kind::holds;
  if (counts) ++cell.cases;
  if (verdict.is_bad() && rank_of(verdict, law, c, runner) != Rank::limit) {
    ++cell.alarms;
    if (!cell.first) cell.first = Alarm{subject, &law, c, verdict.message};
  }
  return counts;
}

/// Fault that one law with one seed has not detected yet.
struct Suspect {
  std::size_t fault = 0;
  std::unique_ptr<Subject> subject;
  AuditCell cell{};
};

/// Search with one law and one seed: the reference runs each case once, and every fault that is not detected
/// yet runs the same inputs. The law's check is a function of the outcomes, so it is repeated only where an
/// outcome differs.
class FaultSearch {
 public:
  FaultSearch(const AuditPlan& plan, const Law& law, std::uint64_t seed, const AuditOptions& options)
      : plan_(plan), law_(law), seed_(seed), options_(options), subject_(plan.reference.make()) {}

  /// Returns the cell of the reference. The cells of the faults are in `cells`, with `first` of this seed
  /// only.
  ControlCell run(std::vector<AuditCell>& cells) {
    cells.assign(plan_.faults.size(), {});
    ControlCell right;
    if (unmet_need(law_, subject_->can())) return right;
    std::vector<Suspect> suspects;
    for (std::size_t f = 0; f < plan_.faults.size(); ++f) suspects.push_back({f, plan_.faults[f].make()});
    Recorder recorder(*subject_);
    Runner runner(recorder);
    int number = 0;
    draw_cases(law_, subject_->can(), seed_, cases_for(law_, options_.cases), options_, [&](const Case& c) {
      const Verdict verdict = check_case(law_, c, runner);
      const Tape tape = recorder.take();
      if (!count_right(right, plan_.reference.name, law_, c, verdict, runner)) return Taken::discarded;
      if (verdict.is_bad()) return Taken::applicable;
      ++number;
      std::erase_if(suspects, [&](Suspect& suspect) {
        if (!confront(suspect, c, tape, number)) return false;
        cells[suspect.fault] = std::move(suspect.cell);
        return true;
      });
      return suspects.empty() ? Taken::enough : Taken::applicable;
    });
    for (Suspect& suspect : suspects) cells[suspect.fault] = std::move(suspect.cell);
    return right;
  }

 private:
  /// Returns true if the law detects the fault with this case.
  bool confront(Suspect& suspect, const Case& c, const Tape& tape, int number) const {
    suspect.cell.reached = true;
    Replayed replayed = replay_until_different(tape, *suspect.subject);
    if (!replayed.differs) return false;
    suspect.cell.triggered = true;
    Resumed subject(*suspect.subject, std::move(replayed.outcomes));
    Runner runner(subject);
    if (!check_case(law_, c, runner).is_bad()) return false;
    suspect.cell.first = {number};
    return true;
  }

  const AuditPlan& plan_;
  const Law& law_;
  std::uint64_t seed_;
  const AuditOptions& options_;
  std::unique_ptr<Subject> subject_;
};

ControlCell check_control(const AuditSubject& control, const Law& law, const AuditOptions& options) {
  ControlCell cell;
  const std::unique_ptr<Subject> subject = control.make();
  if (unmet_need(law, subject->can())) return cell;
  Runner runner(*subject);
  draw_cases(
      law, subject->can(), options.seed, cases_for(law, options.control_cases), options, [&](const Case& c) {
        return count_right(cell, control.name, law, c, check_case(law, c, runner), runner) ? Taken::applicable
                                                                                           : Taken::discarded;
      });
  return cell;
}

void add(ControlCell& sum, ControlCell cell) {
  sum.cases += cell.cases;
  sum.alarms += cell.alarms;
  if (!sum.first) sum.first = std::move(cell.first);
}

void search_faults(AuditResult& result, const AuditOptions& options) {
  const AuditPlan& plan = result.plan;
  if (plan.faults.empty()) return;
  const auto seeds = static_cast<std::size_t>(options.seeds);
  // Order: by law, then by seed.
  std::vector<std::vector<AuditCell>> cells(plan.laws.size() * seeds);
  std::vector<ControlCell> right(cells.size());
  Workers("faults", cells.size(), options).run([&](std::size_t k) {
    FaultSearch search(plan, *plan.laws[k / seeds], options.seed + k % seeds, options);
    right[k] = search.run(cells[k]);
  });
  const AuditCell nothing{false, false, std::vector<int>(seeds, 0)};
  result.faults.assign(plan.faults.size(), std::vector<AuditCell>(plan.laws.size(), nothing));
  for (std::size_t k = 0; k < cells.size(); ++k) {
    add(result.reference[k / seeds], std::move(right[k]));
    for (std::size_t f = 0; f < cells[k].size(); ++f) {
      const AuditCell& of_seed = cells[k][f];
      AuditCell& cell = result.faults[f][k / seeds];
      cell.reached = cell.reached || of_seed.reached;
      cell.triggered = cell.triggered || of_seed.triggered;
      if (!of_seed.first.empty()) cell.first[k % seeds] = of_seed.first[0];
    }
  }
}

void search_controls(AuditResult& result, const AuditOptions& options) {
  const std::size_t laws = result.plan.laws.size();
  result.controls.assign(result.plan.controls.size(), std::vector<ControlCell>(laws));
  Workers("controls", result.plan.controls.size() * laws, options).run([&](std::size_t k) {
    result.controls[k / laws][k % laws] =
        check_control(result.plan.controls[k / laws], *result.plan.laws[k % laws], options);
  });
}

}  // namespace

int cases_for(const Law& law, int cases) {
  return law.traits.bulky ? std::max(2, cases / 10) : cases;
}

/// A hash, so that neighbouring seeds give unrelated streams.
std::uint64_t case_seed(std::uint64_t seed, std::string_view law, std::uint64_t index) {
  return Fnv().add(law).add(seed).add(index).value();
}

int case_size(int index, int total) {
  return total <= 1 ? 100 : 5 + 95 * std::min(index, total - 1) / (total - 1);
}

int AuditCell::detected() const {
  return static_cast<int>(std::ranges::count_if(first, [](int number) { return number > 0; }));
}

double AuditCell::median() const {
  std::vector<int> numbers;
  std::ranges::copy_if(first, std::back_inserter(numbers), [](int number) { return number > 0; });
  if (numbers.empty()) return 0;
  std::ranges::sort(numbers);
  const std::size_t half = numbers.size() / 2;
  return numbers.size() % 2 == 1 ? numbers[half] : (numbers[half - 1] + numbers[half]) / 2.0;
}

AuditPlan whole_audit() {
  AuditPlan plan;
  for (const Law& law : all_laws()) plan.laws.push_back(&law);
  for (const variants::Fault& fault : variants::faults()) {
    plan.faults.push_back(
        {fault.name, fault.source, fault.row, [name = fault.name] { return variants::make_fault(name); }});
  }
  for (const variants::Control& control : variants::controls()) {
    plan.controls.push_back(
        {control.name, "", 0, [name = control.name] { return variants::make_control(name); }});
  }
  plan.reference = plan.controls.front();
  return plan;
}

AuditResult audit(AuditPlan plan, const AuditOptions& options) {
  AuditResult result;
  result.plan = std::move(plan);
  result.options = options;
  result.reference.resize(result.plan.laws.size());
  search_faults(result, options);
  search_controls(result, options);
  result.interrupted = interrupted(options);
  return result;
}

std::optional<Case> detecting_case(const AuditResult& result, std::size_t fault, std::size_t law) {
  const std::vector<int>& first = result.faults[fault][law].first;
  const auto seed = std::ranges::find_if(first, [](int number) { return number > 0; });
  std::optional<Case> found;
  if (seed == first.end()) return found;
  const std::unique_ptr<Subject> subject = result.plan.faults[fault].make();
  Runner runner(*subject);
  draw_cases(*result.plan.laws[law], subject->can(),
             result.options.seed + static_cast<std::uint64_t>(seed - first.begin()),
             cases_for(*result.plan.laws[law], result.options.cases), result.options, [&](const Case& c) {
               const Verdict verdict = check_case(*result.plan.laws[law], c, runner);
               if (verdict.is_bad()) found = c;
               return found ? Taken::enough : Taken::applicable;
             });
  return found;
}

}  // namespace bncheck
