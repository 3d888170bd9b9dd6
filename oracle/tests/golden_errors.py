"""Calls that must fail, and their kinds of error."""

from math import isinf, isnan, prod

from golden_exact import is_finite
from golden_model import Backward, Forward, SetMomentum

KINDS = ["rank", "channels", "length", "eps", "momentum", "one_value", "alias", "counter", "no_forward"]


def state_errors(config, state):
    kinds = set()
    for tensor, exists in ((state.weight, config.weight), (state.bias, config.bias),
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
    # A number that the dialect's scalars cannot hold becomes an infinity.
    return set() if finite and is_finite(dialect.scalar(1 - momentum)) else {"momentum"}


def shape_errors(config, shape):
    kinds = set()
    if len(shape) not in {1: (2, 3), 2: (4,), 3: (5,)}[config.dimensions]:
        kinds.add("rank")
    if len(shape) >= 2 and shape[1] != config.num_features:
        kinds.add("channels")
    return kinds


def overlap_errors(call):
    """The cases name overlaps only where memory is really shared."""
    return set() if call.exec.get("overlap", "none") in ("none", "in_place") else {"alias"}


def forward_errors(config, forward, dialect):
    shape, kinds = forward.x.shape, shape_errors(config, forward.x.shape)
    uses_batch = forward.training or not config.track_running_stats
    if uses_batch and config.eps == 0:
        kinds.add("eps")
    if not kinds and uses_batch and dialect.one_value_is_error and 0 < prod(shape) == shape[1]:
        kinds.add("one_value")
    return kinds | overlap_errors(forward)


def backward_errors(config, backward, latest, dialect):
    """`latest` is the ForwardAnswer of the latest forward call that succeeded, None after a load.

    The checks of a forward call apply again, in the mode that the call names, or else in that of `latest`;
    without `latest` a mode that is not named counts as inference. `length`: the shape of dy is not that of x.
    """
    shape, kinds = backward.dy.shape, shape_errors(config, backward.dy.shape)
    shape_is_right = not kinds
    if latest is not None and shape != latest.x.shape:
        kinds.add("length")
        shape_is_right = False
    if latest is None or backward.training not in (None, latest.training):
        kinds.add("no_forward")
    training = latest.training if backward.training is None and latest is not None else backward.training
    if training or not config.track_running_stats:
        if config.eps == 0:
            kinds.add("eps")
        if shape_is_right and dialect.one_value_is_error and 0 < prod(shape) == shape[1]:
            kinds.add("one_value")
    return kinds | (overlap_errors(backward) if "dx" in backward.wants else set())


def errors_of(config, state, latest, call, dialect):
    kinds = state_errors(config, state) | momentum_errors(config.momentum, dialect)
    if config.num_features < 1:
        kinds.add("channels")
    eps = config.eps
    if not (eps == 0 or 2.0**-126 <= eps <= 2.0**127):
        kinds.add("eps")
    if isinstance(call, Forward):
        kinds |= forward_errors(config, call, dialect)
    elif isinstance(call, Backward):
        kinds |= backward_errors(config, call, latest, dialect)
    elif isinstance(call, SetMomentum):
        kinds |= momentum_errors(call.momentum, dialect)
    else:
        kinds |= state_errors(config, call.state)
    return [k for k in KINDS if k in kinds]
