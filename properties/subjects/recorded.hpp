#pragma once
/// A subject that is a file: what a BatchNorm made of one case, wherever and whenever that was.

#include "bncheck/output_file.hpp"
#include "core/subject.hpp"

namespace bncheck {

class RecordedSubject : public Subject {
 public:
  RecordedSubject(OutputFile file, Capabilities can) : file_(std::move(file)), can_(std::move(can)) {}
  std::string name() const override { return "recorded"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }
  /// Precondition: `c` is the case that was recorded, or at least has as many calls.
  Outcome run(const Case& c) override;

 private:
  OutputFile file_;
  Capabilities can_;
};

}  // namespace bncheck
