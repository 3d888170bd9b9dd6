"""The parts of a case: options and state of a layer, and the calls."""

from dataclasses import dataclass, field
from math import prod
from typing import Optional

from golden_exact import decode, encode


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
    weight: bool = True
    bias: bool = True
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
    exec: dict = field(default_factory=dict)  # overlap, threads, ...: call.K.NAME in the case file


@dataclass
class Backward:
    """The gradient of the latest forward call that succeeded."""

    dy: Tensor
    wants: tuple = ("dx", "dweight", "dbias")
    training: Optional[bool] = None  # the mode that the call names; None: that of the forward call
    exec: dict = field(default_factory=dict)


@dataclass
class SetMomentum:
    momentum: Optional[float]


@dataclass
class Load:
    state: State
