#pragma once
/// The two directions of a layer. Laws about the way in which a call is carried out, or about the inputs on
/// which an output may depend, are the same for y and for the gradients. Such a law is written once, over a
/// Direction.

#include <string>

#include "generate/gradients.hpp"
#include "laws/law_support.hpp"

namespace bncheck {

struct Direction {
  std::string prefix;      ///< prefix of the names of its laws
  std::size_t judged = 0;  ///< index of the call whose outputs are judged: the last one
  Output main = Output::y;
  std::vector<Need> needs;
  const char* results = "";  ///< names of its outputs, for statements
  /// Draws a case of a forward call, followed by its backward call if gradients are judged.
  Case (*draw)(Draws&, const Capabilities&, const CaseWish&);
  /// Throws Settled (not applicable) if the case has other calls, a call must fail, or the batch is empty.
  void (*require)(const Case&, const Capabilities&);

  std::string name(const std::string& law) const { return prefix + law; }
  /// Needs of the direction, followed by those of the law.
  std::vector<Need> with(std::vector<Need> more) const;
  /// Number of inputs: x, or x and dy.
  std::size_t inputs() const { return judged + 1; }
  /// Channel of an element. Outputs other than the main one have one element per channel.
  std::int64_t channel_of(Output output, std::int64_t index, const Geometry& geometry) const {
    return output == main ? geometry.channel_of(index) : index;
  }
};

const Direction& forward_direction();
const Direction& backward_direction();

/// Law of a direction, from functions that take the direction, which must outlive the law. Without other
/// traits, the law judges every dtype.
Law law_over(const Direction& direction, const char* name, std::string statement, std::vector<Need> needs,
             Case (*draw)(const Direction&, Draws&, const Capabilities&),
             Verdict (*check)(const Direction&, const Case&, Runner&), const char* rationale,
             LawTraits traits = {.any_dtype = true});

/// Input of a call: x of call 0, dy of call 1. Precondition: the call has an input.
const Tensor& input(const Case& c, std::size_t call);
Case with_input_of(Case c, std::size_t call, Tensor tensor);
/// The case with another x of this shape and another dy for it.
Case with_shape(Draws& draws, Case c, const Shape& shape, CaseWish wish);
/// The case with another Exec of the judged call.
Case with_judged_exec(Case c, const Direction& direction, const Exec& exec);

}  // namespace bncheck
