#pragma once
/// Subject that replays a recording: a file with the outputs of a BatchNorm for one case.

#include "bncheck/output_file.hpp"
#include "core/subject.hpp"

namespace bncheck {

class RecordedSubject : public Subject {
 public:
  RecordedSubject(OutputFile file, Capabilities can) : file_(std::move(file)), can_(std::move(can)) {}
  std::string name() const override { return "recorded"; }
  std::string version() const override { return "1"; }
  const Capabilities& can() const override { return can_; }
  /// Precondition: `c` has no more calls than the recording.
  Outcome run(const Case& c) override;

 private:
  OutputFile file_;
  Capabilities can_;
};

}  // namespace bncheck
