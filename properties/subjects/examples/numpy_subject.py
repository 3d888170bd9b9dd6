"""A BatchNorm in numpy's float32, as a subject: bncheck check "exec:python3 numpy_subject.py" """

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused


def channels_first(x):
    """x as (C, n): every value of a channel in one row, so that numpy adds them up pairwise."""
    return np.ascontiguousarray(np.moveaxis(x, 1, 0)).reshape(x.shape[1], -1)


def like(rows, x):
    """The rows of channels_first in x's shape again."""
    c, n, *spatial = x.shape[1], x.shape[0], *x.shape[2:]
    return np.moveaxis(rows.reshape(c, n, *spatial), 0, 1)


def per_channel(vector, absent):
    return np.float32(absent) if vector is None else vector[:, None]


def check(x, num_features, dimensions, **vectors):
    if x.ndim not in ((2, 3) if dimensions == 1 else (dimensions + 2,)):
        raise Refused("rank", f"expected {'2 or 3' if dimensions == 1 else dimensions + 2} dimensions, got {x.ndim}")
    if num_features < 1 or x.shape[1] != num_features:
        raise Refused("channels", f"expected {num_features} channels, got {x.shape[1]} in input of shape {x.shape}")
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (num_features,):
            raise Refused("length", f"{name} has shape {vector.shape}, expected ({num_features},)")


def batch_statistics(rows):
    if rows.shape[1] == 1:
        raise Refused("one_value", "expected more than 1 value per channel in training")
    mean = rows.mean(axis=1, keepdims=True)
    return mean, np.square(rows - mean).mean(axis=1, keepdims=True)


def forward_training(x, weight, bias, running_mean, running_var, eps, momentum, num_batches_tracked, num_features,
                     dimensions):
    check(x, num_features, dimensions, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    if x.size == 0:
        return {"y": x, "running_mean": running_mean, "running_var": running_var}
    rows = channels_first(x)
    mean, var = batch_statistics(rows)
    y = (rows - mean) / np.sqrt(var + np.float32(eps)) * per_channel(weight, 1) + per_channel(bias, 0)
    result = {"y": like(y, x), "saved_mean": mean[:, 0], "saved_invstd": 1 / np.sqrt(var[:, 0] + np.float32(eps))}
    if running_mean is not None:
        n = rows.shape[1]
        m = 1 / (num_batches_tracked + 1) if momentum is None else momentum
        new, old = np.float32(m), np.float32(1 - m)
        unbiased = var[:, 0] * np.float32(n / (n - 1))
        result.update(running_mean=old * running_mean + new * mean[:, 0],
                      running_var=old * running_var + new * unbiased)
    return result


def forward_inference(x, weight, bias, running_mean, running_var, eps, num_features, dimensions):
    check(x, num_features, dimensions, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    scale = 1 / np.sqrt(running_var + np.float32(eps))
    rows = (channels_first(x) - running_mean[:, None]) * scale[:, None]
    return {"y": like(rows * per_channel(weight, 1) + per_channel(bias, 0), x)}


def backward(x, dy, weight, running_mean, running_var, eps, training, num_features, dimensions):
    if dy.shape != x.shape:
        raise Refused("length", f"dy has shape {dy.shape}, expected {x.shape}")
    if x.size == 0:
        return {"dx": x, "dweight": np.zeros(num_features, np.float32), "dbias": np.zeros(num_features, np.float32)}
    rows, drows = channels_first(x), channels_first(dy)
    mean, var = batch_statistics(rows) if training else (running_mean[:, None], running_var[:, None])
    scale = 1 / np.sqrt(var + np.float32(eps))
    normalised = (rows - mean) * scale
    dbias = drows.sum(axis=1)
    dweight = (drows * normalised).sum(axis=1)
    if training:
        mean_dy = drows.mean(axis=1, keepdims=True)
        drows = drows - mean_dy - normalised * ((drows - mean_dy) * normalised).mean(axis=1, keepdims=True)
    return {"dx": like(drows * (per_channel(weight, 1) * scale), x), "dweight": dweight, "dbias": dbias}


np.seterr(all="ignore")  # overflow is an answer like any other
bncheck_subject.serve(name="numpy", version=np.__version__, forward_training=forward_training,
                      forward_inference=forward_inference, backward=backward,
                      errors=("rank", "channels", "length", "one_value"))
