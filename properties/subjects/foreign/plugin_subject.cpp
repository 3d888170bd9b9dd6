#include "subjects/foreign/plugin_subject.hpp"

#include <dlfcn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "bncheck/untrusted_text.hpp"
#include "core/kept_arithmetic.hpp"
#include "subjects/call_buffers.hpp"
#include "subjects/foreign/single_call.hpp"
#include "subjects/foreign/wire.hpp"
#include "subjects/plugin/bncheck_plugin.h"

namespace bncheck {
namespace {

using OptionalBuffer = std::optional<GuardedBuffer>;
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

/// nullopt for what is neither OK nor an error of the contract.
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

/// The memory of one call, and the call on it.
class CallMemory {
 public:
  CallMemory(const SingleCall& call, const Dialect& dialect)
      : call_(call),
        tensors_(is_backward(call.kind) ? *call.dy : *call.x,
                 is_backward(call.kind) ? gradient_exec(call) : call.x_exec,
                 is_backward(call.kind) ? std::pair{"dy", "dx"} : std::pair{"x", "y"}) {
    const auto place = [](OptionalBuffer& buffer, const std::optional<Tensor>& tensor) {
      if (tensor) buffer.emplace(*tensor, Placement{});
    };
    place(weight_, call.state.weight);
    place(bias_, call.state.bias);
    place(running_mean_, call.state.running_mean);
    place(running_var_, call.state.running_var);
    place(running_weight_, call.state.running_weight);
    if (is_backward(call.kind)) {
      x_.emplace(*call.x, call.x_exec.x);
      const std::int64_t length =
          call.state.weight ? static_cast<std::int64_t>(call.state.weight->size()) : call.config.num_features;
      if (call.want_dweight) vector(dweight_, length);
      if (call.want_dbias) vector(dbias_, length);
    } else if (call.kind == CallKind::forward_training && dialect.saved != Saved::none) {
      const Shape& shape = call.x->shape;
      const std::int64_t length =
          shape.size() < 2 ? call.config.num_features : feature_count(shape, dialect.axes).features;
      vector(saved_mean_, length);
      vector(dialect.saved == Saved::mean_var ? saved_var_ : saved_invstd_, length);
    }
  }

  bncheck_call request(Message& message) {
    const Config& config = call_.config;
    const bool backward = is_backward(call_.kind);
    bncheck_call request{};
    request.struct_size = sizeof request;
    request.dimensions = config.dimensions;
    request.threads = backward ? call_.gradient_exec.threads : call_.x_exec.threads;
    request.num_features = config.num_features;
    request.eps = config.eps;
    request.momentum = config.momentum.value_or(0);
    request.cumulative = config.momentum ? 0 : 1;
    request.num_batches_tracked = call_.state.num_batches_tracked;
    request.x = backward ? tensor_at(x_) : tensor_at(tensors_.in_region());
    request.weight = tensor_at(weight_);
    request.bias = tensor_at(bias_);
    request.running_mean = tensor_at(running_mean_);
    request.running_var = tensor_at(running_var_);
    request.running_weight = tensor_at(running_weight_);
    if (!backward) request.y = tensor_at(tensors_.out_region());
    request.saved_mean = tensor_at(saved_mean_);
    request.saved_var = tensor_at(saved_var_);
    request.saved_invstd = tensor_at(saved_invstd_);
    if (backward) request.dy = tensor_at(tensors_.in_region());
    if (backward && call_.want_dx)
      request.dx = tensor_at(dx_over_x() ? region_of(*x_) : tensors_.out_region());
    request.dweight = tensor_at(dweight_);
    request.dbias = tensor_at(dbias_);
    request.message = message.data();
    request.message_bytes = message.size();
    return request;
  }

  /// After a call that returned OK.
  std::optional<Death> damage() const {
    for (const auto& [name, buffer] : inputs()) {
      if (*buffer && !(*buffer)->unchanged()) return Death{Death::Cause::input_changed, name, 0};
    }
    for (const auto& [name, buffer] : outputs()) {
      if (*buffer && !(*buffer)->guards_intact())
        return Death{Death::Cause::guard_zone, std::string("around ") + name, 0};
    }
    if (is_backward(call_.kind) && !call_.want_dx && tensors_.touched())
      return Death{Death::Cause::guard_zone, "a dx that nobody wanted", 0};
    return tensors_.damage(0);
  }

  /// After a call that failed: something is not what it was.
  bool touched() const {
    const auto changed = [](const auto& named) { return *named.second && !(*named.second)->unchanged(); };
    return tensors_.touched() || std::ranges::any_of(inputs(), changed) ||
           std::ranges::any_of(outputs(), changed);
  }

