"""Runs bncheck_subject.py over pipes, as bncheck does, and offline. Usage: python_helper_test.py FOLDER
[unittest options], where FOLDER is properties/. Exits with 77 if this Python has no numpy."""

import json
import os
import struct
import subprocess
import sys
import tempfile
import textwrap
import unittest
from pathlib import Path

try:
    import numpy as np
except ImportError as reason:
    print(f"skipped: {sys.executable} has no numpy ({reason})")
    sys.exit(77)

PROPERTIES = Path()
NAMES = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "BF16": "<u2"}
CALL = {"dimensions": "1", "num_features": "2", "eps": "0.5", "momentum": "0.25", "num_batches_tracked": "3",
        "threads": "0"}
X = np.array([[1, 2], [3, 6]], np.float32)


def pack(metadata, tensors, dtypes=None):
    """An archive, written without the helper's code."""
    header, data = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        dtype = (dtypes or {}).get(name) or {v: k for k, v in NAMES.items()}[array.dtype.str]
        header[name] = {"dtype": dtype, "shape": list(array.shape),
                        "data_offsets": [len(data), len(data) + array.nbytes]}
        data += array.tobytes()
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return struct.pack("<Q", len(text)) + text + data


def unpack(archive):
    (length,) = struct.unpack("<Q", archive[:8])
    header = json.loads(archive[8:8 + length])
    data = archive[8 + length:]
    metadata = header.pop("__metadata__", {})
    return metadata, {name: np.frombuffer(data[e["data_offsets"][0]:e["data_offsets"][1]],
                                          NAMES[e["dtype"]]).reshape(e["shape"]) for name, e in header.items()}


