#include "subjects/foreign/plugin_subject.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "bncheck/owed.hpp"
#include "bncheck/untrusted_text.hpp"
#include "core/kept_arithmetic.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/memory/forward_buffers.hpp"
#include "subjects/memory/gradient_buffers.hpp"
#include "subjects/memory/single_call.hpp"
#include "subjects/plugin/bncheck_plugin.h"

namespace bncheck {
namespace {

using Message = std::array<char, 512>;

std::string text_of(const Message& message) {
  return {message.data(), ::strnlen(message.data(), message.size())};
}

std::int32_t code_of(Dtype dtype) {
  switch (dtype) {
    case Dtype::f64:
      return BNCHECK_F64;
    case Dtype::f16:
      return BNCHECK_F16;
    case Dtype::bf16:
      return BNCHECK_BF16;
    case Dtype::f32:
      break;
  }
  return BNCHECK_F32;
}

/// Kind of error of a status; nullopt for BNCHECK_OK, BNCHECK_FATAL and numbers that are no status.
std::optional<ErrorKind> error_of(int status) {
  constexpr std::array<std::pair<int, ErrorKind>, 11> errors{{{BNCHECK_ERROR_RANK, ErrorKind::rank},
                                                              {BNCHECK_ERROR_CHANNELS, ErrorKind::channels},
                                                              {BNCHECK_ERROR_LENGTH, ErrorKind::length},
                                                              {BNCHECK_ERROR_EPS, ErrorKind::eps},
                                                              {BNCHECK_ERROR_MOMENTUM, ErrorKind::momentum},
                                                              {BNCHECK_ERROR_ONE_VALUE, ErrorKind::one_value},
                                                              {BNCHECK_ERROR_ALIAS, ErrorKind::alias},
                                                              {BNCHECK_ERROR_COUNTER, ErrorKind::counter},
                                                              {BNCHECK_ERROR_MEMORY, ErrorKind::memory},
                                                              {BNCHECK_ERROR_OTHER, ErrorKind::other},
                                                              {BNCHECK_UNSUPPORTED, ErrorKind::unsupported}}};
  for (const auto& [code, kind] : errors) {
    if (code == status) return kind;
  }
  return std::nullopt;
}

bncheck_tensor tensor_at(const Region& region) {
  return {region.first,          region.bytes,
          code_of(region.dtype), static_cast<std::int32_t>(region.shape->size()),
          region.shape->data(),  region.strides->data()};
}
bncheck_tensor tensor_at(OptionalBuffer& buffer) {
  return buffer ? tensor_at(region_of(*buffer)) : bncheck_tensor{};
}

ForwardBuffers forward_buffers(const SingleCall& call, const Dialect& dialect) {
  if (call.kind != CallKind::forward_training || dialect.saved == Saved::none)
    return {call.state, *call.x, call.x_exec, Saved::none, 0};
  const Shape& shape = call.x->shape;
  const std::int64_t length =
      shape.size() < 2 ? call.config.num_features : feature_count(shape, dialect.axes).features;
  return {call.state, *call.x, call.x_exec, dialect.saved, length};
}

GradientBuffers gradient_buffers(const SingleCall& call) {
  const std::int64_t length = call.state.weight ? static_cast<std::int64_t>(call.state.weight->size())
                              : call.state.bias ? static_cast<std::int64_t>(call.state.bias->size())
                                                : call.config.num_features;
  return {
      call.state,
      {*call.x, call.x_exec, *call.dy, call.gradient_exec, call.want_dx, call.want_dweight, call.want_dbias},
      length};
}

/// Call with the fields and tensors that forward and backward calls share.
bncheck_call request_of(const SingleCall& call, StateBuffers& state, Message& message) {
  const Config& config = call.config;
  bncheck_call request{};
  request.struct_size = sizeof request;
  request.dimensions = config.dimensions;
  request.threads = is_backward(call.kind) ? call.gradient_exec.threads : call.x_exec.threads;
  request.num_features = config.num_features;
  request.eps = config.eps;
  request.momentum = config.momentum.value_or(0);
  request.cumulative = config.momentum ? 0 : 1;
  request.num_batches_tracked = call.state.num_batches_tracked;
  request.weight = tensor_at(state.weight);
  request.bias = tensor_at(state.bias);
  request.running_mean = tensor_at(state.running_mean);
  request.running_var = tensor_at(state.running_var);
  request.running_weight = tensor_at(state.running_weight);
  request.message = message.data();
  request.message_bytes = message.size();
  return request;
}

/// Outputs of a call that returned OK. Saved and running statistics are outputs of training calls only.
std::map<Output, Tensor> outputs_of(const SingleCall& call, const ForwardBuffers& buffers) {
  const bool training = call.kind == CallKind::forward_training;
  std::map<Output, Tensor> outputs = buffers.gather(training).outputs;
  if (!training) return outputs;
  State after;
  buffers.state.gather_into(after);
  for (const Output output : {Output::running_mean, Output::running_var, Output::running_weight}) {
    if (std::optional<Tensor>& tensor = after.*member_of(output)) outputs.emplace(output, std::move(*tensor));
  }
  return outputs;
}

/// Runs code of the plugin, then restores the floating-point environment, so that the next call begins as a
/// caller's would. Other changes that the plugin makes to its process stay, because its threads and later
/// calls may build on them. Code of bncheck in this process depends on none of them (locale, working
/// directory, signals, descriptors below those of the pipes).
template <class Call>
auto of_plugin(const Call& call) {
  const KeptArithmetic ours;
  return call();
}

bool has_bit(std::uint32_t bits, std::uint32_t bit) {
  return (bits & bit) != 0;
}

class PluginSubject : public Subject {
 public:
  explicit PluginSubject(const std::string& path) : path_(path) {
    // dlopen would look for a name without a slash among the system's libraries.
    const std::filesystem::path file = std::filesystem::absolute(path);
    library_ = of_plugin([&] { return ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL); });
    if (library_ == nullptr) fail(::dlerror());
    using Entry = const bncheck_plugin* (*)();
    const auto entry = reinterpret_cast<Entry>(::dlsym(library_, "bncheck_plugin_table"));
    if (entry == nullptr) fail("it exports no function bncheck_plugin_table");
    table_ = of_plugin(entry);
    if (table_ == nullptr) fail("bncheck_plugin_table returned NULL");
    if (table_->abi_version != BNCHECK_ABI_VERSION) {
      fail("it has ABI version " + std::to_string(table_->abi_version) + ", expected " +
           std::to_string(BNCHECK_ABI_VERSION));
    }
    if (table_->struct_size < sizeof(bncheck_plugin)) {
      fail("its table has " + std::to_string(table_->struct_size) + " bytes, expected " +
           std::to_string(sizeof(bncheck_plugin)));
    }
    if (table_->name == nullptr || *table_->name == '\0') fail("it has no name");
    create();
    declare();
  }
  ~PluginSubject() override {
    if (table_->destroy != nullptr) table_->destroy(context_);
  }
  PluginSubject(const PluginSubject&) = delete;
  PluginSubject& operator=(const PluginSubject&) = delete;

