"""The answer to a case, call by call, from the contract and each dialect's textbook formulas."""

from dataclasses import dataclass, field, replace
from fractions import Fraction
from math import isinf, isnan, prod
from typing import Optional

from golden_exact import (INF, NAN, Exact, census, decode, encode, extended_product, extended_sum, fl32,
                          is_finite, is_square, rational, round_bits)


@dataclass
class Tensor:
    shape: tuple
    bits: list

    @staticmethod
    def of(shape, values):
        assert prod(shape) == len(values), (shape, len(values))
        return Tensor(tuple(shape), [encode(v) for v in values])

    def values(self):
        return [decode(b) for b in self.bits]


def vector(*values):
    return Tensor.of([len(values)], values)


@dataclass
class Config:
    dimensions: int = 1
    num_features: int = 1
    eps: float = 1e-5
    momentum: Optional[float] = 0.1  # weight of the new statistic; None is the cumulative average
    affine: bool = True
    track_running_stats: bool = True


@dataclass
class State:
    weight: Optional[Tensor] = None
    bias: Optional[Tensor] = None
    running_mean: Optional[Tensor] = None
    running_var: Optional[Tensor] = None
    running_weight: Optional[Tensor] = None
    num_batches_tracked: int = 0


@dataclass
class Forward:
    x: Tensor
    training: bool = True
    exec: dict = field(default_factory=dict)  # overlap, threads, ...: what the case file calls call.K.NAME


@dataclass
class SetMomentum:
    momentum: Optional[float]


@dataclass
class Load:
    state: State


# ---- dialects


class PyTorch:
    name = "pytorch"
    one_value_is_error = True
    saved = ("saved_mean", "saved_invstd")
    keeps_running = True

    def scalar(self, value):
        """A double as it reaches the implementation."""
        return Fraction(value)

    def normalising_variance(self, squares, n):
        return squares / n

    def running_variance(self, squares, n):
        return squares / (n - 1)

    def denominator(self, variance, eps):
        """(v, e) of sqrt(v) + e, or None where that is not a positive number."""
        return (variance + eps, Fraction(0)) if variance + eps > 0 else None

    def average(self, momentum, old, new):
        m = self.scalar(momentum)
        return extended_sum(extended_product(1 - m, old), extended_product(m, new))

    def given_statistics(self, state, channel):
        return state.running_mean.values()[channel], state.running_var.values()[channel]


class FloatScalars(PyTorch):
    one_value_is_error = False

    def scalar(self, value):
        return fl32(value)


class Onnx(FloatScalars):
    """ONNX operator BatchNormalization-15: running = running * momentum + current * (1 - momentum), with
    population variance (ReduceVar), float attributes, and momentum the weight of the OLD value."""

    name = "onnx"
    saved = ()

    def running_variance(self, squares, n):
        return squares / n

    def average(self, momentum, old, new):
        w = self.scalar(1 - momentum)
        return extended_sum(extended_product(w, old), extended_product(1 - w, new))


class Keras(Onnx):
    """Keras 3: moving * momentum + batch * (1.0 - momentum). Both weights are Python numbers, and each
    becomes a float on its own where it meets a float tensor: they need not add up to 1."""

    name = "keras"

    def average(self, momentum, old, new):
        return extended_sum(extended_product(self.scalar(1 - momentum), old),
                            extended_product(self.scalar(momentum), new))


class OneDnn(FloatScalars):
    """The primitive: batch mean and population variance are outputs, averaging is the caller's."""

    name = "onednn"
    saved = ("saved_mean", "saved_var")
    keeps_running = False


class Caffe(FloatScalars):
    """Sums instead of averages: S <- f S + s, c <- f c + 1, and S / c in use (0 while c is 0).
    The variance's correction m/(m-1) is 1 for m = 1."""

    name = "caffe"
    saved = ()

    def running_variance(self, squares, n):
        return squares / (n - 1) if n > 1 else squares / n

    def average(self, momentum, old, new):
        return extended_sum(extended_product(self.scalar(1 - momentum), old), new)

    def given_statistics(self, state, channel):
        c = state.running_weight.values()[0]
        factor = 1 / c if c != 0 else Fraction(0)
        return [extended_product(factor, s) for s in super().given_statistics(state, channel)]


class Darknet(Keras):
    """The CPU path: variance over n - 1 everywhere (0/0 for one value), eps outside the root, and
    rolling = .99f * rolling + .01f * batch with two float constants."""

    name = "darknet"
    saved = ("saved_mean", "saved_var")

    def normalising_variance(self, squares, n):
        return squares / (n - 1) if n > 1 else NAN

    def running_variance(self, squares, n):
        return self.normalising_variance(squares, n)

    def denominator(self, variance, eps):
        return (variance, eps) if variance >= 0 and (variance > 0 or eps > 0) else None


