/* A BatchNorm in C for bncheck: cc -O2 -shared -fPIC -o plugin.so plugin.c -lm && bncheck check
 * plugin:./plugin.so CC0: copy it and put your own in its place. Float storage, sums in double. */
#include <math.h>

#include "bncheck_plugin.h"

/* Values per channel; element i of channel c is at [(i / inner * C + c) * inner + i % inner]. */
typedef struct {
  int64_t channels, values, inner;
} sizes;

static sizes sizes_of(const bncheck_tensor* x) {
  sizes s = {x->shape[1], x->shape[0], 1};
  for (int32_t k = 2; k < x->rank; ++k) s.inner *= x->shape[k];
  s.values *= s.inner;
  return s;
}
static int64_t at(sizes s, int64_t c, int64_t i) {
  return (i / s.inner * s.channels + c) * s.inner + i % s.inner;
}
static float* floats(const bncheck_tensor* tensor) {
  return (float*)tensor->data;
}
static double element(const bncheck_tensor* tensor, int64_t c, double otherwise) {
  return tensor->data ? floats(tensor)[c] : otherwise;
}
static void moments(const bncheck_call* call, sizes s, int64_t c, double* mean, double* var) {
  const float* x = floats(&call->x);
  *mean = *var = 0;
  for (int64_t i = 0; i < s.values; ++i) *mean += x[at(s, c, i)];
  *mean /= (double)s.values;
  for (int64_t i = 0; i < s.values; ++i) *var += (x[at(s, c, i)] - *mean) * (x[at(s, c, i)] - *mean);
  *var /= (double)s.values;
}
static void normalise(bncheck_call* call, sizes s, int64_t c, double mean, double var) {
  const double scale = element(&call->weight, c, 1) / sqrt(var + call->eps);
  for (int64_t i = 0; i < s.values; ++i)
    floats(&call->y)[at(s, c, i)] =
        (float)((floats(&call->x)[at(s, c, i)] - mean) * scale + element(&call->bias, c, 0));
}
static int forward_training(void* context, bncheck_call* call) {
  (void)context;
  const sizes s = sizes_of(&call->x);
  const double m = call->cumulative ? 1.0 / (double)(call->num_batches_tracked + 1) : call->momentum;
  if (s.values == 1) return BNCHECK_ERROR_ONE_VALUE;
  for (int64_t c = 0; c < s.channels && s.values > 0; ++c) {
    double mean, var;
    moments(call, s, c, &mean, &var);
    normalise(call, s, c, mean, var);
    if (!call->running_mean.data) continue;
    float *rm = floats(&call->running_mean) + c, *rv = floats(&call->running_var) + c;
    *rm = (float)((1 - m) * *rm + m * mean);
    *rv = (float)((1 - m) * *rv + m * var * (double)s.values / (double)(s.values - 1));
  }
  return BNCHECK_OK;
}
static int forward_inference(void* context, bncheck_call* call) {
  (void)context;
  for (int64_t c = 0; c < call->num_features; ++c)
    normalise(call, sizes_of(&call->x), c, floats(&call->running_mean)[c], floats(&call->running_var)[c]);
  return BNCHECK_OK;
}
static void capabilities(void* context, bncheck_capabilities* can) {
  (void)context;
  can->dialect = "pytorch,saved=none";
  can->numerics = "sound,summation=wide,range=wide";
  can->errors = "one_value";
  can->features |= BNCHECK_WEIGHT_OR_BIAS_ALONE;
}
static const bncheck_plugin table = {.struct_size = sizeof(bncheck_plugin),
                                     .abi_version = BNCHECK_ABI_VERSION,
                                     .name = "example in C",
                                     .version = "1",
                                     .capabilities = capabilities,
                                     .forward_training = forward_training,
                                     .forward_inference = forward_inference};

const bncheck_plugin* bncheck_plugin_table(void) {
  return &table;
}
