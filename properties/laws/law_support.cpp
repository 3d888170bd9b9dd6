#include "laws/law_support.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "bncheck/elements.hpp"
#include "bncheck/number_text.hpp"
#include "bncheck/walk.hpp"

namespace bncheck {

bool all_succeed(const Case& c, const Dialect& dialect) {
  return std::ranges::all_of(errors_by_call(c, dialect), [](const auto& errors) { return errors.empty(); });
}

void require_success(const Case& c, const Capabilities& can) {
  if (!all_succeed(c, can.dialect)) throw Settled{Verdict::not_applicable("a call must fail")};
}

void require_ordinary_counts(const Case& c, const Dialect& dialect) {
  if (dialect.single_value != SingleValue::nan && dialect.single_value != SingleValue::skip) return;
  for (const Call& call : c.calls) {
    const auto* forward = std::get_if<Forward>(&call.operation);
    if (forward == nullptr || !uses_batch(c.config, *forward)) continue;
    if (feature_count(forward->x.shape, dialect.axes).values == 1) {
      throw Settled{Verdict::not_applicable("statistics of one value")};
    }
  }
}

const Forward& one_valid_forward(const Case& c, const Capabilities& can) {
  const Forward* forward = only_forward(c);
  if (forward == nullptr) throw Settled{Verdict::not_applicable("the law is about a single forward call")};
  require_success(c, can);
  if (forward->x.bytes.empty()) throw Settled{Verdict::not_applicable("the batch is empty")};
  return *forward;
}

GradientCalls one_valid_gradient(const Case& c, const Capabilities& can) {
  const auto* forward = c.calls.size() == 2 ? std::get_if<Forward>(&c.calls[0].operation) : nullptr;
  const auto* backward = forward != nullptr ? std::get_if<Backward>(&c.calls[1].operation) : nullptr;
  if (backward == nullptr) {
    throw Settled{Verdict::not_applicable("the law is about a forward call and its gradient")};
  }
  require_success(c, can);
  if (forward->x.bytes.empty()) throw Settled{Verdict::not_applicable("the batch is empty")};
  return {*forward, *backward};
}

namespace {
Verdict judge_calls(const Case& c, Runner& runner, const std::function<bool(const Call&)>& judged) {
  if (!all_finite(c)) return Verdict::not_applicable("values that are not finite");
  const Run run = runner.run(c);
  Verdict verdict;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    if (run.expected[k].must_fail()) return Verdict::not_applicable("a call must fail");
    run.values(k);
    if (!fit_to_judge(run, k, runner.can())) break;
    if (!judged(c.calls[k])) continue;
    judge_call(run, k, runner.can(), Judged::in_range, verdict);
    if (!verdict.is_bad()) judge_state(run, k, verdict);
  }
  return verdict;
}
}  // namespace

Verdict judge_every_call(const Case& c, Runner& runner) {
  return judge_calls(c, runner, [](const Call&) { return true; });
}

Verdict judge_every_gradient(const Case& c, Runner& runner) {
  return judge_calls(c, runner,
                     [](const Call& call) { return std::holds_alternative<Backward>(call.operation); });
}

namespace {

constexpr int fewest_digits = 6;

/// Both numbers with as many digits as show that they differ.
std::pair<std::string, std::string> apart(long double a, long double b) {
  std::pair<std::string, std::string> shown;
  for (int digits = fewest_digits; digits <= std::numeric_limits<double>::max_digits10; ++digits) {
    shown = {general_decimal(static_cast<double>(a), digits),
             general_decimal(static_cast<double>(b), digits)};
    if (shown.first != shown.second) break;
  }
  return shown;
}

}  // namespace

void judge_bound(Verdict& verdict, const std::string& what, long double got, long double expected,
                 long double bound) {
  const long double gap = std::fabs(got - expected);
  // A gap of 0 has no ratio to a bound of 0.
  if (gap > 0) verdict.worst_ratio = std::max(verdict.worst_ratio, static_cast<double>(gap / bound));
  if (gap <= bound) return;
  const auto [shown_got, shown_expected] = apart(got, expected);
  const double ratio = verdict.worst_ratio;
  // Where a number is NaN the bound, which is made from the numbers, may be NaN too.
  const std::string allowed =
      std::isnan(bound) ? "" : ", allowed +-" + general_decimal(static_cast<double>(bound), fewest_digits);
  verdict = Verdict::violated(what + " is " + shown_got + ", expected " + shown_expected + allowed);
  verdict.worst_ratio = ratio;
  verdict.ground = Verdict::Ground::values;
}

