"""Values that are not finite, one case per row of the rule; other channels are unaffected."""

from golden_case import LARGEST, across, collection, inf, infer, nan, train


def training(add):
    for name, value in (("nan", nan), ("inf", inf), ("minus_inf", -inf)):
        add(f"training_x_{name}", f"one {value} in x: that channel's y, saved and running statistics are "
            f"NaN, the other "
            "channel is untouched", train([3, 2], [1, 2, value, 3, 4, 5]), num_features=2)
    add("training_x_inf_hidden", "a non-finite x spoils its channel even for gamma = 0 and m = 0",
        train([3, 2], [1, 2, inf, 3, -inf, 5]), num_features=2, momentum=0.0, state={"weight": [0, 0],
        "bias": [1, 1]})
    add("training_x_inf_inference", "after such a step the channel stays NaN in inference and in training",
        train([2, 2], [nan, 2, 3, 4]), infer([1, 2], [1, 2]), train([2, 2], [1, 2, 3, 4]), num_features=2)
    x = [0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2, 2]
    add("training_gamma", "gamma NaN, +-inf: NaN where x^ is exactly 0, otherwise infinite by sign; "
        "statistics ignore it",
        train([3, 5], x), num_features=5,
        state={"weight": [nan, inf, -inf, inf, 1], "bias": [0, 0, 1, -3, 0]})
    add("training_beta", "beta NaN, +-inf; statistics ignore it", train([3, 5], x), num_features=5,
        state={"weight": [1, 1, 0, -1, 2], "bias": [nan, inf, -inf, -inf, 0]})
    add("training_gamma_beta", "infinite gamma and beta meet: equal signs stay infinite, opposite signs "
        "are NaN",
        train([3, 5], x), num_features=5,
        state={"weight": [inf, -inf, inf, nan, 0], "bias": [inf, inf, -inf, inf, inf]})
    add("training_constant_gamma", "0 times infinity in a constant channel", train([2, 3], [4] * 6),
        num_features=3,
        state={"weight": [inf, -inf, nan], "bias": [0, inf, 1]})
    for name, m in (("half", 0.5), ("one", 1.0), ("two", 2.0), ("zero", 0.0)):
        add(f"training_running_m_{name}", f"running statistics NaN and +-inf with m = {m:g}: (1 - m) r + "
            f"m s by the rule",
            train([2, 4], [1, 2, 3, 4, 5, 6, 7, 9]), num_features=4, momentum=m,
            state={"running_mean": [nan, inf, -inf, 0], "running_var": [inf, -inf, nan, inf]})


def inference_elements(add):
    x = [1, 1, inf, 1, -inf, 1, nan, 1]
    add("inference_x", "a non-finite x touches its own element only", infer([4, 2], x), num_features=2,
        state={"weight": [2, 2], "running_mean": [1, 0]})
    add("inference_x_gamma_zero", "gamma = 0 times an infinite x is NaN", infer([4, 2], x), num_features=2,
        state={"weight": [0, -1], "bias": [1, -1]})
    add("inference_x_beta", "an infinite x against an infinite beta", infer([4, 2], x), num_features=2,
        state={"weight": [1, -1], "bias": [inf, inf]})


def inference_parameters(add):
    def elements(name, about, values, eps=1e-5):
        x, mean, var, gamma, beta = map(list, zip(*values))
        add(name, about, infer(*across(*x)), num_features=len(values), eps=eps,
            state={"running_mean": mean, "running_var": var, "weight": gamma, "bias": beta})

    elements("inference_nan", "NaN in gamma, beta, running mean or running variance: the channel is NaN", [
        (1, 0, 1, nan, 0), (1, 0, 1, 1, nan), (1, nan, 1, 1, 0), (1, 0, nan, 1, 0), (inf, nan, inf, 0, inf),
        (1, 0, 1, 1, 0)])
    elements("inference_gamma", "infinite gamma: by sign, NaN where x equals the running mean", [
        (1, 0, 1, inf, 0), (-1, 0, 1, inf, 0), (1, 0, 1, -inf, 7), (2, 2, 1, inf, 0), (2, 2, 1, -inf, inf),
        (1, 0, 1, inf, -inf), (1, 0, 1, -inf, -inf), (1e-45, 0, 3e38, inf, 0)])
    elements("inference_beta", "infinite beta", [
        (1, 0, 1, 1, inf), (1, 0, 1, 1, -inf), (1, 0, 1, 0, -inf), (LARGEST, 0, 1e-30, LARGEST, -inf)])
    elements("inference_running_mean", "an infinite running mean: x - mean is infinite the other way, or "
        "NaN", [
        (1, inf, 1, 1, 0), (1, -inf, 1, 1, 0), (inf, inf, 1, 1, 0), (-inf, -inf, 1, 1, 0),
        (inf, -inf, 1, 1, 0),
        (-inf, inf, 1, -1, 0), (1, inf, 1, 0, 0), (1, inf, 1, -2, inf), (1, inf, 1, 2, inf)])
    elements("inference_running_var", "running variance +inf: x^ = 0 for finite x - mean, else NaN; -inf "
        "is NaN", [
        (1, 0, inf, 5, 0.5), (-1, 3, inf, -5, -0.0), (inf, 0, inf, 1, 0), (1, inf, inf, 1, 0),
        (1, 0, inf, inf, 0),
        (1, 0, inf, 1, -inf), (1, 0, -inf, 1, 0), (nan, 0, inf, 1, 0), (1, 0, inf, 0, 3)])
    elements("inference_variance_negative", "running variance + eps at or below 0 is NaN, just above it "
        "is a number", [
        (1, 0, -(2.0**-17), 1, 0), (1, 0, -(2.0**-17) * (1 + 2.0**-23), 1, 0),
        (1, 0, -(2.0**-17) * (1 - 2.0**-24), 1, 0),
        (1, 0, -1, 1, 0), (1, 1, -1, 0, 2), (1, 0, 0, 1, 0)], eps=2.0**-17)
    elements("inference_variance_zero", "eps = 0 and running variance 0 or -0 is NaN", [
        (1, 0, 0, 1, 0), (1, 0, -0.0, 1, 0), (1, 0, 1e-45, 1, 0), (0, 0, 0, 0, 0)], eps=0.0)


def special_cases():
    cases, add = collection()
    for family in (training, inference_elements, inference_parameters):
        family(add)
    return cases
