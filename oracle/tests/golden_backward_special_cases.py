"""Gradients where values are not finite, one case per row of the rule; other channels are unaffected."""

from golden_case import across, back, collection, inf, infer, nan, train

X = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]


def training(add):
    for name, value in (("nan", nan), ("inf", inf), ("minus_inf", -inf)):
        add(f"backward_x_{name}", f"one {value} in x: that channel's dx and dweight are NaN, its dbias is "
            f"the sum of dy, the other channel is untouched", train([3, 2], [1, 2, value, 3, 4, 5]),
            back([3, 2], [1, 2, 3, 4, 5, 7]), num_features=2)
        add(f"backward_dy_{name}", f"one {value} in dy: that channel's dx and dweight are NaN, its dbias is "
            f"{value}",
            train([3, 2], [1, 2, 7, 3, 4, 5]), back([3, 2], [1, 2, value, 4, 5, 7]), num_features=2)
    add("backward_dy_both_infinities", "dy infinite both ways: dbias is NaN, too; twice the same: infinite",
        train([3, 3], [1, 2, 3] * 2 + [9] * 3), back([3, 3], [inf, inf, nan, -inf, inf, inf, 1, 1, 1]),
        num_features=3)
    add("backward_spoilt_gamma_zero", "gamma = 0 and dy = 0 do not hide a non-finite x or dy",
        train([3, 3], [1, 2, 3, inf, 4, 4, 4, nan, 5]), back([3, 3], [0, 0, 0, 0, 0, inf, 0, 0, 0]),
        num_features=3, state={"weight": [0, 0, 0]})
    add("backward_x_inf_dy_inf", "a non-finite x and a non-finite dy in one channel: dbias still has its sum",
        train([2, 2], [inf, 1, 2, 2]), back([2, 2], [-inf, 1, 2, 3]), num_features=2)
    add("backward_gamma", "gamma NaN, +-inf touches dx only: infinite by sign", train([3, 5], X),
        back([3, 5], [1, 1, 1, 1, 1, 3, 3, 3, 3, 3, -1, -1, -1, 0, 0]), num_features=5,
        state={"weight": [nan, inf, -inf, inf, 1]})
    add("backward_gamma_constant_dy", "infinite gamma where dx/gamma is exactly 0: NaN", train([3, 5], X),
        back([3, 5], [2] * 15), num_features=5, state={"weight": [nan, inf, -inf, 0, 1]})
    add("backward_gamma_some_zero", "infinite gamma, one dx/gamma exactly 0 and the others not",
        train([3, 5], X),
        back([3, 5], [1] * 5 + [0] * 5 + [-1] * 5), num_features=5, state={"weight": [nan, inf, -inf, 0, 1]})
    add("backward_gamma_tiny", "infinite gamma where dx/gamma is far below any float: infinite all the same",
        train([2, 2], [-3e38, -3e38, 3e38, 3e38]), back([2, 2], [1e-45, 0, 0, 1e-45]), num_features=2,
        state={"weight": [inf, -inf]})
    add("backward_beta_infinite", "beta NaN and infinite has no part in any gradient", train([3, 5], X),
        back([3, 5], list(range(15))), num_features=5, state={"bias": [nan, inf, -inf, 0, 1]})
    add("backward_running_nan", "running statistics have no part in the gradient of a training call",
        train([2, 2], [1, 2, 3, 4]), back([2, 2], [1, 0, 3, 5]), num_features=2,
        state={"running_mean": [nan, inf], "running_var": [-inf, nan]})
    add("backward_not_tracking_x_inf", "batch statistics in inference: a non-finite x spoils its channel",
        infer([2, 2], [1, 2, inf, 4]), back([2, 2], [1, 0, 3, 5]), num_features=2, track_running_stats=False)


