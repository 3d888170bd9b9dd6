"""The values of a backward call: the textbook gradient of the latest forward call, fractions over one root.

With h = 1/√V and V = σ² + ε, every gradient of a channel is a fraction times h:

  batch statistics   dx = γ·h·(dy − mean(dy) − (x − μ)·S/(n·V)), dγ = S·h, dβ = Σdy
  given statistics   dx = γ·h·dy,                                 dγ = S·h, dβ = Σdy

where S = Σdy·(x − μ). A dialect may have another V in dx (golden_dialects.py: `gradient_radicand`); dγ uses
the x̂ of the forward call.
"""

from fractions import Fraction
from math import isnan, prod

from golden_exact import (INF, NAN, Exact, census, extended_product, extended_sum, is_finite, rational,
                          round_bits)
from golden_forward import channel_values, quotient_root
from golden_model import Tensor


def total(values):
    """Sum in the extended reals: NaN if a value is NaN, or if there are infinities of both signs."""
    result = Fraction(0)
    for value in values:
        result = extended_sum(result, value)
    return result


def correlation(dy, xs, mean):
    return sum((d * (x - mean) for d, x in zip(dy, xs)), Fraction(0))


def over_root(gamma, rest, radicand):
    """γ·(rest/√radicand) in the extended reals; the root is positive and finite."""
    if isnan(gamma) or isnan(rest):
        return NAN
    product = extended_product(gamma, rest)
    return Exact(product, radicand, Fraction(0), Fraction(0)) if is_finite(product) else product


class BackwardAnswer:
    """`forward` is the ForwardAnswer of the latest forward call, made before that call changed the state."""

    def __init__(self, forward, backward):
        self.forward, self.dialect = forward, forward.dialect
        self.dy, self.wants = backward.dy, backward.wants
        self.features = forward.config.num_features
        self.gamma = (forward.state.weight.values() if forward.config.weight
                      else [Fraction(1)] * self.features)

    def batch_gradients(self, xs, dy, gamma, mean, variance):
        """(dx, dweight) of a channel that is normalised with its own statistics."""
        if isnan(variance) or not all(map(is_finite, dy)):
            return [NAN] * len(dy), NAN
        n = len(dy)
        radicand = self.dialect.gradient_radicand(variance, self.forward.eps)
        mean_dy = sum(dy) / Fraction(n)
        s = correlation(dy, xs, mean)
        slope = s / (n * radicand)
        dx = [over_root(gamma, d - mean_dy - (x - mean) * slope, radicand) for d, x in zip(dy, xs)]
        return dx, quotient_root(s, self.dialect.denominator(variance, self.forward.eps))

    def given_gradients(self, xs, dy, gamma, mean, variance):
        """(dx, dweight) of a channel that is normalised with given statistics."""
        if isnan(variance) or variance == -INF:
            return [NAN] * len(dy), NAN
        all_finite = is_finite(mean) and all(map(is_finite, xs)) and all(map(is_finite, dy))
        if variance == INF:
            dx = [over_root(gamma, Fraction(0) if is_finite(d) else NAN, Fraction(1)) for d in dy]
            return dx, rational(Fraction(0)) if all_finite else NAN
        radicand = self.dialect.gradient_radicand(variance, self.forward.eps)
        dx = [over_root(gamma, d, radicand) if radicand > 0 else NAN for d in dy]
        denominator = self.dialect.denominator(variance, self.forward.eps)
        if denominator is None or not all_finite:
            return dx, NAN
        return dx, quotient_root(correlation(dy, xs, mean), denominator)

    def channel(self, c):
        """(dx of the channel's elements, dweight, dbias), unrounded."""
        xs, dy = channel_values(self.forward.x, c), channel_values(self.dy, c)
        gradients = self.batch_gradients if self.forward.uses_batch else self.given_gradients
        dx, dweight = gradients(xs, dy, self.gamma[c], *self.forward.statistics(c))
        dbias = total(dy)
        return dx, dweight, rational(dbias) if is_finite(dbias) else dbias

    def outputs(self):
        config = self.forward.config
        exists = {"dx": True, "dweight": config.weight, "dbias": config.bias}
        wants = [w for w in self.wants if exists[w]]
        census["backward calls"] += 1
        if not self.dy.bits:
            zeros = Tensor((self.features,), [0] * self.features)
            return {w: Tensor(self.dy.shape, []) if w == "dx" else zeros for w in wants}
        channels = [self.channel(c) for c in range(self.features)]
        tensors = {}
        if "dx" in wants:
            tensors["dx"] = self.gather([[round_bits(v) for v in dx] for dx, _, _ in channels])
        for position, name in ((1, "dweight"), (2, "dbias")):
            if name in wants:
                tensors[name] = Tensor((self.features,), [round_bits(c[position]) for c in channels])
        return tensors

    def gather(self, channels):
        """Elements of the channels, each in the order of `channel_values`, as one tensor."""
        inner = prod(self.dy.shape[2:])
        bits = [b for n in range(self.dy.shape[0]) for channel in channels
                for b in channel[n * inner:(n + 1) * inner]]
        return Tensor(self.dy.shape, bits)
