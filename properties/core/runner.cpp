#include "core/runner.hpp"

#include "core/reach.hpp"

namespace bncheck {

std::set<ErrorKind> every_error() {
  return {ErrorKind::rank,  ErrorKind::channels, ErrorKind::length,
          ErrorKind::eps,   ErrorKind::momentum, ErrorKind::one_value,
          ErrorKind::alias, ErrorKind::counter,  ErrorKind::no_forward};
}

std::string_view name_of(Death::Cause cause) {
  switch (cause) {
    case Death::Cause::signal:
      return "died";
    case Death::Cause::left:
      return "left";
    case Death::Cause::hang:
      return "hung";
    case Death::Cause::memory:
      return "took too much memory";
    case Death::Cause::protocol:
      return "broke the protocol";
    case Death::Cause::input_changed:
      return "changed its input";
    case Death::Cause::guard_zone:
      break;
  }
  return "wrote outside its output";
}

const Tensor* find_output(const Reply& reply, Output output) {
  const auto of_state = [](const std::optional<Tensor>& tensor) { return tensor ? &*tensor : nullptr; };
  if (output == Output::running_mean) return of_state(reply.state.running_mean);
  if (output == Output::running_var) return of_state(reply.state.running_var);
  if (output == Output::running_weight) return of_state(reply.state.running_weight);
  const auto* values = std::get_if<Values>(&reply.result);
  if (values == nullptr) return nullptr;
  const auto found = values->outputs.find(output);
  return found == values->outputs.end() ? nullptr : &found->second;
}

const Values& Run::values(std::size_t call) const {
  if (const auto* values = std::get_if<Values>(&replies[call].result)) return *values;
  const Failure& failure = std::get<Failure>(replies[call].result);
  throw Settled{Verdict::violated("call " + std::to_string(call) + " must succeed but was rejected (" +
                                  std::string(name_of(failure.kind)) + "): " + failure.message)};
}

const Tensor& Run::output(std::size_t call, Output output) const {
  values(call);
  const Tensor* tensor = find_output(replies[call], output);
  if (tensor == nullptr) {
    throw Settled{
        Verdict::violated("call " + std::to_string(call) + " returned no " + std::string(name_of(output)))};
  }
  return *tensor;
}

const State& Run::before(std::size_t call) const {
  return call == 0 ? content.state : replies[call - 1].state;
}

Run Runner::run(const Case& c) {
  if (const std::string reason = refused_dtypes(c, can().dtypes); !reason.empty()) {
    throw Settled{Verdict::not_applicable(reason)};
  }
  if (auto reason = beyond_reach(c, can())) throw Settled{Verdict::beyond(std::move(*reason))};
  ++runs_;
  Outcome outcome = subject_.run(c);
  if (outcome.death) {
    Verdict verdict;
    verdict.kind = Verdict::Kind::died;
    const auto call = outcome.death->call;
    verdict.message = (call ? "call " + std::to_string(*call) + ": " : std::string()) + "the subject " +
                      std::string(name_of(outcome.death->cause)) + ": " + outcome.death->detail;
    throw Settled{std::move(verdict)};
  }
  Run run{c, std::move(outcome.replies), {}, sink_};
  Config config = c.config;
  std::shared_ptr<const Forward> latest;
  for (std::size_t k = 0; k < c.calls.size(); ++k) {
    const auto* failure = std::get_if<Failure>(&run.replies[k].result);
    if (failure != nullptr && failure->kind == ErrorKind::unsupported) {
      throw Settled{Verdict::beyond("the subject does not support this: " + failure->message)};
    }
    run.expected.push_back(expect(config, run.before(k), c.calls[k], can().dialect, latest));
    config = run.expected.back().config;
    latest = run.expected.back().latest;
  }
  return run;
}

}  // namespace bncheck
