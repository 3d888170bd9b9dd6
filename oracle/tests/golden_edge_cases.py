"""Finite inputs with extremes of rounding, range or cancellation."""

from golden_case import LARGEST, TINY, U, Noise, across, collection, column, infer, train


def plain_inference(add, name, about, elements):
    """y = γ·(x − μ)/√σ² + β with ε = 0, one (x, mean, var, γ, β) per channel."""
    x, mean, var, gamma, beta = map(list, zip(*elements))
    add(name, about, infer(*across(*x)), num_features=len(elements), eps=0.0,
        state={"running_mean": mean, "running_var": var, "weight": gamma, "bias": beta})


def ties(add):
    one_up, one_down = 1 + 2 * U, 1 - U
    plain_inference(add, "tie_at_one", "exact midpoints next to 1: to the even neighbour, up and down, "
        "both signs", [
        (1, 0, 1, 1, U), (one_up, 0, 1, 1, U), (-1, 0, 1, 1, -U), (-one_up, 0, 1, 1, -U),
        (1, 0, 1, 1, -U / 2),
        (one_down, 0, 1, 1, U / 2), (1, 0, 1, -1, -U), (3, 2, 1, 1, U)])
    plain_inference(add, "tie_beside", "just above and just below a midpoint: no ties", [
        (1, 0, 1, 1, U * (1 + 2 * U)), (1, 0, 1, 1, U * (1 - U)), (one_up, 0, 1, 1, U * (1 - U)),
        (-1, 0, 1, 1, -U * (1 + 2 * U)), (1, 0, 1, 1, TINY), (1, 0, 1, 1, -TINY)])
    plain_inference(add, "tie_product", "midpoints made by a product of 25 bits: 4097 * 4097 and its "
        "neighbours, scaled", [
        (4097, 0, 1, 4097, 0), (4097, 0, 4, 4097, 0), (4099, 0, 1, 4097, 0), (-4097, 0, 0.25, 4099, 0),
        (4097, 0, 2.0**-100, 4097 * 2.0**-60, 0), (8193, 0, 16, 2049, 0)])
    plain_inference(add, "tie_root", "roots of perfect squares that are no powers of two", [
        (9 * (1 + 2 * U), 0, 9, 1, U), (27, 0, 9, one_up / 9, U), (25, 0, 625, 1, U), (7, 0, 49, 1, -U / 2),
        (4097 * 3, 0, 9, 4097, 0)])
    plain_inference(add, "tie_subnormal", "midpoints of subnormal numbers, 0 and the smallest one included", [
        (0.5, 0, 1, TINY, 0), (-0.5, 0, 1, TINY, 0), (1.5, 0, 1, TINY, 0), (2.5, 0, 1, TINY, 0),
        (-2.5, 0, 1, TINY, 0),
        (0.75, 0, 1, TINY, 0), (2.0**-23, 0, 4, 2.0**-126, TINY), (1 - U, 0, 1, 2.0**-126, 0)])
    plain_inference(add, "tie_overflow", "2^128 - 2^103 is a midpoint too, and rounds to infinity", [
        (LARGEST, 0, 1, 1, 2.0**103), (-LARGEST, 0, 1, 1, -(2.0**103)),
        (LARGEST, 0, 1, 1, 2.0**103 * (1 - U)),
        (-LARGEST, 0, 1, 1, -(2.0**103) * (1 - U)), (LARGEST, 0, 1, 1, 2.0**103 * (1 + 2 * U)),
        (LARGEST, 0, 1, 1, 0)])
    add("tie_training_n2", "training on -1, 1 with eps = 3: the root is 2; beta makes midpoints",
        train([2, 4],
        [-1] * 4 + [1] * 4), num_features=4, eps=3.0,
        state={"weight": [2, 2 * one_up, 2, -2], "bias": [U, U, -U / 2, 3 * U]})
    add("tie_training_n5", "training on 0, 0, 0, 0, 1 with eps = 21: variance + eps = (23/5)^2, so y = "
        "gamma (5x - 1)/23 + "
        "beta is rational though no power of two is near", train([5, 3], [0] * 12 + [1] * 3), num_features=3,
        eps=21.0,
        state={"weight": [23, 1, 23 * one_up], "bias": [-U / 2, 0, 8 * U]})
    add("tie_running", "running statistics on midpoints: (1 - m) r + m s with m = 1/2",
        train([2, 3], [0, 1, 2] + [2 + 4 * U] * 3), num_features=3, momentum=0.5,
        state={"running_mean": [1 + 2 * U, 1, 3], "running_var": [1, 1 + 2 * U, 0]})


