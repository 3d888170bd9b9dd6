#include "search/measure.hpp"

#include <algorithm>
#include <map>

#include "core/judge.hpp"
#include "core/law.hpp"
#include "generate/gradients.hpp"

namespace bncheck {
namespace {

/// Case that any subject can be asked: dense tensors in logical order, the ordinary environment.
CaseWish plain_wish(bool training, Regime regime) {
  CaseWish wish;
  wish.training = training;
  wish.regime = regime;
  wish.any_exec = false;
  wish.affine = true;
  wish.track_running_stats = true;
  return wish;
}

Capabilities plain_capabilities(const Dialect& dialect) {
  Capabilities can;
  can.dialect.axes = dialect.axes;
  can.dialect.cumulative = Cumulative::unsupported;  // so that momentum is a number
  can.remembers_forward = false;                     // so that a backward call names no mode
  return can;
}

/// Case with a usual ε: a float, so that subjects with float and with double scalars use the same number. For averaging
/// by ratio, the sum of weights of two batches is added.
Case completed(Case c, const Dialect& dialect) {
  c.config.eps = static_cast<double>(1e-5f);
  if (dialect.averaging == Averaging::ratio) c.state.running_weight = Tensor::filled({1}, 2);
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
      all.push_back({training ? Pass::training : Pass::inference, std::string(name_of(regime)),
                     [=](Draws& draws, const Dialect& dialect) {
                       return completed(
                           draw_case(draws, plain_capabilities(dialect), plain_wish(training, regime)),
                           dialect);
                     }});
    }
  }
  const auto backward = [&](bool training, const std::string& name, Regime regime, GradientKind kind) {
    all.push_back({training ? Pass::backward_training : Pass::backward_inference, name,
                   [=](Draws& draws, const Dialect& dialect) {
                     Case c = draw_gradient_case(draws, plain_capabilities(dialect),
                                                 plain_wish(training, regime), kind);
                     auto& call = std::get<Backward>(c.calls[1].operation);
                     call.want_dx = call.want_dweight = call.want_dbias = true;
                     return completed(std::move(c), dialect);
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

/// Collects the figures of one workload, and passes the elements on to those of all.
class WorkloadSink : public ErrorSink {
 public:
  explicit WorkloadSink(ErrorStatistics& all) : all_(all) {}
  void take(const Run& run, std::size_t call, Output output,
            std::span<const JudgedElement> elements) override {
    all_.take(run, call, output, elements);
    for (const JudgedElement& element : elements) figures_[output].add(element.error, element.has_bound);
  }
  const std::map<Output, ErrorFigures>& figures() const { return figures_; }

 private:
  ErrorStatistics& all_;
  std::map<Output, ErrorFigures> figures_;
};

void measure_case(const Case& c, const Unmeasured& place, Runner& runner, Measured& result) {
  ++result.cases;
  const auto unmeasured = [&](const std::string& reason) {
    return Unmeasured{place.workload, place.index, reason};
  };
  Verdict verdict;
  try {
    verdict = settled([&] {
      const Run run = runner.run(c);
      Verdict ignored;
      judge_call(run, c.calls.size() - 1, runner.can(), Judged::in_range, ignored);
      return Verdict();
    });
  } catch (const Interrupted&) {
    --result.cases;
    return;
  } catch (const SubjectUnavailable& error) {
    --result.cases;
    result.lost = error.what();
    return;
  }
  switch (verdict.kind) {
    case Verdict::Kind::holds:
      break;
    case Verdict::Kind::not_applicable:
      ++result.unsupported;
      break;
    case Verdict::Kind::died:
      result.deaths.push_back(unmeasured(verdict.message));
      break;
    default:
      result.failures.push_back(unmeasured(verdict.message));
  }
}

}  // namespace

const std::vector<Workload>& all_workloads() {
  static const std::vector<Workload> workloads = make_workloads();
  return workloads;
}

std::string kind_of(const Workload& workload) {
  std::string kind = std::string(name_of(workload.pass)) + "/" + workload.regime;
  std::ranges::replace(kind, ' ', '_');
  return kind;
}

Measured measure(Subject& subject, int cases_per_workload, std::uint64_t seed,
                 const std::atomic<bool>& interrupted, Hangs& hangs,
                 const std::function<void(const Workload&)>& begins) {
  Measured result(subject.can().dialect);
  Runner runner(subject);
  std::uint64_t stream = seed;
  for (const Workload& workload : all_workloads()) {
    if (!result.lost.empty()) break;
    if (begins) begins(workload);
    RandomDraws draws(stream++ * 0x9e3779b97f4a7c15U);
    WorkloadSink sink(result.statistics);
    runner.set_sink(&sink);
    for (int k = 0; k < cases_per_workload && !interrupted && result.lost.empty(); ++k) {
      if (hangs.gave_up()) {
        result.not_asked += cases_per_workload - k;
        break;
      }
      const std::int64_t runs = runner.runs();
      const std::int64_t hung = runner.hangs();
      measure_case(workload.draw(draws, subject.can().dialect), {&workload, k, ""}, runner, result);
      hangs.count(runner.runs() - runs, runner.hangs() - hung);
    }
    for (const auto& [output, figures] : sink.figures()) {
      result.rows.push_back({&workload, output, figures});
    }
  }
  return result;
}

}  // namespace bncheck
