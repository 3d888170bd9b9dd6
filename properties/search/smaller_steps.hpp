#pragma once
/// The steps that `smaller` offers: made from one case, carried out when they are tried.

#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "bncheck/case.hpp"

namespace bncheck {

class SmallerSteps {
 public:
  explicit SmallerSteps(const Case& c) : base_(std::make_shared<const Case>(c)) {}

  const Case& base() const { return *base_; }
  /// `edit` changes a copy of the case.
  void add(std::function<void(Case&)> edit) {
    steps_.push_back([base = base_, edit = std::move(edit)] {
      Case c = *base;
      edit(c);
      return c;
    });
  }
  std::vector<std::function<Case()>> take() { return std::move(steps_); }

 private:
  std::shared_ptr<const Case> base_;
  std::vector<std::function<Case()>> steps_;
};

/// x or dy; null for a call that has neither.
Tensor* input_at(Case& c, std::size_t call);
/// weight, bias, running_mean, running_var: one value per channel each.
std::vector<std::optional<Tensor>*> per_channel(State& state);

/// The tensors that change their shape with that of call k: itself, and the gradients of a forward call.
std::vector<std::size_t> shaped_like(const Case& c, std::size_t k);
/// One index of one dimension twice. Precondition: the tensor is whole and has that index.
Tensor with_index_repeated(const Tensor& x, std::size_t dimension, std::int64_t index);

/// The state at the start, and those that are loaded.
std::vector<State*> states_of(Case& c);

/// Simpler values in tensors that keep their shapes.
void shrink_values(SmallerSteps& steps);

}  // namespace bncheck
