#include "core/runner.hpp"

#include <algorithm>
#include <exception>

#include "bncheck/walk.hpp"
#include "core/kept_arithmetic.hpp"
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
    case Death::Cause::exited:
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
  if (const auto member = member_of(output)) return reply.state.*member ? &*(reply.state.*member) : nullptr;
  const auto* values = std::get_if<Values>(&reply.result);
  if (values == nullptr) return nullptr;
  const auto found = values->outputs.find(output);
  return found == values->outputs.end() ? nullptr : &found->second;
}

const Values& Run::values(std::size_t call) const {
  if (const auto* values = std::get_if<Values>(&replies[call].result)) return *values;
  const Failure& failure = std::get<Failure>(replies[call].result);
  if (expected[call].must_fail())
    throw Settled{Verdict::not_applicable("call " + std::to_string(call) + " must fail")};
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

const Forward* Run::forward(std::size_t call) const {
  return forwards[call] ? &std::get<Forward>(content.calls[*forwards[call]].operation) : nullptr;
}

const State& Run::before(std::size_t call) const {
  return call == 0 ? content.state : replies[call - 1].state;
}

namespace {

/// The subject must refuse the call because of its own counter, but a right subject would carry it out: the
/// counter that it left is wrong.
[[noreturn]] void settle_unusable_counter(const State& state, std::size_t call) {
  throw Settled{Verdict::violated("call " + std::to_string(call - 1) + " left a state from which call " +
                                  std::to_string(call) + " must fail: num_batches_tracked is " +
                                  std::to_string(state.num_batches_tracked))};
}

}  // namespace

Outcome outcome_of(Subject& subject, const Case& c) {
  const KeptArithmetic ours;
  return subject.run(c);
}

namespace {

std::size_t bytes_of(const Case& c) {
  std::size_t bytes = sizeof c;
  for (const Call& call : c.calls) {
    bytes += sizeof call;
    if (const auto* forward = std::get_if<Forward>(&call.operation)) bytes += forward->x.bytes.size();
    if (const auto* backward = std::get_if<Backward>(&call.operation)) bytes += backward->dy.bytes.size();
  }
  return bytes;
}

}  // namespace

void History::add(const Case& c) {
  constexpr std::size_t most = std::size_t{64} << 20;
  bytes_ += bytes_of(c);
  cases_.push_back(c);
  for (; bytes_ > most && cases_.size() > 1; ++dropped_) {
    bytes_ -= bytes_of(cases_.front());
    cases_.pop_front();
  }
}

void History::clear() {
  cases_.clear();
  bytes_ = dropped_ = 0;
}

std::vector<Case> History::before(std::size_t mark) const {
  const std::size_t kept = mark < dropped_ ? 0 : std::min(mark - dropped_, cases_.size());
  return {cases_.begin(), cases_.begin() + static_cast<std::ptrdiff_t>(kept)};
}

void Runner::run_afresh(const std::vector<Case>& cases) {
  subject_.finish();
  if (history_ != nullptr) history_->clear();
  for (const Case& c : cases) {
    try {
      outcome_of(c);
    } catch (const Settled&) {
    }
  }
}

Outcome Runner::outcome_of(const Case& c) {
  ++runs_;
  if (history_ != nullptr) history_->add(c);
  try {
    return bncheck::outcome_of(subject_, c);
  } catch (const SubjectUnavailable&) {
    throw;
  } catch (const std::exception& error) {
    throw Settled{Verdict::died(std::string("the subject threw an exception: ") + error.what())};
  }
}

Run Runner::run(const Case& c) {
  if (const std::string reason = refused_dtypes(c, can().dtypes); !reason.empty()) {
    throw Settled{Verdict::not_applicable(reason)};
  }
  if (auto reason = beyond_reach(c, can())) throw Settled{Verdict::beyond(std::move(*reason))};
  Outcome outcome = outcome_of(c);
  if (outcome.death) {
    const auto call = outcome.death->call;
    Verdict verdict =
        Verdict::died((call ? "call " + std::to_string(*call) + ": " : std::string()) + "the subject " +
                      std::string(name_of(outcome.death->cause)) + ": " + outcome.death->detail);
    verdict.hung = outcome.death->cause == Death::Cause::hang;
    hangs_ += verdict.hung ? 1 : 0;
    throw Settled{std::move(verdict)};
  }
  Run run{c, std::move(outcome.replies), {}, {}, sink_};
  bool strayed = false;  // the subject carried out a call that it had to refuse; a law reports that
  for (Walk walk(c, can().dialect); !walk.done(); walk.advance(run.after(walk.index()))) {
    const std::size_t k = walk.index();
    const auto* failure = std::get_if<Failure>(&run.replies[k].result);
    if (failure != nullptr && failure->kind == ErrorKind::unsupported) {
      throw Settled{Verdict::beyond("the subject does not support this: " + failure->message)};
    }
    run.expected.push_back(walk.expected());
    const bool is_forward = std::holds_alternative<Forward>(c.calls[k].operation);
    run.forwards.push_back(is_forward ? std::optional(k) : walk.latest_index());
    const ExpectedCall& expected = run.expected.back();
    const bool exhausted = expected.errors == std::vector{ErrorKind::counter};
    if (k > 0 && !strayed && exhausted && errors_by_call(c, can().dialect)[k].empty())
      settle_unusable_counter(run.before(k), k);
    strayed = strayed || (expected.must_fail() && failure == nullptr);
  }
  if (observer_) observer_(run);
  return run;
}

}  // namespace bncheck