  std::string name() const override { return untrusted_line(table_->name, message_bytes); }
  std::string version() const override {
    return table_->version == nullptr ? "" : untrusted_line(table_->version, message_bytes);
  }
  const Capabilities& can() const override { return can_; }

  void assume(const Dialect& dialect) override { can_.dialect = without_lacks(dialect, can_); }

  Outcome run(const Case& c) override {
    return run_single_calls(c, can_.dialect, [this](const SingleCall& call) { return take(call); });
  }

 private:
  [[noreturn]] void fail(const std::string& why) const {
    throw std::runtime_error("plugin '" + path_ + "': " + why);
  }

  void create() {
    if (table_->create == nullptr) return;
    Message message{};
    const int status = of_plugin([&] { return table_->create(&context_, message.data(), message.size()); });
    if (status != BNCHECK_OK) fail("create returned " + std::to_string(status) + ": " + text_of(message));
  }

  void declare() {
    bncheck_capabilities declared{};
    declared.struct_size = sizeof declared;
    const auto add = [&](bool there, std::uint32_t operations) {
      if (there) declared.operations |= operations;
    };
    add(table_->forward_training != nullptr, BNCHECK_FORWARD_TRAINING);
    add(table_->forward_inference != nullptr, BNCHECK_FORWARD_INFERENCE);
    add(table_->backward != nullptr, BNCHECK_BACKWARD_TRAINING | BNCHECK_BACKWARD_INFERENCE);
    declared.dimensions = 7;
    declared.features = BNCHECK_UNTRACKED | BNCHECK_UNAFFINE | BNCHECK_EMPTY | BNCHECK_CUMULATIVE;
    declared.channel_multiple = 1;
    declared.dtypes = "f32";
    declared.dialect = "pytorch";
    declared.numerics = "sound";
    declared.errors = "";
    if (table_->capabilities != nullptr) of_plugin([&] { table_->capabilities(context_, &declared); });
    try {
      take_in(declared);
    } catch (const FormatError& error) {
      fail(error.what());
    }
  }

