#pragma once
/// What a subject did with a sequence of cases, for doing it again and for telling where another subject does
/// something else.

#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// The same replies bit for bit, states included. The wording of a rejection is not compared: no law is about
/// it.
bool same_outcome(const Outcome& a, const Outcome& b);

struct Tape {
  std::vector<Case> cases;
  std::vector<Outcome> outcomes;
};

/// A subject whose runs are recorded.
class Recorder : public Subject {
 public:
  explicit Recorder(Subject& subject) : subject_(subject) {}
  std::string name() const override { return subject_.name(); }
  std::string version() const override { return subject_.version(); }
  const Capabilities& can() const override { return subject_.can(); }
  Outcome run(const Case& c) override;

  /// What was recorded since the last call.
  Tape take();

 private:
  Subject& subject_;
  Tape tape_;
};

/// Runs the tape's cases on `subject` up to the first one with another outcome than the tape's, which is the
/// last one that is returned.
struct Replayed {
  std::vector<Outcome> outcomes;
  bool differs = false;
};
Replayed replay_until_different(const Tape& tape, Subject& subject);

/// A subject that has already run the first cases that it will be asked for: those are answered from
/// `outcomes`, the others by the subject. The caller gets what a subject that ran all of them would have
/// said, as long as the cases come in the tape's order, which a law's check sees to: it is a function of the
/// case and of the outcomes so far.
class Resumed : public Subject {
 public:
  Resumed(Subject& subject, std::vector<Outcome> outcomes)
      : subject_(subject), outcomes_(std::move(outcomes)) {}
  std::string name() const override { return subject_.name(); }
  std::string version() const override { return subject_.version(); }
  const Capabilities& can() const override { return subject_.can(); }
  Outcome run(const Case& c) override;

 private:
  Subject& subject_;
  std::vector<Outcome> outcomes_;
  std::size_t next_ = 0;
};

}  // namespace bncheck
