#pragma once
/// A subject that is judged as if it had declared something else.

#include <memory>
#include <utility>

#include "core/subject.hpp"

namespace bncheck {

class Redeclared : public Subject {
 public:
  /// `subject` must outlive this.
  Redeclared(Subject& subject, Capabilities can) : subject_(subject), can_(std::move(can)) {}
  Redeclared(std::unique_ptr<Subject> subject, Capabilities can)
      : owned_(std::move(subject)), subject_(*owned_), can_(std::move(can)) {}

  std::string name() const override { return subject_.name(); }
  std::string version() const override { return subject_.version(); }
  const Capabilities& can() const override { return can_; }
  Outcome run(const Case& c) override { return subject_.run(c); }
  void assume(const Dialect& dialect) override { subject_.assume(dialect); }
  std::optional<Death> finish() override { return subject_.finish(); }
  bool starts_afresh() const override { return subject_.starts_afresh(); }

 private:
  std::unique_ptr<Subject> owned_;
  Subject& subject_;
  Capabilities can_;
};

}  // namespace bncheck
