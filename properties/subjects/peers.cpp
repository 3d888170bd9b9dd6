#include "subjects/peers.hpp"

#ifdef BNCHECK_HAVE_TORCH
#include "subjects/torch_subject.hpp"
#endif
#ifdef BNCHECK_HAVE_ONEDNN
#include "subjects/onednn_subject.hpp"
#endif

namespace bncheck {
namespace {

constexpr const char* torch_about = "libtorch's nn.BatchNorm1d/2d/3d";
constexpr const char* onednn_about = "oneDNN's primitives on dense tensors (nchw)";
constexpr const char* channels_last_about = "... with the channel innermost (nhwc)";
constexpr const char* blocked_about = "... reordered into blocks of 16 channels (nChw16c)";

}  // namespace

std::vector<SubjectEntry> peer_entries() {
  std::vector<SubjectEntry> entries;
#ifdef BNCHECK_HAVE_TORCH
  entries.push_back({"torch", torch_about, "", make_torch});
#else
  entries.push_back({"torch", torch_about,
                     "this build found no libtorch (install Debian's libtorch-dev and configure again)",
                     nullptr});
#endif
#ifdef BNCHECK_HAVE_ONEDNN
  entries.push_back({"onednn", onednn_about, "", make_onednn});
  entries.push_back({"onednn-nhwc", channels_last_about, "", make_onednn_channels_last});
  entries.push_back({"onednn-blocked", blocked_about, "", make_onednn_blocked});
#else
  const char* no_onednn = "this build found no oneDNN 2 (install Debian's libdnnl-dev and configure again)";
  entries.push_back({"onednn", onednn_about, no_onednn, nullptr});
  entries.push_back({"onednn-nhwc", channels_last_about, no_onednn, nullptr});
  entries.push_back({"onednn-blocked", blocked_about, no_onednn, nullptr});
#endif
  return entries;
}

}  // namespace bncheck
