# SPDX-License-Identifier: CC0-1.0
# This file is in the public domain (https://creativecommons.org/publicdomain/zero/1.0/): copy it into your project.
# It is one file, longer than ours are elsewhere, so that nothing else has to be copied.
"""Puts a BatchNorm written in Python, or reachable from it, to bncheck. Needs Python 3.8 and numpy.

    import bncheck_subject

    def forward_inference(x, weight, bias, running_mean, running_var, eps):
        ...
        return {"y": y}

    bncheck_subject.serve(name="mine", forward_inference=forward_inference)

    bncheck check "exec:python3 mine.py"                   lets bncheck call it
    python3 mine.py --answer CASE.safetensors OUTPUT.safetensors   answers a case file, for 'bncheck judge'

A function names the arguments that it wants, of these, or takes **all of them:
  x                  (N, C, ...) array; dy (backward) likewise
  weight, bias, running_mean, running_var    arrays of C values, None where the layer has none;
  running_weight     array of 1 value, of dialects that average by ratio
  eps                float
  momentum           float with the meaning that it has in the declared dialect; None: the average over all batches
  num_batches_tracked   int, before this call
  dimensions, num_features    ints: which of BatchNorm1d, 2d, 3d, and C as the layer was made with
  training           bool: the mode of this call
  wanted             of a backward call: a set of "dx", "dweight", "dbias"
  threads            int; 0: as many as the subject likes
Arrays are read-only. Their dtypes are float32, float16 and float64; bfloat16 comes, and is returned, as uint16 with
its bits (see bf16_to_f32 and f32_to_bf16). Nothing is kept from one call to the next.

It returns a dict, or an array that is y:
  forward            y; in training also saved_mean with saved_var or saved_invstd where the dialect saves them, and
                     the new running_mean, running_var, running_weight where the layer has them;
                     num_batches_tracked where the subject counts by itself
  backward           dx, dweight, dbias, as far as wanted; what is not wanted is dropped, and so is what is None
or raises Refused(kind, message) for a call that must fail, NotImplementedError for one outside what it supports,
Fatal(message) where the process cannot go on. Any other exception is an error of kind "other" (MemoryError: "memory"),
with its traceback on stderr. stdout and stderr are the subject's own: printing does no harm.
"""

import errno
import fcntl
import inspect
import json
import os
import sys
import tempfile
import traceback

try:
    import numpy as np
except ImportError as _reason:
    sys.exit("cannot start: %s" % _reason)

__all__ = ["serve", "Refused", "Fatal", "bf16_to_f32", "f32_to_bf16", "load", "save"]

KINDS = ("rank", "channels", "length", "eps", "momentum", "one_value", "alias", "counter", "no_forward",
         "unsupported", "memory", "other")
OPERATIONS = ("forward_training", "forward_inference", "backward_training", "backward_inference")
STATISTICS = ("running_mean", "running_var", "running_weight")
STATE = ("weight", "bias") + STATISTICS
ARGUMENTS = ("x", "dy") + STATE + ("eps", "momentum", "num_batches_tracked", "dimensions", "num_features",
                                   "training", "wanted", "threads")
OUTPUTS = {"forward": ("y", "saved_mean", "saved_var", "saved_invstd") + STATISTICS,
           "backward": ("dx", "dweight", "dbias")}
DTYPES = {"F32": np.dtype("<f4"), "F16": np.dtype("<f2"), "F64": np.dtype("<f8"), "BF16": np.dtype("<u2")}
DTYPE_NAMES = {dtype: name for name, dtype in DTYPES.items()}


class Refused(Exception):
    """This call must fail, as one of KINDS."""

    def __init__(self, kind, message=""):
        if kind not in KINDS:
            raise ValueError("unknown kind of error %r, expected one of: %s" % (kind, ", ".join(KINDS)))
        super().__init__(message)
        self.kind = kind


class Fatal(Exception):
    """This process cannot go on (a lost device); bncheck starts a new one."""


class FormatError(Exception):
    """Bytes that are not what they have to be."""


# ---- bfloat16, which numpy lacks


def bf16_to_f32(bits):
    """The float32 values of bfloat16 bits (uint16), exactly."""
    return (np.asarray(bits, np.uint16).astype(np.uint32) << np.uint32(16)).view(np.float32)


