#include "subjects/torch_subject.hpp"

#include <torch/torch.h>
#include <torch/version.h>

#include <algorithm>
#include <locale>
#include <regex>

#include "bncheck/number_text.hpp"
#include "subjects/memory/call_buffers.hpp"
#include "subjects/memory/state_buffers.hpp"

namespace bncheck {
namespace {

at::Tensor blob(float* data, const Shape& shape, const std::vector<std::int64_t>& strides) {
  return torch::from_blob(data, shape, strides, torch::kFloat32);
}

void point_to(OptionalBuffer& buffer, at::Tensor& target) {
  if (buffer) target.set_data(blob(buffer->data(), buffer->shape(), buffer->strides()));
}

Tensor to_tensor(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.to(torch::kFloat32).contiguous();
  const Shape shape(dense.sizes().begin(), dense.sizes().end());
  return Tensor::of(shape, {dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel())});
}

/// Regular expression that means the same in every locale.
std::regex plain(const char* pattern) {
  std::regex regex;
  regex.imbue(std::locale::classic());
  regex.assign(pattern);
  return regex;
}

/// Kind of an error, which libtorch shows only by the wording.
ErrorKind kind_of(const std::string& message, const Config& config) {
  std::smatch match;
  static const std::regex rank = plain(R"(xpected \d+D)");
  static const std::regex elements = plain(R"(should contain (\d+) elements not (\d+))");
  if (message.find("more than 1 value per channel") != std::string::npos) return ErrorKind::one_value;
  static const std::regex gradient = plain(R"(Mismatch in shape: grad_output|invalid gradient at index)");
  if (std::regex_search(message, gradient)) return ErrorKind::length;
  if (std::regex_search(message, rank)) return ErrorKind::rank;
  if (std::regex_search(message, match, elements)) {
    // "running_mean should contain 5 elements not 3": x has 5 channels, the buffer has 3 elements.
    const bool buffer_fits = parse_integer(match[2]) == config.num_features;
    return buffer_fits ? ErrorKind::channels : ErrorKind::length;
  }
  if (config.num_features < 1) return ErrorKind::channels;
  return ErrorKind::other;
}

/// A module whose parameters and statistics are in guarded buffers.
template <class Module>
class Session {
 public:
  explicit Session(const Case& c)
      : config_(c.config),
        module_(torch::nn::BatchNormOptions(c.config.num_features)
                    .eps(c.config.eps)
                    .momentum(momentum(c.config.momentum))
                    .affine(c.config.has_parameters())
                    .track_running_stats(c.config.track_running_stats)) {
    load(c.state);
  }

  State state() const {
    State state = loaded_;
    buffers_->gather_into(state);
    if (config_.track_running_stats) {
      state.num_batches_tracked = module_->num_batches_tracked.template item<std::int64_t>();
    }
    return state;
  }

  /// Whether there is a forward call to differentiate, in the mode that the call names.
  bool has_graph(const Backward& backward) const {
    return graph_ && backward.training.value_or(module_->is_training()) == module_->is_training();
  }

