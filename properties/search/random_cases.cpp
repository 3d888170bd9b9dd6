#include "search/random_cases.hpp"

#include <rapidcheck.h>

#include <algorithm>

namespace bncheck {
namespace {

/// RapidCheck's random stream as Draws.
class RapidCheckDraws : public Draws {
 public:
  // RapidCheck's first cases have size 0, and small cases are worth having too.
  RapidCheckDraws(const rc::Random& random, int size) : random_(random), size_(std::max(size, 5)) {}
  std::uint64_t bits(int count) override { return random_.next() >> (64 - count); }
  int size() const override { return size_; }

 private:
  rc::Random random_;
  int size_;
};

class Silent : public rc::detail::TestListener {
  void onTestCaseFinished(const rc::detail::CaseDescription&) override {}
  void onShrinkTried(const rc::detail::CaseDescription&, bool) override {}
  void onTestFinished(const rc::detail::TestMetadata&, const rc::detail::TestResult&) override {}
};

rc::detail::CaseResult::Type type_of(Drawn drawn) {
  using Type = rc::detail::CaseResult::Type;
  switch (drawn) {
    case Drawn::counts:
      return Type::Success;
    case Drawn::discarded:
      return Type::Discard;
    case Drawn::last:
      break;
  }
  // What RapidCheck stops at: a success would have it draw all the cases that are left.
  return Type::Failure;
}

}  // namespace

void random_cases(std::uint64_t seed, int wanted, const std::function<Case(Draws&)>& draw,
                  const std::function<Drawn(const Case&)>& take) {
  rc::detail::TestParams params;
  params.seed = seed;
  params.maxSuccess = wanted;
  params.maxDiscardRatio = 20;
  params.maxSize = 100;
  bool ended = false;
  const auto describe = [&](const Case& c) {
    rc::detail::CaseDescription description;
    // RapidCheck asks every failure for its arguments as text; ours are shown by the report instead.
    description.example = [] { return rc::detail::Example(); };
    // RapidCheck asks for its failure a second time, which would run the case again.
    const Drawn drawn = ended ? Drawn::last : take(c);
    ended = drawn == Drawn::last;
    description.result = {type_of(drawn), ""};
    return description;
  };
  // A property over whole cases, made without RapidCheck's own argument handling. It does not shrink: that is
  // `shrink`'s business, which needs no random stream.
  const rc::detail::Property property = [&](const rc::Random& random, int size) {
    RapidCheckDraws draws(random, size);
    return rc::shrinkable::map(rc::shrinkable::just(draw(draws)), describe);
  };
  Silent silent;
  // Without a map of reproductions RapidCheck would read RC_PARAMS and announce a seed that is not ours.
  rc::detail::checkProperty(property, {}, params, silent, {});
}

}  // namespace bncheck
