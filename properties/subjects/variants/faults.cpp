#include <algorithm>

#include "subjects/variants/fault_families.hpp"

namespace bncheck::variants {

const std::vector<const char*>& mechanisms() {
  static const std::vector<const char*> rows{
      "running variance without n/(n-1)",
      "momentum weights the old value",
      "variance as E[x^2] - E[x]^2",
      "inference folded into x alpha + beta'",
      "one value per channel",
      "empty batch",
      "empty batch is not checked",
      "layout taken from ambiguous strides",
      "gradient in one layout read as another",
      "statistics updated in inference",
      "squares and sums overflow float",
      "shards averaged without weights",
      "eps in the wrong place or amount",
      "gradient lacks a term or has one too many",
      "running statistics not updated",
      "buffers of another length taken",
      "rank not checked",
      "strides, vector tails, threads, aliasing, order of checks",
      "statistics or parameters confused with others",
      "running sum in float over many values",
  };
  return rows;
}

const std::vector<Fault>& faults() {
  static const std::vector<Fault> all = [] {
    std::vector<Fault> table;
    for (auto family :
         {value_faults, state_faults, gradient_faults, memory_faults, checking_faults, corner_faults}) {
      for (Fault& fault : family()) table.push_back(std::move(fault));
    }
    return table;
  }();
  return all;
}

/// Subject with a fault. It claims the numerics of the reference.
std::unique_ptr<Subject> make_fault(std::string_view name) {
  const auto found = std::ranges::find(faults(), name, &Fault::name);
  if (found == faults().end()) return nullptr;
  return make_variant("fault:", name, found->recipe, controls().front().numerics);
}

}  // namespace bncheck::variants
