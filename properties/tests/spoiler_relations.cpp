/// Wrong BatchNorms whose runs contradict each other.

#include <algorithm>
#include <cmath>
#include <limits>

#include "generate/shapes.hpp"
#include "spoiler.hpp"

namespace bncheck::test {
namespace {

bool any_beyond(const Spoiling& s, float size) {
  return std::ranges::any_of(s.forward().x.floats(), [=](float x) { return std::fabs(x) > size; });
}

// ---- transformations

/// y keeps a thousandth of the first value.
void centres_incompletely(const Spoiling& s) {
  if (!s.training() || s.forward().x.bytes.empty()) return;
  const float rest = s.forward().x.floats()[0] / 1024;
  each_y(s, [=](float y, std::size_t, std::int64_t) { return y + rest; });
}

/// As with an activation that was fused by mistake.
void rectifies(const Spoiling& s) {
  each_y(s, [](float y, std::size_t, std::int64_t) { return std::max(y, 0.0f); });
}

/// Squares fit into float, but their sum does not.
void overflows_in_the_running_variance(const Spoiling& s) {
  if (!s.training() || !s.reply.state.running_var || s.y() == nullptr || !any_beyond(s, 0x1p60f)) return;
  s.reply.state.running_var->floats()[0] = std::numeric_limits<float>::infinity();
}

/// An error that grows with n.
void drifts_with_n(const Spoiling& s) {
  if (!s.training() || !s.reply.state.running_var || s.y() == nullptr || s.y()->bytes.empty()) return;
  const auto n = static_cast<float>(values_per_channel(s.y()->shape));
  for (float& v : s.reply.state.running_var->floats()) v *= 1 + 0x1p-27f * n;
}

}  // namespace

std::vector<Spoiler> relation_spoilers() {
  return {
      {"centred incompletely", {"shift_invariance"}, centres_incompletely},
      {"eps is 1e-5", {"power_of_two_scaling", "scaling_beyond_squares"}, answers_instead([](Case& c) {
         c.config.eps = 1e-5;
       })},
      {"rectified", {"sign_flip", "affine_in_x"}, rectifies},
      {"turned over", {"monotone_in_x"}, scale_y(-1)},
      {"long sums drift", {"long_sums", "merged_long_batches"}, drifts_with_n},
      {"sum of squares overflows", {"finite_in_finite_out"}, overflows_in_the_running_variance},
  };
}

}  // namespace bncheck::test
