#include "subjects/onednn_subject.hpp"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "subjects/call_buffers.hpp"
#include "subjects/foreign/single_call.hpp"

namespace bncheck {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;
using OptionalBuffer = std::optional<GuardedBuffer>;
using Arguments = std::unordered_map<int, memory>;

enum class Layout { plain, channels_last, blocked };

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

void execute(const dnnl::primitive& primitive, const Arguments& arguments) {
  dnnl::stream stream(engine());
  primitive.execute(stream, arguments);
  stream.wait();
}

/// The shape as oneDNN has fast code for blocks of channels: images or volumes.
Shape with_space(Shape shape) {
  while (shape.size() < 4) shape.push_back(1);
  return shape;
}

memory::desc blocked_desc(const Shape& shape) {
  const Shape spatial = with_space(shape);
  const auto tag = spatial.size() == 4 ? memory::format_tag::nChw16c : memory::format_tag::nCdhw16c;
  return {spatial, memory::data_type::f32, tag};
}

/// A tensor as a primitive sees it: the caller's memory itself, or a blocked copy of that.
class Operand {
 public:
  Operand(float* data, const Shape& shape, std::vector<std::int64_t> strides, Layout layout)
      : blocked_(layout == Layout::blocked) {
    if (blocked_) strides = strides_of({}, with_space(shape));
    const Shape dims = blocked_ ? with_space(shape) : shape;
    caller_ = memory(memory::desc(dims, memory::data_type::f32, strides), engine(), data);
    seen_ = blocked_ ? memory(blocked_desc(shape), engine()) : caller_;
  }
  const memory& seen() const { return seen_; }
  memory::desc desc() const { return seen_.get_desc(); }

  void load() { copy(caller_, seen_); }
  void store() { copy(seen_, caller_); }

