"""Gradients in every dialect, with its own ε and its special cases."""

from golden_case import Noise, back, collection, column, inf, infer, nan, rows, train
from golden_dialect_cases import DEFAULTS, start


def common(add, dialect):
    eps, momentum = DEFAULTS[dialect]
    noise = Noise(25)
    options = {"dialect": dialect, "eps": eps, "momentum": momentum}
    weights = {"weight": [1.5, -0.25, 1], "bias": [0.1, 3, -0.0]}
    shape = [2, 3, 2, 2]
    first, second = (train(shape, noise.normal(24, 1, 2)) for _ in range(2))
    dy = noise.normal(24)
    add(f"backward_{dialect}_steps", "two training steps and inference, each with its gradient", first,
        back(shape, dy), second, back(shape, dy), infer([1, 3, 2, 2], noise.normal(12)),
        back([1, 3, 2, 2], dy[:12]), dimensions=2, num_features=3, state=start(dialect, 3) | weights,
        **options)
    add(f"backward_{dialect}_two_values", "n = 2, where population and unbiased variance differ most",
        train(*column(1, 4)), back(*column(1, 0)), back(*column(3, 3)), state=start(dialect, 1), **options)
    add(f"backward_{dialect}_constant", "a constant channel: variance 0", train([3, 2], [0.1, -7] * 3),
        back([3, 2], [1, 2, 3, 4, 5, 7]), num_features=2, state=start(dialect, 2), **options)
    add(f"backward_{dialect}_one_value", "one value per channel: dx and dweight are 0, or NaN where the "
        "variance is "
        "0/0; dbias is dy", train([1, 2], [0.1, -7]), back([1, 2], [3, -0.5]), infer([1, 2], [1, 2]),
        back([1, 2], [3, -0.5]), num_features=2, state=start(dialect, 2) | {"weight": [2, -1]}, **options)
    add(f"backward_{dialect}_infer_given", "inference with given statistics", infer([2, 2], [1, 2, 3, 4]),
        back([2, 2], [1, -2, 5, 0.3]), num_features=2,
        state={"running_mean": [0.5, -1], "running_var": [2, 0.3], "weight": [3, -0.7]} |
        ({"running_weight": [1.999]} if dialect == "caffe" else {}), **options)
    add(f"backward_{dialect}_not_finite", "non-finite x, dy and gamma in training, one per channel",
        train([2, 4], [1, 2, inf, 4, 5, 6, 7, 9]), back([2, 4], [1, inf, 2, 3, 5, 7, 3, 1]), num_features=4,
        state=start(dialect, 4) | {"weight": [inf, 1, 1, -inf]}, **options)
    add(f"backward_{dialect}_square", "eps = 3, and variances of 1 by n or by n - 1",
        train([2, 2], [-1, -1, 1, 1]), back([2, 2], [1 + 2.0**-23, 0, 0, 5]),
        train([3, 2], [-1, -2, 0, 0, 1, 2]),
        back([3, 2], [1, 0, 2, 5, 7, 1]), num_features=2, state=start(dialect, 2) | {"weight": [16, 1]},
        dialect=dialect, eps=3.0, momentum=0.5)


def scalars(add):
    for dialect in ("pytorch", "onnx", "keras", "onednn", "caffe"):
        add(f"backward_{dialect}_scalars", "eps = 1/3: a double in PyTorch, a float in the others",
            train([3, 1], [1, 2, 4]), back([3, 1], [1, 0, 5]), dialect=dialect, eps=1 / 3, momentum=0.5,
            state=start(dialect, 1))
    add("backward_onednn_not_tracking", "batch statistics only", train([3, 2], [1, 2, 4, 8, 9, 1]),
        back([3, 2], [1, 2, 0, 0, -1, 5]), infer([3, 2], [1, 2, 4, 8, 9, 1]),
        back([3, 2], [1, 2, 0, 0, -1, 5]), num_features=2, dialect="onednn", track_running_stats=False)


