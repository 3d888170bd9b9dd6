"""A golden case, and short ways to write one."""

from dataclasses import dataclass
from math import inf, nan  # noqa: F401 - part of the vocabulary of the case files

from golden_model import Backward, Config, Forward, Load, SetMomentum, State, Tensor, vector  # noqa: F401

U = 2.0**-24  # half the distance from 1 to the next float
TINY = 2.0**-149  # smallest float above zero
LARGEST = 2.0**128 - 2.0**104


@dataclass
class GoldenCase:
    name: str
    about: str
    config: Config
    state: State
    calls: list
    dialect: str = "pytorch"


def fresh(config, **given):
    """The state of a new layer; `given` replaces tensors (lists of floats) and the counter."""
    c = max(config.num_features, 0)
    values = {}
    if config.weight:
        values["weight"] = [1] * c
    if config.bias:
        values["bias"] = [0] * c
    if config.track_running_stats:
        values |= {"running_mean": [0] * c, "running_var": [1] * c}
    values |= given
    counter = values.pop("num_batches_tracked", 0)
    tensors = {name: None if v is None else vector(*v) for name, v in values.items()}
    return State(**tensors, num_batches_tracked=counter)


def train(shape, values, **exec):
    return Forward(Tensor.of(shape, values), True, exec)


def infer(shape, values, **exec):
    return Forward(Tensor.of(shape, values), False, exec)


GRADIENTS = "dx dweight dbias"


def back(shape, dy, wants=GRADIENTS, training=None, **exec):
    return Backward(Tensor.of(shape, dy), tuple(wants.split()), training, exec)


def rows(*lines):
    """Shape and values of an (N, C) matrix."""
    return [len(lines), len(lines[0])], [v for line in lines for v in line]


def column(*values):
    """Shape and values of one channel."""
    return [len(values), 1], list(values)


def across(*values):
    """Shape and values of one row: one element in each of several channels."""
    return [1, len(values)], list(values)


class Noise:
    """Random numbers that are the same on every machine and in every version: Knuth's MMIX generator."""

    def __init__(self, seed):
        self.state = seed

    def uniform(self):
        self.state = (self.state * 6364136223846793005 + 1442695040888963407) % 2**64
        return (self.state >> 11) / 2.0**53

    def normal(self, count, mean=0.0, scale=1.0):
        """Sums of 12 uniform numbers: close to normal, without the logarithm of the C library."""
        return [mean + scale * (sum(self.uniform() for _ in range(12)) - 6) for _ in range(count)]


def collection():
    """A list of cases and a function that adds one to it; options of Config by name, `state` as for fresh.

    `affine=False`: neither weight nor bias.
    """
    cases = []

    def add(name, about, *calls, state=None, dialect="pytorch", affine=True, **options):
        config = Config(**({"weight": affine, "bias": affine} | options))
        given = state if isinstance(state, State) else fresh(config, **(state or {}))
        cases.append(GoldenCase(name, about, config, given, list(calls), dialect))

    return cases, add