def squares(add):
    add("square_n3", "training on 0, 0, 3 with eps = 1/4: variance + eps = 2.25", train(*column(0, 0, 3)),
        eps=0.25)
    add("square_two_values", "n = 2, x = 0 and 6, eps = 16: variance + eps = 25, y = -+0.6",
        train(*column(0, 6)), eps=16.0)
    add("square_invstd", "saved invstd of perfect squares: 1/3, 1/5, 1/23 of a unit", train([5, 3],
        [0] * 12 + [5, 10, 1]), num_features=3, eps=21.0)
    add("square_near", "eps one unit in the last place of a double away from a perfect square",
        train(*column(-1, 1)), eps=3.0 + 2.0**-51, state={"weight": [2], "bias": [U]})
    add("square_near_below", "the same from below", train(*column(-1, 1)), eps=3.0 - 2.0**-51,
        state={"weight": [2], "bias": [U]})


def zeros(add):
    plain_inference(add, "zero_exact", "an exact zero is +0, from whatever signs it is made", [
        (0, 0, 1, 1, -0.0), (-0.0, 0, 1, 1, -0.0), (-0.0, -0.0, 1, -1, 0), (5, 5, 2, -3, -0.0),
        (7, 2, 1, 0, -0.0),
        (7, 2, 1, -0.0, -0.0), (3, 1, 4, 1, -1), (3, 1, 4, -0.5, 0.5), (-3, -3, 3, -1, -0.0)])
    plain_inference(add, "zero_rounded", "a nonzero result that rounds to zero keeps its sign", [
        (TINY, 0, 9, 1, 0), (-TINY, 0, 9, 1, 0), (TINY, 0, 9, -1, -0.0), (TINY, 0, 1, 2.0**-149, 0),
        (-TINY, 0, LARGEST, 1, -0.0), (2.0**-100, 0, 2.0**100, 2.0**-50, 0)])
    add("zero_training", "gamma = 0 gives beta; beta = -0 gives +0; x equal to the mean gives beta",
        train([3, 4],
        [1, 1, 1, -1, 2, 2, 2, 0, 3, 3, 3, 1]), num_features=4,
        state={"weight": [0, -0.0, 1, -1], "bias": [-0.0, 2.5, -0.0, -0.0]})
    add("zero_cancelled", "training where gamma x^ and beta cancel exactly: x^ = -+1/2, beta = 1",
        train(*column(-1, 1)),
        eps=3.0, state={"weight": [2], "bias": [1]})
    add("zero_running", "an exact zero of the running mean is +0", train(*column(-1, 1)), momentum=1.0,
        state={"running_mean": [-0.0], "running_var": [0]})