def f32_to_bf16(values):
    """The bits (uint16) of the nearest bfloat16 values, ties to even; a NaN stays one."""
    values = np.asarray(values, np.float32)
    bits = values.view(np.uint32)
    rounded = (bits + (np.uint32(0x7FFF) + ((bits >> np.uint32(16)) & np.uint32(1)))) >> np.uint32(16)
    quiet = (bits >> np.uint32(16)) | np.uint32(0x40)
    return np.where(np.isnan(values), quiet, rounded).astype(np.uint16)


# ---- safetensors: 8 bytes of header length, a JSON header, raw little-endian data


def _parse(buffer):
    """(metadata, tensors) of an archive; the tensors are read-only views of `buffer`, an array of uint8."""
    if buffer.size < 8:
        raise FormatError("%d bytes, expected at least 8 of header length" % buffer.size)
    start = 8 + int.from_bytes(buffer[:8].tobytes(), "little")
    if start > buffer.size:
        raise FormatError("a header of %d bytes where %d are left" % (start - 8, buffer.size - 8))
    try:
        header = json.loads(buffer[8:start].tobytes().decode())
        metadata = header.pop("__metadata__", {})
        tensors = {name: _view(buffer, start, entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FormatError("the header is not of safetensors: %s %s" % (type(error).__name__, error)) from error
    return metadata, tensors


def _view(buffer, start, entry):
    dtype = DTYPES[entry["dtype"]]
    begin, end = entry["data_offsets"]
    if not 0 <= begin <= end <= buffer.size - start:
        raise ValueError("data_offsets %s outside the data" % entry["data_offsets"])
    view = buffer[start + begin:start + end].view(dtype).reshape(entry["shape"])
    if not view.flags.aligned:
        view = view.copy()
    view.flags.writeable = False
    return view


def _parts(metadata, tensors):
    """The archive as a list of buffers, without copying the tensors."""
    header, data, offset = {"__metadata__": metadata}, [], 0
    for name, values in tensors.items():
        array = np.asarray(values)
        array = np.ascontiguousarray(array).reshape(array.shape)
        dtype = array.dtype.newbyteorder("<")
        if dtype not in DTYPE_NAMES:
            raise TypeError("%s is an array of %s, expected float32, float16, float64 or uint16 (bfloat16's bits)"
                            % (name, array.dtype))
        array = array.astype(dtype, copy=False)
        header[name] = {"dtype": DTYPE_NAMES[dtype], "shape": array.shape,
                        "data_offsets": (offset, offset + array.nbytes)}
        offset += array.nbytes
        if array.nbytes:
            data.append(memoryview(array.reshape(-1).view(np.uint8)))
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return [len(text).to_bytes(8, "little") + text] + data


def load(path):
    """(metadata, tensors) of a safetensors file, such as a case file. Raises OSError or ValueError."""
    buffer = np.fromfile(path, np.uint8)
    try:
        return _parse(buffer)
    except FormatError as error:
        raise ValueError("'%s' is not a safetensors file: %s" % (path, error)) from error


def save(path, metadata, tensors):
    """Writes a safetensors file, or nothing at all. Metadata are strings. Raises OSError or TypeError."""
    parts = _parts(metadata, tensors)
    handle, temporary = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=os.path.dirname(path) or ".")
    try:
        with open(handle, "wb") as file:
            os.chmod(temporary, 0o644)
            for part in parts:
                file.write(part)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


# ---- the frames of the pipe


class Pipe:
    """Frames on two descriptors: 8 bytes `bncheck1`, 8 bytes of length, an archive."""

    MAGIC = b"bncheck1"
    F_SETPIPE_SZ = 1031  # of Linux; Python names it since 3.10

    def __init__(self, requests, replies):
        self._requests, self._replies = requests, replies
        self._buffer = np.empty(1 << 16, np.uint8)
        for descriptor in (requests, replies):
            os.set_inheritable(descriptor, False)  # a subject's children would keep the pipe open
            try:
                fcntl.fcntl(descriptor, self.F_SETPIPE_SZ, 1 << 20)
            except OSError:
                pass  # a socket, another system, or a user out of pipe memory: it works, only slower

    def read(self):
        """(metadata, tensors), or None at the end of input."""
        head = bytearray(16)
        got = self._fill(memoryview(head))
        if got == 0:
            return None
        if got < 16 or head[:8] != self.MAGIC:
            raise FormatError("a request begins with %r, expected %r and its length" % (bytes(head[:got]), self.MAGIC))
        length = int.from_bytes(head[8:], "little")
        frame = self._room(length)
        got = self._fill(memoryview(frame))
        if got < length:
            raise FormatError("a request of %d bytes ended after %d" % (length, got))
        return _parse(frame)

    def _room(self, length):
        # The buffer of the last request serves again, unless some view of it is still held.
        if length > self._buffer.size or sys.getrefcount(self._buffer) > 2:
            try:
                self._buffer = np.empty(max(length, 1 << 16), np.uint8)
            except (MemoryError, ValueError, OverflowError) as error:
                raise FormatError("a request claims %d bytes, for which there is no memory" % length) from error
        return self._buffer[:length]

    def _fill(self, view):
        done = 0
        while done < len(view):
            got = os.readv(self._requests, [view[done:]])
            if got == 0:
                break
            done += got
        return done

    def write(self, metadata, tensors):
        parts = [memoryview(part) for part in _parts(metadata, tensors)]
        length = sum(part.nbytes for part in parts)
        parts.insert(0, memoryview(self.MAGIC + length.to_bytes(8, "little")))
        while parts:
            written = os.writev(self._replies, parts)
            while parts and written >= parts[0].nbytes:
                written -= parts.pop(0).nbytes
            if written:
                parts[0] = parts[0][written:]


def _open_pipe():
    names = ("BNCHECK_REQUESTS", "BNCHECK_REPLIES")
    if all(name in os.environ for name in names):
        return Pipe(*(int(os.environ[name]) for name in names))
    if os.isatty(0):
        raise FormatError("this is a subject for bncheck: run bncheck check 'exec:COMMAND', or give it "
                          "--answer CASE.safetensors OUTPUT.safetensors")
    # The far side of ssh: frames travel over stdin and stdout, which the subject must not meet any more.
    sys.stdout.flush()
    requests, replies = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    return Pipe(requests, replies)


# ---- calls


def _adapted(name, function):
    """`function`, called with those of the ARGUMENTS that it names."""
    parameters = inspect.signature(function).parameters.values()
    if any(p.kind == p.VAR_KEYWORD for p in parameters):
        return function
    for p in parameters:
        if p.name not in ARGUMENTS and p.default is p.empty:
            raise TypeError("%s takes an argument %r, expected some of: %s" % (name, p.name, ", ".join(ARGUMENTS)))
    wanted = [p.name for p in parameters if p.name in ARGUMENTS]
    return lambda **given: function(**{name: given[name] for name in wanted})


class Subject:
    def __init__(self, functions, capabilities):
        self._functions = {name: _adapted(name, f) for name, f in functions.items() if f is not None}
        if not self._functions:
            raise TypeError("a subject needs one function at least, of: " + ", ".join(OPERATIONS))
        operations = [name for name in OPERATIONS if name in self._functions]
        self.capabilities = dict(capabilities, operations=" ".join(operations))

    def answer(self, operation, given):
        """(metadata, tensors) of the reply to one call."""
        try:
            if operation not in self._functions:
                raise NotImplementedError("no function for '%s'" % operation)
            return self._values(operation, self._functions[operation](**given), given)
        except Refused as refused:
            return {"status": "error " + refused.kind, "message": str(refused)}, {}
        except NotImplementedError as error:
            return {"status": "error unsupported", "message": str(error)}, {}
        except Fatal as fatal:
            return {"status": "fatal", "message": str(fatal)}, {}
        except Exception as error:  # whatever the subject raises is its answer
            traceback.print_exc()
            kind = "memory" if isinstance(error, MemoryError) else "other"
            return {"status": "error " + kind, "message": "%s: %s" % (type(error).__name__, error)}, {}

    @staticmethod
    def _values(operation, result, given):
        side = operation.split("_")[0]
        if not isinstance(result, dict):
            result = {"y": result}
        metadata = {"status": "values"}
        tensors = {}
        for name, value in result.items():
            if name == "num_batches_tracked":
                metadata[name] = str(int(value))
            elif name not in OUTPUTS[side]:
                raise ValueError("%s returned %r, expected %s" % (operation, name, ", ".join(OUTPUTS[side])))
            elif value is not None and (side == "forward" or name in given["wanted"]):
                tensors[name] = value
        _parts({}, tensors)  # an array that cannot be sent is this call's error
        return metadata, tensors


def _arguments(metadata, tensors):
    """A request's operation and the arguments of its function."""
    operation = metadata["operation"]
    given = dict.fromkeys(ARGUMENTS)
    given.update(tensors)
    given["eps"] = float(metadata["eps"])
    momentum = metadata["momentum"]
    given["momentum"] = None if momentum == "cumulative" else float(momentum)
    for name in ("num_batches_tracked", "dimensions", "num_features"):
        given[name] = int(metadata[name])
    given["training"] = operation.endswith("training")
    given["wanted"] = frozenset(metadata.get("wanted", "").split())
    given["threads"] = int(metadata.get("threads", "0"))
    return operation, given


def _serve_pipe(subject, pipe):
    while True:
        request = pipe.read()
        if request is None:
            return
        metadata, tensors = request
        if metadata.get("format") != "bncheck-request" or metadata.get("version") != "1":
            raise FormatError("a frame of format %r version %r, expected 'bncheck-request' version '1'"
                              % (metadata.get("format"), metadata.get("version")))
        if metadata.get("operation") == "capabilities":
            reply, outputs = dict(subject.capabilities, status="values"), {}
        else:
            try:
                operation, given = _arguments(metadata, tensors)
            except (KeyError, ValueError) as error:
                raise FormatError("a request without a readable %s" % error) from error
            reply, outputs = subject.answer(operation, given)
            del given
        del request, tensors
        reply.update(format="bncheck-reply", version="1")
        pipe.write(reply, outputs)
        del outputs  # it may be a view of the request, whose memory serves again
        if reply["status"] == "fatal":
            return


# ---- case files


def _takes_old_weight(dialect):
    """Whether the dialect's interface takes the weight of the OLD statistic as its momentum."""
    preset, *knobs = dialect.split(",")
    averaging = {"onnx": "old_weight", "keras": "both_weights", "darknet": "both_weights", "caffe": "ratio"}.get(preset)
    for knob in [preset] + knobs:
        if knob.startswith("averaging="):
            averaging = knob.partition("=")[2]
    return averaging in ("old_weight", "both_weights", "ratio")


# By the case file's word for weight and bias: the gradients of those that the layer has not.
_NO_GRADIENTS = {"true": (), "false": ("dweight", "dbias"), "weight": ("dbias",), "bias": ("dweight",)}


class _Walk:
    """Answers the calls of a case file, one after the other, each from the state that the last one left."""

    def __init__(self, subject, metadata, tensors):
        self._subject, self._metadata, self._tensors = subject, metadata, tensors
        self._no_gradients = _NO_GRADIENTS[metadata["affine"]]
        self._old_weight = _takes_old_weight(subject.capabilities["dialect"])
        self._momentum = self._read_momentum(metadata["momentum"])
        self._latest = None
        self._load("")
        self.reply = {"format": "bncheck-output", "version": "1", "calls": metadata["calls"],
                      "subject": subject.capabilities["name"]}
        self.outputs = {}

    def _read_momentum(self, text):
        if text == "cumulative":
            return None
        weight = _real(text)
        return 1 - weight if self._old_weight else weight

    def _load(self, prefix):
        self._state = {name: self._tensors.get(prefix + name) for name in STATE}
        self._count = int(self._metadata[prefix + "num_batches_tracked"])
        self._latest = None

    def call(self, k):
        key = "call.%d" % k
        verb, *words = self._metadata[key].split()
        status, tensors = {"status": "values"}, {}
        if verb == "set_momentum":
            self._momentum = self._read_momentum(words[0])
        elif verb == "load":
            self._load(key + ".")
        else:
            status, tensors = self._run(verb, words, key)
        self.reply[key] = status["status"].replace("fatal", "error other")
        if status.get("message"):
            self.reply[key + ".message"] = status["message"]
        for name, value in tensors.items():
            self.outputs[key + "." + name] = value
        self.reply[key + ".num_batches_tracked"] = str(self._count)

    def _run(self, verb, words, key):
        modes = [word for word in words if word in ("training", "inference")]
        if verb == "backward":
            if self._latest is None or (modes and modes[0] != self._latest[0]):
                return {"status": "error no_forward", "message": "there is no forward call in this mode"}, {}
            mode, x = self._latest
        else:
            mode, x = modes[0], self._tensors[key + ".x"]
        # Without running statistics a layer normalises with those of the batch in either mode.
        tracked = self._metadata["track_running_stats"] == "true"
        operation = verb + ("_" + mode if tracked else "_training")
        given = dict.fromkeys(ARGUMENTS)
        given.update(self._state)
        given.update(x=x, dy=self._tensors.get(key + ".dy"), eps=_real(self._metadata["eps"]),
                     momentum=self._momentum, num_batches_tracked=self._count,
                     dimensions=int(self._metadata["dimensions"]), num_features=int(self._metadata["num_features"]),
                     training=operation.endswith("training"),
                     wanted=frozenset(words) - {mode, *self._no_gradients},
                     threads=int(self._metadata.get(key + ".threads", "0")))
        status, tensors = self._subject.answer(operation, given)
        if status["status"] == "values" and verb == "forward":
            self._latest = mode, x
            if operation == "forward_training":
                self._advance(status, tensors, x.size > 0 and tracked)
        return status, tensors

    def _advance(self, status, tensors, counts):
        for name in STATISTICS:
            if name in tensors:
                self._state[name] = np.asarray(tensors[name])
        self._count = int(status.get("num_batches_tracked", self._count + counts))


def _real(text):
    """A double as case files write it: hexadecimal, "inf" or "nan"."""
    return float.fromhex(text)


def _answer_file(subject, case, output):
    metadata, tensors = load(case)
    if metadata.get("format") != "bncheck-case" or metadata.get("version") != "1":
        raise ValueError("'%s' is not a case file of version 1" % case)
    try:
        walk = _Walk(subject, metadata, tensors)
        for k in range(int(metadata["calls"])):
            walk.call(k)
    except (KeyError, ValueError, IndexError) as error:
        raise ValueError("'%s' is damaged: %s %s" % (case, type(error).__name__, error)) from error
    save(output, walk.reply, walk.outputs)


# ---- what subjects call


def serve(name, version="", forward_training=None, forward_inference=None, backward=None, backward_training=None,
          backward_inference=None, dimensions=(1, 2, 3), dtypes=("f32",), channel_multiple=1, max_elements=0,
          dialect="pytorch", numerics="sound", errors=(), lacks=(), has=(), arguments=None):
    """Answers bncheck's calls until it has no more, then returns; or answers a case file (--answer CASE OUTPUT).

    Functions that are not given are operations that the subject has not; `backward` serves both modes. Raises
    SystemExit(2), after a line on stderr, where the other side does not keep to the protocol.
      dtypes             "f32", "f16", "bf16", "f64"; "f16+f32": tensors in the first, vectors of C in the second
      channel_multiple   C is a multiple of this; max_elements: of x at most, 0 for no limit
      dialect            a preset of 'bncheck list dialects', and what differs: "pytorch,running_var=population"
      numerics           "exact", "faithful" or "sound", and knobs: "sound,summation=naive"
      errors             the kinds of error that it finds and refuses; calls that must fail otherwise are not sent
      lacks, has         of "untracked", "unaffine", "cumulative", "empty"; of "weight_or_bias_alone" (weight or
                         bias may be None without the other), "threads", "non_finite_rule", "canonical_bits"
      arguments          of the command line, instead of sys.argv
    """
    functions = {"forward_training": forward_training, "forward_inference": forward_inference,
                 "backward_training": backward_training or backward,
                 "backward_inference": backward_inference or backward}
    for kind in errors:
        Refused(kind)  # rejects a kind that does not exist
    subject = Subject(functions, {
        "name": name, "subject_version": str(version), "dimensions": _blanks(dimensions), "dtypes": _blanks(dtypes),
        "channel_multiple": str(channel_multiple), "max_elements": str(max_elements), "dialect": dialect,
        "numerics": numerics, "errors": _blanks(errors), "lacks": _blanks(lacks), "has": _blanks(has)})
    words = sys.argv[1:] if arguments is None else list(arguments)
    try:
        if not words:
            _serve_pipe(subject, _open_pipe())
        elif len(words) == 3 and words[0] == "--answer":
            _answer_file(subject, words[1], words[2])
        else:
            raise ValueError("unknown arguments '%s', expected none, or --answer CASE.safetensors OUTPUT.safetensors"
                             % " ".join(words))
    except (FormatError, ValueError, OSError) as error:
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            error = "nobody reads the replies any more"
        print("%s: %s" % (name, error), file=sys.stderr)
        raise SystemExit(2) from None


def _blanks(words):
    return words if isinstance(words, str) else " ".join(str(word) for word in words)
