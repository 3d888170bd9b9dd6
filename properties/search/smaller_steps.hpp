#pragma once
/// Steps of `smaller`: recorded from one case, carried out when they are tried.

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
  /// Adds a step, which applies `edit` to a copy of the case.
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

/// Calls whose input changes its shape together with that of call k: call k itself, and the gradients of a
/// forward call.
std::vector<std::size_t> shaped_like(const Case& c, std::size_t k);
/// The tensor with one index of one dimension repeated. Precondition: the tensor is whole and has that index.
Tensor with_index_repeated(const Tensor& x, std::size_t dimension, std::int64_t index);

/// The state before the first call, and the states that are loaded.
std::vector<State*> states_of(Case& c);

/// Adds steps to simpler values; the tensors keep their shapes.
void shrink_values(SmallerSteps& steps);

}  // namespace bncheck
