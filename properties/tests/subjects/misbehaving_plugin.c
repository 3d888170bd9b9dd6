/* A plugin that gives right answers but for what the environment variable BNCHECK_MISBEHAVE names. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define bncheck_plugin_table right_table
#include "plugin.c"
#undef bncheck_plugin_table

static int is(const char* name) {
  const char* wanted = getenv("BNCHECK_MISBEHAVE");
  return wanted != NULL && strcmp(wanted, name) == 0;
}

static int has_right_rank(const bncheck_call* call) {
  if (call->x.rank == 1 && is("crash_on_rank_1")) raise(SIGSEGV);
  const int32_t rank = call->dimensions + 2;
  return call->x.rank == rank || (call->dimensions == 1 && call->x.rank == 2);
}

static void lose_lone_bias(bncheck_call* call) {
  if (!is("lone_bias_lost") && !is("lone_bias_undeclared")) return;
  if (!call->weight.data) call->bias.data = NULL;
}

static int spoiled_inference(void* context, bncheck_call* call) {
  lose_lone_bias(call);
  return has_right_rank(call) ? forward_inference(context, call) : BNCHECK_ERROR_RANK;
}

static int spoiled_training(void* context, bncheck_call* call) {
  if (!has_right_rank(call)) return BNCHECK_ERROR_RANK;
  if (is("hang_on_empty") && call->x.shape[0] == 0) {
    for (;;) pause();
  }
  if (is("empty_batch_writes") && call->x.shape[0] == 0 && call->running_mean.data) {
    floats(&call->running_mean)[0] = 4711;
  }
  lose_lone_bias(call);
  const int status = forward_training(context, call);
  if (status != BNCHECK_OK) return status;
  if (call->cumulative && is("no_cumulative")) raise(SIGSEGV);
  const sizes s = sizes_of(&call->x);
  float* end = floats(&call->y) + s.channels * s.values;
  if (is("vector_past_y")) {
    for (int k = 0; k < 16; ++k) end[k] = 1;
  }
  if (is("x_changed") && s.channels * s.values > 0) floats(&call->x)[0] = 0.125f;
  if (is("weight_changed") && call->weight.data) floats(&call->weight)[0] += 1;
  if (is("no_status")) return 4711;
  if (is("device_lost")) {
    strncpy(call->message, "the device fell off the bus", call->message_bytes - 1);
    return BNCHECK_FATAL;
  }
  return status;
}

static int spoiled_create(void** context, char* message, size_t message_bytes) {
  *context = NULL;
  if (!is("no_device")) return BNCHECK_OK;
  strncpy(message, "no device found", message_bytes - 1);
  return BNCHECK_ERROR_OTHER;
}

static void spoiled_destroy(void* context) {
  (void)context;
  if (is("abort_in_destroy")) abort();
}

/* As a destructor of a static object would. */
__attribute__((destructor)) static void at_exit(void) {
  if (is("abort_at_exit")) abort();
  if (is("status_at_exit")) _exit(3);
  while (is("hang_at_exit")) pause();
}

static void spoiled_capabilities(void* context, bncheck_capabilities* can) {
  capabilities(context, can);
  can->errors = "rank one_value";
  if (is("backward_without_function")) can->operations |= BNCHECK_BACKWARD_TRAINING;
  if (is("no_cumulative")) can->features &= ~(uint32_t)BNCHECK_CUMULATIVE;
  if (is("lone_bias_undeclared")) can->features &= ~(uint32_t)BNCHECK_WEIGHT_OR_BIAS_ALONE;
  const char* multiple = getenv("BNCHECK_MULTIPLE");
  if (multiple != NULL) can->channel_multiple = strtoll(multiple, NULL, 10);
  if (is("no_such_dtype")) can->dtypes = "f32 f8";
}

const bncheck_plugin* bncheck_plugin_table(void) {
  static bncheck_plugin spoiled;
  spoiled = *right_table();
  spoiled.create = spoiled_create;
  spoiled.destroy = spoiled_destroy;
  spoiled.capabilities = spoiled_capabilities;
  spoiled.forward_training = spoiled_training;
  spoiled.forward_inference = spoiled_inference;
  if (is("other_abi")) spoiled.abi_version = 99;
  return &spoiled;
}
