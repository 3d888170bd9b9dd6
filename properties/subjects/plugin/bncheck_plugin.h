/* bncheck_plugin.h - the C interface between bncheck and a BatchNorm that it is to check.
 *
 * CC0 1.0: no rights reserved (https://creativecommons.org/publicdomain/zero/1.0/). Copy it, embed it.
 *
 * A plugin is a shared library that exports one function:
 *
 *     const bncheck_plugin *bncheck_plugin_table(void);
 *
 * bncheck loads it in a process of its own and calls it from one thread. `bncheck check plugin:./mine.so`
 * puts cases to it; a crash, a hang, a write outside its output is a finding, and the check goes on with a
 * new process.
 *
 * Every call is complete in itself: parameters and running statistics come in with it and go out with it.
 * It begins in the usual floating-point environment (to nearest, no traps, nothing flushed to zero); what it
 * changes there ends with it. What else it does to its process (locale, folder, signals, ...) stays as it is.
 * A complete example of 80 lines: properties/subjects/examples/plugin.c.
 */
#ifndef BNCHECK_PLUGIN_H
#define BNCHECK_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The version of this interface. Fields are only ever added at the end of a struct, whose `struct_size` says
 * how many there are; what changes a meaning gets a new version. */
#define BNCHECK_ABI_VERSION 1

#if defined(_WIN32)
#define BNCHECK_EXPORT __declspec(dllexport)
#else
#define BNCHECK_EXPORT __attribute__((visibility("default")))
#endif

/* What a call returns. An error other than OK leaves every buffer as it was. */
typedef enum bncheck_status {
  BNCHECK_OK = 0,
  BNCHECK_ERROR_RANK = 1,     /* x has a rank that the layer does not take */
  BNCHECK_ERROR_CHANNELS = 2, /* num_features < 1, or x has another number of channels */
  /* A parameter or statistic has not one element per statistic: C, or C times the positions where the
   * dialect's axes are per_activation. Or dy has not x's shape. */
  BNCHECK_ERROR_LENGTH = 3,
  BNCHECK_ERROR_EPS = 4,       /* eps is negative, not finite, 0 in training, or out of range */
  BNCHECK_ERROR_MOMENTUM = 5,  /* momentum is NaN or infinite */
  BNCHECK_ERROR_ONE_VALUE = 6, /* one value per channel in training */
  BNCHECK_ERROR_ALIAS = 7,     /* buffers overlap in a way that is not allowed */
  BNCHECK_ERROR_COUNTER = 8,   /* num_batches_tracked < 0 */
  BNCHECK_ERROR_MEMORY = 9,
  BNCHECK_ERROR_OTHER = 10,
  BNCHECK_UNSUPPORTED = 100, /* right to ask, but not done here: the case counts as not applicable */
  BNCHECK_FATAL = 101        /* the device is lost: this process is ended and a new one started */
} bncheck_status;

typedef enum bncheck_dtype {
  BNCHECK_F32 = 0,
  BNCHECK_F64 = 1,
  BNCHECK_F16 = 2,
  BNCHECK_BF16 = 3
} bncheck_dtype;

/* A tensor in memory of bncheck's. data is NULL where the call has none such (no weight, no dx wanted, ...).
 * Around it and in its gaps lie guard elements: writing there is a finding, reading there gives NaN. */
typedef struct bncheck_tensor {
  void* data;             /* the first element */
  size_t bytes;           /* of the buffer, from data on, gaps included */
  int32_t dtype;          /* bncheck_dtype */
  int32_t rank;           /* number of sizes and strides; 1 for parameters, statistics, dweight and dbias */
  const int64_t* shape;   /* sizes, outermost first: (N, C, ...) */
  const int64_t* strides; /* in elements; dense in logical order unless a layout was declared */
} bncheck_tensor;

