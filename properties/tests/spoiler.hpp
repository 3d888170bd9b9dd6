#pragma once
/// Deliberately wrong BatchNorms: the shipped one with one change. They test the laws.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck::test {

/// One call of a spoiled subject.
struct Spoiling {
  const Case& asked;  ///< case with only this call, or with a forward call and its gradient
  Reply& reply;       ///< in: the right answer; out: the spoiled one
  int runs;           ///< number of cases that the subject ran before this one
  Subject& right;     ///< for other right answers

  const Forward& forward() const { return std::get<Forward>(asked.calls[0].operation); }
  bool training() const { return forward().training; }
  /// Tensor of the output; null if the call was rejected or has no such output.
  Tensor* output(Output output) const;
  Tensor* y() const { return output(Output::y); }
  const Backward& backward() const { return std::get<Backward>(asked.calls[1].operation); }
  /// The right answer to another case.
  Reply instead(const Case& other) const;
};

/// Calls that a spoiler changes.
enum class Spoils { forward, backward, both };

struct Spoiler {
  std::string name;
  /// Laws that must find it, each by itself.
  std::vector<std::string> laws;
  std::function<void(const Spoiling&)> spoil;
  Spoils calls = Spoils::forward;
};

using Spoil = std::function<void(const Spoiling&)>;

/// Changes every y, by a function of it, its channel and its sample.
void each_y(const Spoiling& s,
            const std::function<float(float y, std::size_t channel, std::int64_t n)>& change);
Spoil scale_y(float factor);
float beta_of(const Spoiling& s, std::size_t channel);
/// Replies to the case after a change, with the parameters of the original.
Spoil answers_instead(const std::function<void(Case&)>& change);

/// Spoilers that are visible in relations between several runs.
std::vector<Spoiler> relation_spoilers();
/// Spoilers of the backward pass.
std::vector<Spoiler> gradient_spoilers();

/// All spoilers; at least one for every law.
const std::vector<Spoiler>& all_spoilers();

std::unique_ptr<Subject> spoiled(const Spoiler& spoiler);

}  // namespace bncheck::test
