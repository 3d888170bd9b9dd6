"""ONNX Runtime's BatchNormalization (opset 15) as a subject: bncheck check "exec:python3 onnxruntime_subject.py"

The models are written here, byte for byte, so that no package but onnxruntime is needed.
"""

import functools
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused

try:
    import numpy as np
    import onnxruntime
except ImportError as reason:
    sys.exit(f"cannot start: {reason}")

FLOAT, FLOAT16, DOUBLE = 1, 10, 11  # TensorProto.DataType
ELEMENTS = {np.dtype(np.float32): FLOAT, np.dtype(np.float16): FLOAT16, np.dtype(np.float64): DOUBLE}
INPUTS = ("x", "weight", "bias", "mean", "var")


# ---- a protobuf message, field by field


def varint(value):
    value &= (1 << 64) - 1
    text = b""
    while value >= 0x80:
        text += bytes([value & 0x7F | 0x80])
        value >>= 7
    return text + bytes([value])


def number(field, value):
    return varint(field << 3) + varint(value)


def real(field, value):
    return varint(field << 3 | 5) + np.float32(value).astype("<f4").tobytes()


def text(field, content):
    content = content.encode() if isinstance(content, str) else content
    return varint(field << 3 | 2) + varint(len(content)) + content


def model(eps, momentum, training, element, vector):
    """A ModelProto of one node."""
    attributes = [text(1, "epsilon") + real(2, eps) + number(20, 1),
                  text(1, "momentum") + real(2, momentum) + number(20, 1),
                  text(1, "training_mode") + number(3, training) + number(20, 2)]
    outputs = ("y", "running_mean", "running_var") if training else ("y",)
    node = b"".join([text(1, name) for name in INPUTS] + [text(2, name) for name in outputs] +
                    [text(4, "BatchNormalization")] + [text(5, attribute) for attribute in attributes])

    def value(name):
        kind = element if name in ("x", "y") else vector
        return text(1, name) + text(2, text(1, number(1, kind)))  # a tensor of any shape
    graph = (text(1, node) + text(2, "batch_norm") + b"".join(text(11, value(name)) for name in INPUTS) +
             b"".join(text(12, value(name)) for name in outputs))
    return number(1, 8) + text(7, graph) + text(8, text(1, "") + number(2, 15))


@functools.lru_cache(maxsize=256)
def session(*key):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model(*key), options, providers=["CPUExecutionProvider"])


# ---- calls


def run(x, weight, bias, mean, var, eps, momentum, training, num_features):
    """What the operator returns; parameters and statistics that the layer lacks are 1 and 0, and not used."""
    vectors = [v for v in (weight, bias, mean, var) if v is not None]
    dtype = vectors[0].dtype if vectors else x.dtype
    channels = x.shape[1] if x.ndim > 1 else 1
    given = [np.full(channels, absent, dtype) if vector is None else vector
             for vector, absent in ((weight, 1), (bias, 0), (mean, 0), (var, 1))]
    operator = session(eps, momentum, training, ELEMENTS[x.dtype], ELEMENTS[dtype])
    try:
        return operator.run(None, dict(zip(INPUTS, [x] + given)))
    except onnxruntime.capi.onnxruntime_pybind11_state.InvalidArgument as error:
        fits = all(vector.shape == (num_features,) for vector in vectors)
        raise Refused("channels" if fits else "length", str(error).replace("\n", " ")) from error


def forward_training(x, weight, bias, running_mean, running_var, eps, momentum, num_features):
    y, mean, var = run(x, weight, bias, running_mean, running_var, eps, momentum, 1, num_features)
    return {"y": y, "running_mean": mean, "running_var": var} if running_mean is not None else {"y": y}


def forward_inference(x, weight, bias, running_mean, running_var, eps, num_features):
    return {"y": run(x, weight, bias, running_mean, running_var, eps, 0.9, 0, num_features)[0]}


bncheck_subject.serve(name="onnxruntime", version=onnxruntime.__version__, forward_training=forward_training,
                      forward_inference=forward_inference, dtypes=("f32", "f64", "f16"), dialect="onnx,empty_batch=nan",
                      numerics="sound,summation=naive", errors=("channels", "length"), lacks=("cumulative",),
                      has=("weight_or_bias_alone",))
