#include "search/dialect_fit.hpp"

#include <algorithm>
#include <limits>

#include "bncheck/untrusted_text.hpp"
#include "bncheck/walk.hpp"
#include "core/judge.hpp"
#include "core/rank.hpp"
#include "core/runner.hpp"

namespace bncheck {
namespace {

class Comparison {
 public:
  Comparison(const std::set<Output>& looks_at, const Numerics& numerics)
      : looks_at_(looks_at), numerics_(least_accurate(numerics)) {
    numerics_.scalars_as_declared = true;
  }

  /// Compares one call. Returns false if the calls after it say nothing more.
  bool compare(std::size_t call, const ExpectedCall& expected, const Reply& reply, const State& before) {
    call_ = call;
    if (const auto* failure = std::get_if<Failure>(&reply.result)) {
      fit_.remark =
          "rejected (" + std::string(name_of(failure->kind)) + "): " + untrusted_line(failure->message);
      fit_.rejected = true;
      fit_.refused = !expected.must_fail();
      fit_.explains = fit_.explains && !fit_.refused;
      return false;
    }
    if (expected.must_fail()) {
      reject("not rejected (" + std::string(name_of(expected.errors.front())) + ")");
      return false;
    }
    for (const Output output : looks_at_) compare_output(output, expected, reply, before);
    return true;
  }

  void reject(const std::string& why) {
    fit_.explains = false;
    if (fit_.remark.empty()) fit_.remark = why;
  }
  DialectFit result() { return std::move(fit_); }

 private:
  void compare_output(Output output, const ExpectedCall& expected, const Reply& reply, const State& before) {
    const auto found = expected.outputs.find(output);
    const Tensor* got = find_output(reply, output);
    if (found == expected.outputs.end()) {
      if (is_state(output)) compare_unchanged(output, got, find_output({Values{}, before}, output));
      return;
    }
    if (got == nullptr) return reject("no " + std::string(name_of(output)));
    if (got->dtype != Dtype::f32 || got->shape != found->second.shape()) {
      return reject(std::string(name_of(output)) + " has shape " + to_string(got->shape) + ", expected " +
                    to_string(found->second.shape()));
    }
    const auto values = got->floats();
    for (std::size_t i = 0; i < values.size(); ++i) {
      const auto index = static_cast<std::int64_t>(i);
      const Error error = found->second.error(index, values[i], numerics_);
      add({call_, output, index, values[i], found->second.value(index).nearest_f32(),
           error.in_range ? error.ratio : 0});
    }
  }

  void compare_unchanged(Output output, const Tensor* got, const Tensor* old) {
    if (got == nullptr || old == nullptr || got->shape != old->shape) return;
    for (std::size_t i = 0; i < old->floats().size(); ++i) {
      const float now = got->floats()[i], then = old->floats()[i];
      add({call_, output, static_cast<std::int64_t>(i), now, then,
           same(now, then) ? 0 : std::numeric_limits<double>::infinity()});
    }
  }

  void add(const ComparedElement& element) {
    fit_.elements.push_back(element);
    if (!(element.ratio <= 1)) fit_.explains = false;
  }

  const std::set<Output>& looks_at_;
  Numerics numerics_;
  std::size_t call_ = 0;
  DialectFit fit_;
};

}  // namespace

const ComparedElement* DialectFit::find(std::size_t call, Output output, std::int64_t index) const {
  const auto found = std::ranges::find_if(elements, [&](const ComparedElement& element) {
    return element.call == call && element.output == output && element.index == index;
  });
  return found == elements.end() ? nullptr : &*found;
}

const ComparedElement* DialectFit::worst() const {
  const auto found = std::ranges::max_element(elements, {}, &ComparedElement::ratio);
  return found == elements.end() ? nullptr : &*found;
}

DialectFit fit_of(const Case& c, const Outcome& outcome, const Dialect& dialect,
                  const std::set<Output>& looks_at, const Numerics& numerics) {
  Comparison comparison(looks_at, numerics);
  for (Walk walk(c, dialect); !walk.done(); walk.advance(outcome.replies[walk.index()].state)) {
    const std::size_t k = walk.index();
    if (k >= outcome.replies.size()) {
      comparison.reject(outcome.death ? std::string(name_of(outcome.death->cause)) + ": " +
                                            untrusted_line(outcome.death->detail)
                                      : "no reply");
      break;
    }
    if (!comparison.compare(k, walk.expected(), outcome.replies[k], walk.before())) break;
  }
  return comparison.result();
}

}  // namespace bncheck