def ranges(add):
    add("huge_values", "values near 3e38: sums and squares leave float's range, the result does not",
        train([4, 2], [3e38, -3e38, -3e38, 3.1e38, 3.4e38, 3e38, 2e38, -1e38]), num_features=2)
    add("huge_variance", "the running variance overflows to infinity, y and the mean do not",
        train(*column(3e38, -3e38)))
    add("tiny_values", "subnormal input: the variance drowns in eps",
        train(*column(TINY, -TINY, 3 * TINY, 0)))
    add("tiny_values_small_eps", "subnormal input and eps = 2^-126, in range of each other's roots",
        train(*column(2.0**-63, -(2.0**-63), 2.0**-64, TINY)), eps=2.0**-126)
    add("subnormal_outputs", "outputs among the subnormal numbers", train(*column(1, 2, 3, 5)),
        state={"weight": [2.0**-140], "bias": [TINY]})
    add("large_mean", "1e7 and its next floats: a mean of 1e7 and a spread of a few units",
        train(*column(1e7, 10000001, 10000002, 10000001, 10000004)))
    add("large_mean_tight", "2^24 - 1 and 2^24 with a rare 2^24 + 2",
        train(*column(*[2**24 - 1, 2**24] * 6, 2**24 + 2)))
    add("outlier", "one value of 2^100 among small ones", train(*column(2.0**100, 1, 2, 3, -4)))
    add("outlier_first", "exponents from 2^-149 to 2^127 in one channel",
        train(*column(2.0**127, TINY, -(2.0**-60), 1, -(2.0**127), 2.0**60)), eps=2.0**-126)
    add("eps_smallest", "eps = 2^-126", train(*column(0, 2.0**-62, 2.0**-63, -(2.0**-62))), eps=2.0**-126)
    add("eps_largest", "eps = 2^127, with ordinary and with huge values",
        train([3, 2], [1, 1e19, 2, -2e19, 4, 3e19]),
        num_features=2, eps=2.0**127)
    add("eps_double", "eps = 1e-5 as a double, where 1e-5f gives other bits",
        train(*column(1e-3, 2e-3, -4e-3, 5e-3)))
    add("eps_zero_inference", "eps = 0 is allowed in inference", infer([2, 2], [1, 2, 3, 4]), num_features=2,
        eps=0.0,
        state={"running_var": [2, 3]})
    plain_inference(add, "cancellation", "gamma x^ and beta cancel almost: few bits of y are left in "
        "float arithmetic", [
        (1, 0, 2, 1, -0.70710677), (1, 0, 3, 3, -1.7320508), (10, 0, 7, 1, -3.7796447),
        (1e5, 0, 10, 1, -31622.777),
        (-1, 0, 2, 1, 0.70710677), (1e5, 99999, 1, 1, -1)])
    plain_inference(add, "overflow", "overflow of y, and intermediate results that overflow though y does "
        "not", [
        (LARGEST, -LARGEST, 1, 1, 0), (LARGEST, -LARGEST, 4, 1, 0), (LARGEST, 0, 2.0**-100, 1, 0),
        (LARGEST, 0, 1, 2, -LARGEST), (LARGEST, 0, 1, 2, 0), (-LARGEST, LARGEST, LARGEST, LARGEST, 0),
        (TINY, 0, TINY, LARGEST, 0), (LARGEST, 0, LARGEST, TINY, 0)])


def momenta(add):
    steps = [train(*column(1, 2, 4)), train(*column(-1, 5, 4))]
    for name, momentum, about in (
            ("momentum_1e300", 1e300, "momentum 1e300: the running statistics overflow to infinity, then "
            "to NaN or infinity"),
            ("momentum_negative", -0.5, "momentum -1/2: weights 1.5 and -0.5"),
            ("momentum_two", 2.0, "momentum 2: weights -1 and 2"),
            ("momentum_tiny", 5e-324, "the smallest double as momentum: the exact result differs from the "
            "old value by far less than half an ulp"),
            ("momentum_near_one", 1 - 2.0**-53, "momentum just below 1"),
            ("momentum_1e30", -1e30, "momentum -1e30: still finite after one step")):
        add(name, about, *steps, momentum=momentum)
    add("momentum_overflow_pair", "(1 - m) r and m s overflow any double's product, their sum is small: r "
        "= s",
        train(*column(2.0**100, 2.0**100)), momentum=1e300,
        state={"running_mean": [2.0**100], "running_var": [0]})


def random_data(add):
    noise = Noise(7)
    for label, mean, scale in (("unit", 0, 1), ("mean_1000", 1000, 1), ("mean_1e5", 1e5, 1),
        ("scale_1e18", 0, 1e18),
                               ("scale_1e-20", 0, 1e-20)):
        add(f"random_{label}", f"64 values around {mean:g} with spread {scale:g} in each of two channels",
            train([16, 2, 4], noise.normal(128, mean, scale)),
            infer([4, 2, 2], noise.normal(16, mean, scale)),
            num_features=2, state={"weight": noise.normal(2), "bias": noise.normal(2)})


def edge_cases():
    cases, add = collection()
    for family in (ties, squares, zeros, ranges, momenta, random_data):
        family(add)
    return cases