def inference(add):
    def elements(name, about, values, eps=1e-5):
        """One (x, mean, var, γ, dy) per channel."""
        x, mean, var, gamma, dy = map(list, zip(*values))
        add(name, about, infer(*across(*x)), back(*across(*dy)), num_features=len(values), eps=eps,
            state={"running_mean": mean, "running_var": var, "weight": gamma})

    elements("backward_infer_x", "x and the running mean do not touch dx; not finite they make dweight NaN", [
        (nan, 0, 1, 2, 1), (inf, 0, 1, 2, 1), (-inf, 0, 1, 2, 1), (1, nan, 1, 2, 1), (1, inf, 1, 2, 1),
        (inf, inf, 1, 2, 1), (1, 0, 1, 2, 1), (inf, 0, 1, 2, 0)])
    elements("backward_infer_dy", "a non-finite dy: dx by sign, dweight NaN, dbias the same", [
        (1, 0, 1, 2, nan), (1, 0, 1, 2, inf), (1, 0, 1, -2, inf), (1, 0, 1, 0, inf), (1, 0, 1, 0, -inf),
        (1, 0, 1, -0.5, -inf), (1, 1, 1, 1, inf)])
    elements("backward_infer_gamma", "gamma NaN, +-inf: dx by sign, NaN where dy is 0; dweight does not "
        "notice", [
        (1, 0, 1, nan, 1), (1, 0, 1, inf, 1), (1, 0, 1, -inf, 1), (1, 0, 1, inf, 0), (1, 0, 1, inf, -0.0),
        (1, 0, 1, -inf, -1e-45), (1, 0, 1, inf, -inf), (1, 0, 1, inf, nan), (1, 0, 3e38, inf, 1e-45)])
    elements("backward_infer_var", "running variance NaN, +-inf, negative: NaN; +inf: dx and dweight are 0", [
        (1, 0, nan, 1, 1), (1, 0, -inf, 1, 1), (1, 0, -1, 1, 1), (1, 0, inf, 1, 1), (1, 0, inf, -1, -3),
        (1, 1, -1, 0, 0), (nan, 0, -1, 1, inf)])
    elements("backward_infer_var_infinite", "running variance +inf against infinities: 0 times infinity is "
        "NaN", [
        (1, 0, inf, inf, 1), (1, 0, inf, -inf, 0), (1, 0, inf, nan, 1), (1, 0, inf, 1, inf),
        (1, 0, inf, 0, -inf),
        (inf, 0, inf, 1, 1), (1, inf, inf, 1, 1), (1, 0, inf, 1, nan), (1, 0, inf, 0, 1)])
    elements("backward_infer_var_edge", "running variance + eps at 0, just below and just above", [
        (1, 0, -(2.0**-17), 1, 1), (1, 0, -(2.0**-17) * (1 + 2.0**-23), 1, 1),
        (1, 0, -(2.0**-17) * (1 - 2.0**-24), 1, 1), (1, 0, 0, 1, 1)], eps=2.0**-17)
    elements("backward_infer_var_zero", "eps = 0 and running variance 0 or -0 is NaN", [
        (1, 0, 0, 1, 1), (1, 0, -0.0, 1, 1), (1, 0, 1e-45, 1, 1), (0, 0, 0, 0, 0)], eps=0.0)
    add("backward_infer_elements", "a non-finite dy touches its own dx only, and the sums of its channel",
        infer([4, 2], [1, 2, 3, 4, 5, 6, 7, 8]), back([4, 2], [1, 1, inf, 2, -inf, 3, nan, 4]),
        num_features=2)
    add("backward_infer_x_elements", "a non-finite x touches no dx, and the dweight of its channel",
        infer([3, 2], [1, 2, inf, 4, 5, 6]), back([3, 2], [1, 1, 5, 2, 4, 3]), num_features=2)


def empty(add):
    add("backward_empty", "N = 0: dx is empty, dweight and dbias are +0, nothing changes", train([0, 2], []),
        back([0, 2], []), infer([0, 2], []), back([0, 2], []), num_features=2, momentum=None)
    add("backward_empty_spatial", "a spatial size of 0", train([3, 2, 0, 4], []), back([3, 2, 0, 4], []),
        infer([3, 2, 4, 0], []), back([3, 2, 4, 0], [], "dweight"), dimensions=2, num_features=2)
    add("backward_empty_special", "nothing that a channel holds makes the sums over no values NaN",
        infer([0, 4], []), back([0, 4], []), train([0, 4], []), back([0, 4], []), num_features=4,
        state={"running_mean": [nan, 0, 0, 0], "running_var": [1, nan, -1, 1], "weight": [1, 1, 1, nan]})
    add("backward_empty_latest", "an empty forward call is the latest one like any other",
        train([2, 2], [1, 2, 3, 4]),
        train([0, 2], []), back([0, 2], []), back([2, 2], [1, 2, 3, 5]), num_features=2)
    add("backward_empty_bare", "an empty batch without parameters and buffers", infer([0, 2, 5], []),
        back([0, 2, 5], []), num_features=2, affine=False, track_running_stats=False)


def backward_special_cases():
    cases, add = collection()
    for family in (training, inference, empty):
        family(add)
    return cases