  void take_in(const bncheck_capabilities& declared) {
    can_ = modest_capabilities();
    set_dialect(can_, declared.dialect);
    set_numerics(can_, declared.numerics);
    set_dtypes(can_, declared.dtypes);
    set_errors(can_, declared.errors);
    const std::uint32_t operations = declared.operations;
    can_.training = has_bit(operations, BNCHECK_FORWARD_TRAINING);
    can_.inference = has_bit(operations, BNCHECK_FORWARD_INFERENCE);
    can_.backward_training = has_bit(operations, BNCHECK_BACKWARD_TRAINING);
    can_.backward_inference = has_bit(operations, BNCHECK_BACKWARD_INFERENCE);
    can_.backward = can_.backward_training || can_.backward_inference;
    if ((can_.training && table_->forward_training == nullptr) ||
        (can_.inference && table_->forward_inference == nullptr) ||
        (can_.backward && table_->backward == nullptr))
      throw FormatError("it declares an operation that its table has not");
    can_.dimensions.clear();
    for (int k = 0; k < 3; ++k) {
      if (has_bit(declared.dimensions, 1u << k)) can_.dimensions.insert(k + 1);
    }
    if (can_.dimensions.empty()) throw FormatError("it declares no dimensions");
    can_.strided = has_bit(declared.layouts, BNCHECK_STRIDED);
    can_.channels_last = can_.strided || has_bit(declared.layouts, BNCHECK_CHANNELS_LAST);
    can_.in_place = has_bit(declared.layouts, BNCHECK_IN_PLACE);
    can_.caller_output = true;
    const std::uint32_t features = declared.features;
    can_.untracked = has_bit(features, BNCHECK_UNTRACKED);
    can_.without_affine = has_bit(features, BNCHECK_UNAFFINE);
    can_.weight_or_bias_alone = has_bit(features, BNCHECK_WEIGHT_OR_BIAS_ALONE);
    can_.empty = has_bit(features, BNCHECK_EMPTY);
    if (!has_bit(features, BNCHECK_CUMULATIVE)) can_.dialect.cumulative = Cumulative::unsupported;
    can_.threads = has_bit(features, BNCHECK_THREADS);
    can_.non_finite_rule = has_bit(features, BNCHECK_NON_FINITE);
    can_.canonical_bits = has_bit(features, BNCHECK_CANONICAL_BITS);
    can_.channel_multiple = declared.channel_multiple;
    can_.max_elements = declared.max_elements;
    require_possible(can_);
  }

  int dispatch(CallKind kind, bncheck_call& request) const {
    switch (kind) {
      case CallKind::forward_training:
        return table_->forward_training(context_, &request);
      case CallKind::forward_inference:
        return table_->forward_inference(context_, &request);
      case CallKind::backward_training:
      case CallKind::backward_inference:
        break;
    }
    return table_->backward(context_, &request, is_training(kind) ? 1 : 0);
  }

  CallReply take(const SingleCall& call) const {
    return is_backward(call.kind) ? take_backward(call) : take_forward(call);
  }

  CallReply take_forward(const SingleCall& call) const {
    ForwardBuffers buffers = forward_buffers(call, can_.dialect);
    Message message{};
    bncheck_call request = request_of(call, buffers.state, message);
    request.x = tensor_at(buffers.tensors.in_region());
    request.y = tensor_at(buffers.tensors.out_region());
    request.saved_mean = tensor_at(buffers.saved.mean);
    request.saved_var = tensor_at(buffers.saved.var);
    request.saved_invstd = tensor_at(buffers.saved.invstd);
    const int status = of_plugin([&] { return dispatch(call.kind, request); });
    if (status != BNCHECK_OK) return failed(status, message, buffers.touched());
    return {outputs_of(call, buffers), {}, buffers.damage(0, call.kind == CallKind::forward_training)};
  }

  CallReply take_backward(const SingleCall& call) const {
    GradientBuffers buffers = gradient_buffers(call);
    Message message{};
    bncheck_call request = request_of(call, buffers.state(), message);
    request.x = tensor_at(region_of(buffers.x()));
    request.dy = tensor_at(buffers.tensors().in_region());
    if (call.want_dx) request.dx = tensor_at(buffers.dx());
    request.dweight = tensor_at(buffers.dweight());
    request.dbias = tensor_at(buffers.dbias());
    const int status = of_plugin([&] { return dispatch(call.kind, request); });
    if (status != BNCHECK_OK) return failed(status, message, buffers.touched());
    return {buffers.gather().outputs, {}, buffers.damage(0)};
  }

  /// Reply to a call that did not return OK. `touched`: the call changed a buffer nevertheless.
  static CallReply failed(int status, const Message& message, bool touched) {
    CallReply reply;
    std::string text = text_of(message);
    if (status == BNCHECK_FATAL) {
      reply.death = Death{Death::Cause::exited, "it cannot go on: " + text, 0};
    } else if (const auto kind = error_of(status)) {
      if (text.empty()) text = std::string(name_of(*kind));
      reply.result = Failure{*kind, std::move(text), touched};
    } else {
      reply.death =
          Death{Death::Cause::protocol, "returned " + std::to_string(status) + ", which is no status", 0};
    }
    return reply;
  }

  std::string path_;
  void* library_ = nullptr;  ///< never unloaded, because threads of the plugin may outlive the subject
  const bncheck_plugin* table_ = nullptr;
  void* context_ = nullptr;
  Capabilities can_;
};

}  // namespace

std::unique_ptr<Subject> load_plugin(const std::string& path) {
  return std::make_unique<PluginSubject>(path);
}

}  // namespace bncheck
