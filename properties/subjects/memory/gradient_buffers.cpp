#include "subjects/memory/gradient_buffers.hpp"

#include "bncheck/owed.hpp"

namespace bncheck {
namespace {

/// Exec of the call, without overlap if no dx is wanted, because nothing is then written over dy.
Exec exec_of(const GradientRequest& request) {
  Exec exec = request.exec;
  if (!request.want_dx) exec.overlap = Overlap::none;
  return exec;
}

}  // namespace

GradientBuffers::GradientBuffers(const State& given, const GradientRequest& request, std::int64_t length)
    // A dx of another shape does not fit into x.
    : over_x_(request.exec.overlap == Overlap::dx_and_x && request.dy.shape == request.x.shape),
      want_dx_(request.want_dx),
      x_(request.x, request.x_exec.x),
      tensors_(request.dy, exec_of(request), {"dy", "dx"}),
      state_(given) {
  const Dtype dtype = dtype_of_vectors(given, request.x.dtype);
  if (request.want_dweight) dweight_ = room_for(length, dtype);
  if (request.want_dbias) dbias_ = room_for(length, dtype);
}

GradientBuffers::GradientBuffers(const State& given, const Forward& forward, const Exec& forward_exec,
                                 const Backward& backward, const Exec& exec, std::int64_t length)
    : GradientBuffers(given,
                      {forward.x, forward_exec, backward.dy, exec, backward.want_dx, backward.want_dweight,
                       backward.want_dbias},
                      length) {}

std::optional<Death> GradientBuffers::damage(std::size_t call) const {
  if (auto death = state_.damage(call, false)) return death;
  if (!x_.unchanged()) return Death{Death::Cause::input_changed, "x", call};
  if (!want_dx_ && tensors_.touched())
    return Death{Death::Cause::guard_zone, "a dx that nobody wanted", call};
  if (dweight_ && !dweight_->guards_intact()) return Death{Death::Cause::guard_zone, "around dweight", call};
  if (dbias_ && !dbias_->guards_intact()) return Death{Death::Cause::guard_zone, "around dbias", call};
  return tensors_.damage(call);
}

bool GradientBuffers::touched() const {
  return !x_.unchanged() || tensors_.touched() || state_.touched() || (dweight_ && !dweight_->unchanged()) ||
         (dbias_ && !dbias_->unchanged());
}

Values GradientBuffers::gather() const {
  Values values;
  if (want_dx_) values.outputs.emplace(Output::dx, tensors_.gather_out());
  if (dweight_) values.outputs.emplace(Output::dweight, dweight_->gather());
  if (dbias_) values.outputs.emplace(Output::dbias, dbias_->gather());
  return values;
}

}  // namespace bncheck
