#include "subjects/onednn_subject.hpp"

#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <unordered_map>

#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"
#include "subjects/memory/single_call.hpp"

namespace bncheck {
namespace {

using dnnl::memory;
using dnnl::normalization_flags;
using dnnl::prop_kind;
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

/// Shape with the dimensions of images or volumes, for which oneDNN has fast code for blocks of channels.
Shape with_space(Shape shape) {
  while (shape.size() < 4) shape.push_back(1);
  return shape;
}

memory::desc blocked_desc(const Shape& shape) {
  const Shape spatial = with_space(shape);
  const auto tag = spatial.size() == 4 ? memory::format_tag::nChw16c : memory::format_tag::nCdhw16c;
  return {spatial, memory::data_type::f32, tag};
}

/// A tensor as a primitive sees it: the caller's memory itself, or a blocked copy of it.
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

normalization_flags flags_of(const SingleCall& call) {
  normalization_flags flags =
      is_training(call.kind) ? normalization_flags::none : normalization_flags::use_global_stats;
  if (call.state.weight) flags |= normalization_flags::use_scale;
  if (call.state.bias) flags |= normalization_flags::use_shift;
  return flags;
}

/// Adds parameters and statistics. In training, `batch` receives the batch's statistics; inference gets those
/// of the state.
void add_vectors(const SingleCall& call, StateBuffers& state, SavedBuffers& batch, Arguments& arguments) {
  const bool training = is_training(call.kind);
  arguments.emplace(DNNL_ARG_MEAN, vector_of(training ? *batch.mean : *state.running_mean));
  arguments.emplace(DNNL_ARG_VARIANCE, vector_of(training ? *batch.var : *state.running_var));
  if (state.weight) arguments.emplace(DNNL_ARG_SCALE, vector_of(*state.weight));
  if (state.bias) arguments.emplace(DNNL_ARG_SHIFT, vector_of(*state.bias));
}

class OnednnSubject : public Subject {
 public:
  OnednnSubject(std::string name, Layout layout) : name_(std::move(name)), layout_(layout) {
    can_.dialect = *dialect_named("onednn");
    can_.numerics.summation = Summation::naive;  // running sums, a vector or a thread at a time
    // The caller makes the descriptors, so not even the shapes of two buffers are compared.
    can_.errors = {};
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

  /// Exec with the placement that this subject uses, whatever the case asks for; in place stays in place.
  /// Sets the number of threads.
  Exec placed(Exec exec, const Shape& shape) const {
    exec.x = exec.y = layout_ == Layout::channels_last ? channels_last(shape.size()) : Placement{};
    static const int usual_threads = omp_get_max_threads();
    omp_set_num_threads(exec.threads > 0 ? exec.threads : usual_threads);
    return exec;
  }

  static dnnl::batch_normalization_forward::primitive_desc forward_desc(prop_kind kind, const Operand& x,
                                                                        const SingleCall& call) {
    const auto eps = static_cast<float>(call.config.eps);
    return {{kind, x.desc(), eps, flags_of(call)}, engine()};
  }

  Operand operand(const Region& region) const {
    return {region.floats(), *region.shape, *region.strides, layout_};
  }

  void run_forward(const SingleCall& call, CallReply& reply) const {
    const bool training = call.kind == CallKind::forward_training;
    ForwardBuffers buffers(call.state, *call.x, placed(call.x_exec, call.x->shape), Saved::mean_var,
                           call.config.num_features);
    Operand x = operand(buffers.tensors.in_region());
    Operand y = operand(buffers.tensors.out_region());
    const auto kind = training ? prop_kind::forward_training : prop_kind::forward_inference;
    const auto desc = forward_desc(kind, x, call);
    Arguments arguments{{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DST, y.seen()}};
    add_vectors(call, buffers.state, buffers.saved, arguments);
    x.load();
    execute(dnnl::batch_normalization_forward(desc), arguments);
    y.store();
    // The primitive does not update running statistics.
    reply.death = buffers.damage(0, false);
    reply.result = buffers.gather(training).outputs;
  }

  /// Runs the gradient, in training after a forward pass for the batch's statistics, whose y is discarded.
  /// All gradients are requested together: dx, and those of the parameters that exist.
  void run_backward(const SingleCall& call, CallReply& reply) const {
    const Shape& shape = call.x->shape;
    const Exec x_exec = placed({}, shape);
    const Exec exec = placed(call.gradient_exec, shape);
    GradientBuffers buffers(call.state, {*call.x, x_exec, *call.dy, exec}, call.config.num_features);
    SavedBuffers batch(Saved::mean_var, call.config.num_features);
    GuardedBuffer nowhere(shape, x_exec.y);
    Operand x = operand(region_of(buffers.x()));
    Operand y = operand(region_of(nowhere));
    Operand dy = operand(buffers.tensors().in_region());
    Operand dx = operand(buffers.tensors().out_region());
    const auto forward_pass = forward_desc(prop_kind::forward_training, x, call);
    Arguments arguments{{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DST, y.seen()}};
    add_vectors(call, buffers.state(), batch, arguments);
    x.load();
    if (is_training(call.kind)) execute(dnnl::batch_normalization_forward(forward_pass), arguments);
    const bool parameters = call.state.weight || call.state.bias;
    const auto kind = parameters ? prop_kind::backward : prop_kind::backward_data;
    const dnnl::batch_normalization_backward::primitive_desc desc(
        {kind, dy.desc(), x.desc(), static_cast<float>(call.config.eps), flags_of(call)}, engine(),
        forward_pass);
    arguments = {{DNNL_ARG_SRC, x.seen()}, {DNNL_ARG_DIFF_DST, dy.seen()}, {DNNL_ARG_DIFF_SRC, dx.seen()}};
    add_vectors(call, buffers.state(), batch, arguments);
    if (call.state.weight) arguments.emplace(DNNL_ARG_DIFF_SCALE, vector_of(*buffers.dweight()));
    if (call.state.bias) arguments.emplace(DNNL_ARG_DIFF_SHIFT, vector_of(*buffers.dbias()));
    dy.load();
    execute(dnnl::batch_normalization_backward(desc), arguments);
    dx.store();
    reply.death = buffers.damage(0);
    if (!reply.death) reply.death = batch.damage(0);
    if (!reply.death && !nowhere.guards_intact())
      reply.death = Death{Death::Cause::guard_zone, "around y", 0};
    std::map<Output, Tensor> outputs = buffers.gather().outputs;
    if (!call.want_dx) outputs.erase(Output::dx);
    if (!call.want_dweight) outputs.erase(Output::dweight);
    if (!call.want_dbias) outputs.erase(Output::dbias);
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