/* One call: forward, or the gradient of a forward call with these very inputs. */
typedef struct bncheck_call {
  size_t struct_size;
  int32_t dimensions;   /* 1, 2, 3: BatchNorm1d, 2d, 3d */
  int32_t threads;      /* 0: as many as you like */
  int64_t num_features; /* C */
  double eps;
  double momentum;    /* as your dialect takes it: weight of the new statistic, or 1 - that (PROTOCOL.md) */
  int32_t cumulative; /* not 0: no momentum, the running statistics are averages over all batches */
  int32_t reserved;
  int64_t num_batches_tracked; /* batches before this one */

  /* Read in every call; running_* are read in inference, read and written by forward_training where data is
   * not NULL. */
  bncheck_tensor x, weight, bias, running_mean, running_var, running_weight;
  /* Written by forward calls. saved_*: by forward_training, those that the dialect has. */
  bncheck_tensor y, saved_mean, saved_var, saved_invstd;
  /* Backward calls: dy is read, the others are written where data is not NULL. */
  bncheck_tensor dy, dx, dweight, dbias;

  /* Room for one line that says what is wrong; bncheck has put a 0 at its start. */
  char* message;
  size_t message_bytes;
} bncheck_call;

/* What the BatchNorm can be asked. bncheck fills in the defaults that are given here; change what differs. */
typedef struct bncheck_capabilities {
  size_t struct_size;
  uint32_t operations; /* default: those that the table has; BNCHECK_... of bncheck_operation */
  uint32_t dimensions; /* default 7: bit 0 for BatchNorm1d, bit 1 for 2d, bit 2 for 3d */
  uint32_t layouts;    /* default 0: dense in logical order; bncheck_layout for more */
  uint32_t features;   /* default BNCHECK_UNTRACKED | BNCHECK_UNAFFINE | BNCHECK_EMPTY | BNCHECK_CUMULATIVE */
  int64_t channel_multiple; /* default 1: C may be any number; at most 1024 */
  int64_t max_elements;     /* default 0: x may be of any size */
  const char* dtypes;       /* default "f32"; "f32 f16 f16+f32 bf16 f64": data, or data+per-channel vectors */
  const char* dialect;      /* default "pytorch"; "keras", "pytorch,running_var=population,saved=none" */
  const char* numerics;     /* default "sound"; "sound,summation=naive", "exact", ... */
  const char* errors;       /* default "": none; "rank channels length one_value": those that are reported */
} bncheck_capabilities;

enum bncheck_operation {
  BNCHECK_FORWARD_TRAINING = 1,
  BNCHECK_FORWARD_INFERENCE = 2,
  BNCHECK_BACKWARD_TRAINING = 4,
  BNCHECK_BACKWARD_INFERENCE = 8
};
enum bncheck_layout {
  BNCHECK_CHANNELS_LAST = 1, /* dense with the channel innermost */
  BNCHECK_STRIDED = 2,       /* any strides; x and y may differ */
  BNCHECK_IN_PLACE = 4       /* y may be x, dx may be dy */
};
enum bncheck_feature {
  BNCHECK_UNTRACKED = 1,       /* takes training without running statistics */
  BNCHECK_UNAFFINE = 2,        /* takes calls with neither weight nor bias: both have no data */
  BNCHECK_EMPTY = 4,           /* takes batches without a value */
  BNCHECK_CUMULATIVE = 8,      /* takes `cumulative` */
  BNCHECK_THREADS = 16,        /* honours `threads` */
  BNCHECK_NON_FINITE = 32,     /* infinities and NaN give what the formula gives in the extended reals */
  BNCHECK_CANONICAL_BITS = 64, /* an exact zero is +0, NaN is 0x7fc00000 */
  BNCHECK_WEIGHT_OR_BIAS_ALONE = 128 /* takes calls with a weight and no bias, and the reverse */
};

typedef struct bncheck_plugin {
  size_t struct_size;   /* sizeof(bncheck_plugin) */
  uint32_t abi_version; /* BNCHECK_ABI_VERSION */
  const char* name;     /* "my kernel" */
  const char* version;  /* "1.2.3" */

  /* Before the first and after the last call; either may be NULL. create returns a bncheck_status and puts
   * what it likes into *context; message as in bncheck_call. */
  int (*create)(void** context, char* message, size_t message_bytes);
  void (*destroy)(void* context);
  /* May be NULL: the defaults then. */
  void (*capabilities)(void* context, bncheck_capabilities* capabilities);

  /* Each returns a bncheck_status; NULL where there is no such operation. The gradient in training and in
   * inference are one function: `training` says which. */
  int (*forward_training)(void* context, bncheck_call* call);
  int (*forward_inference)(void* context, bncheck_call* call);
  int (*backward)(void* context, bncheck_call* call, int training);
} bncheck_plugin;

BNCHECK_EXPORT const bncheck_plugin* bncheck_plugin_table(void);

#ifdef __cplusplus
}
#endif

#endif /* BNCHECK_PLUGIN_H */
