"""The values of a forward call."""

from fractions import Fraction
from math import isinf, isnan, prod

from golden_dialects import Caffe
from golden_exact import (INF, NAN, Exact, census, decode, extended_product, extended_sum, is_finite,
is_square,
                          rational, round_bits)
from golden_model import Tensor



def normalise(x, mean, variance, eps, gamma, beta, dialect):
    """γ·((x − μ) / (the dialect's denominator)) + β, evaluated once in the extended reals."""
    if any(isnan(v) for v in (x, mean, variance, gamma, beta)):
        return NAN
    denominator = (Fraction(0), Fraction(1)) if isinf(variance) else dialect.denominator(variance, eps)
    if denominator is None or variance == -INF:
        return NAN
    centred = extended_sum(x, extended_product(Fraction(-1), mean))
    if variance == INF:
        centred = Fraction(0) if is_finite(centred) else NAN
    # Signs and zeros of the product are those of γ·(x − μ), because the denominator is positive.
    product = extended_product(gamma, centred)
    if not is_finite(product) or not is_finite(beta):
        return extended_sum(product, beta)
    return Exact(product, *denominator, beta)


def channel_values(x, channel):
    batches, channels, inner = x.shape[0], x.shape[1], prod(x.shape[2:])
    starts = ((n * channels + channel) * inner for n in range(batches))
    return [decode(b) for start in starts for b in x.bits[start:start + inner]]


def batch_statistics(xs):
    """(mean, sum of squared deviations), or None where a value is not finite or there is none."""
    if not xs or not all(is_finite(x) for x in xs):
        return None
    mean = sum(xs) / Fraction(len(xs))
    return mean, sum((x - mean) ** 2 for x in xs)


def quotient_root(numerator, denominator):
    """numerator / (√v + e)"""
    return Exact(Fraction(numerator), *denominator, Fraction(0))


class ForwardAnswer:
    def __init__(self, config, state, forward, dialect):
        self.config, self.state, self.x, self.dialect = config, state, forward.x, dialect
        self.training = forward.training
        self.uses_batch = forward.training or not config.track_running_stats
        self.updates = forward.training and config.track_running_stats and dialect.keeps_running
        self.eps = dialect.scalar(config.eps)
        self.count = len(self.x.bits) // config.num_features
        self.batch = [batch_statistics(channel_values(self.x, c)) for c in range(config.num_features)
                      if self.uses_batch]

    def momentum(self):
        if self.config.momentum is not None:
            return self.config.momentum
        return 1.0 / (self.state.num_batches_tracked + 1)

    def statistics(self, channel):
        if not self.uses_batch:
            return self.dialect.given_statistics(self.state, channel)
        if self.batch[channel] is None:
            return NAN, NAN
        mean, squares = self.batch[channel]
        return mean, self.dialect.normalising_variance(squares, self.count)

    def y(self):
        features, inner = self.config.num_features, prod(self.x.shape[2:])
        gamma = self.state.weight.values() if self.config.weight else [Fraction(1)] * features
        beta = self.state.bias.values() if self.config.bias else [Fraction(0)] * features
        statistics = [self.statistics(c) for c in range(features)]
        for _, variance in statistics:
            if is_finite(variance):
                d = self.dialect.denominator(variance, self.eps)
                census["perfect-square radicands"] += d is not None and d[0] > 0 and is_square(d[0])
        known, bits = {}, []
        for i, x in enumerate(self.x.bits):
            c = i // inner % features
            if (c, x) not in known:
                known[c, x] = round_bits(normalise(decode(x), *statistics[c], self.eps, gamma[c], beta[c],
                                                   self.dialect))
            bits.append(known[c, x])
        return Tensor(self.x.shape, bits)

    def saved(self, which, channel):
        if self.batch[channel] is None:
            return NAN
        mean, variance = self.statistics(channel)
        if which == "saved_mean":
            return rational(mean)
        if which == "saved_var":
            return rational(variance) if is_finite(variance) else NAN
        return quotient_root(1, self.dialect.denominator(variance, self.eps))

    def running(self, which, channel):
        if self.batch[channel] is None:
            return NAN
        mean, squares = self.batch[channel]
        if which == "running_mean":
            old, new = self.state.running_mean.values()[channel], mean
        else:
            old = self.state.running_var.values()[channel]
            new = self.dialect.running_variance(squares, self.count)
        result = self.dialect.average(self.momentum(), old, new)
        return rational(result) if is_finite(result) else result

    def outputs(self):
        tensors = {"y": self.y()}
        if not self.x.bits:
            return tensors

        def per_channel(make, which):
            return Tensor((self.config.num_features,),
                          [round_bits(make(which, c)) for c in range(self.config.num_features)])

        if self.uses_batch:
            for which in self.dialect.saved:
                tensors[which] = per_channel(self.saved, which)
        if self.updates:
            for which in ("running_mean", "running_var"):
                tensors[which] = per_channel(self.running, which)
            if isinstance(self.dialect, Caffe):
                c = self.dialect.average(self.momentum(), self.state.running_weight.values()[0], Fraction(1))
                tensors["running_weight"] = Tensor((1,), [round_bits(rational(c))])
        return tensors
