#include "subjects/gradient_buffers.hpp"

#include <algorithm>

namespace bncheck {
namespace {

/// Nothing is written over dy where no dx is wanted.
Exec settled(const Backward& backward, Exec exec) {
  if (!backward.want_dx) exec.overlap = Overlap::none;
  return exec;
}

std::span<float> values_of(GuardedBuffer& buffer, bool wanted) {
  if (!wanted) return {};
  return {buffer.data(), static_cast<std::size_t>(buffer.shape()[0])};
}

}  // namespace

GradientBuffers::GradientBuffers(const Forward& forward, const Exec& forward_exec, const Backward& backward,
                                 const Exec& exec, std::int64_t channels)
    // A dx of another shape has no place in x.
    : over_x_(exec.overlap == Overlap::dx_and_x && backward.dy.shape == forward.x.shape),
      want_dx_(backward.want_dx),
      want_dweight_(backward.want_dweight),
      want_dbias_(backward.want_dbias),
      x_(forward.x, forward_exec.x),
      tensors_(backward.dy, settled(backward, exec), {"dy", "dx"}),
      dweight_(Shape{std::max<std::int64_t>(channels, 0)}, Placement{}),
      dbias_(dweight_.shape(), Placement{}) {}

std::span<float> GradientBuffers::dweight() {
  return values_of(dweight_, want_dweight_);
}
std::span<float> GradientBuffers::dbias() {
  return values_of(dbias_, want_dbias_);
}

std::optional<Death> GradientBuffers::damage(std::size_t call) const {
  if (!x_.unchanged()) return Death{Death::Cause::input_changed, "x", call};
  if (!want_dx_ && tensors_.touched())
    return Death{Death::Cause::guard_zone, "a dx that nobody wanted", call};
  const bool kept = dweight_.guards_intact() && dbias_.guards_intact() &&
                    (want_dweight_ || dweight_.unchanged()) && (want_dbias_ || dbias_.unchanged());
  if (!kept) return Death{Death::Cause::guard_zone, "around dweight or dbias", call};
  return tensors_.damage(call);
}

bool GradientBuffers::touched() const {
  return !x_.unchanged() || tensors_.touched() || !dweight_.unchanged() || !dbias_.unchanged();
}

Values GradientBuffers::gather() const {
  Values values;
  if (want_dx_) values.outputs.emplace(Output::dx, tensors_.gather_out());
  if (want_dweight_) values.outputs.emplace(Output::dweight, dweight_.gather());
  if (want_dbias_) values.outputs.emplace(Output::dbias, dbias_.gather());
  return values;
}

}  // namespace bncheck
