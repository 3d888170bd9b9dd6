#!/usr/bin/env python3
"""Golden cases and their exact answers from Python's fractions.

  golden.py FOLDER           writes NAME.case.safetensors and NAME.answer.safetensors, removes other pairs
  golden.py --check FOLDER   writes nothing; exit status 1 if FOLDER differs from what would be written

A second implementation of the exact answer, which shares only the contract with the oracle. It needs only the
standard library of Python 3.11, and its output is the same everywhere.
"""

import argparse
import json
import struct
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the check must not leave files in the source tree

from golden_answer import answer  # noqa: E402
from golden_cases import all_cases  # noqa: E402
from golden_exact import census  # noqa: E402
from golden_model import Backward, Forward, Load, SetMomentum  # noqa: E402


def hexfloat(value):
    """Text as C's %a prints it: no trailing zeros in the fraction."""
    text = float(value).hex()
    if "p" not in text:
        return text
    mantissa, exponent = text.split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent if "." in mantissa else text


def archive(metadata, tensors):
    """A safetensors file: header length, JSON header padded with blanks to 8 bytes, little-endian data."""
    header, data = {"__metadata__": metadata}, b""
    for name in sorted(tensors):
        bits = tensors[name].bits
        raw = struct.pack(f"<{len(bits)}I", *bits)
        header[name] = {"dtype": "F32", "shape": list(tensors[name].shape),
                        "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def put_state(metadata, tensors, prefix, state):
    for name in ("weight", "bias", "running_mean", "running_var", "running_weight"):
        if getattr(state, name) is not None:
            tensors[prefix + name] = getattr(state, name)
    metadata[prefix + "num_batches_tracked"] = str(state.num_batches_tracked)


def momentum_text(momentum):
    return "cumulative" if momentum is None else hexfloat(momentum)


def affine_text(config):
    if config.weight != config.bias:
        return "weight" if config.weight else "bias"
    return "true" if config.weight else "false"


def case_archive(case):
    config, tensors = case.config, {}
    metadata = {
        "format": "bncheck-case",
        "version": "1",
        "dimensions": str(config.dimensions),
        "num_features": str(config.num_features),
        "eps": hexfloat(config.eps),
        "momentum": momentum_text(config.momentum),
        "affine": affine_text(config),
        "track_running_stats": "true" if config.track_running_stats else "false",
        "calls": str(len(case.calls)),
        "note.about": case.about,
    }
    put_state(metadata, tensors, "", case.state)
    for k, call in enumerate(case.calls):
        key = f"call.{k}"
        if isinstance(call, Forward):
            metadata[key] = "forward training" if call.training else "forward inference"
            tensors[key + ".x"] = call.x
        elif isinstance(call, Backward):
            mode = {None: [], True: ["training"], False: ["inference"]}[call.training]
            metadata[key] = " ".join(["backward", *mode, *call.wants])
            tensors[key + ".dy"] = call.dy
        elif isinstance(call, SetMomentum):
            metadata[key] = "set_momentum " + momentum_text(call.momentum)
        elif isinstance(call, Load):
            metadata[key] = "load"
            put_state(metadata, tensors, key + ".", call.state)
        for name, value in getattr(call, "exec", {}).items():
            metadata[f"{key}.{name}"] = value
    return archive(metadata, tensors)


def answer_archive(case):
    answers = answer(case.config, case.state, case.calls, case.dialect)
    metadata = {"format": "bncheck-answer", "version": "1", "dialect": case.dialect,
                "calls": str(len(answers))}
    tensors = {}
    for k, (errors, outputs, counter) in enumerate(answers):
        metadata[f"call.{k}"] = " ".join(["error", *errors]) if errors else "values"
        metadata[f"call.{k}.num_batches_tracked"] = str(counter)
        for name, tensor in outputs.items():
            tensors[f"call.{k}.{name}"] = tensor
        census["elements"] += sum(len(t.bits) for t in outputs.values())
        census["error calls"] += bool(errors)
    return archive(metadata, tensors)


def all_files():
    files = {}
    for case in all_cases():
        name = case.name + ".case.safetensors"
        if name in files:
            raise ValueError(f"two golden cases are named '{case.name}'")
        files[name] = case_archive(case)
        files[case.name + ".answer.safetensors"] = answer_archive(case)
        census["cases"] += 1
    return files


def differences(folder, files):
    present = {p.name for p in folder.glob("*.safetensors")}
    yield from (f"{name} is missing" for name in sorted(files.keys() - present))
    yield from (f"{name} is not one of the golden files" for name in sorted(present - files.keys()))
    for name in sorted(present & files.keys()):
        if (folder / name).read_bytes() != files[name]:
            yield f"{name} differs"


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.glob("*.safetensors"):
        if path.name not in files:
            path.unlink()
    for name, content in files.items():
        (folder / name).write_bytes(content)


def main():
    parser = argparse.ArgumentParser(description="Golden cases and their exact answers.")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--check", action="store_true", help="write nothing, compare")
    arguments = parser.parse_args()
    files = all_files()
    print(", ".join(f"{count} {what}" for what, count in sorted(census.items())))
    if not arguments.check:
        write(arguments.folder, files)
        return 0
    found = list(differences(arguments.folder, files))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
