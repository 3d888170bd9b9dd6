"""PyTorch's nn.BatchNorm1d/2d/3d as a subject: bncheck check "exec:python3 torch_subject.py"

BNCHECK_DEVICE says where it computes: cpu (the default), cuda, mps.
"""

import os
import re
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "python"))
import bncheck_subject
from bncheck_subject import Refused

try:
    import numpy as np
    import torch
except ImportError as reason:
    sys.exit(f"cannot start: {reason}")

MODULES = {1: torch.nn.BatchNorm1d, 2: torch.nn.BatchNorm2d, 3: torch.nn.BatchNorm3d}
DEVICE = torch.device(os.environ.get("BNCHECK_DEVICE", "cpu"))
USUAL_THREADS = torch.get_num_threads()


def tensor(array):
    """A copy on the device; uint16 is bfloat16's bits."""
    if array is None:
        return None
    if array.dtype == np.uint16:
        return torch.from_numpy(array.view(np.int16).copy()).view(torch.bfloat16).to(DEVICE)
    return torch.from_numpy(array.copy()).to(DEVICE)


def array(values):
    if values is None:
        return None
    values = values.detach().cpu()
    if values.dtype == torch.bfloat16:
        return values.view(torch.int16).numpy().view(np.uint16)
    return values.numpy()


def module_of(call):
    """The layer in its mode, with the call's parameters and statistics."""
    torch.set_num_threads(call["threads"] or USUAL_THREADS)
    module = MODULES[call["dimensions"]](
        call["num_features"], eps=call["eps"], momentum=call["momentum"], affine=call["weight"] is not None,
        track_running_stats=call["running_mean"] is not None, device=DEVICE)
    for name in ("weight", "bias"):
        if call[name] is not None:
            setattr(module, name, torch.nn.Parameter(tensor(call[name])))
    for name in ("running_mean", "running_var"):
        if call[name] is not None:
            setattr(module, name, tensor(call[name]))
    if module.track_running_stats:
        module.num_batches_tracked.fill_(call["num_batches_tracked"])
    return module.train(call["training"])


def refusal(error, num_features):
    """PyTorch tells its errors apart by their wording only."""
    text = str(error).split("\n")[0]
    elements = re.search(r"should contain (\d+) elements not (\d+)", text)
    if "more than 1 value per channel" in text:
        return Refused("one_value", text)
    if elements:  # wanted is what x has, given is what the buffer has
        return Refused("channels" if int(elements[2]) == num_features else "length", text)
    if "eps must be" in text:
        return Refused("eps", text)
    if num_features < 1:
        return Refused("channels", text)
    if re.search(r"xpected \d+D", text):
        return Refused("rank", text)
    if re.search(r"Mismatch in shape: grad_output|invalid gradient at index", text):
        return Refused("length", text)
    return None


def refusing(function):
    def run(**call):
        try:
            return function(**call)
        except (IndexError, RuntimeError, ValueError) as error:
            refused = refusal(error, call["num_features"])
            if refused is None:
                raise
            raise refused from error
    return run


@refusing
def forward(**call):
    module = module_of(call)
    with torch.no_grad():
        y = module(tensor(call["x"]))
    if not call["training"] or not module.track_running_stats:
        return {"y": array(y)}
    return {"y": array(y), "running_mean": array(module.running_mean), "running_var": array(module.running_var),
            "num_batches_tracked": int(module.num_batches_tracked)}


@refusing
def backward(**call):
    module = module_of(call)
    x = tensor(call["x"]).requires_grad_()
    sources = {"dx": x, "dweight": module.weight, "dbias": module.bias}
    wanted = {name: source for name, source in sources.items() if name in call["wanted"] and source is not None}
    if not wanted:
        return {}
    gradients = torch.autograd.grad(module(x), list(wanted.values()), tensor(call["dy"]))
    return dict(zip(wanted, map(array, gradients)))


bncheck_subject.serve(name="torch" if DEVICE.type == "cpu" else f"torch-{DEVICE.type}", version=torch.__version__,
                      forward_training=forward, forward_inference=forward, backward=backward,
                      dtypes=("f32", "f64", "f16", "bf16", "f16+f32", "bf16+f32"),
                      dialect="pytorch,saved=none", numerics="sound,summation=blocked",
                      errors=("rank", "channels", "length", "eps", "one_value"), has=("threads",))
