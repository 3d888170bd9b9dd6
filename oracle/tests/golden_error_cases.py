"""Calls that must fail, with the kind of error, and calls around them that must not be affected."""

from golden_case import Config, Load, SetMomentum, collection, fresh, inf, infer, nan, rows, train

GOOD = rows([1, 2], [3, 5], [6, 4])


def shapes(add):
    six = [1, 2, 3, 4, 5, 6]
    for dimensions, shape in ((1, [3, 2, 1, 1]), (2, [3, 2]), (2, [3, 2, 1]), (3, [3, 2, 1, 1]), (1, [6]),
                              (3, [3, 2, 1, 1, 1, 1])):
        add(f"rank_{dimensions}d_given_{len(shape)}", f"BatchNorm{dimensions}d given {len(shape)} dimensions",
            train(shape, six), dimensions=dimensions, num_features=2)
    add("rank_scalar", "BatchNorm1d given a scalar", infer([], [1]), num_features=2)
    add("channels_inference", "the channels are checked in inference too", infer([2, 3], six), num_features=2)
    add("channels_empty", "the channels are checked for empty input too", train([0, 3], []), num_features=2)
    add("channels_zero", "num_features must be at least 1", train([3, 0], []), num_features=0)
    add("one_value", "one value per channel in training", train([1, 2], [1, 2]), train(*GOOD), num_features=2)
    add("one_value_2d", "one value per channel in training, (1, C, 1, 1)", train([1, 2, 1, 1], [1, 2]),
        dimensions=2,
        num_features=2)
    add("one_value_not_tracking", "one value per channel in inference that uses batch statistics",
        infer([1, 2], [1, 2]),
        num_features=2, track_running_stats=False)


def buffers(add):
    for name in ("weight", "bias", "running_mean", "running_var"):
        add(f"length_{name}", f"{name} has 3 elements for 2 channels", train(*GOOD), num_features=2,
            state={name: [1, 1, 1]})
        add(f"missing_{name}", f"{name} is missing", infer(*GOOD), num_features=2, state={name: None})
    add("superfluous_weight", "affine = false, yet there is a weight", train(*GOOD), num_features=2,
        affine=False,
        state={"weight": [1, 1]})
    add("superfluous_bias", "a weight alone, yet there is a bias", train(*GOOD), num_features=2, bias=False,
        state={"bias": [1, 1]})
    add("load_superfluous_weight", "a layer with a bias alone refuses a state with both", train(*GOOD),
        Load(fresh(Config(num_features=2))), train(*GOOD), num_features=2, weight=False)
    config = Config(num_features=2)
    add("load_length", "a loaded state with short buffers is refused, and the old one stays",
        Load(fresh(config, running_var=[1])), train(*GOOD), num_features=2)
    add("counter_negative", "num_batches_tracked = -1", train(*GOOD), num_features=2, state={
        "num_batches_tracked": -1})
    add("load_counter_negative", "a loaded counter below 0 is refused, and the old state stays",
        train(*GOOD), Load(fresh(config, num_batches_tracked=-5)), train(*GOOD), num_features=2,
        momentum=None)


def options(add):
    for name, eps in (("negative", -1e-5), ("too_small", 2.0**-127), ("too_large", 2.0**128), ("nan", nan),
        ("inf", inf)):
        add(f"eps_{name}", f"eps = {eps:g}", train(*GOOD), infer(*GOOD), num_features=2, eps=eps)
    add("eps_zero_training", "eps = 0 is refused in training, allowed in inference", train(*GOOD),
        infer(*GOOD),
        num_features=2, eps=0.0)
    add("eps_zero_not_tracking", "eps = 0 is refused where inference uses batch statistics", infer(*GOOD),
        num_features=2,
        eps=0.0, track_running_stats=False)
    for name, momentum in (("nan", nan), ("inf", inf), ("minus_inf", -inf)):
        add(f"momentum_{name}", f"momentum = {momentum}", train(*GOOD), num_features=2, momentum=momentum)
    add("set_momentum_nan", "setting a NaN is refused, and the old momentum stays", SetMomentum(nan),
        train(*GOOD),
        SetMomentum(0.5), train(*GOOD), SetMomentum(inf), train(*GOOD), num_features=2)
    add("two_errors", "eps and channels are both wrong: either kind is right",
        train([2, 3], [1, 2, 3, 4, 5, 6]),
        num_features=2, eps=-1.0)


def states(add):
    bad = train([2, 3], [1, 2, 3, 4, 5, 6])
    add("failure_leaves_state", "calls that fail leave counter and statistics as they were", train(*GOOD),
        bad,
        train([1, 2], [9, 9]), train(*GOOD), infer(*GOOD), num_features=2, momentum=None)
    add("empty_batch", "N = 0: an empty result, nothing changes, the counter neither", train([0, 2], []),
        train(*GOOD),
        infer([0, 2], []), num_features=2, momentum=None)
    add("empty_spatial", "a spatial size of 0", train([3, 2, 0, 4], []), infer([3, 2, 4, 0], []),
        dimensions=2,
        num_features=2)
    add("empty_not_tracking", "empty input where inference uses batch statistics", infer([0, 2, 5], []),
        num_features=2,
        track_running_stats=False)


def overlaps(add):
    add("in_place", "y may be x", train(*GOOD, overlap="in_place"), infer(*GOOD, overlap="in_place"),
        num_features=2)
    for overlap in ("shifted", "y_itself", "y_and_weight", "y_and_running_mean", "y_and_running_var",
                    "running_mean_and_var"):
        add(f"alias_{overlap}", "buffers that overlap: refused", train(*GOOD, overlap=overlap),
            num_features=2)
    add("ambient", "threads, the caller's rounding mode and its flush-to-zero flags change nothing",
        train(*GOOD, threads="3", rounding="up", flush_to_zero="true"), infer(*GOOD, rounding="zero"),
        num_features=2,
        state={"weight": [1e-40, 1], "bias": [1e-42, 0]})


def error_cases():
    cases, add = collection()
    for family in (shapes, buffers, options, states, overlaps):
        family(add)
    return cases
