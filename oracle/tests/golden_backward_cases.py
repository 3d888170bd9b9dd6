"""Gradients of finite numbers: cases that can be checked by hand, modes and sequences, extremes of rounding and
range."""

from math import prod, sqrt

from golden_case import (LARGEST, TINY, U, Config, Load, Noise, SetMomentum, across, back, collection, column,
                         fresh, infer, rows, train)


def inference(add, name, about, elements, eps=0.0):
    """dx = γ·dy/√(var + ε), one (x, mean, var, γ, dy) per channel."""
    x, mean, var, gamma, dy = map(list, zip(*elements))
    add(name, about, infer(*across(*x)), back(*across(*dy)), num_features=len(elements), eps=eps,
        state={"running_mean": mean, "running_var": var, "weight": gamma})


def by_hand(add):
    add("backward_two_rows", "BatchNorm1d(3) on [[1,2,3],[4,5,6]]: n = 2, so dx = -+gamma (dy1 - dy2)/2 "
        "eps/V^1.5 with V = 2.25001", train(*rows([1, 2, 3], [4, 5, 6])), back(*rows([1, 0, 3], [0, 1, -2])),
        num_features=3)
    add("backward_n2", "x = -1, 1 and eps = 3: V = 4, so dx = -+(dy1 - dy2) 3/16, dweight = (dy2 - dy1)/2",
        train([2, 4], [-1] * 4 + [1] * 4), back(*rows([1, 0, 2, 1], [0, 1, -3, 1])), num_features=4, eps=3.0)
    add("backward_n2_sizes", "n = 2 and dy of very different sizes", train([2, 3], [1, 2, 3, 4, 5, 6]),
        back(*rows([1, 2.0**100, 1e-40], [2.0**-60, 1, 1])), num_features=3)
    add("backward_three_rows", "x = 0, 0, 3 and eps = 1/4: V = 2.25", train(*column(0, 0, 3)),
        back(*column(1, 0, 0)), back(*column(0, 0, 1)), back(*column(3, 1, 2)), eps=0.25)
    add("backward_one_hot", "one dy of 1, at each place in turn", train(*column(1, 2, 4, 8, 16)),
        *[back(*column(*[float(i == k) for i in range(5)])) for k in range(5)], state={"weight": [3]})
    add("backward_constant_dy", "a constant dy does not pass: dx and dweight are +0, dbias is n dy",
        train([5, 4], Noise(20).normal(20, 3, 2)), back([5, 4], [1, -0.1, 3e38, 1e-45] * 5), num_features=4,
        state={"weight": [1, -2, 3e38, 0.5]})
    add("backward_constant_dy_and_x", "a constant x passes dy - mean(dy) times gamma/sqrt(eps)",
        train([3, 2], [7, 0.1] * 3), back(*rows([1, 1], [2, 1], [6, 1])), num_features=2)
    add("backward_zero_dy", "dy of 0 and -0: every gradient is +0", train(*rows([1, 2], [3, 5], [6, 4])),
        back(*rows([0, -0.0], [0, -0.0], [0, 0])), num_features=2, state={"weight": [-1, 2]})
    add("backward_gamma_zero", "gamma = 0 or -0: dx is +0, dweight and dbias do not notice",
        train(*rows([1, 2], [3, 5], [6, 4])), back(*rows([1, -1], [2, -2], [5, 3])), num_features=2,
        state={"weight": [0, -0.0]})
    add("backward_gamma_negative", "a negative gamma turns dx round", train(*rows([1, 1], [3, 3], [6, 6])),
        back(*rows([1, 1], [2, 2], [5, 5])), num_features=2, state={"weight": [2, -2]})
    add("backward_beta", "beta has no part in any gradient", train(*rows([1, 1], [3, 3], [6, 6])),
        back(*rows([1, 1], [2, 2], [5, 5])), num_features=2, state={"bias": [0, 1e30]})
    add("backward_x_normalised", "dy = x^ exactly, x^ = -+1/2: dx = x^ 3/8", train(*column(-1, 1)),
        back(*column(-0.5, 0.5)), eps=3.0)
    add("backward_infer_fresh", "a new layer in inference: dx = dy/sqrt(1.00001)",
        infer([2, 2], [1, 2, 3, 4]), back([2, 2], [1, 0, -2, 1e-3]), num_features=2)
    inference(add, "backward_infer_given", "inference: dx = gamma dy/sqrt(V), each element on its own", [
        (1, 0.5, 2, 3, 1), (1e30, -1, 0.3, -1, 2), (0, 0, 1, 1, 1), (5, 5, 7, 0.1, 3), (1, 2, 3, 0, 4)], 1e-5)


