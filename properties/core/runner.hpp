#pragma once
/// The Runner carries cases to a subject and answers to laws.

#include <cstdint>
#include <vector>

#include "core/error_sink.hpp"
#include "core/subject.hpp"
#include "core/verdict.hpp"

namespace bncheck {

/// One case as a subject ran it, beside the exact answer to each call from the subject's own state before it.
struct Run {
  Case content;
  std::vector<Reply> replies;
  std::vector<ExpectedCall> expected;
  /// Per call, the place of the forward call that it is, or that it is the gradient of.
  std::vector<std::optional<std::size_t>> forwards;
  ErrorSink* sink = nullptr;  ///< null: no observer

  /// Throws Settled where the call was rejected: violated, or not applicable where it had to be.
  const Values& values(std::size_t call) const;
  const Tensor& output(std::size_t call, Output output) const;
  /// The forward call that the call is, or that it is the gradient of; null where there is none.
  const Forward* forward(std::size_t call) const;
  /// The state before the call, as the subject left it.
  const State& before(std::size_t call) const;
  const State& after(std::size_t call) const { return replies[call].state; }
};

/// What the subject made of the case; what it made of this thread's arithmetic is undone.
Outcome outcome_of(Subject& subject, const Case& c);

class Runner {
 public:
  explicit Runner(Subject& subject) : subject_(subject) {}

  /// Throws Settled where the subject dies, says "unsupported" or leaves a state from which a call must fail
  /// that a right subject carries out. Throws NoAnswer.
  Run run(const Case& c);
  const Capabilities& can() const { return subject_.can(); }
  Subject& subject() { return subject_; }
  /// Cases that the subject has run.
  std::int64_t runs() const { return runs_; }
  /// Those of them in which it hung.
  std::int64_t hangs() const { return hangs_; }
  /// The sink outlives the runs that follow; null: none.
  void set_sink(ErrorSink* sink) { sink_ = sink; }

 private:
  Outcome outcome_of(const Case& c);

  Subject& subject_;
  ErrorSink* sink_ = nullptr;
  std::int64_t runs_ = 0, hangs_ = 0;
};

/// The value of one output element, wherever the call put it.
const Tensor* find_output(const Reply& reply, Output output);

}  // namespace bncheck
