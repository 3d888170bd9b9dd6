"""Keras 3's BatchNormalization as a subject: KERAS_BACKEND=torch bncheck check "exec:python3 keras_subject.py"

KERAS_BACKEND is jax (the default here) or torch. With jax every new shape is compiled, so that a thousand cases take
minutes.
"""

import functools
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused

os.environ.setdefault("KERAS_BACKEND", "jax")
try:
    import keras
    import numpy as np
    if keras.backend.backend() == "jax":
        import jax
        jax.config.update("jax_enable_x64", True)  # without it, JAX makes float32 of float64
    elif keras.backend.backend() == "torch":
        import torch
    else:
        sys.exit(f"cannot start: KERAS_BACKEND is '{keras.backend.backend()}', expected jax or torch")
except ImportError as reason:
    sys.exit(f"cannot start: {reason}")


@functools.lru_cache(maxsize=64)
def functions(shape, eps, momentum, scale, center, dtype, training):
    """(forward, gradient) of a layer. forward: parameters, statistics, x -> y, statistics afterwards."""
    policy = keras.DTypePolicy("mixed_float16" if dtype == "float16" else dtype)
    layer = keras.layers.BatchNormalization(axis=1, momentum=momentum, epsilon=eps, scale=scale, center=center,
                                            dtype=policy)
    layer.build(shape)

    def forward(parameters, statistics, x):
        return layer.stateless_call(parameters, statistics, x, training=training)

    if keras.backend.backend() == "torch":
        return forward, functools.partial(torch_gradient, forward)
    return jax.jit(forward), jax.jit(functools.partial(jax_gradient, forward))


def torch_gradient(forward, parameters, statistics, x, dy):
    x, *parameters = (torch.from_numpy(values.copy()).requires_grad_() for values in [x, *parameters])
    y, _ = forward(parameters, [torch.from_numpy(values.copy()) for values in statistics], x)
    dx, *rest = torch.autograd.grad(y, [x, *parameters], torch.from_numpy(dy.copy()))
    return rest, dx


def jax_gradient(forward, parameters, statistics, x, dy):
    return jax.vjp(lambda p, values: forward(p, statistics, values)[0], parameters, x)[1](dy)


def layer_of(x, weight, bias, running_mean, running_var, eps, momentum, training):
    """forward, gradient, and the layer's variables in Keras's order: gamma, beta; mean, variance."""
    channels = x.shape[1]
    for vector in (weight, bias, running_mean, running_var):
        if vector is not None and vector.shape != (channels,):
            raise Refused("channels", f"a vector of shape {vector.shape} for x of shape {x.shape}")
    forward, gradient = functions(x.shape, eps, momentum, weight is not None, bias is not None, str(x.dtype), training)
    kept = np.float64 if x.dtype == np.float64 else np.float32
    statistics = [np.zeros(channels, kept) if running_mean is None else running_mean,
                  np.ones(channels, kept) if running_var is None else running_var]
    return forward, gradient, [vector for vector in (weight, bias) if vector is not None], statistics


def array(values):
    return np.array(keras.ops.convert_to_numpy(values))


def forward_training(x, weight, bias, running_mean, running_var, eps, momentum):
    forward, _, *variables = layer_of(x, weight, bias, running_mean, running_var, eps, momentum, True)
    y, (mean, variance) = forward(*variables, x)
    if running_mean is None:
        return {"y": array(y)}
    return {"y": array(y), "running_mean": array(mean), "running_var": array(variance)}


def forward_inference(x, weight, bias, running_mean, running_var, eps):
    forward, _, *variables = layer_of(x, weight, bias, running_mean, running_var, eps, 0.9, False)
    return {"y": array(forward(*variables, x)[0])}


def backward(x, dy, weight, bias, running_mean, running_var, eps, training):
    _, gradient, *variables = layer_of(x, weight, bias, running_mean, running_var, eps, 0.9, training)
    parameters, dx = gradient(*variables, x, dy)
    names = [name for name, vector in (("dweight", weight), ("dbias", bias)) if vector is not None]
    return {"dx": array(dx), **dict(zip(names, map(array, parameters)))}


backend = sys.modules[keras.backend.backend()]
bncheck_subject.serve(name=f"keras-{keras.backend.backend()}", version=f"{keras.__version__} on {backend.__version__}",
                      forward_training=forward_training, forward_inference=forward_inference, backward=backward,
                      dtypes=("f32", "f64", "f16+f32"), dialect="keras,empty_batch=nan",
                      numerics="sound,flush_to_zero=true" if backend.__name__ == "jax" else "sound",
                      lacks=("cumulative",), has=("weight_or_bias_alone",))
