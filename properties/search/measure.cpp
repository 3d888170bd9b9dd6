#include "search/measure.hpp"

#include <algorithm>
#include <map>

#include "generate/gradients.hpp"

namespace bncheck {
namespace {

/// What any subject can be asked: dense tensors in logical order, an ordinary environment.
CaseWish plain_wish(bool training, Regime regime) {
  CaseWish wish;
  wish.training = training;
  wish.regime = regime;
  wish.any_exec = false;
  wish.affine = true;
  wish.track_running_stats = true;
  return wish;
}

Capabilities plain_capabilities() {
  Capabilities can;
  can.dialect.cumulative = Cumulative::unsupported;  // momentum is a number
  can.remembers_forward = false;                     // no mode is named
  return can;
}

/// eps as it is in practice: a float, so that a subject of either precision means the same number.
Case with_usual_eps(Case c) {
  c.config.eps = static_cast<double>(1e-5f);
  return c;
}

std::string_view name_of(GradientKind kind) {
  switch (kind) {
    case GradientKind::independent:
      return "independent";
    case GradientKind::like_output:
      return "like y";
    case GradientKind::nearly_constant:
      return "nearly constant";
    case GradientKind::constant:
      return "constant";
    case GradientKind::one_hot:
      return "one-hot";
    case GradientKind::huge_and_tiny:
      return "huge and tiny";
    case GradientKind::indicator:
      break;
  }
  return "indicator";
}

std::vector<Workload> make_workloads() {
  std::vector<Workload> all;
  for (const bool training : {true, false}) {
    for (const Regime regime : finite_regimes()) {
      all.push_back({training ? "training" : "inference", std::string(name_of(regime)), [=](Draws& draws) {
                       return with_usual_eps(
                           draw_case(draws, plain_capabilities(), plain_wish(training, regime)));
                     }});
    }
  }
  const auto backward = [&](bool training, const std::string& name, Regime regime, GradientKind kind) {
    all.push_back({training ? "backward training" : "backward inference", name, [=](Draws& draws) {
                     Case c =
                         draw_gradient_case(draws, plain_capabilities(), plain_wish(training, regime), kind);
                     auto& call = std::get<Backward>(c.calls[1].operation);
                     call.want_dx = call.want_dweight = call.want_dbias = true;
                     return with_usual_eps(std::move(c));
                   }});
  };
  for (const bool training : {true, false}) {
    for (const Regime regime : finite_regimes()) {
      backward(training, "x " + std::string(name_of(regime)), regime, GradientKind::one_hot);
    }
    for (const GradientKind kind : gradient_kinds()) {
      backward(training, "dy " + std::string(name_of(kind)), Regime::ordinary, kind);
    }
  }
  return all;
}

using Rows = std::map<Output, Measurement>;

void add_call(const Run& run, std::size_t call, const Capabilities& can, Rows& rows) {
  for (const auto& [output, expected] : run.expected[call].outputs) {
    const std::span<const float> got = run.output(call, output).floats();
    Measurement& row = rows[output];
    for (std::int64_t i = 0; i < std::min(expected.size(), static_cast<std::int64_t>(got.size())); ++i) {
      const Error error = expected.error(i, got[static_cast<std::size_t>(i)], can.numerics);
      ++row.elements;
      row.nearest += error.nearest ? 1 : 0;
      if (!error.in_range) {
        ++row.out_of_range;
        continue;
      }
      row.worst_ulps = std::max(row.worst_ulps, error.ulps);
      row.worst_ratio = std::max(row.worst_ratio, error.ratio);
    }
  }
}

}  // namespace

const std::vector<Workload>& all_workloads() {
  static const std::vector<Workload> workloads = make_workloads();
  return workloads;
}

std::string kind_of(const Workload& workload) {
  std::string kind = workload.operation + "/" + workload.regime;
  std::ranges::replace(kind, ' ', '_');
  return kind;
}

Measured measure(Subject& subject, int cases_per_workload, std::uint64_t seed,
                 const std::atomic<bool>& interrupted) {
  Measured result;
  Runner runner(subject);
  std::uint64_t stream = seed;
  for (const Workload& workload : all_workloads()) {
    RandomDraws draws(stream++ * 0x9e3779b97f4a7c15U);
    Rows rows;
    for (int k = 0; k < cases_per_workload && !interrupted; ++k) {
      const Case c = workload.draw(draws);
      ++result.cases;
      try {
        const Run run = runner.run(c);
        add_call(run, c.calls.size() - 1, runner.can(), rows);
      } catch (const Settled&) {
        ++result.failed;
      }
    }
    for (auto& [output, row] : rows) {
      row.workload = &workload;
      row.output = output;
      result.rows.push_back(row);
    }
  }
  return result;
}

}  // namespace bncheck
