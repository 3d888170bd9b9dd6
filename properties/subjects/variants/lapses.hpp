#pragma once
/// Lapses of a recipe: the numbers and options that go wrong only where they have some size.

#include <optional>

#include "subjects/variants/sums.hpp"

namespace bncheck::variants {

enum class Pass { training, inference, gradient };

/// ε of the configuration, as the recipe takes it.
double lapsed_eps(double eps, Pass pass, Lapse lapse);
std::optional<double> lapsed_momentum(std::optional<double> momentum, Lapse lapse);
/// num_batches_tracked after a batch that counts.
std::int64_t lapsed_count(std::int64_t before, Lapse lapse);
/// Number of batches of which a cumulative average is taken.
std::int64_t lapsed_batches(std::int64_t batches, Lapse lapse);
/// Moments that normalise: those of the batch, or given ones.
Moments lapsed_moments(Moments moments, bool batch, Lapse lapse);
/// 1/√(σ² + ε) for the values of a channel.
Real lapsed_invstd(Real invstd, const Reals& x, bool batch, Lapse lapse);
Real lapsed_gamma(Real gamma, Lapse lapse);
/// x − μ in inference.
Real lapsed_difference(Real difference, Lapse lapse);
Real lapsed_dy(Real dy, Lapse lapse);

}  // namespace bncheck::variants
