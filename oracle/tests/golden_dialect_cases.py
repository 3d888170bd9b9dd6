"""Every dialect on the same data, with its own defaults and its special cases.

The momentum of a case is the weight of the new statistic; 0.9, 0.99 and 0.999 below are the weights of the
old one, which the interfaces of ONNX, Keras, Darknet and Caffe take.
"""

from golden_case import Noise, collection, column, inf, infer, train

DEFAULTS = {"onnx": (1e-5, 1 - 0.9), "keras": (1e-3, 1 - 0.99), "onednn": (1e-5, 0.1),
            "caffe": (1e-5, 1 - 0.999),
            "darknet": (1e-6, 1 - 0.99)}


def start(dialect, features):
    """Statistics of a new layer; Caffe's sums and their weight start from 0."""
    if dialect == "caffe":
        return {"running_mean": [0] * features, "running_var": [0] * features, "running_weight": [0]}
    return {}


def common(add, dialect):
    eps, momentum = DEFAULTS[dialect]
    noise = Noise(8)
    weights = {"weight": [1.5, -0.25, 1], "bias": [0.1, 3, -0.0]}
    first, second = (train([2, 3, 2, 2], noise.normal(24, 1, 2)) for _ in range(2))
    query = infer([1, 3, 2, 2], noise.normal(12, 1, 2))
    options = {"dialect": dialect, "eps": eps, "momentum": momentum}
    add(f"{dialect}_steps", "two training steps, then inference", first, second, query, dimensions=2,
        num_features=3,
        state=start(dialect, 3) | weights, **options)
    add(f"{dialect}_two_values", "n = 2, where population and unbiased variance differ most",
        train(*column(1, 4)),
        infer(*column(2)), state=start(dialect, 1), **options)
    add(f"{dialect}_constant", "a constant channel: variance 0", train([3, 2], [0.1, -7] * 3), num_features=2,
        state=start(dialect, 2) | {"bias": [0.5, -0.0]}, **options)
    add(f"{dialect}_one_value", "one value per channel is no error here", train([1, 2], [0.1, -7]),
        infer([1, 2], [1, 2]),
        num_features=2, state=start(dialect, 2) | {"bias": [0.5, -0.0]}, **options)
    add(f"{dialect}_infer_given", "inference from given statistics", infer([2, 2], [1, 2, 3, 4]),
        num_features=2,
        state={"running_mean": [0.5, -1], "running_var": [2, 0.3]} |
        ({"running_weight": [1.999]} if dialect == "caffe" else {}), **options)
    add(f"{dialect}_x_nan", "a non-finite x in training", train([2, 2], [1, 2, inf, 4]), num_features=2,
        state=start(dialect, 2), **options)
    add(f"{dialect}_tie", "eps = 2^-24 and midpoints", train([2, 2], [-1, -1, 1, 1]), num_features=2,
        state=start(dialect, 2) | {"weight": [1, 0], "bias": [0, 1]}, dialect=dialect, eps=2.0**-24,
        momentum=0.5)


def peculiar(add):
    add("pytorch_scalars", "doubles are used as doubles: eps and momentum are no floats",
        train([3, 1], [1, 2, 4]),
        eps=1 / 3, momentum=1 / 3)
    add("onnx_scalars", "float attributes: eps and momentum are rounded to float first",
        train([3, 1], [1, 2, 4]),
        dialect="onnx", eps=1 / 3, momentum=1 - 1 / 3)
    add("keras_weights", "0.99 and 0.01 become floats separately, and their sum is not 1",
        train([4, 1], [1e4, 1e4, 1e4, 2e4]),
        dialect="keras", eps=1e-3, momentum=1 - 0.99)
    add("darknet_weights", ".99f and .01f are two constants, and their sum is not 1",
        train([4, 1], [1e4, 1e4, 1e4, 2e4]),
        dialect="darknet", eps=1e-6, momentum=1 - 0.99)
    add("darknet_eps_square", "eps outside the root, unbiased variances 1 and 4: y is divided by 1 + "
        "2^-20 and 2 + 2^-20",
        train([3, 2], [-1, -2, 0, 0, 1, 2]), num_features=2, dialect="darknet", eps=2.0**-20, momentum=0.01)
    add("darknet_eps_equal", "inference with sqrt(variance) = eps, above and below it, and variance 0",
        infer([1, 5], [3, 3, 3, 3, 3]), num_features=5, dialect="darknet", eps=0.5, momentum=0.01,
        state={"running_var": [0.25, 0.3, 0.2, 0, -0.25], "weight": [1, 1, 1, 1, 1],
        "bias": [2.0**-23, 0, 0, 1, 0]})
    add("darknet_variance_infinite", "running variance +inf", infer([1, 2], [3, inf]), num_features=2,
        dialect="darknet",
        eps=1e-6, momentum=0.01, state={"running_var": [inf, inf], "bias": [2, 2]})
    add("caffe_empty_sums", "c = 0: mean and variance count as 0, y = x/sqrt(eps)", infer([1, 2], [1, -3]),
        num_features=2, dialect="caffe", momentum=1 - 0.999, state=start("caffe", 2))
    add("caffe_quotient", "c = 3, a quotient that no float holds", infer([1, 2], [1, -3]), num_features=2,
        dialect="caffe",
        momentum=1 - 0.999, state={"running_mean": [1, -1], "running_var": [1, 2], "running_weight": [3]})
    add("caffe_negative_weight", "a negative c: mean S/c and variance V/c with their signs",
        infer([1, 4], [1, -3, 1, 1]),
        num_features=4, dialect="caffe", momentum=1 - 0.999,
        state={"running_mean": [1, -1, 0, 1], "running_var": [-1, -2, 1, 0], "running_weight": [-2]})
    add("caffe_infinite_sums", "infinite sums keep their signs through S/c, also where c is negative",
        infer([1, 4], [1, 1, 1, 1]), num_features=4, dialect="caffe", momentum=1 - 0.999,
        state={"running_mean": [inf, -inf, 0, 0], "running_var": [-1, -1, inf, -inf], "running_weight": [-2],
               "bias": [0, 0, 0, 5]})
    add("caffe_infinite_sums_unweighted", "infinite sums where c = 0: 0 times infinity, the channel is NaN",
        infer([1, 3], [1, 1, 1]), num_features=3, dialect="caffe", momentum=1 - 0.999,
        state={"running_mean": [inf, 0, 0], "running_var": [0, inf, 0], "running_weight": [0]})
    add("onednn_not_tracking", "batch statistics only", train([3, 2], [1, 2, 4, 8, 9, 1]),
        infer([3, 2], [1, 2, 4, 8, 9, 1]),
        num_features=2, dialect="onednn", track_running_stats=False)
    for dialect in ("onnx", "keras", "caffe", "darknet"):
        add(f"{dialect}_momentum_1e300", "a momentum that no float holds", train([2, 1], [1, 2]),
            infer([2, 1], [1, 2]),
            dialect=dialect, momentum=1e300, state=start(dialect, 1))


def dialect_cases():
    cases, add = collection()
    for dialect in DEFAULTS:
        common(add, dialect)
    peculiar(add)
    return cases
