#pragma once
/// The two directions of a layer. A law about how a call is carried out, or about which inputs an output may depend on,
/// is the same for y and for the gradients: it is written once, over a Direction.

#include <string>

#include "generate/gradients.hpp"
#include "laws/law_support.hpp"

namespace bncheck {

struct Direction {
  std::string prefix;      ///< of the names of its laws
  std::size_t judged = 0;  ///< index of the call whose outputs are judged: the last one
  Output main = Output::y;
  std::vector<Need> needs;
  const char* results = "";  ///< its outputs, in statements
  /// A case of a forward call, and for gradients of its backward call.
  Case (*draw)(Draws&, const Capabilities&, const CaseWish&);
  /// Throws Settled, not applicable, where the case is of another kind, fails or has an empty batch.
  void (*require)(const Case&, const Capabilities&);

  std::string name(const std::string& law) const { return prefix + law; }
  /// The law's needs and those of the direction.
  std::vector<Need> with(std::vector<Need> more) const;
  /// Number of inputs: x, or x and dy.
  std::size_t inputs() const { return judged + 1; }
  /// Channel of an element of the main output, or the element of another output, which has one per channel.
  std::int64_t channel_of(Output output, std::int64_t index, const Geometry& geometry) const {
    return output == main ? geometry.channel_of(index) : index;
  }
};

const Direction& forward_direction();
const Direction& backward_direction();

/// A law of either direction, of functions over a Direction, which outlives it. It judges every dtype.
Law law_over(const Direction& direction, const char* name, std::string statement, std::vector<Need> needs,
             Case (*draw)(const Direction&, Draws&, const Capabilities&),
             Verdict (*check)(const Direction&, const Case&, Runner&), const char* rationale,
             LawTraits traits = {.any_dtype = true});

/// x of call 0, dy of call 1. Precondition: the call has one.
const Tensor& input(const Case& c, std::size_t call);
Case with_input_of(Case c, std::size_t call, Tensor tensor);
/// Another x, and a dy for it.
Case with_shape(Draws& draws, Case c, const Shape& shape, CaseWish wish);
/// The case with the judged call carried out in another way.
Case with_judged_exec(Case c, const Direction& direction, const Exec& exec);

}  // namespace bncheck
