"""Flax's linen.BatchNorm on JAX as a subject: bncheck check "exec:python3 jax_subject.py"

Its variance is E[x^2] - E[x]^2 by default; BNCHECK_FAST_VARIANCE=0 asks for use_fast_variance=False, which computes
the squared distances from the mean. JAX compiles every new shape, so that a thousand cases take minutes.
"""

import functools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused

try:
    import flax
    import jax
    import numpy as np
    from flax import linen
except ImportError as reason:
    sys.exit(f"cannot start: {reason}")

FAST_VARIANCE = os.environ.get("BNCHECK_FAST_VARIANCE", "1") != "0"
jax.config.update("jax_enable_x64", True)  # else a float64 tensor would be cut down to float32


def apply(params, statistics, x, eps, momentum, training):
    """y and the statistics afterwards. eps is data for the compiler, so that not every value is compiled anew."""
    layer = linen.BatchNorm(use_running_average=not training, axis=1, momentum=momentum, epsilon=eps, dtype=x.dtype,
                            param_dtype=x.dtype, use_scale="scale" in params, use_bias="bias" in params,
                            use_fast_variance=FAST_VARIANCE)
    y, changed = layer.apply({"params": params, "batch_stats": statistics}, x, mutable=["batch_stats"])
    return y, changed.get("batch_stats", statistics)


@functools.partial(jax.jit, static_argnames=("momentum", "training"))
def forward(params, statistics, x, eps, momentum, training):
    return apply(params, statistics, x, eps, momentum, training)


@functools.partial(jax.jit, static_argnames="training")
def gradient(params, statistics, x, dy, eps, training):
    _, pull_back = jax.vjp(lambda p, values: apply(p, statistics, values, eps, 0.9, training)[0], params, x)
    return pull_back(dy)


def variables(x, weight, bias, running_mean, running_var):
    """Parameters and statistics as Flax keeps them. Without running statistics it has some all the same."""
    channels = x.shape[1] if x.ndim > 1 else 1
    for vector in (weight, bias, running_mean, running_var):
        if vector is not None and vector.shape != (channels,):
            raise Refused("channels", f"a vector of shape {vector.shape} for x of shape {x.shape}")
    params = {name: vector for name, vector in (("scale", weight), ("bias", bias)) if vector is not None}
    return params, {"mean": np.zeros(channels, x.dtype) if running_mean is None else running_mean,
                    "var": np.ones(channels, x.dtype) if running_var is None else running_var}


def forward_training(x, weight, bias, running_mean, running_var, eps, momentum):
    params, statistics = variables(x, weight, bias, running_mean, running_var)
    y, changed = forward(params, statistics, x, eps, momentum, True)
    if running_mean is None:
        return {"y": y}
    return {"y": y, "running_mean": changed["mean"], "running_var": changed["var"]}


def forward_inference(x, weight, bias, running_mean, running_var, eps):
    return {"y": forward(*variables(x, weight, bias, running_mean, running_var), x, eps, 0.9, False)[0]}


def backward(x, dy, weight, bias, running_mean, running_var, eps, training):
    params, dx = gradient(*variables(x, weight, bias, running_mean, running_var), x, dy, eps, training)
    return {"dx": dx, "dweight": params.get("scale"), "dbias": params.get("bias")}


bncheck_subject.serve(name="flax" if FAST_VARIANCE else "flax-two-pass",
                      version=f"{flax.__version__} on jax {jax.__version__}", forward_training=forward_training,
                      forward_inference=forward_inference, backward=backward, dtypes=("f32", "f64"), dialect="keras,empty_batch=nan",
                      numerics="sound,summation=blocked,flush_to_zero=true", lacks=("cumulative",),
                      has=("weight_or_bias_alone",))
