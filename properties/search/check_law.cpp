#include "search/check_law.hpp"

#include <rapidcheck.h>

#include <algorithm>
#include <sstream>

#include "search/smaller.hpp"

namespace bncheck {

std::string_view name_of(LawResult::Kind kind) {
  switch (kind) {
    case LawResult::Kind::holds:
      return "holds";
    case LawResult::Kind::violated:
      return "violated";
    case LawResult::Kind::not_applicable:
      return "not applicable";
    case LawResult::Kind::died:
      return "died";
    case LawResult::Kind::inconclusive:
      break;
  }
  return "inconclusive";
}

namespace {

using Clock = std::chrono::steady_clock;

/// RapidCheck's random stream as Draws.
class RapidCheckDraws : public Draws {
 public:
  RapidCheckDraws(const rc::Random& random, int size) : random_(random), size_(size) {}
  std::uint64_t bits(int count) override { return random_.next() >> (64 - count); }
  int size() const override { return size_; }

 private:
  rc::Random random_;
  int size_;
};

std::uint64_t seed_of(std::uint64_t seed, std::string_view name) {
  std::uint64_t h = seed ^ 0xcbf29ce484222325;  // FNV-1a
  for (const char letter : name) h = (h ^ static_cast<unsigned char>(letter)) * 0x100000001b3;
  return h;
}

/// A message without its numbers: what two findings of the same fault have in common.
std::string wording(const std::string& message) {
  std::istringstream words(message);
  std::string kept;
  for (std::string word; words >> word;) {
    const bool number = word.find_first_of("0123456789") != std::string::npos ||
                        word.find("nan") != std::string::npos || word.find("inf") != std::string::npos;
    if (!number) kept += word + ' ';
  }
  return kept;
}

/// One check of one law: what RapidCheck calls back into.
class Search {
 public:
  Search(const Law& law, Subject& subject, const CheckOptions& options)
      : law_(law), runner_(subject), options_(options) {
    result_.law = &law;
  }

  LawResult run() {
    rc::detail::TestParams params;
    params.seed = seed_of(options_.seed, law_.name);
    params.maxSuccess = options_.cases;
    params.maxDiscardRatio = 1;
    params.maxSize = 100;
    rc::detail::TestMetadata metadata;
    metadata.id = law_.name;
    metadata.description = law_.statement;
    class Silent : public rc::detail::TestListener {
      void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
      void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
      void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
    } silent;
    // Without a map of reproductions RapidCheck would read RC_PARAMS and announce a seed that is not ours.
    rc::detail::checkProperty(property(), metadata, params, silent, {});
    settle();
    return std::move(result_);
  }

 private:
  /// A property over whole cases, made without RapidCheck's own argument handling: the shrink tree is
  /// `smaller`.
  rc::detail::Property property() {
    return [this](const rc::Random& random, int size) {
      return rc::shrinkable::map(tree(random, size), [this](const Case& c) { return describe(c); });
    };
  }

  rc::Shrinkable<Case> tree(const rc::Random& random, int size) {
    // Drawn when it is needed: RapidCheck's first cases have size 0, and small cases are worth having too.
    RapidCheckDraws draws(random, std::max(size, 5));
    Case drawn = stopped() ? Case{} : law_.draw(draws, runner_.can());
    return rc::shrinkable::shrinkRecur(std::move(drawn), [this](const Case& c) {
      return stopped() || Clock::now() > shrink_deadline_
                 ? rc::Seq<Case>()
                 : rc::seq::map(rc::seq::fromContainer(smaller(c)),
                                [](const std::function<Case()>& make) { return make(); });
    });
  }

  bool stopped() {
    if (options_.interrupted != nullptr && *options_.interrupted) stop_reason_ = "interrupted";
    if (options_.deadline && Clock::now() > *options_.deadline) stop_reason_ = "out of time";
    return !stop_reason_.empty();
  }

  rc::detail::CaseDescription describe(const Case& c) {
    rc::detail::CaseDescription description;
    // RapidCheck asks every failure for its arguments as text; ours are shown by the report instead.
    description.example = [] { return rc::detail::Example(); };
    using Type = rc::detail::CaseResult::Type;
    const bool shrinking = result_.counterexample.has_value();
    // A failure is what RapidCheck stops at: a success would have it draw all the cases that are left.
    if (stopped()) {
      description.result = {Type::Failure, stop_reason_};
      return description;
    }
    if (shrinking && Clock::now() > shrink_deadline_) {
      description.result = {Type::Success, ""};
      return description;
    }
    Verdict verdict = check_case(law_, c, runner_);
    // A case must not shrink into one with another fault: that would be another finding than the first.
    const bool other_fault = shrinking && (verdict.kind != result_.verdict.kind ||
                                           wording(verdict.message) != wording(result_.verdict.message));
    if (verdict.is_bad() && !other_fault) {
      if (!shrinking) shrink_deadline_ = Clock::now() + options_.shrink_time;
      result_.counterexample = c;
      result_.verdict = std::move(verdict);
      description.result = {Type::Failure, result_.verdict.message};
      return description;
    }
    const bool applicable = verdict.kind == Verdict::Kind::holds;
    if (!shrinking) count(verdict, applicable);
    description.result = {applicable ? Type::Success : Type::Discard, verdict.message};
    return description;
  }

  void count(const Verdict& verdict, bool applicable) {
    if (!applicable) {
      ++result_.discarded;
      last_discard_ = verdict.message;
      return;
    }
    ++result_.cases;
    result_.worst_ulps = std::max(result_.worst_ulps, verdict.worst_ulps);
    result_.worst_ratio = std::max(result_.worst_ratio, verdict.worst_ratio);
    if (options_.progress) options_.progress(result_.cases);
  }

  void settle() {
    if (result_.counterexample) {
      ++result_.cases;
      result_.kind =
          result_.verdict.kind == Verdict::Kind::died ? LawResult::Kind::died : LawResult::Kind::violated;
      result_.reason = result_.verdict.message;
      result_.worst_ulps = std::max(result_.worst_ulps, result_.verdict.worst_ulps);
      result_.worst_ratio = std::max(result_.worst_ratio, result_.verdict.worst_ratio);
      return;
    }
    const int drawn = result_.cases + result_.discarded;
    result_.kind = LawResult::Kind::inconclusive;
    if (!stop_reason_.empty()) {
      result_.reason = stop_reason_ + " after " + std::to_string(result_.cases) + " cases";
    } else if (result_.discarded * 100 > drawn * max_discard_percent) {
      result_.reason = "discarded " + std::to_string(result_.discarded) + " of " + std::to_string(drawn) +
                       " cases: " + last_discard_;
    } else if (result_.cases >= options_.cases) {
      result_.kind = LawResult::Kind::holds;
    } else {
      result_.reason = "only " + std::to_string(result_.cases) + " applicable cases";
    }
  }

  const Law& law_;
  Runner runner_;
  const CheckOptions& options_;
  LawResult result_;
  std::string stop_reason_, last_discard_;
  Clock::time_point shrink_deadline_ = Clock::time_point::max();
};

}  // namespace

LawResult check_law(const Law& law, Subject& subject, const CheckOptions& options) {
  if (const auto reason = law.excludes(subject.can())) {
    LawResult result;
    result.law = &law;
    result.kind = LawResult::Kind::not_applicable;
    result.reason = *reason;
    return result;
  }
  return Search(law, subject, options).run();
}

}  // namespace bncheck