def shapes(add):
    noise = Noise(21)
    for name, shape, dimensions in (
            ("nc", [6, 4], 1), ("ncl", [3, 2, 7], 1), ("ncl_single_batch", [1, 3, 6], 1),
            ("nchw", [2, 3, 3, 4], 2), ("ncdhw", [2, 2, 2, 3, 2], 3), ("nchw_one_position", [5, 3, 1, 1], 2)):
        size, features = prod(shape), shape[1]
        weight = noise.normal(features, 1, 0.5)
        x, dy = noise.normal(size, 1, 2), noise.normal(size)
        add(f"backward_shape_{name}", f"x of shape {shape}: the gradient after training and after inference",
            train(shape, x), back(shape, dy), infer(shape, x), back(shape, dy), dimensions=dimensions,
            num_features=features, state={"weight": weight})
    add("backward_many", "300 values per channel", train([12, 2, 5, 5], noise.normal(600, 0.5, 1.5)),
        back([12, 2, 5, 5], noise.normal(600)), dimensions=2, num_features=2)
    add("backward_sequence", "(B S, E) and (B, E, S): the same gradients in another order",
        train([4, 2], [1, 2, 3, 5, 8, 13, 21, 34]), back([4, 2], [1, -1, 2, 0, 0, 3, 1, 1]),
        train([2, 2, 2], [1, 3, 2, 5, 8, 21, 13, 34]), back([2, 2, 2], [1, 2, -1, 0, 0, 1, 3, 1]),
        num_features=2)