  Values run(const Call& call, std::size_t index, std::optional<Death>& death) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) {
      return run_forward(*forward, call.exec, index, death);
    }
    if (const auto* backward = std::get_if<Backward>(&call.operation)) {
      return run_backward(*backward, call.exec, index, death);
    }
    if (const auto* set = std::get_if<SetMomentum>(&call.operation)) {
      module_->options.momentum(momentum(set->momentum));
    } else if (const auto* load_call = std::get_if<Load>(&call.operation)) {
      load(load_call->state);
    }
    return {};
  }

 private:
  static c10::optional<double> momentum(const std::optional<double>& value) {
    return value ? c10::optional<double>(*value) : c10::nullopt;
  }

  void load(const State& state) {
    loaded_ = state;
    buffers_.emplace(state);
    point_to(buffers_->weight, module_->weight);
    point_to(buffers_->bias, module_->bias);
    point_to(buffers_->running_mean, module_->running_mean);
    point_to(buffers_->running_var, module_->running_var);
    if (config_.track_running_stats) module_->num_batches_tracked.fill_(state.num_batches_tracked);
    graph_.reset();
  }

  static void use_threads(const Exec& exec) {
    static const int usual_threads = at::get_num_threads();
    at::set_num_threads(exec.threads > 0 ? exec.threads : usual_threads);
  }

  Values run_forward(const Forward& forward, const Exec& exec, std::size_t index,
                     std::optional<Death>& death) {
    use_threads(exec);
    Graph graph{CallBuffers(forward.x, exec), {}, {}};
    CallBuffers& buffers = graph.buffers;
    module_->train(forward.training);
    graph.x = blob(buffers.in(), forward.x.shape, buffers.in_strides());
    if (at::GradMode::is_enabled()) graph.x.set_requires_grad(true);
    graph.y = module_->forward(graph.x);
    death = buffers.damage(index);
    if (const auto other = buffers_->damage(index, true)) death = other;
    Values values;
    values.outputs.emplace(Output::y, to_tensor(graph.y.detach()));
    graph_ = std::move(graph);
    return values;
  }

  Values run_backward(const Backward& backward, const Exec& exec, std::size_t index,
                      std::optional<Death>& death) {
    use_threads(exec);
    CallBuffers buffers(backward.dy, exec, {"dy", "dx"});
    const at::Tensor dy = blob(buffers.in(), backward.dy.shape, buffers.in_strides());
    std::vector<std::pair<Output, at::Tensor>> wanted;
    if (backward.want_dx) wanted.emplace_back(Output::dx, graph_->x);
    if (backward.want_dweight && config_.weight) wanted.emplace_back(Output::dweight, module_->weight);
    if (backward.want_dbias && config_.bias) wanted.emplace_back(Output::dbias, module_->bias);
    std::vector<at::Tensor> inputs;
    for (const auto& [output, tensor] : wanted) inputs.push_back(tensor);
    Values values;
    if (inputs.empty()) return values;
    const auto gradients = torch::autograd::grad({graph_->y}, inputs, {dy}, /*retain_graph=*/true);
    death = buffers.damage(index);
    if (const auto other = buffers_->damage(index, true)) death = other;
    if (!graph_->buffers.damage(index)) {
      for (std::size_t k = 0; k < wanted.size(); ++k) {
        values.outputs.emplace(wanted[k].first, to_tensor(gradients[k]));
      }
    } else {
      death = graph_->buffers.damage(index);
    }
    return values;
  }

  /// Latest forward call, whose x is kept for its gradient.
  struct Graph {
    CallBuffers buffers;
    at::Tensor x, y;
  };

  Config config_;
  Module module_;
  State loaded_;
  std::optional<StateBuffers> buffers_;  ///< memory of the module's parameters and statistics
  std::optional<Graph> graph_;
};

template <class Module>
Outcome run_module(const Case& c) {
  const bool has_gradients = std::ranges::any_of(
      c.calls, [](const Call& call) { return std::holds_alternative<Backward>(call.operation); });
  const torch::AutoGradMode mode(has_gradients);
  Outcome outcome;
  std::optional<Session<Module>> session;
  const auto fail = [&](const std::string& message, const State& state) {
    outcome.replies.push_back({Failure{kind_of(message, c.config), message, false}, state});
  };
  const auto attempt = [&](const State& state_on_error, const auto& action) {
    try {
      action();
    } catch (const c10::Error& error) {
      const std::string text = error.what_without_backtrace();
      fail(text.substr(0, text.find('\n')), session ? session->state() : state_on_error);
    } catch (const std::exception& error) {
      fail(error.what(), session ? session->state() : state_on_error);
    }
  };
  for (std::size_t k = 0; k < c.calls.size() && !outcome.death; ++k) {
    if (const auto* backward = std::get_if<Backward>(&c.calls[k].operation);
        backward != nullptr && !(session && session->has_graph(*backward))) {
      outcome.replies.push_back({Failure{ErrorKind::unsupported, "a gradient without its graph", false},
                                 session ? session->state() : c.state});
      continue;
    }
    attempt(c.state, [&] {
      if (!session) session.emplace(c);
      Values values = session->run(c.calls[k], k, outcome.death);
      outcome.replies.push_back({std::move(values), session->state()});
    });
  }
  return outcome;
}

class TorchSubject : public Subject {
 public:
  TorchSubject() {
    can_.dialect.saved = Saved::none;  // the module returns y only
    can_.numerics.summation = Summation::blocked;
    can_.weight_or_bias_alone = false;  // `affine` is one option
    can_.in_place = false;
    can_.caller_output = false;
    can_.remembers_forward = false;
    can_.settable = false;  // loading and setting bypass the library, so they would not test it
    can_.any_environment = false;
    can_.non_finite_rule = false;
  }
  std::string name() const override { return "torch"; }
  std::string version() const override { return TORCH_VERSION; }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    if (c.config.dimensions == 1) return run_module<torch::nn::BatchNorm1d>(c);
    if (c.config.dimensions == 2) return run_module<torch::nn::BatchNorm2d>(c);
    return run_module<torch::nn::BatchNorm3d>(c);
  }

 private:
  Capabilities can_;
};

}  // namespace

std::unique_ptr<Subject> make_torch() {
  return std::make_unique<TorchSubject>();
}

}  // namespace bncheck