  std::map<Output, Tensor> gather() const {
    std::map<Output, Tensor> all;
    const auto take = [&](Output output, const OptionalBuffer& buffer) {
      if (buffer) all.emplace(output, buffer->gather());
    };
    take(Output::dweight, dweight_);
    take(Output::dbias, dbias_);
    take(Output::saved_mean, saved_mean_);
    take(Output::saved_var, saved_var_);
    take(Output::saved_invstd, saved_invstd_);
    if (!is_backward(call_.kind)) {
      all.emplace(Output::y, tensors_.gather_out());
    } else if (call_.want_dx) {
      all.emplace(Output::dx, tensors_.gather_out());
    }
    if (call_.kind == CallKind::forward_training) {
      take(Output::running_mean, running_mean_);
      take(Output::running_var, running_var_);
      take(Output::running_weight, running_weight_);
    }
    return all;
  }

 private:
  /// A dx of another shape has no place in x.
  bool dx_over_x() const {
    return call_.gradient_exec.overlap == Overlap::dx_and_x && call_.dy->shape == call_.x->shape;
  }

  using Named = std::pair<const char*, const OptionalBuffer*>;

  /// Nothing is written over dy where no dx is wanted.
  static Exec gradient_exec(const SingleCall& call) {
    Exec exec = call.gradient_exec;
    if (!call.want_dx) exec.overlap = Overlap::none;
    return exec;
  }

  void vector(OptionalBuffer& buffer, std::int64_t length) const {
    const State& state = call_.state;
    const Dtype dtype = state.weight         ? state.weight->dtype
                        : state.running_mean ? state.running_mean->dtype
                                             : call_.x->dtype;
    buffer.emplace(Shape{std::max<std::int64_t>(length, 0)}, Placement{}, dtype);
  }

  /// Statistics are inputs of every call but training.
  std::vector<Named> inputs() const {
    std::vector<Named> all{{"weight", &weight_}, {"bias", &bias_}, {"x", &x_}};
    if (call_.kind != CallKind::forward_training) append_statistics(all);
    return all;
  }
  std::vector<Named> outputs() const {
    std::vector<Named> all{{"dweight", &dweight_},
                           {"dbias", &dbias_},
                           {"saved_mean", &saved_mean_},
                           {"saved_var", &saved_var_},
                           {"saved_invstd", &saved_invstd_}};
    if (call_.kind == CallKind::forward_training) append_statistics(all);
    return all;
  }
  void append_statistics(std::vector<Named>& all) const {
    all.insert(all.end(), {{"running_mean", &running_mean_},
                           {"running_var", &running_var_},
                           {"running_weight", &running_weight_}});
  }

  const SingleCall& call_;
  CallBuffers tensors_;
  OptionalBuffer x_;  ///< of a backward call
  OptionalBuffer weight_, bias_, running_mean_, running_var_, running_weight_;
  OptionalBuffer saved_mean_, saved_var_, saved_invstd_, dweight_, dbias_;
};

/// Runs code of the plugin's. It may set its own process up as it likes, and whatever it leaves there is left
/// to it: its threads and its later calls may build on that. Hence nothing of ours in this process depends on
/// any of it (locale, folder, signals, descriptors below those of the pipes) but the arithmetic, which this
/// puts back: the next call, too, is to begin as a caller's would.
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
    // A name without a slash would be looked for among the system's libraries.
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
    CallMemory memory(call, can_.dialect);
    Message message{};
    bncheck_call request = memory.request(message);
    const int status = of_plugin([&] { return dispatch(call.kind, request); });
    CallReply reply;
    if (status == BNCHECK_OK) {
      reply.death = memory.damage();
      reply.result = memory.gather();
    } else if (status == BNCHECK_FATAL) {
      reply.death = Death{Death::Cause::exited, "it cannot go on: " + text_of(message), 0};
    } else if (const auto kind = error_of(status)) {
      std::string text = text_of(message);
      if (text.empty()) text = std::string(name_of(*kind));
      reply.result = Failure{*kind, std::move(text), memory.touched()};
    } else {
      reply.death =
          Death{Death::Cause::protocol, "returned " + std::to_string(status) + ", which is no status", 0};
    }
    return reply;
  }

  std::string path_;
  void* library_ = nullptr;  ///< never unloaded: its threads may outlive it
  const bncheck_plugin* table_ = nullptr;
  void* context_ = nullptr;
  Capabilities can_;
};

}  // namespace

std::unique_ptr<Subject> load_plugin(const std::string& path) {
  return std::make_unique<PluginSubject>(path);
}

}  // namespace bncheck
