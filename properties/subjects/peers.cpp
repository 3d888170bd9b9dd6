#include "subjects/peers.hpp"

#ifdef BNCHECK_HAVE_TORCH
#include "subjects/torch_subject.hpp"
#endif

namespace bncheck {

std::vector<SubjectEntry> peer_entries() {
  const char* torch_about = "libtorch's nn.BatchNorm1d/2d/3d";
#ifdef BNCHECK_HAVE_TORCH
  return {{"torch", torch_about, "", make_torch}};
#else
  return {{"torch", torch_about,
           "this build found no libtorch (install Debian's libtorch-dev and configure again)", nullptr}};
#endif
}

}  // namespace bncheck