bool all_finite(const Tensor& tensor) {
  return all_elements(tensor, [](double value) { return std::isfinite(value); });
}

namespace {
bool finite_state(const State& s) {
  return std::ranges::all_of(state_tensors, [&](const StateTensor& tensor) {
    return !(s.*tensor.member) || all_finite(*(s.*tensor.member));
  });
}

/// Whether running_var + ε > 0 in every channel, so that the root exists. With a running weight, running_var
/// is a sum and not the variance, so it is not checked.
bool positive_variances(const State& s, double eps) {
  return !s.running_var || s.running_weight ||
         all_elements(*s.running_var, [=](double v) { return v > -eps; });
}
}  // namespace

bool fit_to_judge(const Run& run, std::size_t call, const Capabilities& can) {
  if (can.non_finite_rule) return true;
  if (!finite_state(run.before(call))) return false;
  const Config& config = run.content.config;
  const Forward* forward = run.forward(call);
  const bool given = forward != nullptr && !uses_batch(config, *forward);
  return !given || positive_variances(run.before(call), effective_eps(config, can.dialect, forward->x.dtype));
}

bool all_finite(const Case& c) {
  return finite_state(c.state) && std::ranges::all_of(c.calls, [&](const Call& call) {
           if (const auto* forward = std::get_if<Forward>(&call.operation)) return all_finite(forward->x);
           if (const auto* backward = std::get_if<Backward>(&call.operation)) return all_finite(backward->dy);
           if (const auto* load = std::get_if<Load>(&call.operation)) return finite_state(load->state);
           return true;
         });
}

void put_special(Draws& draws, Tensor& tensor) {
  const auto place = static_cast<std::int64_t>(draws.below(tensor.size()));
  set_element(tensor, place,
              draws.pick({std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity(),
                          std::numeric_limits<double>::quiet_NaN()}));
}

Case with_exec(Case c, const Exec& exec) {
  for (Call& call : c.calls) call.exec = exec;
  return c;
}

Case with_input(Case c, Tensor x) {
  std::get<Forward>(c.calls[0].operation).x = std::move(x);
  return c;
}

Case with_gradient(Case c, Tensor dy) {
  std::get<Backward>(c.calls[1].operation).dy = std::move(dy);
  return c;
}

Geometry::Geometry(const Shape& shape, Axes axes) : samples(shape[0]) {
  const FeatureCount count = feature_count(shape, axes);
  channels = count.features;
  spatial = count.values / std::max<std::int64_t>(samples, 1);
}

std::vector<std::size_t> Geometry::elements(std::int64_t c) const {
  std::vector<std::size_t> indices;
  for (std::int64_t n = 0; n < samples; ++n) {
    for (std::int64_t s = 0; s < spatial; ++s) indices.push_back(static_cast<std::size_t>(at(n, c, s)));
  }
  return indices;
}

void judge_same_results(const Run& a, const Run& b, bool bitwise, const Capabilities& can, Verdict& verdict,
                        const std::function<std::int64_t(std::int64_t)>& map) {
  const std::size_t call = a.content.calls.size() - 1;
  for (const auto& [output, expected] : a.expected[call].outputs) {
    if (a.output(call, output).size() != b.output(call, output).size()) {
      throw Settled{
          Verdict::violated("two runs returned " + std::string(name_of(output)) + " of different size")};
    }
    for (std::int64_t i = 0; i < expected.size(); ++i) {
      const bool element = output == Output::y || output == Output::dx;
      const std::int64_t j = element && map ? map(i) : i;
      judge_agreement({&a, call, output, i}, {&b, call, output, j}, bitwise, can, verdict);
    }
  }
}

}  // namespace bncheck
