"""Backward calls that must fail, with the kind of error, and calls around them that must not be affected."""

from golden_case import Config, Load, SetMomentum, back, collection, fresh, inf, infer, nan, rows, train

X = rows([1, 2], [3, 5], [6, 4])
DY = rows([1, 0], [2, -1], [5, 3])


def no_forward(add):
    add("backward_no_forward", "no forward call before", back(*DY), back(*DY, training=True),
        back(*DY, training=False), train(*X), back(*DY), num_features=2)
    add("backward_other_mode", "the mode named is not that of the latest forward call", train(*X),
        back(*DY, training=False), back(*DY), infer(*X), back(*DY, training=True), back(*DY), num_features=2)
    add("backward_other_mode_not_tracking", "the mode must match also where both modes do the same",
        infer(*X),
        back(*DY, training=True), back(*DY, training=False), train(*X), back(*DY, training=False), back(*DY),
        num_features=2, track_running_stats=False)
    add("backward_after_load", "a load ends the gradient of the forward call before it, until the next one",
        train(*X), back(*DY), Load(fresh(Config(num_features=2), weight=[2, 3])), back(*DY),
        back(*DY, training=True), infer(*X), back(*DY), num_features=2)
    add("backward_after_failed_forward", "a forward call that fails is no forward call",
        train([1, 2], [1, 2]),
        back([1, 2], [1, 2]), infer([2, 3], [1, 2, 3, 4, 5, 6]), back(*DY), num_features=2)
    add("backward_after_set_momentum_only", "setting the momentum is no forward call", SetMomentum(0.5),
        back(*DY), num_features=2)
    add("backward_one_value", "one value per channel in a training call that has no forward call: either "
        "kind is right", back([1, 2], [1, 2], training=True), infer([1, 2], [1, 2]),
        back([1, 2], [1, 2], training=True), back([1, 2], [1, 2]), num_features=2)
    add("backward_one_value_not_tracking", "the same where both modes use batch statistics",
        infer([1, 2], [1, 2]), back([1, 2], [1, 2]), num_features=2, track_running_stats=False)


def shapes(add):
    six = [1, 2, 3, 4, 5, 6]
    add("backward_length", "dy has another number of rows than x", train(*X), back([2, 2], [1, 2, 3, 4]),
        back([4, 2], [1] * 8), back([0, 2], []), back([1, 2], [1, 2]), back(*DY), num_features=2)
    add("backward_length_spatial", "dy has x's elements and another shape", train([2, 2, 6], list(range(24))),
        back([2, 2, 2, 3], [1] * 24), back([2, 2, 3, 2], [1] * 24), back([12, 2], [1] * 24),
        back([4, 2, 3], [1] * 24), back([2, 2, 6], six * 4), num_features=2)
    add("backward_length_2d", "dy with height and width exchanged", train([2, 1, 2, 3], list(range(12))),
        back([2, 1, 3, 2], list(range(12))), dimensions=2)
    add("backward_channels", "dy has other channels than the layer", train(*X), back([2, 3], six),
        back([6, 1], six), infer(*X), back([2, 3], six), num_features=2)
    add("backward_rank", "dy of a rank that the layer does not take", train(*X), back([6], six),
        back([], [1]), back([3, 2, 1, 1], six), num_features=2)
    add("backward_rank_and_channels", "rank, channels and length are all wrong", train(*X),
        back([3, 1, 1, 2], six), num_features=2)
    for dimensions, shape in ((2, [3, 2, 1, 1]), (3, [3, 2, 1, 1, 1])):
        add(f"backward_rank_{dimensions}d", "dy without x's spatial sizes of 1", train(shape, six),
            back([3, 2], six), back(shape, six), dimensions=dimensions, num_features=2)
    add("backward_shape_no_forward", "a wrong dy and no forward call: either kind is right",
        back([2, 3], six), back([6], six), num_features=2)
    add("backward_length_other_mode", "a wrong mode and a wrong length: either kind is right", train(*X),
        back([2, 2], [1, 2, 3, 4], training=False), num_features=2)


def layers(add):
    """Errors of the layer itself, for which no forward call succeeds."""
    for name, state in (("weight", {"weight": [1, 1, 1]}), ("bias", {"bias": None}),
                        ("running_mean", {"running_mean": [0]}), ("running_var", {"running_var": None})):
        add(f"backward_layer_{name}", f"{name} has not the layer's length", train(*X), back(*DY),
            num_features=2, state=state)
    for name, eps in (("negative", -1e-5), ("nan", nan), ("inf", inf), ("too_small", 2.0**-127)):
        add(f"backward_eps_{name}", f"eps = {eps:g}", infer(*X), back(*DY), num_features=2, eps=eps)
    add("backward_eps_zero_training", "eps = 0 is refused where batch statistics are used", train(*X),
        back(*DY, training=True), infer(*X), back(*DY), back(*DY, training=True), num_features=2, eps=0.0)
    add("backward_eps_zero_not_tracking", "eps = 0 is refused in a layer that has batch statistics only",
        infer(*X), back(*DY), num_features=2, eps=0.0, track_running_stats=False)
    add("backward_momentum_nan", "a momentum of NaN", train(*X), back(*DY), num_features=2, momentum=nan)
    add("backward_counter_negative", "a counter below 0", infer(*X), back(*DY), num_features=2,
        state={"num_batches_tracked": -1})
    add("backward_channels_zero", "num_features must be at least 1", back([3, 0], []), num_features=0)
    add("backward_failure_leaves_state", "gradients that fail leave counter and statistics as they were",
        train(*X),
        back([2, 2], [1, 2, 3, 4]), train(*X), back(*DY, training=False), back(*DY, overlap="shifted"),
        infer(*X), back(*DY), num_features=2, momentum=None)


def overlaps(add):
    for overlap, about in (("shifted", "dx starts one element after dy"),
                           ("y_itself", "strides of dx map two elements to one place"),
                           ("y_and_weight", "dx covers the weight"), ("dx_and_x", "dx covers x")):
        add(f"backward_alias_{overlap}", f"{about}: refused", train(*X), back(*DY, overlap=overlap),
            infer(*X), back(*DY, overlap=overlap), back(*DY), num_features=2)
    for overlap in ("y_and_running_mean", "y_and_running_var"):
        add(f"backward_alias_{overlap}", "dx covers running statistics that the call reads: refused",
            infer(*X), back(*DY, overlap=overlap), back(*DY), num_features=2)
    add("backward_alias_and_no_forward", "two errors: either kind is right", back(*DY, overlap="shifted"),
        train(*X), back(*DY, overlap="shifted", training=False), num_features=2)
    add("backward_alias_unwanted", "a dx that is not wanted overlaps nothing", train(*X),
        back(*DY, wants="dweight dbias", overlap="dx_and_x"), back(*DY, wants="dbias", overlap="shifted"),
        num_features=2)


def backward_error_cases():
    cases, add = collection()
    for family in (no_forward, shapes, layers, overlaps):
        family(add)
    return cases
