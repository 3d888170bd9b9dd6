#include "subjects/torch_subject.hpp"

#include <torch/torch.h>
#include <torch/version.h>

#include <regex>

#include "subjects/call_buffers.hpp"

namespace bncheck {
namespace {

using OptionalBuffer = std::optional<GuardedBuffer>;

at::Tensor blob(float* data, const Shape& shape, const std::vector<std::int64_t>& strides) {
  return torch::from_blob(data, shape, strides, torch::kFloat32);
}

at::Tensor blob(OptionalBuffer& buffer) {
  return blob(buffer->data(), buffer->shape(), buffer->strides());
}

Tensor to_tensor(const at::Tensor& tensor) {
  const at::Tensor dense = tensor.to(torch::kFloat32).contiguous();
  const Shape shape(dense.sizes().begin(), dense.sizes().end());
  return Tensor::of(shape, {dense.data_ptr<float>(), static_cast<std::size_t>(dense.numel())});
}

/// libtorch tells errors apart by their wording only.
ErrorKind kind_of(const std::string& message, const Config& config) {
  std::smatch match;
  static const std::regex rank(R"(xpected \d+D)");
  static const std::regex elements(R"(should contain (\d+) elements not (\d+))");
  if (message.find("more than 1 value per channel") != std::string::npos) return ErrorKind::one_value;
  if (std::regex_search(message, rank)) return ErrorKind::rank;
  if (std::regex_search(message, match, elements)) {
    // "running_mean should contain 5 elements not 3": wanted is what x has, given is what the buffer has.
    const bool buffer_fits = std::stoll(match[2]) == config.num_features;
    return buffer_fits ? ErrorKind::channels : ErrorKind::length;
  }
  if (config.num_features < 1) return ErrorKind::channels;
  return ErrorKind::other;
}

/// A module whose parameters and statistics live in guarded buffers.
template <class Module>
class Session {
 public:
  explicit Session(const Case& c)
      : config_(c.config),
        module_(torch::nn::BatchNormOptions(c.config.num_features)
                    .eps(c.config.eps)
                    .momentum(momentum(c.config.momentum))
                    .affine(c.config.affine)
                    .track_running_stats(c.config.track_running_stats)) {
    load(c.state);
  }

  State state() const {
    State state = loaded_;
    if (mean_) state.running_mean = mean_->gather();
    if (var_) state.running_var = var_->gather();
    if (config_.track_running_stats) {
      state.num_batches_tracked = module_->num_batches_tracked.template item<std::int64_t>();
    }
    return state;
  }

  Values run(const Call& call, std::size_t index, std::optional<Death>& death) {
    if (const auto* forward = std::get_if<Forward>(&call.operation)) {
      return run_forward(*forward, call.exec, index, death);
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
    const auto place = [](OptionalBuffer& buffer, const std::optional<Tensor>& tensor, at::Tensor& target) {
      buffer.reset();
      if (!tensor) return;
      buffer.emplace(*tensor, Placement{});
      target.set_data(blob(buffer));
    };
    loaded_ = state;
    place(weight_, state.weight, module_->weight);
    place(bias_, state.bias, module_->bias);
    place(mean_, state.running_mean, module_->running_mean);
    place(var_, state.running_var, module_->running_var);
    if (config_.track_running_stats) module_->num_batches_tracked.fill_(state.num_batches_tracked);
  }

  Values run_forward(const Forward& forward, const Exec& exec, std::size_t index,
                     std::optional<Death>& death) {
    static const int usual_threads = at::get_num_threads();
    at::set_num_threads(exec.threads > 0 ? exec.threads : usual_threads);
    CallBuffers buffers(forward.x, exec);
    module_->train(forward.training);
    const at::Tensor x = blob(buffers.in(), forward.x.shape, buffers.in_strides());
    const at::Tensor y = module_->forward(x);
    death = buffers.damage(index);
    for (const OptionalBuffer* buffer : {&weight_, &bias_}) {
      if (*buffer && !(*buffer)->unchanged())
        death = Death{Death::Cause::input_changed, "weight or bias", index};
    }
    for (const OptionalBuffer* buffer : {&mean_, &var_}) {
      if (*buffer && !(*buffer)->guards_intact()) {
        death = Death{Death::Cause::guard_zone, "around the running statistics", index};
      }
    }
    Values values;
    values.outputs.emplace(Output::y, to_tensor(y));
    return values;
  }

  Config config_;
  Module module_;
  State loaded_;
  OptionalBuffer weight_, bias_, mean_, var_;
};

template <class Module>
Outcome run_module(const Case& c) {
  const torch::NoGradGuard no_grad;
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
    if (std::holds_alternative<Backward>(c.calls[k].operation)) {
      outcome.replies.push_back({Failure{ErrorKind::unsupported, "backward", false}, c.state});
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
    can_.in_place = false;
    can_.caller_output = false;
    can_.settable = false;  // loading and setting go around the library: nothing of it would be judged
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
