"""moved_clock - a clock that a test puts forward, for real programs that come with shared libraries

    clock = MovedClock(folder)                       # every uid must get there
    parts.serve(..., wrapper=clock.wrapper)          # moved_clock.cc goes before it: its clocks are ahead of the machine's
    clock.advance(3600)                              # seconds, from now on

Who sleeps in the kernel sleeps on by the machine's clock: something must wake him.
"""
import os
import pathlib
import struct
import subprocess

HERE = pathlib.Path(__file__).resolve().parent


class MovedClock:
    def __init__(self, folder):
        library, path = os.path.join(folder, "moved_clock.so"), os.path.join(folder, "clock")
        subprocess.run(["g++", "-std=c++20", "-O1", "-fPIC", "-shared", "-o", library, HERE / "moved_clock.cc"], check=True)
        os.chmod(library, 0o755)
        self.file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.fchmod(self.file, 0o644)
        self.ahead = 0
        self.advance(0)
        self.wrapper = ("env", f"LD_PRELOAD={library}", f"MOVED_CLOCK={path}")

    def advance(self, seconds):
        self.ahead += round(seconds * 1000)
        os.pwrite(self.file, struct.pack("<q", self.ahead), 0)