def caffe(add):
    options = {"dialect": "caffe", "momentum": 1 - 0.999}
    add("backward_caffe_empty_sums", "c = 0: mean and variance count as 0, dx = dy/sqrt(eps)",
        infer([1, 2], [1, -3]), back([1, 2], [2, 5]), num_features=2, state=start("caffe", 2), **options)
    add("backward_caffe_quotient", "c = 3, a quotient that no float holds", infer([2, 2], [1, -3, 2, 1]),
        back([2, 2], [1, -3, 4, 0.5]), num_features=2,
        state={"running_mean": [1, -1], "running_var": [1, 2], "running_weight": [3]}, **options)
    add("backward_caffe_quotient_square", "V/c + eps = 2.25/3 + 0.25 = 1, and midpoints",
        infer([1, 2], [4097, 1]), back([1, 2], [4097, 4099]), num_features=2, dialect="caffe", momentum=0.5,
        eps=0.25, state={"running_mean": [0, 3], "running_var": [2.25, 2.25], "running_weight": [3],
                         "weight": [4097, 4097]})
    add("backward_caffe_negative_weight", "a negative c: mean S/c and variance V/c with their signs",
        infer([1, 4], [1, -3, 1, 1]), back([1, 4], [1, 2, 3, 4]), num_features=4,
        state={"running_mean": [1, -1, 0, 1], "running_var": [-1, -2, 1, 0], "running_weight": [-2]},
        **options)
    add("backward_caffe_infinite_sums", "infinite sums keep their signs through S/c",
        infer([1, 4], [1, 1, 1, 1]), back([1, 4], [1, 2, 3, 4]), num_features=4,
        state={"running_mean": [inf, -inf, 0, 0], "running_var": [-1, -1, inf, -inf], "running_weight": [-2]},
        **options)
    add("backward_caffe_infinite_sums_unweighted", "0 times infinity: a NaN mean spoils dweight, a NaN "
        "variance both", infer([1, 3], [1, 1, 1]), back([1, 3], [1, 2, 3]), num_features=3,
        state={"running_mean": [inf, 0, 0], "running_var": [0, inf, 0], "running_weight": [0]}, **options)


def darknet(add):
    options = {"dialect": "darknet", "momentum": 0.01}
    add("backward_darknet_two_eps", "1e-5 inside the root for dx, the forward call's own outside it for "
        "dweight",
        train(*rows([1, 0.001], [2, 0.002], [4, 0.004])), back(*rows([1, 1], [0, 0], [3, 3])), num_features=2,
        eps=1e-6, **options)
    add("backward_darknet_divisor", "variance over n - 1, sums over n: a dy along x leaves more than eps "
        "explains",
        train(*column(-1, 1)), back(*column(-1, 1)), train(*column(-1, 0, 1)), back(*column(-1, 0, 1)),
        eps=1e-6, **options)
    add("backward_darknet_eps_square",
        "unbiased variances 1 and 4: dweight is S over 1 + 2^-20 and 2 + 2^-20",
        train([3, 2], [-1, -2, 0, 0, 1, 2]), back([3, 2], [0, 0, 1, 3, 2, 2]), num_features=2, eps=2.0**-20,
        **options)
    add("backward_darknet_infer", "running variance on both sides of eps, its square and 0",
        infer([1, 4], [3, 3, 3, 3]), back([1, 4], [1, 2, 3, 4]), num_features=4, eps=0.5,
        state={"running_var": [0.25, 0.3, 0.2, 0]}, **options)
    add("backward_darknet_infer_special", "running variance +inf, NaN and well below 0",
        infer([1, 5], [3, 3, 3, 3, inf]), back([1, 5], [1, inf, 3, 4, 5]), num_features=5, eps=1e-6,
        state={"running_var": [inf, inf, nan, -1, 2]}, **options)


def backward_dialect_cases():
    cases, add = collection()
    for dialect in DEFAULTS:
        common(add, dialect)
    for family in (scalars, caffe, darknet):
        family(add)
    return cases
