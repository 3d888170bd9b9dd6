"""A program between bncheck and a right BatchNorm that damages what passes through.

Usage: misbehaving.py FAULT COMMAND... (a 'bncheck serve SUBJECT'); FAULT is a function below, or KEY=VALUE, a
capability. It needs only Python: frames are passed on unchanged, except for the fault.
"""

import json
import os
import struct
import subprocess
import sys
import time

MAGIC = b"bncheck1"


def read_exactly(stream, count):
    data = stream.read(count)
    if len(data) < count:
        sys.exit(0)
    return data


def read_frame(stream):
    prefix = read_exactly(stream, 16)
    return read_exactly(stream, struct.unpack("<Q", prefix[8:])[0])


def frame(content):
    return MAGIC + struct.pack("<Q", len(content)) + content


def header_of(content):
    length = struct.unpack("<Q", content[:8])[0]
    return json.loads(content[8:8 + length]), content[8 + length:]


def with_header(header, data):
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def shapes(request):
    return {name: entry["shape"] for name, entry in header_of(request)[0].items() if name != "__metadata__"}


def is_capabilities(request):
    return header_of(request)[0]["__metadata__"].get("operation") == "capabilities"


# ---- Each fault gets the request and the right reply, and returns the bytes to send instead.

def nothing(request, reply):
    return frame(reply)


def hangs_on_empty(request, reply):
    while any(0 in shape for shape in shapes(request).values()):
        time.sleep(1)
    return frame(reply)


def hangs_and_says_so(request, reply):
    while not is_capabilities(request):
        open("hangs", "w").close()
        time.sleep(1)
    return frame(reply)


def million_keys(request, reply):
    if is_capabilities(request):
        return frame(reply)
    header, data = header_of(reply)
    header["__metadata__"].update({f"k{number}": "" for number in range(1000000)})
    return frame(with_header(header, data))


def dies_on_empty(request, reply):
    if any(0 in shape for shape in shapes(request).values()):
        print("a bad shape", file=sys.stderr)
        os.abort()
    return frame(reply)


def dies_after_20(request, reply):
    dies_after_20.cases += 0 if is_capabilities(request) else 1
    if dies_after_20.cases > 20:
        os.abort()
    return frame(reply)


dies_after_20.cases = 0


def leaves_in_mid_frame(request, reply):
    if is_capabilities(request):
        return frame(reply)
    out.write(frame(reply)[:40])
    out.flush()
    sys.exit(7)


def short_frame(request, reply):
    """The frame is complete, but its archive is not."""
    return frame(reply) if is_capabilities(request) else frame(reply[:len(reply) // 2])


def garbage(request, reply):
    return frame(reply) if is_capabilities(request) else b"Segmentation fault (not really)\n"


def oversized(request, reply):
    return frame(reply) if is_capabilities(request) else MAGIC + struct.pack("<Q", 2**60) + reply


def chatters_after(request, reply):
    return frame(reply) if is_capabilities(request) else frame(reply) + b"done"


def noisy(request, reply):
    print("epoch 1: loss 0.1")
    print("bncheck1 is what a frame begins with", "x" * 5000)
    print("a warning", file=sys.stderr)
    sys.stdout.flush()
    return frame(reply)


def hungry(request, reply):
    if not is_capabilities(request):
        hoard = []
        while True:
            hoard.append(b"x" * (1 << 24))
    return frame(reply)


def wrong_size(request, reply):
    header, data = header_of(reply)
    entry = header.get("call.0.y")
    if entry is None or entry["shape"][0] == 0:
        return frame(reply)
    # One sample less; its bytes belong to a tensor that was not requested.
    begin, end = entry["data_offsets"]
    sample = (end - begin) // entry["shape"][0]
    entry["data_offsets"] = [begin, end - sample]
    entry["shape"][0] -= 1
    header["call.0.spare"] = {"dtype": "F32", "shape": [sample // 4], "data_offsets": [end - sample, end]}
    return frame(with_header(header, data))


def wrong_dtype(request, reply):
    header, data = header_of(reply)
    if "call.0.y" in header:
        header["call.0.y"]["dtype"] = "F16"
        header["call.0.y"]["shape"].append(2)
    return frame(with_header(header, data))


def counts_to(count):
    """Every state after a call has this counter."""
    def spoil(request, reply):
        header, data = header_of(reply)
        for key in header["__metadata__"]:
            if key.endswith(".num_batches_tracked"):
                header["__metadata__"][key] = str(count)
        return frame(with_header(header, data))
    return spoil


counts_below_zero = counts_to(-1)
counts_to_the_end = counts_to(2**63 - 1)


def capability(key, value):
    def spoil(request, reply):
        if not is_capabilities(request):
            return frame(reply)
        header, data = header_of(reply)
        header["__metadata__"][key] = value
        return frame(with_header(header, data))
    return spoil


unknown_dialect = capability("dialect", "klingon")
four_dimensions = capability("dimensions", "1 2 4")
claims_exactness = capability("numerics", "exact")


def main():
    global out
    fault = capability(*sys.argv[1].split("=")) if "=" in sys.argv[1] else globals()[sys.argv[1]]
    requests, out = open(3, "rb"), open(4, "wb")
    ends = [os.pipe(), os.pipe()]
    right = subprocess.Popen(sys.argv[2:], stdin=ends[0][0], stdout=ends[1][1],
                             env={k: v for k, v in os.environ.items() if not k.startswith("BNCHECK_RE")})
    to_right, from_right = open(ends[0][1], "wb"), open(ends[1][0], "rb")
    while True:
        request = read_frame(requests)
        to_right.write(frame(request))
        to_right.flush()
        out.write(fault(request, read_frame(from_right)))
        out.flush()


main()
