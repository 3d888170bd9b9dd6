"""Files instead of a subject: gen and judge. Usage: cli_files_test.py BNCHECK CORPUS [unittest options]."""

import hashlib
import json
import shutil
import signal
import struct
import subprocess
from pathlib import Path

import cli_test
from cli_test import CliTest

FEW = ["--kind", "training/integers", "--cases", "2"]


def load(path):
    """(header, data) of a safetensors file."""
    raw = path.read_bytes()
    size = int.from_bytes(raw[:8], "little")
    return json.loads(raw[8:8 + size]), bytearray(raw[8 + size:])


def save(path, header, data):
    text = json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + data)


def fill(path, tensor, value):
    """Makes every element of a float32 tensor this value."""
    header, data = load(path)
    begin, end = header[tensor]["data_offsets"]
    data[begin:end] = struct.pack("<f", value) * ((end - begin) // 4)
    save(path, header, data)


class Gen(CliTest):
    def contents(self, folder):
        return {path.name: path.read_bytes() for path in (self.folder / folder).iterdir()}

    def test_every_kind_and_its_checksums(self):
        text = self.succeeds("gen", "-o", "cases", "--cases", "1", "--seed", "3")
        kinds = self.succeeds("list", "kinds").split()
        self.assertEqual(text, f"{len(kinds)} cases of {len(kinds)} kinds in cases, seed 3\n")
        manifest = json.loads((self.folder / "cases/MANIFEST.json").read_text())
        self.assertEqual((manifest["schema"], manifest["seed"], manifest["dialect"]), (1, 3, "pytorch"))
        self.assertEqual({file["about"] for file in manifest["files"]}, set(kinds))
        for file in manifest["files"]:
            content = (self.folder / "cases" / file["name"]).read_bytes()
            self.assertEqual((file["kind"], file["bytes"]), ("case", len(content)))
            self.assertEqual(file["sha256"], hashlib.sha256(content).hexdigest())
        check = subprocess.run(["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=self.folder / "cases",
                               capture_output=True, text=True, check=False)
        self.assertEqual(check.returncode, 0, check.stderr)
        self.assertEqual(check.stdout.count(": OK\n"), len(kinds) + 1)

    def test_the_seed_decides_every_byte(self):
        for folder, seed in [("a", "1"), ("b", "1"), ("c", "2")]:
            self.succeeds("gen", "-o", folder, *FEW, "--seed", seed, "--with-answers")
        self.assertEqual(self.contents("a"), self.contents("b"))
        name = "training-integers-0001.case.safetensors"
        self.assertNotEqual(self.contents("a")[name], self.contents("c")[name])

    def test_what_else_is_drawn_changes_no_case(self):
        self.succeeds("gen", "-o", "few", *FEW)
        self.succeeds("gen", "-o", "more", "--kind", "training/*", "--cases", "3")
        few, more = self.contents("few"), self.contents("more")
        for name in few.keys() - {"MANIFEST.json", "SHA256SUMS"}:
            self.assertEqual(few[name], more[name])

    def test_answers_are_those_of_the_oracle(self):
        for dialect in ["pytorch", "caffe"]:
            self.succeeds("gen", "-o", dialect, *FEW, "--with-answers", "--dialect", dialect)
            case = f"{dialect}/training-integers-0000.case.safetensors"
            self.succeeds("oracle", case, "--dialect", dialect, "-o", "answer")
            answer = self.contents(dialect)["training-integers-0000.answer.safetensors"]
            self.assertEqual(answer, (self.folder / "answer").read_bytes())
            self.assertNotIn(b'"call.0":"error', answer)

    def test_cases_of_a_law_name_it(self):
        text = self.succeeds("gen", "-o", "cases", "--law", "momentum_o*", "--cases", "2")
        self.assertRegex(text, r"\A(\d+) cases of \d kinds in cases, seed 1\n\Z")
        replayed = self.succeeds("replay", "--quiet", *sorted((self.folder / "cases").glob("momentum_one-*.safe*")))
        self.assertEqual(replayed.count("  momentum_one: holds"), 2)

    def test_an_empty_folder_is_filled(self):
        (self.folder / "cases").mkdir()
        self.succeeds("gen", "-o", "cases/", *FEW)
        self.assertEqual(len(self.files()), 1 + 2 + 2)

    def test_places_that_cannot_be_written(self):
        (self.folder / "full").mkdir()
        (self.folder / "full/something").touch()
        (self.folder / "link").symlink_to("nowhere/at/all")
        for place in ["full", "full/something", "full/something/below", ".", "/proc/cases", "link", ""]:
            self.refuses("gen", "-o", place, *FEW, naming=place)

    def test_interrupted_nothing_is_left(self):
        words = ["gen", "-o", "cases", "--cases", "1000000"]
        with subprocess.Popen([cli_test.BNCHECK, *words], cwd=self.folder, stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as process:
            while process.poll() is None and not self.files():
                pass
            process.send_signal(signal.SIGINT)
            output = process.communicate()
        self.assertEqual((process.returncode, output), (130, ("", "")))
        self.assertEqual(self.files(), [])

    def test_refuses(self):
        self.refuses("gen", naming="--output")
        self.refuses("gen", "-o", "cases", "--kind", "trainign", naming="trainign")
        self.refuses("gen", "-o", "cases", "--law", "nothing", naming="nothing")
        self.refuses("gen", "-o", "cases", "--law", "mom*", "--kind", "tr*", naming="--law")
        self.refuses("gen", "-o", "cases", "--cases", "0", naming="--cases")
        self.refuses("gen", "-o", "cases", "--dialect", "latin", naming="latin")


class Judge(CliTest):
    TRAINING, BACKWARD = "training-integers-0000", "backward_training-x_integers-0000"

    def setUp(self):
        super().setUp()
        self.succeeds("gen", "-o", "cases", "--kind", "*training/*integers", "--cases", "1", "--with-answers")
        self.outputs = self.folder / "outputs"
        self.outputs.mkdir()
        for name in [self.TRAINING, self.BACKWARD]:
            shutil.copy(self.folder / f"cases/{name}.answer.safetensors", self.output(name))

    def output(self, name):
        return self.outputs / f"{name}.output.safetensors"

    def edit(self, name, change):
        header, data = load(self.output(name))
        change(header, data)
        save(self.output(name), header, data)

    def put(self, name, tensor, value, element=0):
        """Changes an element of a tensor."""
        def change(header, data):
            struct.pack_into("<f", data, header[tensor]["data_offsets"][0] + 4 * element, value)
        self.edit(name, change)

    def judged(self, status, *words):
        result = self.bncheck("judge", "cases", "outputs", *words)
        self.assertEqual((result.returncode, result.stderr), (status, ""), result.stdout)
        return result.stdout

    def test_exact_answers_hold(self):
        text = self.judged(0)
        self.assertRegex(text, r"(?m)^training +y +\d+ +100 % +0\.\d+ +\d.* correctly rounded$")
        self.assertRegex(text, r"(?m)^backward training +dweight +\d+ +100 % ")
        self.assertRegex(text, r"\n2 output files in pytorch, sound: 2 hold\n\Z")
        self.assertIn("in pytorch, exact: 2 hold", self.judged(0, "--numerics", "exact"))

    def test_files_one_by_one(self):
        case, answer = (self.folder / f"cases/{self.TRAINING}.{kind}.safetensors" for kind in ["case", "answer"])
        text = self.succeeds("judge", case, answer, self.output(self.TRAINING))
        self.assertIn("2 output files in pytorch, sound: 2 hold", text)

    def test_values_that_are_off(self):
        self.put(self.TRAINING, "call.0.y", float("nan"), 1)
        self.put(self.BACKWARD, "call.1.dbias", 1e9)
        text = self.judged(1)
        self.assertRegex(text, r"(?m)^(wrong|inaccurate): outputs/training-integers-0000\.output\.safetensors$")
        self.assertRegex(text, r"call 0 y\[0,1\]: got -?nan .*, expected .* ulps")
        self.assertRegex(text, r"call 1 dbias\[0\]: got 1e\+09 .*, expected ")
        self.assertRegex(text, r"(?m)^backward training +dbias .* unsound$")
        self.assertIn(": 2 wrong", text)

    def test_a_claim_is_held_to(self):
        header, data = load(self.output(self.TRAINING))
        at = header["call.0.running_var"]["data_offsets"][0]
        struct.pack_into("<I", data, at, struct.unpack_from("<I", data, at)[0] + 1)
        save(self.output(self.TRAINING), header, data)
        self.judged(0)
        self.assertIn(": 1 holds, 1 inaccurate", self.judged(1, "--numerics", "exact"))

    def test_shapes_dtypes_and_missing_tensors(self):
        def reshape(header, _):
            header["call.0.y"]["shape"].append(1)

        def retype(header, _):
            header["call.0.y"]["dtype"] = "F16"
            header["call.0.y"]["shape"][-1] *= 2

        self.edit(self.TRAINING, reshape)
        self.assertIn("y has shape [", self.judged(1))
        self.edit(self.BACKWARD, lambda header, _: header.__setitem__("call.1.dz", header.pop("call.1.dx")))
        result = self.bncheck("judge", "cases", "outputs")
        self.assertEqual(result.returncode, 2)
        self.assertIn("tensor 'call.1.dz' is unknown", result.stderr)
        shutil.copy(self.folder / f"cases/{self.TRAINING}.answer.safetensors", self.output(self.TRAINING))
        self.edit(self.TRAINING, retype)
        result = self.bncheck("judge", f"cases/{self.TRAINING}.case.safetensors", self.output(self.TRAINING))
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        self.assertRegex(result.stdout, "y has dtype F16, expected F32|y has shape")

    def test_errors(self):
        self.edit(self.BACKWARD, lambda header, _: [
            header.pop(name) for name in [*header] if name.startswith("call.0.")] and
            header["__metadata__"].update({"call.0": "error other", "call.0.message": "no kernel"}))
        # The bytes of the removed tensors belong to no tensor.
        self.assertEqual(self.bncheck("judge", "cases", "outputs").returncode, 2)
        header, _ = load(self.output(self.BACKWARD))
        save(self.output(self.BACKWARD), {"__metadata__": header["__metadata__"]}, b"")
        self.assertIn("call 0 must succeed but was rejected (other): no kernel", self.judged(1))

    def test_a_missing_output_is_reported_and_the_others_judged(self):
        self.output(self.BACKWARD).unlink()
        text = self.judged(1)
        self.assertIn(f"missing: {self.output(self.BACKWARD).relative_to(self.folder)}\n", text)
        self.assertIn("2 output files in pytorch, sound: 1 holds, 1 missing", text)

    def test_damaged_outputs_are_named_and_the_others_judged(self):
        whole = self.output(self.BACKWARD).read_bytes()
        for size in [0, 7, 8, 100, len(whole) - 1]:
            self.output(self.BACKWARD).write_bytes(whole[:size])
            result = self.bncheck("judge", "cases", "outputs")
            self.assertEqual(result.returncode, 2, size)
            self.assertRegex(result.stderr, r"\Abncheck: 'outputs/backward_[^\n]*' is no output file: [^\n]+\n\Z")
            self.assertIn(": 1 holds, 1 unreadable", result.stdout)

    def test_outputs_of_another_case(self):
        shutil.copy(self.output(self.TRAINING), self.output(self.BACKWARD))
        result = self.bncheck("judge", "cases", "outputs")
        self.assertEqual(result.returncode, 2)
        self.assertIn("has 1 calls, expected the 2 of", result.stderr)

    def test_a_set_that_is_not_what_it_was(self):
        case = self.folder / f"cases/{self.TRAINING}.case.safetensors"
        raw = case.read_bytes()
        case.write_bytes(raw[:-1] + bytes([raw[-1] ^ 1]))
        self.refuses("judge", "cases", "outputs", naming=f"{case.name}' is damaged")
        case.unlink()
        self.refuses("judge", "cases", "outputs", naming=f"{case.name}' is missing")
        manifest = self.folder / "cases/MANIFEST.json"
        text = manifest.read_text()
        for broken in ["", "[]", "{}", text[:-20], text.replace('"schema": 1', '"schema": 2'),
                       text.replace('"sha256"', '"sha"'), text.replace('"name": "', '"name": "../')]:
            manifest.write_text(broken)
            self.refuses("judge", "cases", "outputs", naming="MANIFEST.json")
        manifest.unlink()
        self.refuses("judge", "cases", "outputs", naming="cases")

    def test_the_dialect_of_the_set(self):
        self.succeeds("gen", "-o", "keras", "--kind", "training/integers", "--dialect", "keras", "--with-answers")
        outputs = self.folder / "answers"
        outputs.mkdir()
        for answer in (self.folder / "keras").glob("*.answer.*"):
            shutil.copy(answer, outputs / answer.name.replace("answer", "output"))
        self.assertIn("5 output files in keras, exact: 5 hold",
                      self.succeeds("judge", "keras", "answers", "--numerics", "exact"))
        result = self.bncheck("judge", "keras", "answers", "--dialect", "pytorch,saved=mean_var")
        self.assertEqual(result.returncode, 1)
        self.assertIn("in pytorch,saved=mean_var, sound:", result.stdout)

    def test_values_that_are_not_finite(self):
        case, answer = (cli_test.GOLDEN / f"backward_beta_infinite.{kind}.safetensors" for kind in ["case", "answer"])
        result = self.bncheck("judge", case, answer)
        self.assertEqual((result.returncode, result.stderr), (4, ""))
        self.assertIn("not judged: ", result.stdout)
        self.succeeds("judge", case, answer, "--non-finite")

    def test_values_that_underflow_or_overflow_are_judged(self):
        """NaN for tiny values is wrong. Where squares overflow it is a limit of float32, which fails with --strict."""
        for regime, verdict, status in (("tiny", "wrong", 1), ("huge", "limit", 0)):
            self.succeeds("gen", "-o", regime, "--kind", f"training/{regime}", "--cases", "4", "--seed", "3",
                          "--with-answers")
            outputs = self.folder / f"{regime}-outputs"
            outputs.mkdir()
            for answer in (self.folder / regime).glob("*.answer.*"):
                output = outputs / answer.name.replace("answer", "output")
                shutil.copy(answer, output)
                fill(output, "call.0.y", float("nan"))
            result = self.bncheck("judge", regime, outputs)
            self.assertEqual(result.returncode, status, result.stdout)
            self.assertRegex(result.stdout, rf"(?m)^{verdict}: .*\.output\.safetensors$")
            self.assertEqual(self.bncheck("judge", regime, outputs, "--strict").returncode, 1)
            self.refuses("judge", regime, outputs, "--fail-on", "wrong,bad", naming="'wrong,bad', expected one or more of")

    def test_json(self):
        self.put(self.TRAINING, "call.0.y", float("inf"))
        result = self.bncheck("judge", "cases", "outputs", "--json", "-")
        self.assertEqual((result.returncode, result.stderr), (1, ""))
        report = json.loads(result.stdout)
        self.assertEqual(set(report), {"schema", "dialect", "numerics", "interrupted", "files", "accuracy"})
        files = {Path(file["output"]).name: file for file in report["files"]}
        self.assertEqual(files[self.output(self.BACKWARD).name]["verdict"], "holds")
        wrong = files[self.output(self.TRAINING).name]
        self.assertEqual((wrong["verdict"], wrong["rank"], wrong["mismatches"][0]["got"]), ("violated", "wrong", "inf"))
        self.judged(1, "--json", "report.json")
        self.assertEqual(json.loads((self.folder / "report.json").read_text()), report)

    def test_refuses(self):
        case = f"cases/{self.TRAINING}.case.safetensors"
        self.refuses("judge")
        self.refuses("judge", "cases", naming="output")
        self.refuses("judge", "cases", case, naming="cases")
        self.refuses("judge", "cases", "outputs", "outputs", naming="cases")
        self.refuses("judge", "nowhere", "outputs", naming="nowhere")
        self.refuses("judge", "outputs", "outputs", naming="MANIFEST.json")
        self.refuses("judge", self.output(self.TRAINING), self.output(self.TRAINING), naming="bncheck-case")
        self.refuses("judge", "cases", "outputs", "--dialect", "latin", naming="latin")
        self.refuses("judge", "cases", "outputs", "--numerics", "sound,summation=lucky", naming="lucky")
        self.refuses("judge", "cases", "outputs", "--json", "missing/report", naming="missing/report")


if __name__ == "__main__":
    cli_test.run(__doc__)
