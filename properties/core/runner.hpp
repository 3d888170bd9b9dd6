#pragma once
/// The Runner: runs cases on a subject for the laws.

#include <cstdint>
#include <deque>
#include <functional>
#include <utility>
#include <vector>

#include "core/error_sink.hpp"
#include "core/subject.hpp"
#include "core/verdict.hpp"

namespace bncheck {

/// One case as a subject ran it, with the exact answer to each call from the subject's own state before it.
struct Run {
  Case content;
  std::vector<Reply> replies;
  std::vector<ExpectedCall> expected;
  /// Per call, the index of the forward call that it is, or that it is the gradient of.
  std::vector<std::optional<std::size_t>> forwards;
  ErrorSink* sink = nullptr;  ///< null: no observer

  /// Values that the call returned. Throws Settled if the call was rejected: violated, or not applicable if
  /// it had to be rejected.
  const Values& values(std::size_t call) const;
  const Tensor& output(std::size_t call, Output output) const;
  /// Forward call that the call is, or that it is the gradient of; null if there is none.
  const Forward* forward(std::size_t call) const;
  /// State before the call, as the subject left it.
  const State& before(std::size_t call) const;
  const State& after(std::size_t call) const { return replies[call].state; }
};

/// Runs the case on the subject. Changes that the subject makes to this thread's floating-point environment
/// are undone.
Outcome outcome_of(Subject& subject, const Case& c);

/// Cases that a subject has run since it last started, the latest of them up to 64 MiB.
class History {
 public:
  void add(const Case& c);
  void clear();
  /// Number of cases that were added since the start; `before` takes it.
  std::size_t mark() const { return dropped_ + cases_.size(); }
  /// Those of the cases that are kept that were added before the mark was taken.
  std::vector<Case> before(std::size_t mark) const;

 private:
  std::deque<Case> cases_;
  std::size_t bytes_ = 0, dropped_ = 0;
};

class Runner {
 public:
  explicit Runner(Subject& subject) : subject_(subject) {}

  /// Sets where the cases that run are kept, which must outlive the runs that follow; null: nowhere.
  void set_history(History* history) { history_ = history; }
  /// Lets the subject go and runs these cases on one that has just started. Their results do not matter.
  void run_afresh(const std::vector<Case>& cases);

  /// Runs the case. Throws Settled if the subject dies, reports "unsupported", or leaves a state from which a
  /// call must fail that a right subject carries out. Throws NoAnswer.
  Run run(const Case& c);
  const Capabilities& can() const { return subject_.can(); }
  Subject& subject() { return subject_; }
  /// Number of cases that the subject has run.
  std::int64_t runs() const { return runs_; }
  /// Number of those in which it hung.
  std::int64_t hangs() const { return hangs_; }
  /// Sets the observer of judged elements, which must outlive the runs that follow; null: none. Returns the one before.
  ErrorSink* set_sink(ErrorSink* sink) { return std::exchange(sink_, sink); }
  /// Sets a function that is called with each run that follows; empty: none.
  void set_observer(std::function<void(const Run&)> observer) { observer_ = std::move(observer); }

 private:
  Outcome outcome_of(const Case& c);

  Subject& subject_;
  ErrorSink* sink_ = nullptr;
  std::function<void(const Run&)> observer_;
  History* history_ = nullptr;
  std::int64_t runs_ = 0, hangs_ = 0;
};

/// Tensor of an output, in the values or in the state of the reply; null if there is none.
const Tensor* find_output(const Reply& reply, Output output);

}  // namespace bncheck
