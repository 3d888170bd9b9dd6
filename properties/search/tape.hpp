#pragma once
/// Record of a subject's outcomes for a sequence of cases, to replay them and to find where another subject
/// differs.

#include <vector>

#include "core/subject.hpp"

namespace bncheck {

/// Whether the replies are the same bit for bit, states included. The wording of a rejection is not compared,
/// because no law depends on it.
bool same_outcome(const Outcome& a, const Outcome& b);

struct Tape {
  std::vector<Case> cases;
  std::vector<Outcome> outcomes;
};

/// Subject whose runs are recorded.
class Recorder : public Subject {
 public:
  explicit Recorder(Subject& subject) : subject_(subject) {}
  std::string name() const override { return subject_.name(); }
  std::string version() const override { return subject_.version(); }
  const Capabilities& can() const override { return subject_.can(); }
  Outcome run(const Case& c) override;

  /// Returns what was recorded since the last call.
  Tape take();

 private:
  Subject& subject_;
  Tape tape_;
};

/// Runs the tape's cases on `subject` up to the first one whose outcome differs from the tape; its outcome is
/// the last one returned.
struct Replayed {
  std::vector<Outcome> outcomes;
  bool differs = false;
};
Replayed replay_until_different(const Tape& tape, Subject& subject);

/// Subject that has already run the first cases that it will be asked for. Those are answered from
/// `outcomes`, the others by the subject. The result is the same as if the subject ran all of them, provided
/// that the cases come in the order of the tape. A law's check ensures that, because it is a function of the
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