 private:
  void copy(memory& from, memory& to) const {
    if (blocked_) execute(dnnl::reorder(from, to), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  bool blocked_;
  memory caller_, seen_;
};

memory vector_of(GuardedBuffer& buffer) {
  return {{buffer.shape(), memory::data_type::f32, memory::format_tag::a}, engine(), buffer.data()};
}

/// Parameters and statistics of one call, each in memory of its own.
class Vectors {
 public:
  explicit Vectors(const SingleCall& call) : training_(is_training(call.kind)) {
    const Shape shape{call.config.num_features};
    if (call.state.weight) weight_.emplace(*call.state.weight, Placement{});
    if (call.state.bias) bias_.emplace(*call.state.bias, Placement{});
    if (training_) {
      mean_.emplace(shape, Placement{});
      var_.emplace(shape, Placement{});
    } else {
      mean_.emplace(*call.state.running_mean, Placement{});
      var_.emplace(*call.state.running_var, Placement{});
    }
    if (is_backward(call.kind)) {
      dweight_.emplace(shape, Placement{});
      dbias_.emplace(shape, Placement{});
    }
  }

  normalization_flags flags() const {
    normalization_flags flags = training_ ? normalization_flags::none : normalization_flags::use_global_stats;
    if (weight_) flags |= normalization_flags::use_scale;
    if (bias_) flags |= normalization_flags::use_shift;
    return flags;
  }

  void add_forward(Arguments& arguments) {
    arguments.emplace(DNNL_ARG_MEAN, vector_of(*mean_));
    arguments.emplace(DNNL_ARG_VARIANCE, vector_of(*var_));
    if (weight_) arguments.emplace(DNNL_ARG_SCALE, vector_of(*weight_));
    if (bias_) arguments.emplace(DNNL_ARG_SHIFT, vector_of(*bias_));
  }
  void add_backward(Arguments& arguments) {
    add_forward(arguments);
    if (weight_) arguments.emplace(DNNL_ARG_DIFF_SCALE, vector_of(*dweight_));
    if (bias_) arguments.emplace(DNNL_ARG_DIFF_SHIFT, vector_of(*dbias_));
  }
  /// The gradients of the parameters are asked for all together, or not at all.
  prop_kind backward_kind() const {
    return weight_ || bias_ ? prop_kind::backward : prop_kind::backward_data;
  }

  std::optional<Death> damage() const {
    for (const auto& [name, buffer] : {std::pair{"weight", &weight_}, std::pair{"bias", &bias_}}) {
      if (*buffer && !(*buffer)->unchanged()) return Death{Death::Cause::input_changed, name, 0};
    }
    for (const OptionalBuffer* buffer : {&mean_, &var_}) {
      if (!training_ && !(*buffer)->unchanged())
        return Death{Death::Cause::input_changed, "running statistics", 0};
    }
    for (const OptionalBuffer* buffer : {&mean_, &var_, &dweight_, &dbias_}) {
      if (*buffer && !(*buffer)->guards_intact())
        return Death{Death::Cause::guard_zone, "around a vector of statistics or gradients", 0};
    }
    return std::nullopt;
  }

  Tensor mean() const { return mean_->gather(); }
  Tensor var() const { return var_->gather(); }
  Tensor dweight() const { return dweight_->gather(); }
  Tensor dbias() const { return dbias_->gather(); }

 private:
  bool training_;
  OptionalBuffer weight_, bias_, mean_, var_, dweight_, dbias_;
};

class OnednnSubject : public Subject {
 public:
  OnednnSubject(std::string name, Layout layout) : name_(std::move(name)), layout_(layout) {
    can_.dialect = *dialect_named("onednn");
    can_.numerics.summation = Summation::naive;  // running sums, a vector or a thread at a time
    can_.errors =
        {};  // not even the shapes of two buffers are looked at: descriptors are the caller's to make
    can_.strided = can_.channels_last = false;
    can_.any_environment = false;
    can_.settable = false;
    can_.remembers_forward = false;
    can_.non_finite_rule = false;
  }
  std::string name() const override { return name_; }
  std::string version() const override {
    const dnnl_version_t* version = dnnl_version();
    return std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
           std::to_string(version->patch);
  }
  const Capabilities& can() const override { return can_; }

  Outcome run(const Case& c) override {
    return run_single_calls(c, can_.dialect, [this](const SingleCall& call) { return take(call); });
  }

 private:
  CallReply take(const SingleCall& call) const {
    CallReply reply;
    try {
      if (is_backward(call.kind)) {
        run_backward(call, reply);
      } else {
        run_forward(call, reply);
      }
    } catch (const dnnl::error& error) {
      const bool lacking = error.status == dnnl_unimplemented;
      reply.result = Failure{lacking ? ErrorKind::unsupported : ErrorKind::other, error.what(), false};
    }
    return reply;
  }

  /// Tensors lie as this subject has them, wherever the case wants them; in place stays in place.
  Exec placed(Exec exec, const Shape& shape) const {
    exec.x = exec.y = layout_ == Layout::channels_last ? channels_last(shape.size()) : Placement{};
    static const int usual_threads = omp_get_max_threads();
    omp_set_num_threads(exec.threads > 0 ? exec.threads : usual_threads);
    return exec;
  }

  Operand operand(float* data, const Shape& shape, const std::vector<std::int64_t>& strides) const {
    return {data, shape, strides, layout_};
  }

  static dnnl::batch_normalization_forward::primitive_desc forward_desc(prop_kind kind, const Operand& x,
                                                                        const SingleCall& call,
                                                                        const Vectors& vectors) {
    const auto eps = static_cast<float>(call.config.eps);
    return {{kind, x.desc(), eps, vectors.flags()}, engine()};
  }

  void run_forward(const SingleCall& call, CallReply& reply) const {
    const bool training = call.kind == CallKind::forward_training;
    const Shape& shape = call.x->shape;
    CallBuffers buffers(*call.x, placed(call.x_exec, shape));
    Vectors vectors(call);
    Operand x = operand(buffers.in(), shape, buffers.in_strides());
    Operand y = operand(buffers.out(), shape, buffers.out_strides());
    const auto kind = training ? prop_kind::forward_training : prop_kind::forward_inference;
    const auto desc = forward_desc(kind, x, call, vectors);
    Arguments arguments{{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DST, y.seen()}};
    vectors.add_forward(arguments);
    x.load();
    execute(dnnl::batch_normalization_forward(desc), arguments);
    y.store();
    reply.death = vectors.damage();
    if (!reply.death) reply.death = buffers.damage(0);
    std::map<Output, Tensor> outputs{{Output::y, buffers.gather_out()}};
    if (training) {
      outputs.emplace(Output::saved_mean, vectors.mean());
      outputs.emplace(Output::saved_var, vectors.var());
    }
    reply.result = std::move(outputs);
  }

  /// A forward pass whose y goes nowhere, for the batch's statistics, and then the gradient.
  void run_backward(const SingleCall& call, CallReply& reply) const {
    const Shape& shape = call.x->shape;
    CallBuffers tensors(*call.dy, placed(call.gradient_exec, shape), {"dy", "dx"});
    CallBuffers forward(*call.x, placed({}, shape));
    Vectors vectors(call);
    Operand x = operand(forward.in(), shape, forward.in_strides());
    Operand y = operand(forward.out(), shape, forward.out_strides());
    Operand dy = operand(tensors.in(), shape, tensors.in_strides());
    Operand dx = operand(tensors.out(), shape, tensors.out_strides());
    const auto forward_pass = forward_desc(prop_kind::forward_training, x, call, vectors);
    Arguments arguments{{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DST, y.seen()}};
    vectors.add_forward(arguments);
    x.load();
    if (is_training(call.kind)) execute(dnnl::batch_normalization_forward(forward_pass), arguments);
    const dnnl::batch_normalization_backward::primitive_desc desc(
        {vectors.backward_kind(), dy.desc(), x.desc(), static_cast<float>(call.config.eps), vectors.flags()},
        engine(), forward_pass);
    arguments = {{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DIFF_DST, dy.seen()}, {DNNL_ARG_DIFF_SRC, dx.seen()}};
    vectors.add_backward(arguments);
    dy.load();
    execute(dnnl::batch_normalization_backward(desc), arguments);
    dx.store();
    reply.death = vectors.damage();
    if (!reply.death) reply.death = forward.damage(0);
    if (!reply.death) reply.death = tensors.damage(0);
    std::map<Output, Tensor> outputs;
    if (call.want_dx) outputs.emplace(Output::dx, tensors.gather_out());
    if (call.want_dweight) outputs.emplace(Output::dweight, vectors.dweight());
    if (call.want_dbias) outputs.emplace(Output::dbias, vectors.dbias());
    reply.result = std::move(outputs);
  }

  std::string name_;
  Layout layout_;
  Capabilities can_;
};

}  // namespace

std::unique_ptr<Subject> make_onednn() {
  return std::make_unique<OnednnSubject>("onednn", Layout::plain);
}
std::unique_ptr<Subject> make_onednn_channels_last() {
  return std::make_unique<OnednnSubject>("onednn-nhwc", Layout::channels_last);
}
std::unique_ptr<Subject> make_onednn_blocked() {
  return std::make_unique<OnednnSubject>("onednn-blocked", Layout::blocked);
}

}  // namespace bncheck
