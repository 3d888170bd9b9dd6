#pragma once
/// The case file: one Case as a safetensors file that any Python user opens in one line. A public interface.
///
/// `__metadata__`, all strings; doubles as C hexadecimal floats ("0x1.4f8b588e368f1p-17"), "inf", "-inf",
/// "nan":
///   format                 "bncheck-case"
///   version                "1"; files of older versions keep loading
///   dimensions             "1", "2" or "3": which of BatchNorm1d, 2d, 3d
///   num_features           integer, at most 2^24 in size
///   eps                    double
///   momentum               double, the weight of the NEW statistic, or "cumulative"
///   affine, track_running_stats   "true" or "false"
///   num_batches_tracked    integer
///   calls                  number of calls
///   call.K                 "forward training", "forward inference",
///                          "backward [training|inference] [dx] [dweight] [dbias]", "set_momentum M", "load"
///                          for K = 0, 1, ...
///   call.K.num_batches_tracked    of a load
///   call.K.x.order, call.K.x.gaps, call.K.x.offset   (and y.; dy. and dx. of a backward call): placement,
///                          integers separated by blanks; absent: dense. Gaps and offset are at most 4096,
///                          and gaps spread x over at most 64 times its elements or 2^22
///   call.K.overlap, call.K.threads, call.K.rounding, call.K.flush_to_zero   absent: none, 0, nearest, false
///   note.*                 free text: law, subject, seed, ...
/// Tensors, each absent where the state has none:
///   weight, bias, running_mean, running_var, running_weight     the state before the first call
///   call.K.x               input of a forward call; call.K.dy of a backward call
///   call.K.weight, ...     the state of a load
/// x is dense and in logical order (N, C, ...) whatever its placement says: placement is for the subject
/// only.

#include <filesystem>
#include <map>
#include <string>

#include "bncheck/case.hpp"
#include "bncheck/number_text.hpp"
#include "bncheck/safetensors.hpp"

namespace bncheck {

struct CaseFile {
  Case content;
  /// The `note.*` keys without their prefix.
  std::map<std::string, std::string> notes;
  bool operator==(const CaseFile&) const = default;
};

/// The metadata of a case's archive and its tensors in their order, which are the case's own.
struct CaseParts {
  std::map<std::string, std::string> metadata;
  std::map<std::string, const Tensor*> tensors;
};
CaseParts parts_of(const Case& c);

/// The bytes of its case file; the case has to stay, for they are its own tensors'.
ArchivePieces pieces_of(const Case& c, const std::map<std::string, std::string>& notes = {});

Archive to_archive(const CaseFile& file);
/// Throws FormatError that names the key or tensor.
CaseFile case_from_archive(Archive archive);

/// Throws std::runtime_error whose message starts with the file's name.
CaseFile load_case(const std::filesystem::path& path);
void save_case(const std::filesystem::path& path, const CaseFile& file);

/// The case file of these bytes, as a fuzzer gives them. Throws FormatError.
CaseFile case_from_bytes(std::span<const std::byte> bytes);

}  // namespace bncheck
