#pragma once
/// Outputs of a BatchNorm for a case, as a safetensors file. Any program may write it, anywhere and at any
/// time; `bncheck judge` judges it. A public interface, like the case file.
///
/// `__metadata__`, all strings:
///   format     "bncheck-output"; an answer file ("bncheck-answer", answer_file.hpp) is read as well
///   version    "1"
///   calls      number of calls, that of the case
///   and per call K = 0, 1, ...
///   call.K                      "values" (also the meaning of an absent key), or "error" and its kind: rank,
///                               channels, length, eps, momentum, one_value, alias, counter, no_forward,
///                               unsupported, memory or other
///   call.K.message              free text beside an error
///   call.K.num_batches_tracked  the counter after the call; absent: as the dialect counts
/// Tensors, of the dtypes that the case requires, dense and in logical order: call.K.y; in training, where
/// the dialect has them, call.K.saved_mean, call.K.saved_var or call.K.saved_invstd, and the statistics after
/// the call, call.K.running_mean, call.K.running_var, call.K.running_weight; for a backward call those of
/// call.K.dx, call.K.dweight and call.K.dbias that it asks for. A call that failed has none. Call K + 1 is
/// judged from the running statistics that call K left here, unless call K is a load.

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bncheck/error_kind.hpp"
#include "bncheck/expected.hpp"
#include "bncheck/safetensors.hpp"

namespace bncheck {

struct RecordedCall {
  /// Not empty: the call failed. An answer file names every kind that is right, an output file names one.
  std::vector<ErrorKind> errors;
  std::string message;
  std::map<Output, Tensor> outputs;
  std::optional<std::int64_t> num_batches_tracked;
  bool operator==(const RecordedCall&) const = default;
};

struct OutputFile {
  std::vector<RecordedCall> calls;
  bool operator==(const OutputFile&) const = default;
};

Archive to_archive(const OutputFile& file);
/// Throws FormatError, which names the key or tensor.
OutputFile outputs_from_archive(Archive archive);

/// Throws std::runtime_error; the message names the file.
OutputFile load_outputs(const std::filesystem::path& path);

}  // namespace bncheck
