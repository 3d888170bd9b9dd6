"""The answer to a case, call by call, from the contract and each dialect's textbook formulas."""

from dataclasses import replace

from golden_backward import BackwardAnswer
from golden_dialects import DIALECTS
from golden_errors import errors_of
from golden_forward import ForwardAnswer
from golden_model import Backward, Load, SetMomentum


def answer(config, state, calls, dialect_name):
    """Per call (errors, tensors, counter after it); each call starts from the rounded state before it."""
    dialect, answers = DIALECTS[dialect_name], []
    config, state = replace(config), replace(state)
    latest = None  # the answer to the forward call that a backward call is the gradient of
    for call in calls:
        errors, tensors = errors_of(config, state, latest, call, dialect), {}
        if not errors:
            if isinstance(call, SetMomentum):
                config.momentum = call.momentum
            elif isinstance(call, Load):
                state = replace(call.state)
                latest = None
            elif isinstance(call, Backward):
                tensors = BackwardAnswer(latest, call).outputs()
            else:
                latest = ForwardAnswer(config, replace(state), call, dialect)
                tensors = latest.outputs()
                for name in ("running_mean", "running_var", "running_weight"):
                    if name in tensors:
                        setattr(state, name, tensors[name])
                state.num_batches_tracked += "running_mean" in tensors
        answers.append((errors, tensors, state.num_batches_tracked))
    return answers