class Host:
    """The process of a subject, and this end of its pipes."""

    def __init__(self, command, stdio=False):
        if stdio:
            self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                            stderr=subprocess.PIPE)
            self.requests, self.replies = self.process.stdin, self.process.stdout
            return
        read_requests, write_requests = os.pipe()
        read_replies, write_replies = os.pipe()
        env = {**os.environ, "BNCHECK_REQUESTS": str(read_requests), "BNCHECK_REPLIES": str(write_replies)}
        self.process = subprocess.Popen(command, env=env, pass_fds=(read_requests, write_replies),
                                        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        os.close(read_requests)
        os.close(write_replies)
        self.requests = os.fdopen(write_requests, "wb", buffering=0)
        self.replies = os.fdopen(read_replies, "rb")

    def send(self, archive):
        self.requests.write(b"bncheck1" + struct.pack("<Q", len(archive)) + archive)
        self.requests.flush()

    def receive(self):
        head = self.replies.read(16)
        if len(head) != 16 or head[:8] != b"bncheck1":
            self.process.kill()
            raise AssertionError(f"a reply begins with {head!r}: {self.process.stderr.read().decode()}")
        return unpack(self.replies.read(struct.unpack("<Q", head[8:])[0]))

    def ask(self, operation, tensors=None, dtypes=None, **metadata):
        self.send(pack({"format": "bncheck-request", "version": "1", "operation": operation, **CALL, **metadata},
                       tensors or {}, dtypes))
        return self.receive()

    def end(self):
        """Exit status, stderr and, if it is not the pipe, stdout."""
        self.requests.close()
        stderr = self.process.stderr.read().decode()
        stdout = self.process.stdout.read().decode() if self.process.stdout is not self.replies else ""
        status = self.process.wait(60)
        for stream in (self.replies, self.process.stdout, self.process.stderr):
            stream.close()
        return status, stderr, stdout


class HelperTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def subject(self, body, **options):
        """Command of a subject that serves these functions by their names."""
        body = textwrap.dedent(body)
        functions = [line[4:line.index("(")] for line in body.splitlines() if line.startswith("def ")]
        served = ["name='test'"] + [f"{f}={f}" for f in functions] + [f"{k}={v!r}" for k, v in options.items()]
        path = self.folder / "subject.py"
        path.write_text(f"import sys\nsys.path.insert(0, {str(PROPERTIES / 'subjects/python')!r})\n"
                        f"import numpy as np\nimport os\nimport bncheck_subject\n{body}\n"
                        f"bncheck_subject.serve({', '.join(served)})\n")
        return [sys.executable, str(path)]

    def host(self, body, stdio=False, **options):
        host = Host(self.subject(body, **options), stdio)
        self.addCleanup(host.process.wait)
        self.addCleanup(host.process.kill)
        self.addCleanup(lambda: [s.close() for s in (host.requests, host.replies, host.process.stdout,
                                                     host.process.stderr)])
        return host

    def ends_well(self, host):
        status, stderr, stdout = host.end()
        self.assertEqual((status, stderr), (0, ""))
        return stdout


class Calls(HelperTest):
    def test_capabilities_say_what_was_given(self):
        host = self.host("def forward_inference(x): return x\ndef backward(x): return {}", version="1.2",
                         dimensions=(1, 3), dtypes=["f32", "bf16"], dialect="pytorch,saved=none",
                         errors=("rank", "channels"), lacks=["empty"], channel_multiple=8)
        metadata, tensors = host.ask("capabilities")
        self.assertEqual(tensors, {})
        self.assertEqual(metadata, {
            "format": "bncheck-reply", "version": "1", "status": "values", "name": "test", "subject_version": "1.2",
            "operations": "forward_inference backward_training backward_inference", "dimensions": "1 3",
            "dtypes": "f32 bf16", "dialect": "pytorch,saved=none", "numerics": "sound", "errors": "rank channels",
            "lacks": "empty", "has": "", "channel_multiple": "8", "max_elements": "0"})
        self.ends_well(host)

    def test_arguments_arrive_as_they_were_sent(self):
        host = self.host("""
            def forward_training(**given):
                assert given["eps"] == 0.1 and given["momentum"] is None and given["training"] is True, given
                assert (given["dimensions"], given["num_features"], given["num_batches_tracked"]) == (1, 2, 3)
                assert given["weight"] is None and given["running_mean"].tolist() == [7, 8], given
                assert given["threads"] == 2
                return {"y": given["x"], "running_mean": given["running_mean"], "num_batches_tracked": 9}
            def forward_inference(x, eps):
                return {"y": x * 0 + np.float32(eps)}
            def backward(wanted, x, dy, training, weight):
                assert wanted == {"dx", "dbias"}, wanted
                return {"dx": dy - x, "dweight": weight, "dbias": np.float32([training, 0]), "extra": None}
            """)
        running = np.array([7, 8], np.float32)
        metadata, tensors = host.ask("forward_training", {"x": X, "running_mean": running}, eps="0.1",
                                     momentum="cumulative", threads="2")
        self.assertEqual(metadata.get("num_batches_tracked"), "9", metadata)
        np.testing.assert_array_equal(tensors["y"], X)
        for eps in ("inf", "-inf", "nan", "1e-300"):
            _, tensors = host.ask("forward_inference", {"x": X}, eps=eps)
            np.testing.assert_array_equal(tensors["y"], X * 0 + np.float32(eps))
        metadata, tensors = host.ask("backward_training", {"x": X, "dy": 2 * X, "weight": running}, wanted="dx dbias")
        self.assertEqual(metadata["status"], "error other")
        self.assertIn("extra", metadata["message"])
        host.end()

    def test_gradients_are_those_that_were_wanted(self):
        host = self.host("""
            def backward(x, dy, training):
                return {"dx": dy - x, "dweight": np.float32([1, 2]), "dbias": np.float32([training, 0])}
            """)
        for mode, training in (("training", 1), ("inference", 0)):
            _, tensors = host.ask("backward_" + mode, {"x": X, "dy": 3 * X}, wanted="dx dbias")
            self.assertEqual(sorted(tensors), ["dbias", "dx"])
            np.testing.assert_array_equal(tensors["dx"], 2 * X)
            self.assertEqual(tensors["dbias"].tolist(), [training, 0])
        self.ends_well(host)

    def test_every_dtype_and_shape_comes_back_bit_for_bit(self):
        host = self.host("def forward_inference(x): return x")
        bits = np.random.default_rng(1).integers(0, 2**16, 48, np.uint16)
        for dtype, name in (("<f4", "F32"), ("<f2", "F16"), ("<u2", "BF16"), ("<f8", "F64")):
            for shape in ((-1, 1), (2, -1, 3), (0, 2, 5)):
                x = bits.view(dtype)[:0 if 0 in shape else None].reshape(shape)
                _, tensors = host.ask("forward_inference", {"x": x}, {"x": name})
                self.assertEqual((tensors["y"].shape, tensors["y"].tobytes()), (x.shape, x.tobytes()))
                self.assertEqual(tensors["y"].dtype.str, dtype)
        self.ends_well(host)

    def test_views_scalars_and_misaligned_tensors(self):
        host = self.host("""
            def forward_inference(x, weight):
                assert weight.flags.aligned and not x.flags.writeable and not weight.flags.writeable
                return {"y": x.T[::-1], "saved_mean": np.float32(3)}
            """)
        odd = np.arange(3, dtype=np.float16)
        _, tensors = host.ask("forward_inference", {"bias": odd, "x": X, "weight": np.arange(2, dtype=np.float64)})
        np.testing.assert_array_equal(tensors["y"], X.T[::-1])
        self.assertEqual(tensors["saved_mean"].shape, ())
        self.ends_well(host)

    def test_large_and_small_requests_in_turn(self):
        host = self.host("""
            kept = []
            def forward_inference(x):
                kept.append(x)
                assert all((k == k.flat[0]).all() for k in kept), "an array changed while it was held"
                return x
            """)
        for k, size in enumerate((1, 3_000_000, 2, 3_000_000, 1)):
            x = np.full((size, 1), k, np.float32)
            _, tensors = host.ask("forward_inference", {"x": x})
            np.testing.assert_array_equal(tensors["y"], x)
        self.ends_well(host)


class Errors(HelperTest):
    def test_what_is_raised_is_a_kind_of_error(self):
        host = self.host("""
            def forward_training(eps):
                raise [bncheck_subject.Refused("channels", "no: \u00e9"), NotImplementedError("not yet"),
                       MemoryError(), KeyError("k"), np.linalg.LinAlgError("odd")][int(eps)]
            def forward_inference():
                return {"y": np.zeros(2, np.int32)}
            """)
        for eps, status, message in ((0, "channels", "no: \u00e9"), (1, "unsupported", "not yet"), (2, "memory", ""),
                                     (3, "other", "KeyError: 'k'"), (4, "other", "LinAlgError: odd")):
            metadata, tensors = host.ask("forward_training", {"x": X}, eps=str(eps))
            self.assertEqual((metadata["status"], tensors), ("error " + status, {}))
            self.assertIn(message, metadata["message"])
        metadata, _ = host.ask("forward_inference", {"x": X})
        self.assertEqual(metadata["status"], "error other")
        self.assertIn("y is an array of int32, expected float32", metadata["message"])
        metadata, _ = host.ask("backward_training", {"x": X, "dy": X})
        self.assertEqual(metadata["status"], "error unsupported")
        status, stderr, _ = host.end()
        self.assertEqual(status, 0)
        self.assertIn("KeyError: 'k'", stderr)
        self.assertIn("in forward_training", stderr)

    def test_a_lost_device_ends_the_process(self):
        host = self.host("def forward_training(): raise bncheck_subject.Fatal('lost')")
        metadata, _ = host.ask("forward_training", {"x": X})
        self.assertEqual((metadata["status"], metadata["message"]), ("fatal", "lost"))
        self.assertEqual(host.process.wait(60), 0)

    def test_frames_that_are_none(self):
        whole = pack({"format": "bncheck-request", "version": "1", "operation": "capabilities"}, {"x": X})
        head = b"bncheck1" + struct.pack("<Q", len(whole))
        holed = json.dumps({"x": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 99]}}).encode()
        for sent, naming in ((b"hello, world and more", "b'hello, world and"), (b"bncheck1", "b'bncheck1'"),
                             (head + whole[:-3], f"of {len(whole)} bytes ended after {len(whole) - 3}"),
                             (b"bncheck1" + struct.pack("<Q", 1 << 62), "claims 4611686018427387904 bytes"),
                             (b"bncheck1" + struct.pack("<Q", 3) + b"abc", "3 bytes, expected at least 8"),
                             (b"bncheck1" + struct.pack("<QQ", 8, 9), "a header of 9 bytes where 0 are left"),
                             (b"bncheck1" + struct.pack("<QQ", 10, 2) + b"[]", "not of safetensors"),
                             (b"bncheck1" + struct.pack("<QQ", 8 + len(holed), len(holed)) + holed, "[0, 99]")):
            host = self.host("def forward_inference(x): return x")
            host.requests.write(sent)
            status, stderr, _ = host.end()
            self.assertEqual(status, 2, (sent, stderr))
            self.assertRegex(stderr, r"\Atest: [^\n]+\n\Z")
            self.assertIn(naming, stderr)

    def test_requests_that_are_none(self):
        for change, naming in (({"version": "2"}, "version '2'"), ({"format": "other"}, "'other'"),
                               ({"momentum": "much"}, "much"), ({"num_features": ""}, "request without")):
            host = self.host("def forward_inference(x): return x")
            host.send(pack({"format": "bncheck-request", "version": "1", "operation": "forward_inference", **CALL,
                            **change}, {"x": X}))
            status, stderr, _ = host.end()
            self.assertEqual(status, 2, naming)
            self.assertRegex(stderr, r"\Atest: [^\n]+\n\Z")
            self.assertIn(naming, stderr)

    def test_wrong_use_is_told_at_the_start(self):
        for body, options, naming in (("def forward_inference(x, epsilon): pass", {}, "'epsilon'"),
                                      ("", {}, "one function at least"),
                                      ("def backward(x): pass", {"errors": ["shape"]}, "'shape'")):
            status, stderr, _ = self.host(body, **options).end()
            self.assertEqual(status, 1)
            self.assertIn(naming, stderr.splitlines()[-1])


