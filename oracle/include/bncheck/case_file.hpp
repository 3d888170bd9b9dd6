#pragma once
/// The case file: one Case as a safetensors file, which Python opens in one line. A public interface.
///
/// `__metadata__`, all strings; doubles as C hexadecimal floats ("0x1.4f8b588e368f1p-17"), "inf", "-inf",
/// "nan":
///   format                 "bncheck-case"
///   version                "1"; files of older versions keep loading
///   dimensions             "1", "2" or "3": BatchNorm1d, 2d or 3d
///   num_features           integer, at most 2^24 in size
///   eps                    double
///   momentum               double, the weight of the new statistic, or "cumulative"
///   affine                 "true": weight and bias; "false": neither; "weight", "bias": that one alone
///   track_running_stats    "true" or "false"
///   num_batches_tracked    integer
///   calls                  number of calls, at most 4096
///   call.K                 "forward training", "forward inference",
///                          "backward [training|inference] [dx] [dweight] [dbias]", "set_momentum M", "load"
///                          for K = 0, 1, ...
///   call.K.num_batches_tracked    integer, for a load
///   call.K.x.order, call.K.x.gaps, call.K.x.offset   (and y.; dy. and dx. for a backward call): placement,
///                          integers separated by blanks; absent: dense. Gaps and offset are at most 4096;
///                          the tensor is spread over at most max(64 times its elements, 2^22) elements
///   call.K.overlap, call.K.threads, call.K.rounding, call.K.flush_to_zero   absent: none, 0, nearest, false
///   note.*                 free text: law, subject, seed, ...
/// Tensors, each absent where the state has none:
///   weight, bias, running_mean, running_var, running_weight     the state before the first call
///   call.K.x               input of a forward call; call.K.dy of a backward call
///   call.K.weight, ...     the state of a load
/// x and dy are dense and in logical order (N, C, ...) in the file. A placement only says how the subject
/// gets them.

#include <filesystem>
#include <map>
#include <string>

#include "bncheck/case.hpp"
#include "bncheck/number_text.hpp"
#include "bncheck/safetensors.hpp"

namespace bncheck {

struct CaseFile {
  Case content;
  /// Values of the `note.*` keys, by their names without the prefix.
  std::map<std::string, std::string> notes;
  bool operator==(const CaseFile&) const = default;
};

/// Metadata and tensors of a case's archive, in the order of the file. The tensors are those of the case
/// itself, which must stay alive.
struct CaseParts {
  std::map<std::string, std::string> metadata;
  std::map<std::string, const Tensor*> tensors;
};
CaseParts parts_of(const Case& c);

/// Bytes of the case file. They refer to the tensors of the case, which must stay alive.
ArchivePieces pieces_of(const Case& c, const std::map<std::string, std::string>& notes = {});

Archive to_archive(const CaseFile& file);
/// Throws FormatError, which names the key or tensor.
CaseFile case_from_archive(Archive archive);

/// Throws std::runtime_error; the message names the file.
CaseFile load_case(const std::filesystem::path& path);
/// Throws std::runtime_error, which names the file.
void save_case(const std::filesystem::path& path, const CaseFile& file);

/// Reads a case file from memory. Throws FormatError.
CaseFile case_from_bytes(std::span<const std::byte> bytes);

}  // namespace bncheck