DIALECTS = {d.name: d for d in (PyTorch(), Onnx(), Keras(), OneDnn(), Caffe(), Darknet())}

# ---- errors

KINDS = ["rank", "channels", "length", "eps", "momentum", "one_value", "alias", "counter"]


def state_errors(config, state):
    kinds = set()
    for tensor, exists in ((state.weight, config.affine), (state.bias, config.affine),
                           (state.running_mean, config.track_running_stats),
                           (state.running_var, config.track_running_stats)):
        if exists != (tensor is not None) or (exists and tensor.shape != (config.num_features,)):
            kinds.add("length")
    if state.num_batches_tracked < 0:
        kinds.add("counter")
    return kinds


def momentum_errors(momentum, dialect):
    if momentum is None:
        return set()
    finite = not isnan(momentum) and not isinf(momentum)
    # A number that the dialect's own scalars cannot hold reaches it as an infinity.
    return set() if finite and is_finite(dialect.scalar(1 - momentum)) else {"momentum"}


def forward_errors(config, forward, dialect):
    shape, kinds = forward.x.shape, set()
    uses_batch = forward.training or not config.track_running_stats
    if uses_batch and config.eps == 0:
        kinds.add("eps")
    if len(shape) not in {1: (2, 3), 2: (4,), 3: (5,)}[config.dimensions]:
        kinds.add("rank")
    if len(shape) >= 2 and shape[1] != config.num_features:
        kinds.add("channels")
    if not kinds and uses_batch and dialect.one_value_is_error and 0 < prod(shape) == shape[1]:
        kinds.add("one_value")
    overlap = forward.exec.get("overlap", "none")
    if overlap not in ("none", "in_place"):
        kinds.add("alias")  # the cases state overlaps only where they are real
    return kinds


def errors_of(config, state, call, dialect):
    kinds = state_errors(config, state) | momentum_errors(config.momentum, dialect)
    if config.num_features < 1:
        kinds.add("channels")
    eps = config.eps
    if not (eps == 0 or 2.0**-126 <= eps <= 2.0**127):
        kinds.add("eps")
    if isinstance(call, Forward):
        kinds |= forward_errors(config, call, dialect)
    elif isinstance(call, SetMomentum):
        kinds |= momentum_errors(call.momentum, dialect)
    else:
        kinds |= state_errors(config, call.state)
    return [k for k in KINDS if k in kinds]


# ---- values


def normalise(x, mean, variance, eps, gamma, beta, dialect):
    """gamma ((x - mean) / (the dialect's denominator)) + beta, evaluated once in the extended reals."""
    if any(isnan(v) for v in (x, mean, variance, gamma, beta)):
        return NAN
    denominator = (Fraction(0), Fraction(1)) if isinf(variance) else dialect.denominator(variance, eps)
    if denominator is None or variance == -INF:
        return NAN
    centred = extended_sum(x, extended_product(Fraction(-1), mean))
    if variance == INF:
        centred = Fraction(0) if is_finite(centred) else NAN
    # Signs and zeros of the product are those of gamma (x - mean): the denominator is positive.
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
    """numerator / (sqrt(v) + e)"""
    return Exact(Fraction(numerator), *denominator, Fraction(0))


class ForwardAnswer:
    def __init__(self, config, state, forward, dialect):
        self.config, self.state, self.x, self.dialect = config, state, forward.x, dialect
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
        gamma = self.state.weight.values() if self.config.affine else [Fraction(1)] * features
        beta = self.state.bias.values() if self.config.affine else [Fraction(0)] * features
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


def answer(config, state, calls, dialect_name):
    """Per call (errors, tensors, counter afterwards); each call starts from the rounded state of the last."""
    dialect, answers = DIALECTS[dialect_name], []
    config, state = replace(config), replace(state)
    for call in calls:
        errors, tensors = errors_of(config, state, call, dialect), {}
        if not errors:
            if isinstance(call, SetMomentum):
                config.momentum = call.momentum
            elif isinstance(call, Load):
                state = replace(call.state)
            else:
                tensors = ForwardAnswer(config, state, call, dialect).outputs()
                for name in ("running_mean", "running_var", "running_weight"):
                    if name in tensors:
                        setattr(state, name, tensors[name])
                state.num_batches_tracked += "running_mean" in tensors
        answers.append((errors, tensors, state.num_batches_tracked))
    return answers