def modes(add):
    noise = Noise(22)
    x, other, dy = (noise.normal(12, mean, 2) for mean in (1, 0, 0.2))
    first, second, query = train([4, 3], x), train([4, 3], other), infer([4, 3], other)
    g = back([4, 3], dy)
    weights = {"weight": [1.5, -0.25, 1], "bias": [0.5, 0, -1]}
    add("backward_training_word", "the mode by its name", first, back([4, 3], dy, training=True), query,
        back([4, 3], dy, training=False), num_features=3, state=weights)
    add("backward_twice", "two gradients of one forward call, and they change nothing", first, g,
        back([4, 3], other), query, num_features=3, state=weights)
    add("backward_latest_inference", "training, then inference: the gradient is that of the inference call",
        first, query, g, num_features=3, state=weights)
    add("backward_latest_training", "inference, then training: the gradient is that of the training call",
        query, first, g, num_features=3, state=weights)
    add("backward_between_steps", "training steps with their gradients, then inference with the statistics "
        "left", first, g, second, g, query, g, num_features=3, state=weights)
    add("backward_cumulative", "gradients leave the counter of the cumulative average alone", first, g,
        second, g, g, query, g, num_features=3, momentum=None)
    add("backward_after_set_momentum", "momentum has no part in a gradient", first, SetMomentum(0.5), g,
        SetMomentum(None), g, num_features=3)
    add("backward_after_failures", "forward, backward and load calls that fail leave the latest forward call "
        "in place", first, train([1, 3], [1, 2, 3]), g, infer([2, 2], [1, 2, 3, 4]), back([4, 2], [1] * 8), g,
        Load(fresh(Config(num_features=3), running_var=[1])), g, SetMomentum(float("nan")), g, num_features=3)
    add("backward_load_forward", "a load with a forward call after it", first, g,
        Load(fresh(Config(num_features=3), weight=[2, 3, 4], running_mean=[1, 2, 3],
        running_var=[4, 9, 0.25])), query, g, first, g, num_features=3)
    add("backward_not_affine", "affine = false: gamma counts as 1, and dx is the only gradient", first, g,
        query, g, num_features=3, affine=False)
    add("backward_weight_only", "a weight and no bias: gamma scales dx, and there is no dbias", first, g,
        query, g, num_features=3, bias=False, state={"weight": weights["weight"]})
    add("backward_bias_only", "a bias and no weight: gamma counts as 1, and there is no dweight", first, g,
        query, g, num_features=3, weight=False, state={"bias": weights["bias"]})
    add("backward_not_tracking", "track_running_stats = false: batch statistics in both modes, and the same "
        "gradient", first, g, infer([4, 3], x), g, num_features=3, track_running_stats=False)
    add("backward_bare", "neither parameters nor buffers", query, g, first, g, num_features=3, affine=False,
        track_running_stats=False)
    subsets = ("", "dx", "dweight", "dbias", "dx dweight", "dx dbias", "dweight dbias", "dx dweight dbias")
    add("backward_wanted_training", "every subset of gradients", first,
        *[back([4, 3], dy, wants) for wants in subsets], num_features=3, state=weights)
    add("backward_wanted_inference", "every subset of gradients", query,
        *[back([4, 3], dy, wants) for wants in subsets], num_features=3, state=weights)
    add("backward_wanted_not_affine", "every subset of gradients where only dx exists", first,
        *[back([4, 3], dy, wants) for wants in subsets], num_features=3, affine=False)
    add("backward_wanted_weight_only", "every subset of gradients where there is no dbias", first,
        *[back([4, 3], dy, wants) for wants in subsets], num_features=3, bias=False)
    add("backward_wanted_bias_only", "every subset of gradients where there is no dweight", query,
        *[back([4, 3], dy, wants) for wants in subsets], num_features=3, weight=False)
    add("backward_infer_one_row", "one value per channel in inference", infer([1, 3], [1, 2, 3]),
        back([1, 3], [4, -5, 6]), num_features=3, state=weights)
    add("backward_eps_zero", "eps = 0 in inference", infer([2, 2], [1, 2, 3, 4]), back([2, 2], [1, -1, 2, 5]),
        num_features=2, eps=0.0, state={"running_mean": [2, 2], "running_var": [2, 3]})


def cancellation(add):
    noise = Noise(23)
    for label, mean, scale, eps in (("unit", 0, 1, 1e-5), ("scale_100", 0, 100, 1e-5),
        ("mean_1000", 1000, 1, 1e-5),
                                    ("large_eps", 2, 3, 0.5)):
        x = noise.normal(24, mean, scale)
        mu = sum(x) / 24
        sigma = sqrt(sum((v - mu) ** 2 for v in x) / 24 + eps)
        normalised = [(v - mu) / sigma for v in x]
        add(f"backward_own_output_{label}", "dy = y, the gradient of half the sum of y^2: dx is what little "
            "eps leaves of it", train([24, 1], x), back([24, 1], normalised), eps=eps)
    x = noise.normal(8, 5, 2)
    add("backward_linear_dy", "dy = 3 x + 7 but for rounding: almost nothing passes", train(*column(*x)),
        back(*column(*[3 * v + 7 for v in x])))
    add("backward_nearly_constant", "dy differs from a constant in the last place of one element",
        train([8, 2], [v for a in x for v in (a, -a)]),
        back([8, 2], [1, 1e30] * 3 + [1 + 2 * U, 1e30 * (1 + 2 * U)] + [1, 1e30] * 4), num_features=2)
    add("backward_nearly_constant_n2", "n = 2 and dy = 1, 1 + 2^-23", train(*column(1, 4)),
        back(*column(1, 1 + 2 * U)), back(*column(1e30, 1e30 * (1 + 2 * U))))
    add("backward_sum_cancels", "dy of 2^100 and its opposite hide 1 and 2^-100 from a float's sum",
        train(*column(1, 2, 3, 4)), back(*column(2.0**100, 1, -(2.0**100), 2.0**-100)))
    add("backward_large_mean", "x near 1e7 with a spread of a few units",
        train(*column(1e7, 10000001, 10000002, 10000001, 10000004)), back(*column(1, -2, 0.5, 3, -1)))
    add("backward_outlier", "one x of 2^100 among small ones", train(*column(2.0**100, 1, 2, 3, -4)),
        back(*column(1, -2, 0.5, 3, -1)), back(*column(0, 1, 0, 0, 0)))
    inference(add, "backward_infer_cancellation", "dweight from x - mean that leaves few bits",
              [(1e7, 10000001, 2, 1, 3), (1 + 2 * U, 1, 3, 1, 0.1), (2.0**100, 1, 5, 1, 1)])
    add("backward_infer_dweight_sum", "dy (x - mean) cancel almost: only the last places of dweight's sum "
        "are left", infer(*column(1e7, 10000001, 10000002, -1e7)), back(*column(1, -2, 1, 2.0**-40)), state={
            "running_mean": [0.5], "running_var": [3]})


