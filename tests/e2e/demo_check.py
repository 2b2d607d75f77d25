#!/usr/bin/env python3
"""The demo of `make run`: where there was never an instance, and again where one runs."""
import os
import pathlib
import subprocess
import sys
import tempfile

here = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(here))
from postern import free_port_base, root  # noqa: E402  pylint: disable=wrong-import-position
from check import case, contains, equal, expect, finish  # noqa: E402  pylint: disable=wrong-import-position

with tempfile.TemporaryDirectory() as parent:
    os.chmod(parent, 0o755)
    place = f"{parent}/demo"
    environment = {**os.environ, "POSTERN_DEMO": place, "POSTERN_DEMO_PORTS": str(free_port_base())}

    def demo():
        done = subprocess.run([str(root / "tools/demo")], cwd=root, env=environment, stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        equal(done.returncode, 0, done.stdout + done.stderr)
        for how in ("by SMTP", "by submission", "by inject"):
            contains(done.stdout, f"| Subject: {how} (")
        contains(done.stdout, "Hello from the network.")
        contains(done.stdout, "Hello from a mail client.")
        contains(done.stdout, "Hello from the shell.")

    def messages():
        return len(list(pathlib.Path(place, "home/alice/Maildir/new").iterdir()))

    try:

        @case("the demo starts where there was never an instance, and shows the three messages")
        def _():
            demo()
            equal(messages(), 3)

        @case("a second demo starts it anew, with the mail it has")
        def _():
            demo()
            equal(messages(), 6)

    finally:
        stopped = subprocess.run([str(root / "tools/instance"), "stop", place], capture_output=True, text=True, check=False)

    @case("it is stopped as the demo says")
    def _():
        equal(stopped.returncode, 0, stopped.stderr)
        expect(not subprocess.run(["pgrep", "-f", place], capture_output=True, check=False).stdout, "processes are left")

finish()