class Noise(HelperTest):
    NOISY = """
        import ctypes
        def forward_inference(x):
            print("hello")
            os.write(1, b"raw ")
            ctypes.CDLL(None).puts(b"from C")
            assert sys.stdin.read() == ""
            os.system("echo from a child")
            pipes = [int(os.environ[n]) for n in ("BNCHECK_REQUESTS", "BNCHECK_REPLIES") if n in os.environ]
            assert not any(map(os.get_inheritable, pipes)), "children keep the pipe open"
            return x
        """

    def test_a_chatty_subject_does_no_harm(self):
        host = self.host(self.NOISY)
        for _ in range(3):
            np.testing.assert_array_equal(host.ask("forward_inference", {"x": X})[1]["y"], X)
        self.assertIn("from a child", self.ends_well(host))

    def test_nor_does_one_on_stdin_and_stdout(self):
        host = self.host(self.NOISY, stdio=True)
        self.assertEqual(host.ask("capabilities")[0]["name"], "test")
        for _ in range(3):
            np.testing.assert_array_equal(host.ask("forward_inference", {"x": X})[1]["y"], X)
        status, stderr, _ = host.end()
        self.assertEqual(status, 0)
        self.assertIn("raw ", stderr)


class Answers(HelperTest):
    """Case files, answered offline."""

    BODY = """
        def forward_training(x, running_mean, momentum, weight):
            if x.shape[1] != 2:
                raise bncheck_subject.Refused("channels", "two, please")
            if running_mean is None:
                return {"y": x}
            return {"y": x * weight[0], "running_mean": running_mean + np.float32(momentum)}
        def forward_inference(x, running_mean, eps):
            return {"y": x + running_mean + np.float32(eps)}
        def backward(x, dy, training):
            return {"dx": dy * x, "dbias": np.float32([training, 0])}
        """
    CASE = {"format": "bncheck-case", "version": "1", "dimensions": "1", "num_features": "2", "eps": "0x1p-1",
            "momentum": "0x1p-2", "affine": "true", "track_running_stats": "true", "num_batches_tracked": "5"}
    STATE = {"weight": np.float32([3, 3]), "running_mean": np.float32([0, 0])}

    def answer(self, calls, tensors, status=0, body=BODY, options=None, **changes):
        case, output = self.folder / "case.safetensors", self.folder / "output.safetensors"
        metadata = {**self.CASE, "calls": str(len(calls)), **changes}
        metadata.update({f"call.{k}": call for k, call in enumerate(calls)})
        case.write_bytes(pack(metadata, tensors))
        command = self.subject(body, **(options or {}))
        result = subprocess.run([*command, "--answer", str(case), str(output)], capture_output=True, text=True,
                                check=False)
        self.assertEqual(result.returncode, status, result.stderr)
        if status:
            self.assertRegex(result.stderr, r"\Atest: [^\n]+\n\Z")
            self.assertFalse(output.exists())
            return result.stderr
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()),
                         ["case.safetensors", "output.safetensors", "subject.py"])
        return unpack(output.read_bytes())

    def test_each_call_starts_from_what_the_last_one_left(self):
        wide = np.zeros((2, 3), np.float32)
        metadata, tensors = self.answer(
            ["forward training", "forward training", "backward dx", "set_momentum 0x1p+0", "forward training",
             "forward inference", "backward inference dx dbias", "backward training dx", "load", "backward dx"],
            {**self.STATE, "call.0.x": X, "call.1.x": wide, "call.2.dy": X, "call.4.x": X, "call.5.x": X,
             "call.6.dy": X, "call.7.dy": X, "call.8.weight": np.float32([1, 1]), "call.9.dy": X},
            **{"call.8.num_batches_tracked": "40"})
        self.assertEqual(metadata["format"], "bncheck-output")
        self.assertEqual([metadata[f"call.{k}"] for k in range(10)],
                         ["values", "error channels", "values", "values", "values", "values", "values",
                          "error no_forward", "values", "error no_forward"])
        self.assertEqual(metadata["call.1.message"], "two, please")
        self.assertEqual([metadata[f"call.{k}.num_batches_tracked"] for k in range(10)],
                         ["6", "6", "6", "6", "7", "7", "7", "7", "40", "40"])
        np.testing.assert_array_equal(tensors["call.0.y"], 3 * X)
        np.testing.assert_array_equal(tensors["call.0.running_mean"], [.25, .25])
        np.testing.assert_array_equal(tensors["call.2.dx"], X * X)
        np.testing.assert_array_equal(tensors["call.4.running_mean"], [1.25, 1.25])
        np.testing.assert_array_equal(tensors["call.5.y"], X + 1.75)
        self.assertEqual(tensors["call.6.dbias"].tolist(), [0, 0])

    def test_momentum_is_the_number_that_the_dialect_takes(self):
        for dialect, got in (("pytorch", .25), ("onnx,saved=none", .75), ("caffe", .75), ("keras", .75),
                             ("pytorch,averaging=ratio", .75), ("averaging=both_weights", .75),
                             ("onnx,averaging=new_weight", .25)):
            _, tensors = self.answer(["forward training"], {**self.STATE, "call.0.x": X},
                                     options={"dialect": dialect})
            self.assertEqual(tensors["call.0.running_mean"].tolist(), [got, got], dialect)

    def test_a_layer_without_statistics_uses_those_of_the_batch(self):
        metadata, tensors = self.answer(["forward inference", "backward dbias"],
                                        {"weight": self.STATE["weight"], "call.0.x": X, "call.1.dy": X},
                                        track_running_stats="false")
        np.testing.assert_array_equal(tensors["call.0.y"], X)
        self.assertEqual(tensors["call.1.dbias"].tolist(), [1, 0])
        self.assertEqual(metadata["call.0.num_batches_tracked"], "5")

    def test_a_gradient_is_wanted_of_what_there_is(self):
        body = """
        def forward_training(x):
            return {"y": x}
        def backward(x, dy):
            return {"dx": x, "dweight": np.float32([0, 0]), "dbias": np.float32([0, 0])}
        """
        for word, names in {"true": {"dx", "dweight", "dbias"}, "false": {"dx"}, "weight": {"dx", "dweight"},
                            "bias": {"dx", "dbias"}}.items():
            _, tensors = self.answer(["forward training", "backward dx dweight dbias"],
                                     {"call.0.x": X, "call.1.dy": X}, body=body, affine=word,
                                     track_running_stats="false")
            self.assertEqual({name[7:] for name in tensors if name.startswith("call.1.")}, names)

    def test_an_empty_batch_is_not_counted(self):
        metadata, _ = self.answer(["forward training"], {**self.STATE, "call.0.x": X[:0]})
        self.assertEqual(metadata["call.0.num_batches_tracked"], "5")

    def test_damaged_cases_leave_no_output(self):
        good = {**self.STATE, "call.0.x": X}
        self.assertIn("call.0.x", self.answer(["forward training"], self.STATE, 2))
        self.assertIn("damaged", self.answer(["forward training"], good, 2, eps="much"))
        self.assertIn("damaged", self.answer(["forward training"], good, 2, affine="some"))
        self.assertIn("case file", self.answer(["forward training"], good, 2, format="other"))
        self.assertIn("damaged", self.answer(["set_momentum"], good, 2))
        for words in (["--answer", "nowhere", "out"], ["--answer"], ["--help"]):
            result = subprocess.run([*self.subject(self.BODY), *words], capture_output=True, text=True, check=False)
            self.assertEqual(result.returncode, 2)
            self.assertRegex(result.stderr, r"\Atest: [^\n]+\n\Z")


class Halves(unittest.TestCase):
    def test_bfloat16_is_rounded_to_nearest_even(self):
        sys.path.insert(0, str(PROPERTIES / "subjects/python"))
        import bncheck_subject as helper
        bits = np.arange(1 << 16, dtype=np.uint16)
        values = helper.bf16_to_f32(bits)
        finite = np.isfinite(values)
        np.testing.assert_array_equal(helper.f32_to_bf16(values)[finite], bits[finite])
        self.assertTrue(np.isnan(helper.bf16_to_f32(helper.f32_to_bf16(values)))[np.isnan(values)].all())
        one, ulp = np.float32(1), np.float32(2**-7)
        for value, nearest in ((one + ulp / 2, one), (one + ulp * 3 / 2, one + 2 * ulp), (np.float32(3.4e38), np.inf),
                               (one + ulp / 2 + np.float32(2**-23), one + ulp)):
            self.assertEqual(helper.bf16_to_f32(helper.f32_to_bf16(value)), nearest)


if __name__ == "__main__":
    PROPERTIES = Path(sys.argv.pop(1)).resolve()
    unittest.main()