def ranges(add):
    spread = [1, 2, 4, 8]
    add("backward_huge_dy", "dy near 3e38: its sum overflows, so does dweight, dx does not",
        train(*column(*spread)), back(*column(3e38, 3e38, -1e38, 3.4e38)))
    add("backward_huge_dy_cancels", "sums of dy overflow float on the way, dbias does not",
        train(*column(*spread)), back(*column(3e38, 3e38, -3e38, -2e38)))
    add("backward_tiny_dy", "subnormal dy", train(*column(*spread)),
        back(*column(TINY, -TINY, 5 * TINY, 1e-42)))
    add("backward_subnormal_dx", "subnormal dx by a small gamma", train(*column(*spread)),
        back(*column(1, -2, 3, 5)), state={"weight": [2.0**-140]})
    add("backward_vanishing_dx", "dx too small for a float keeps its sign", train(*column(*spread)),
        back(*column(1, -2, 3, 5)), state={"weight": [TINY]})
    add("backward_vanishing_by_variance", "a variance of 1e77: dx is tiny, though dy and gamma are ordinary",
        train([4, 2], [3e38, 1, -3e38, 2, -3e38, 3, 3.1e38, 5]), back([4, 2], [1, 1, -2, 0, 3, 4, 4, 9]),
        num_features=2, state={"weight": [1e-3, 1]})
    add("backward_overflow_dx", "dx overflows by gamma", train(*column(*spread)),
        back(*column(9, -20, 30, 5)), state={"weight": [LARGEST]})
    add("backward_overflow_eps", "eps = 2^-126 and a constant x: dx = 2^63 (dy - mean(dy))",
        train([4, 2], [5] * 8), back([4, 2], [1, 1e20, 2, 0, -4, -1e20, 5, 3]), num_features=2, eps=2.0**-126)
    add("backward_eps_smallest", "eps = 2^-126 against a variance of its own size",
        train(*column(0, 2.0**-62, 2.0**-63, -(2.0**-62))), back(*column(1, 0, -2, 4)), eps=2.0**-126)
    add("backward_eps_largest", "eps = 2^127, with ordinary and with huge x",
        train([3, 2], [1, 1e19, 2, -2e19, 4, 3e19]), back([3, 2], [1, 1, -2, 5, 3, 2]), num_features=2,
        eps=2.0**127, state={"weight": [1e19, 1e19]})
    add("backward_tiny_x", "subnormal x: the variance drowns in eps",
        train(*column(TINY, -TINY, 3 * TINY, 0)), back(*column(1, 2, 4, -1)))
    add("backward_n2_huge", "n = 2, x = -+3e38: eps/V^1.5 is near 1e-120, dx keeps only its sign, +0 where "
        "exact", train([2, 2], [-3e38, -3e38, 3e38, 3e38]), back([2, 2], [1, 1, 2, 1]), num_features=2)
    add("backward_n2_saved", "n = 2: gamma and dy of 1e38 bring eps/V^1.5 back into range",
        train(*column(-1e13, 1e13)), back(*column(1e30, -1e30)), state={"weight": [1e20]})
    inference(add, "backward_infer_range", "overflow, subnormal and vanishing results", [
        (1, 0, 2.0**-100, LARGEST, 1), (1, 0, 4, LARGEST, 2), (1, 0, 4, LARGEST, 2.1), (1, 0, 9, 1, TINY),
        (1, 0, 1, TINY, -0.4), (1, 0, LARGEST, TINY, LARGEST), (-LARGEST, LARGEST, 1, 1, 1),
        (TINY, 0, 9, 1, 1), (TINY, 0, 3, 1, -TINY)])


