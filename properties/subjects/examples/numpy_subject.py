"""A float32 BatchNorm in numpy, computed in float64, as a subject: bncheck check "exec:python3 numpy_subject.py" """

import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused


def rows_of(x):
    """x as (C, n) in float64: every value of a channel in one row."""
    return np.moveaxis(x, 1, 0).reshape(x.shape[1], -1).astype(np.float64)


def like(rows, x):
    """The rows of rows_of in x's shape and dtype again."""
    moved = (x.shape[1], x.shape[0], *x.shape[2:])
    return np.moveaxis(rows.reshape(moved), 0, 1).astype(x.dtype)


def column(vector, absent=0.0):
    return np.float64(absent) if vector is None else vector.astype(np.float64)[:, None]


def check(x, num_features, dimensions, **vectors):
    if x.ndim not in ((2, 3) if dimensions == 1 else (dimensions + 2,)):
        raise Refused("rank", f"expected {'2 or 3' if dimensions == 1 else dimensions + 2} dimensions, got {x.ndim}")
    if num_features < 1 or x.shape[1] != num_features:
        raise Refused("channels", f"expected {num_features} channels, got {x.shape[1]} in input of shape {x.shape}")
    for name, vector in vectors.items():
        if vector is not None and vector.shape != (num_features,):
            raise Refused("length", f"{name} has shape {vector.shape}, expected ({num_features},)")


def statistics(rows):
    """Mean and population variance of the batch, (C, 1) each."""
    if rows.shape[1] == 1:
        raise Refused("one_value", "expected more than 1 value per channel in training")
    mean = rows.mean(axis=1, keepdims=True)
    return mean, np.square(rows - mean).mean(axis=1, keepdims=True)


def forward_training(x, weight, bias, running_mean, running_var, eps, momentum, num_batches_tracked, num_features,
                     dimensions):
    check(x, num_features, dimensions, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    if x.size == 0:
        return {"y": x, "running_mean": running_mean, "running_var": running_var}
    rows = rows_of(x)
    mean, var = statistics(rows)
    invstd = 1 / np.sqrt(var + eps)
    y = (rows - mean) * invstd * column(weight, 1) + column(bias)
    result = {"y": like(y, x), "saved_mean": mean[:, 0], "saved_invstd": invstd[:, 0]}
    if running_mean is not None:
        n = rows.shape[1]
        m = 1 / (num_batches_tracked + 1) if momentum is None else momentum
        result["running_mean"] = ((1 - m) * column(running_mean) + m * mean)[:, 0]
        result["running_var"] = ((1 - m) * column(running_var) + m * var * (n / (n - 1)))[:, 0]
    return {name: value.astype(x.dtype) for name, value in result.items()}


def forward_inference(x, weight, bias, running_mean, running_var, eps, num_features, dimensions):
    check(x, num_features, dimensions, weight=weight, bias=bias, running_mean=running_mean, running_var=running_var)
    invstd = 1 / np.sqrt(column(running_var) + eps)
    return {"y": like((rows_of(x) - column(running_mean)) * invstd * column(weight, 1) + column(bias), x)}


def backward(x, dy, weight, running_mean, running_var, eps, training, num_features):
    if dy.shape != x.shape:
        raise Refused("length", f"dy has shape {dy.shape}, expected {x.shape}")
    if x.size == 0:
        return {"dx": x, "dweight": np.zeros(num_features, x.dtype), "dbias": np.zeros(num_features, x.dtype)}
    rows, dy_rows = rows_of(x), rows_of(dy)
    mean, var = statistics(rows) if training else (column(running_mean), column(running_var))
    invstd = 1 / np.sqrt(var + eps)
    normalised = (rows - mean) * invstd
    dbias = dy_rows.sum(axis=1)
    dweight = (dy_rows * normalised).sum(axis=1)
    if training:
        centred = dy_rows - dy_rows.mean(axis=1, keepdims=True)
        dy_rows = centred - normalised * (centred * normalised).mean(axis=1, keepdims=True)
    return {"dx": like(dy_rows * column(weight, 1) * invstd, x), "dweight": dweight.astype(x.dtype),
            "dbias": dbias.astype(x.dtype)}


np.seterr(all="ignore")  # overflow is an answer like any other
bncheck_subject.serve(name="numpy", version=np.__version__, forward_training=forward_training,
                      forward_inference=forward_inference, backward=backward,
                      numerics="sound,summation=wide,range=wide", errors=("rank", "channels", "length", "one_value"),
                      has=("weight_or_bias_alone",))
