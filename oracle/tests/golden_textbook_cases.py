"""Statements of textbooks, tutorials and quizzes about BatchNorm, as cases that can be checked."""

from golden_case import Noise, SetMomentum, collection, column, fresh, infer, rows, train
from golden_model import Config, Load


def worked_examples(add):
    add("two_rows", "BatchNorm1d(3) on [[1,2,3],[4,5,6]] in training: variance 2.25, so y is "
        "-+1.5/sqrt(2.25001) = "
        "-+0.9999978, not -+1 and not -+1.2247", train(*rows([1, 2, 3], [4, 5, 6])), num_features=3)
    add("three_rows", "BatchNorm1d(3) on a 3 x 3 matrix in training keeps the shape (3, 3); variance 6, "
        "so the outer rows "
        "are -+1.2247", train(*rows([1, 2, 3], [4, 5, 6], [7, 8, 9])), num_features=3)
    add("wrong_channels_2d", "BatchNorm2d(3) given (10, 5, 32, 32): expected 3 channels but got 5",
        train([10, 5, 32, 32], [0] * 51200), dimensions=2, num_features=3)
    add("wrong_channels_1d", "BatchNorm1d(5) given (10, 3): expected 5 channels but got 3",
        train([10, 3], Noise(1).normal(30)), num_features=5)
    integers = [int(8 * v) for v in Noise(2).normal(2 * 16 * 32 * 32)]
    add("convolution_2d", "BatchNorm2d(16) takes the output of a convolution with 16 channels, (2, 16, "
        "32, 32)",
        train([2, 16, 32, 32], integers), dimensions=2, num_features=16)


def sequences(add):
    batch, steps, embedding = 2, 3, 4
    values = Noise(3).normal(batch * steps * embedding)  # (B, S, E)
    weights = {"weight": [1, -2, 0.5, 3], "bias": [0, 1, -1, 0.25]}
    transposed = [values[(b * steps + s) * embedding + e] for b in range(batch) for e in range(embedding)
                  for s in range(steps)]
    add("sequence_reshaped", "a (2, 3, 4) batch of sequences, reshaped to (6, 4): the same values as "
        "sequence_transposed",
        train([batch * steps, embedding], values), num_features=4, state=weights)
    add("sequence_transposed", "a (2, 3, 4) batch of sequences, transposed to (2, 4, 3): the same values as "
        "sequence_reshaped", train([batch, embedding, steps], transposed), num_features=4, state=weights)


def momentum_effect(add):
    noise = Noise(4)
    steps = [train([4, 2], noise.normal(8, mean)) for mean in (0, 3, -1)]
    for label, momentum in (("0", 0.0), ("0_01", 0.01), ("0_1", 0.1), ("0_5", 0.5), ("0_9", 0.9), ("1", 1.0),
                            ("cumulative", None)):
        add(f"momentum_{label}", "running statistics over three steps: the larger the momentum the more "
            "the newest batch "
            "counts; 0 keeps the old values, 1 forgets them, cumulative averages all batches equally", *steps,
            num_features=2, momentum=momentum)
    add("momentum_changed", "momentum set between steps, to a number and to the cumulative average", steps[0],
        SetMomentum(0.75), steps[1], SetMomentum(None), steps[2], num_features=2)
    add("cumulative_resumed", "the cumulative average goes on from a loaded counter: m = 1/8, then 1/9",
        steps[0], steps[1],
        num_features=2, momentum=None, state={"num_batches_tracked": 7, "running_mean": [1, 2],
                                              "running_var": [0.5, 4]})


def modes(add):
    noise = Noise(5)
    batch, other = noise.normal(12, 2, 3), noise.normal(12)
    add("train_then_infer", "inference uses the running mean and variance that training left, and changes "
        "nothing",
        train([4, 3], batch), infer([4, 3], other), infer([4, 3], batch), num_features=3)
    add("infer_fresh", "inference in a new layer: running mean 0 and variance 1, so y = x/sqrt(1.00001)",
        infer([4, 3], other), num_features=3)
    add("infer_one_row", "one value per channel is allowed in inference", infer([1, 3], other[:3]),
        num_features=3)
    add("infer_then_train", "training after inference starts from untouched statistics", infer([4, 3], batch),
        train([4, 3], batch), num_features=3)
    add("not_affine", "affine = false: gamma 1, beta 0", train([4, 3], batch), infer([4, 3], other),
        num_features=3,
        affine=False)
    gamma, beta = [1.5, -2, 1e-3], [0.5, -1e3, 3]
    add("weight_only", "a weight and no bias: beta 0 in both modes", train([4, 3], batch), infer([4, 3], other),
        num_features=3, bias=False, state={"weight": gamma})
    add("bias_only", "a bias and no weight: gamma 1 in both modes", train([4, 3], batch), infer([4, 3], other),
        num_features=3, weight=False, state={"bias": beta})
    add("weight_only_not_tracking", "a weight, no bias and no running statistics", train([4, 3], batch),
        infer([4, 3], other), num_features=3, bias=False, track_running_stats=False, state={"weight": gamma})
    add("bias_only_not_tracking", "a bias, no weight and no running statistics", train([4, 3], batch),
        infer([4, 3], other), num_features=3, weight=False, track_running_stats=False, state={"bias": beta})
    add("not_tracking", "track_running_stats = false: batch statistics in both modes", train([4, 3], batch),
        infer([4, 3], batch), num_features=3, track_running_stats=False)
    add("bare", "neither parameters nor buffers", train([4, 3], batch), infer([4, 3], other), num_features=3,
        affine=False,
        track_running_stats=False)
    options = Config(num_features=3)
    loaded = fresh(options, weight=[2, 3, 4], bias=[-1, 0, 1], running_mean=[1, 2, 3],
    running_var=[4, 9, 0.25],
                   num_batches_tracked=41)
    add("loaded_state", "a loaded state replaces everything that was there", train([4, 3], batch),
        Load(loaded),
        infer([4, 3], other), train([4, 3], other), num_features=3)
    add("negative_weights", "gamma may be negative, beta anything", train([4, 3], batch), num_features=3,
        state={"weight": [-1, 0.3, -1e-3], "bias": [1e4, -0.7, 3]})


def shapes(add):
    noise = Noise(6)
    add("shape_ncl", "BatchNorm1d on (N, C, L)", train([3, 2, 5], noise.normal(30)), num_features=2)
    add("shape_ncl_single_batch", "one sample with several positions has statistics",
        train([1, 2, 6], noise.normal(12)),
        num_features=2)
    add("shape_nchw", "BatchNorm2d on (N, C, H, W)", train([2, 3, 2, 4], noise.normal(48)), dimensions=2,
        num_features=3)
    add("shape_ncdhw", "BatchNorm3d on (N, C, D, H, W), then inference",
        train([2, 2, 2, 3, 2], noise.normal(48)),
        infer([1, 2, 2, 1, 1], noise.normal(4)), dimensions=3, num_features=2)
    add("two_values", "n = 2: the running variance takes twice the population variance", train(*column(1, 4)),
        momentum=1.0)
    add("constant_channels", "a constant channel gives exactly beta, whatever its value; its variance is 0",
        train(*rows(*[[0.1, -3e38, 1e-45, 7]] * 5)), num_features=4, state={"weight": [1, 2, 3, -4],
                                                                          "bias": [0, 0.5, -1e-45, 3]})


def textbook_cases():
    cases, add = collection()
    for family in (worked_examples, sequences, momentum_effect, modes, shapes):
        family(add)
    return cases