def ties(add):
    inference(add, "backward_tie_infer", "midpoints of dx by products of 25 bits, scaled by perfect squares; "
              "beside them no ties", [
                  (0, 0, 1, 4097, 4097), (0, 0, 4, 4097, 4097), (0, 0, 1, 4097, 4099),
                  (0, 0, 0.25, 4099, -4097),
                  (0, 0, 16, 2049, 8193), (0, 0, 1, 4097, 4097 * (1 + 2 * U)), (0, 0, 2, 4097, 4097),
                  (0, 0, 9, 4097 * 3, 4097)])
    inference(add, "backward_tie_infer_eps", "running variance + eps = 1: 0.25 + 0.75, and no square beside "
        "it", [
        (1, 0, 0.25, 4097, 4097), (1, 0, 0.25 + 2.0**-26, 4097, 4097), (1, 0, 0.25 - 2.0**-26, 4097, 4097)],
        0.75)
    inference(add, "backward_tie_subnormal",
        "midpoints of subnormal numbers, 0 and the smallest one included", [
        (0, 0, 1, TINY, 0.5), (0, 0, 1, TINY, -0.5), (0, 0, 1, TINY, 1.5), (0, 0, 1, -TINY, 2.5),
        (0, 0, 1, TINY, 0.5 + U), (0, 0, 4, TINY, 3), (0, 0, 1, 2.0**-126, 1 - U)])
    inference(add, "backward_tie_overflow", "2^128 - 2^103 = 31 1082401 2^103 is a midpoint and rounds to "
        "infinity", [
        (0, 0, 1, 31 * 2.0**50, 1082401 * 2.0**53), (0, 0, 1, 31 * 2.0**50, -1082401 * 2.0**53),
        (0, 0, 1, 31 * 2.0**50 * (1 - U), 1082401 * 2.0**53), (0, 0, 4, 31 * 2.0**50, 1082401 * 2.0**54)])
    add("backward_tie_n2", "x = -1, 1 and eps = 3: dx = -+gamma (dy1 - dy2) 3/16; gamma = 16 makes 3 + 3 "
        "2^-23 and dweight 1/2 + 2^-25", train([2, 3], [-1] * 3 + [1] * 3),
        back(*rows([1 + 2 * U, -U, 1 + 2 * U], [0, 1, 1])), num_features=3, eps=3.0,
        state={"weight": [16, 16, 16 * 2.0**-120]})
    add("backward_tie_n2_square", "x = -+1/2 and eps = 0.75: V = 1, dx = -+gamma (dy1 - dy2) 3/8",
        train([2, 3], [-0.5] * 3 + [0.5] * 3), back(*rows([1 + 2 * U, 3, 8193], [0, 3, 0])), num_features=3,
        eps=0.75, state={"weight": [8, 8, 2049]})
    add("backward_tie_n5", "x = 0, 0, 0, 0, 1 and eps = 21: V = (23/5)^2; dx of a one-hot dy is gamma dy "
        "2100/12167 and a quarter of it, and 525 31959 has 25 bits", train([5, 3], [0] * 12 + [1] * 3),
        back([5, 3], [0] * 12 + [31959, 31961, 31959]), num_features=3, eps=21.0,
        state={"weight": [12167, -12167, 12167 * 2.0**-100]})
    add("backward_tie_near", "eps one unit in the last place of a double beside the perfect square",
        train([2, 1], [-1, 1]), back(*column(1 + 2 * U, 0)), eps=3.0 + 2.0**-51, state={"weight": [16]})
    add("backward_tie_near_below", "the same from below", train([2, 1], [-1, 1]), back(*column(1 + 2 * U, 0)),
        eps=3.0 - 2.0**-51, state={"weight": [16]})
    add("backward_tie_dweight", "dweight on midpoints: S/sqrt(V) with V = 4, and with V = 3 no tie",
        infer([2, 4], [1, 1, 3, 1, 1, 1, 1, 1]), back([2, 4], [1, 1 + 2 * U, 1, 1, U, U, U, U]),
        num_features=4, eps=3.0, state={"running_mean": [0] * 4, "running_var": [1, 1, 1, 0]})
    add("backward_tie_dbias", "dbias on midpoints: 1 + 2^-24, beside it, subnormal sums, and the last one "
        "before infinity", train([3, 6], [1, 2, 3, 4, 5, 6] * 2 + [6] * 6),
        back([3, 6], [1, 1 + 2 * U, 1, TINY, LARGEST, LARGEST, U, U, U, TINY, 2.0**103, 2.0**102, 0, 0, TINY,
        TINY,
                      0, 2.0**101]), num_features=6)
    add("backward_zero_exact", "exact zeros of dx, dweight and dbias are +0",
        train([4, 3], [-1, -1, 0, 1, 1, 0, -1, -1, 0, 1, 1, 0]),
        back([4, 3], [-0.0, 1, -1, 1, -1, 1, 0, -1, -1, -1, 1, 1]), num_features=3,
        state={"weight": [1, -1, -0.5]})
    add("backward_zero_dx", "dy = 0 and x at their means: one dx of exactly 0 among others",
        train(*column(-1, 0, 1)), back(*column(1, 0, -1)), back(*column(2, 3, 4)), back(*column(-5, 0, 5)))


