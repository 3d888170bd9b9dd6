/* y is x: the cost of a plugin without the time of a BatchNorm. */
#include <string.h>

#include "bncheck_plugin.h"

static int copy(void* context, bncheck_call* call) {
  (void)context;
  size_t count = 1;
  for (int32_t k = 0; k < call->x.rank; ++k) count *= (size_t)call->x.shape[k];
  memcpy(call->y.data, call->x.data, count * sizeof(float));
  return BNCHECK_OK;
}

static const bncheck_plugin table = {.struct_size = sizeof(bncheck_plugin),
                                     .abi_version = BNCHECK_ABI_VERSION,
                                     .name = "a copy",
                                     .version = "1",
                                     .forward_inference = copy};

const bncheck_plugin* bncheck_plugin_table(void) {
  return &table;
}
