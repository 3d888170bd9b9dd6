#pragma once
/// Deliberately wrong BatchNorms: the shipped one with one thing spoiled. A law is worth what it catches.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/subject.hpp"

namespace bncheck::test {

/// One call on its way through a spoiled subject.
struct Spoiling {
  const Case& asked;  ///< a case of this one call, or of a forward call and its gradient
  Reply& reply;       ///< in: the right answer
  int runs;           ///< cases that the subject ran before this one
  Subject& right;     ///< for other right answers

  const Forward& forward() const { return std::get<Forward>(asked.calls[0].operation); }
  bool training() const { return forward().training; }
  /// Null where the call was rejected or has no such output.
  Tensor* output(Output output) const;
  Tensor* y() const { return output(Output::y); }
  const Backward& backward() const { return std::get<Backward>(asked.calls[1].operation); }
  /// The right answer to something else that was never asked.
  Reply instead(const Case& other) const;
};

/// Which calls a spoiler is asked to spoil.
enum class Spoils { forward, backward, both };

struct Spoiler {
  std::string name;
  /// Laws that must find it, each on its own.
  std::vector<std::string> laws;
  std::function<void(const Spoiling&)> spoil;
  Spoils calls = Spoils::forward;
};

using Spoil = std::function<void(const Spoiling&)>;

/// Every y is changed, with the channel and the sample that it belongs to.
void each_y(const Spoiling& s,
            const std::function<float(float y, std::size_t channel, std::int64_t n)>& change);
Spoil scale_y(float factor);
float beta_of(const Spoiling& s, std::size_t channel);
/// The reply to the case after a change, with the parameters that were asked for.
Spoil answers_instead(const std::function<void(Case&)>& change);

/// What relations between several runs tell apart.
std::vector<Spoiler> relation_spoilers();
/// Those of the backward pass.
std::vector<Spoiler> gradient_spoilers();

/// At least one for every law.
const std::vector<Spoiler>& all_spoilers();

std::unique_ptr<Subject> spoiled(const Spoiler& spoiler);

}  // namespace bncheck::test