def placements(add):
    noise = Noise(24)
    x, dy = noise.normal(24, 1), noise.normal(24)
    first, query = train([2, 3, 4], x), infer([2, 3, 4], x)
    g = {"num_features": 3}

    def both(name, about, **exec):
        add(f"backward_{name}", about, first, back([2, 3, 4], dy, **exec), query, back([2, 3, 4], dy, **exec),
            **g)

    both("in_place", "dx may be dy", overlap="in_place")
    both("channels_last", "dy and dx channels-last", **{"dy.order": "0 2 1", "dx.order": "0 2 1"})
    both("layouts_mixed", "dy dense, dx channels-first", **{"dx.order": "1 0 2"})
    both("strided", "gaps and offsets", **{"dy.gaps": "1 0 2", "dy.offset": "3", "dx.gaps": "0 5 1",
        "dx.offset": "1"})
    both("in_place_strided", "in place with gaps", overlap="in_place",
         **{"dy.gaps": "0 1 1", "dy.offset": "2", "dx.gaps": "0 1 1", "dx.offset": "2"})
    add("backward_layout_of_x", "x, y, dy and dx each laid out in its own way",
        train([2, 3, 4], x, **{"x.order": "2 1 0", "y.gaps": "1 1 1"}),
        back([2, 3, 4], dy, **{"dy.order": "1 2 0", "dx.order": "0 2 1", "dx.offset": "7"}), **g)
    add("backward_ambient", "threads, the caller's rounding mode and its flush-to-zero flags change nothing",
        first,
        back([2, 3, 4], dy, threads="3", rounding="up", flush_to_zero="true"), query,
        back([2, 3, 4], [1e-40] * 24, rounding="down", flush_to_zero="true"),
        back([2, 3, 4], dy, rounding="zero"), num_features=3, state={"weight": [1e-40, 1, -2]})


def backward_cases():
    cases, add = collection()
    for family in (by_hand, shapes, modes, cancellation, ranges, ties, placements):
        family(add)
    return cases
