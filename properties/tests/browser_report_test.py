"""HTML reports in headless Chromium. Usage: browser_report_test.py BNCHECK CORPUS [unittest options].

Exit status 77 without chromium: the test is skipped.
"""

import http.server
import json
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import unittest
from html import unescape
from pathlib import Path

import cli_test
from cli_test import CliTest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
PROBE = Path(__file__).with_name("report_probe.js")
PHONE = 375
# The page's own errors, from its first line on.
CATCHER = ("<script>var errors = []; addEventListener('error', (event) => errors.push(event.message)); "
           "addEventListener('unhandledrejection', (event) => errors.push(String(event.reason)));</script>")
WRAPPER = f"""<!DOCTYPE html><meta charset="utf-8"><body style="margin: 0">
<iframe src="report.html" style="width: {PHONE}px; height: 800px; border: 0"></iframe>
<pre id="result"></pre><script src="probe.js"></script>"""
# One small run with violations, one without, and the other commands' reports.
VIOLATED = ["check", "fault:one_pass", "--cases", "10", "--seed", "1", "--law", "m*"]
HELD = ["check", "bn", "--cases", "5", "--seed", "1", "--law", "*matches_oracle"]
LEAGUE = ["compare", "bn", "control:kahan", "--cases", "1", "--seed", "2", "--law-cases", "1"]
AUDIT = ["audit", "--seeds", "2", "--cases", "5", "--control-cases", "2", "--law", "m*", "--fault", "running_var*",
         "--shrink"]


class Browser:
    """Serves a report with the probe, and returns the result of the probe."""

    def __init__(self, report):
        page = report.replace("<head>", "<head>" + CATCHER, 1)
        files = {"/report.html": page, "/probe.html": WRAPPER, "/probe.js": PROBE.read_text()}

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = files.get(self.path, "").encode()
                self.send_response(200 if content else 404)
                kind = "text/javascript" if self.path.endswith(".js") else "text/html"
                self.send_header("Content-Type", kind + "; charset=utf-8")
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    def probe(self, dark):
        with tempfile.TemporaryDirectory() as profile:
            command = [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
                       f"--user-data-dir={profile}", f"--blink-settings=preferredColorScheme={0 if dark else 1}",
                       "--virtual-time-budget=60000", "--dump-dom",
                       f"http://127.0.0.1:{self.server.server_port}/probe.html"]
            page = subprocess.run(command, capture_output=True, text=True, check=True).stdout
        return json.loads(unescape(re.search(r'<pre id="result">(.*?)</pre>', page, re.DOTALL)[1]))


class Report(CliTest):
    """Each test makes one report and examines it in the light and the dark colour scheme."""

    def report(self, *words, status=0):
        result = self.bncheck(*words, "--report", "report.html", "--json", "report.json")
        self.assertEqual((result.returncode, result.stderr), (status, ""))
        return (self.folder / "report.html").read_text(), json.loads((self.folder / "report.json").read_text())

    def look(self, page):
        with Browser(page) as browser:
            found = browser.probe(dark=False)
            dark = browser.probe(dark=True)
        self.assertEqual((found["dark"], dark["dark"]), (False, True))
        for one in (found, dark):
            self.assertGreaterEqual(one["contrast"]["ratio"], 4.5, one["contrast"])
        self.assertEqual(found["width"], PHONE)
        self.assertLessEqual(found["scrollWidth"], PHONE)
        self.assertLessEqual(found["widest"], PHONE)
        for empty in ["errors", "deadLinks", "outside", "twiceUsedIds", "landmarks"]:
            self.assertEqual(found[empty], [], empty)
        for zero in ["namelessPictures", "headersWithoutScope", "unreachableScrollers"]:
            self.assertEqual(found[zero], 0, zero)
        self.assertEqual(found["copyButtons"], found["replays"])
        return found

    def assert_plots(self, found, accuracies):
        """The charts have as many points, bars and rings as the JSON."""
        outputs = [output for accuracy in accuracies for one in accuracy for output in one["outputs"]]
        self.assertEqual(found["points"], sum(len(output["points"]) for output in outputs))
        bars = sum(len(output[measure]["bins"]) + (output[measure]["zero"] > 0) + (output[measure]["infinite"] > 0)
                   for output in outputs for measure in ("ulps", "ratio"))
        self.assertEqual(found["bars"], bars)
        worst = [case for accuracy in accuracies for one in accuracy for case in one["worst"]]
        rings = [case for case in worst if isinstance(case["condition"], float) and case["condition"] > 0]
        self.assertEqual(found["rings"], len(rings))
        return len(worst)

    def test_a_check_with_violations(self):
        page, report = self.report(*VIOLATED, status=1)
        found = self.look(page)
        worst = self.assert_plots(found, [report["accuracy"]])
        violated = ["law-" + law["name"] for law in report["laws"] if law["verdict"] == "violated"]
        self.assertTrue(violated)
        self.assertEqual([one for one in found["articles"] if one.startswith("law-")], violated)
        self.assertEqual(len(found["articles"]), len(violated) + worst)

    def test_a_check_that_holds(self):
        page, report = self.report(*HELD)
        self.assertGreater(self.assert_plots(self.look(page), [report["accuracy"]]), 0)

    def test_a_league(self):
        page, report = self.report(*LEAGUE)
        found = self.look(page)
        self.assertGreater(self.assert_plots(found, [one["accuracy"] for one in report["subjects"]]), 0)
        self.assertTrue(found["opened"])

    def test_an_audit(self):
        page, report = self.report(*AUDIT)
        found = self.look(page)
        self.assertEqual(found["articles"], ["fault-" + fault["name"] for fault in report["faults"]])


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    if CHROMIUM is None:
        print("skipped: there is no chromium on the path")
        sys.exit(77)
    cli_test.BNCHECK = Path(sys.argv[1]).resolve()
    cli_test.GOLDEN = Path(sys.argv[2]).resolve() / "golden"
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
