/// A plugin that does not declare its dialect and speaks the one that the environment variable
/// BNCHECK_TEMPLATE names: "caffe", "darknet", "pytorch,running_var=population", ... It is a test subject for
/// `bncheck diagnose`.

#include <cstdio>
#include <cstdlib>
#include <exception>

#include "any_dialect.hpp"
#include "subjects/plugin/bncheck_plugin.h"

namespace {

using bncheck::ErrorKind;
using bncheck::test::PlainCall;
using bncheck::test::PlainRunning;

std::span<float> values_of(const bncheck_tensor& tensor) {
  if (tensor.data == nullptr) return {};
  return {static_cast<float*>(tensor.data), tensor.bytes / sizeof(float)};
}

PlainCall plain_call(const bncheck::Dialect& dialect, const bncheck_call& call) {
  PlainCall plain;
  plain.dialect = dialect;
  plain.batch = call.x.shape[0];
  plain.channels = call.x.shape[1];
  for (int k = 2; k < call.x.rank; ++k) plain.positions *= call.x.shape[k];
  plain.eps = call.eps;
  if (call.cumulative == 0) plain.momentum = call.momentum;
  plain.num_batches_tracked = call.num_batches_tracked;
  plain.x = values_of(call.x);
  plain.weight = values_of(call.weight);
  plain.bias = values_of(call.bias);
  return plain;
}

PlainRunning running_of(const bncheck_call& call) {
  return {values_of(call.running_mean), values_of(call.running_var), values_of(call.running_weight)};
}

bncheck::test::PlainSaved saved_of(const bncheck::Dialect& dialect, const bncheck_call& call) {
  if (dialect.saved == bncheck::Saved::none) return {};
  const bool variance = dialect.saved == bncheck::Saved::mean_var;
  return {values_of(call.saved_mean), values_of(variance ? call.saved_var : call.saved_invstd)};
}

int status_of(const std::optional<ErrorKind>& error) {
  if (!error) return BNCHECK_OK;
  if (*error == ErrorKind::length) return BNCHECK_ERROR_LENGTH;
  if (*error == ErrorKind::one_value) return BNCHECK_ERROR_ONE_VALUE;
  return *error == ErrorKind::unsupported ? BNCHECK_UNSUPPORTED : BNCHECK_ERROR_OTHER;
}

const bncheck::Dialect& dialect_of(void* context) {
  return *static_cast<bncheck::Dialect*>(context);
}

int create(void** context, char* message, size_t message_bytes) {
  const char* text = std::getenv("BNCHECK_TEMPLATE");
  try {
    *context = new bncheck::Dialect(bncheck::dialect_from_text(text == nullptr ? "" : text));
  } catch (const std::exception& error) {
    std::snprintf(message, message_bytes, "BNCHECK_TEMPLATE: %s", error.what());
    return BNCHECK_ERROR_OTHER;
  }
  return BNCHECK_OK;
}

void destroy(void* context) {
  delete static_cast<bncheck::Dialect*>(context);
}

int forward_training(void* context, bncheck_call* call) {
  const bncheck::Dialect& dialect = dialect_of(context);
  return status_of(bncheck::test::train(plain_call(dialect, *call), values_of(call->y), running_of(*call),
                                        saved_of(dialect, *call)));
}

int forward_inference(void* context, bncheck_call* call) {
  return status_of(
      bncheck::test::infer(plain_call(dialect_of(context), *call), values_of(call->y), running_of(*call)));
}

int backward(void* context, bncheck_call* call, int training) {
  const PlainCall plain = plain_call(dialect_of(context), *call);
  const bncheck::test::PlainGradients gradients{values_of(call->dx), values_of(call->dweight),
                                                values_of(call->dbias)};
  return status_of(training != 0 ? bncheck::test::train_backward(plain, values_of(call->dy), gradients)
                                 : bncheck::test::infer_backward(plain, values_of(call->dy),
                                                                 running_of(*call), gradients));
}

}  // namespace

const bncheck_plugin* bncheck_plugin_table(void) {
  static const bncheck_plugin table{
      sizeof(bncheck_plugin), BNCHECK_ABI_VERSION, "template", "1", create, destroy, nullptr,
      forward_training,       forward_inference,   backward};
  return &table;
}
