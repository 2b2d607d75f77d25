#!/usr/bin/env python3
"""install_check - what make install lays down, and that setup-host makes a working host of it"""
import os
import pathlib
import smtplib
import stat
import subprocess
import sys
import tempfile

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, contains, equal, expect, finish
from postern import free_port_base, root, wait_for_exit, wait_until

build = root / os.environ.get("BUILD", "build")


def programs():
    """What make has built."""
    return {path.name for path in build.glob("*/*") if "." not in path.name and path.is_file() and os.access(path, os.X_OK)
            and path.parent.name not in ("lib", "tests", "fuzz", "san")}


def install(destination, prefix):
    # What this shell exports for the make that runs the tests is not for this one.
    environment = {key: value for key, value in os.environ.items() if key not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL")}
    done = subprocess.run(["make", "-s", "install", f"DESTDIR={destination}", f"PREFIX={prefix}"], cwd=root, capture_output=True,
                          text=True, check=False, env=environment)
    equal(done.returncode, 0, done.stdout + done.stderr)


def files_below(directory):
    return [path for path in pathlib.Path(directory).rglob("*") if path.is_file() and not path.is_symlink()]


def check_no_authority(directory):
    """No set-id bit and no capability on any file."""
    files = files_below(directory)
    expect(len(files) > 20, f"only {len(files)} files in {directory}")
    for path in files:
        status = path.stat()
        equal(status.st_mode & (stat.S_ISUID | stat.S_ISGID), 0, str(path))
        equal(status.st_mode & 0o022, 0, f"{path} is writable by others")
        expect("security.capability" not in os.listxattr(path), f"{path} has a capability")


def setup(prefix, *arguments):
    return subprocess.run([f"{prefix}/lib/postern/setup-host", *arguments], capture_output=True, text=True, check=False)


with tempfile.TemporaryDirectory(prefix="postern-test.") as stage:
    os.chmod(stage, 0o755)
    prefix, host = f"{stage}/usr", pathlib.Path(stage) / "var"

    @case("make install lays down every program, twice as well as once, and only below DESTDIR")
    def _():
        users = pathlib.Path("/etc/passwd").read_bytes()
        install(f"{stage}/staged", "/usr/local")
        before = sorted((str(path), path.stat().st_mode, path.stat().st_size) for path in files_below(f"{stage}/staged"))
        install(f"{stage}/staged", "/usr/local")
        equal(sorted((str(path), path.stat().st_mode, path.stat().st_size) for path in files_below(f"{stage}/staged")), before)
        equal({path.name for path in pathlib.Path(f"{stage}/staged/usr/local/lib/postern/bin").iterdir()}, programs())
        equal(os.listdir(f"{stage}/staged"), ["usr"])
        equal(pathlib.Path("/etc/passwd").read_bytes(), users)
        for link in pathlib.Path(f"{stage}/staged/usr/local/bin").iterdir():
            expect(link.exists(), f"{link} leads nowhere")

    @case("no set-uid or set-gid file and no file capability in the installed tree")
    def _():
        check_no_authority(f"{stage}/staged")

    @case("setup-host refuses a name that is none")
    def _():
        install("", prefix)
        for name in ("localhost", "", "a b.example", ".example", "example."):
            done = setup(prefix, name, str(host))
            equal((done.returncode, done.stderr.count("\n")), (100, 1), f"{name}: {done.stderr}")
        expect(not host.exists(), "it made something all the same")

    @case("setup-host lays out a host, and again keeps what the operator wrote")
    def _():
        for _ in range(2):
            done = setup(prefix, "mail.example.org", str(host))
            equal((done.returncode, done.stderr), (0, ""))
            equal((host / "control/me").read_text(), "mail.example.org\n")
        base = free_port_base()
        for port in host.glob("service/*/env/PORT"):
            port.write_text(f"{base + int(port.read_text())}\n")
            (port.parent / "ADDRESSES").write_text("127.0.0.1\n")
        (host / "control/locals").write_text("example.org\n")
        equal(setup(prefix, "mail.example.org", str(host)).returncode, 0)
        equal((host / "control/locals").read_text(), "example.org\n")
        equal((host / "service/smtpd/env/PORT").read_text(), f"{base + 25}\n")
        equal(setup(prefix, "other.example.org", str(host)).returncode, 100, "another name")

    @case("the host receives mail")
    def _():
        subprocess.run([f"{prefix}/bin/postern", "user", "add", "alice", "--dir", str(host)], check=True, stdout=subprocess.DEVNULL)
        port = int((host / "service/smtpd/env/PORT").read_text())
        events = [word for path in (host / "service").iterdir() for word in (f" {path}/event", " U")]
        subprocess.run(["s6-ftrig-listen", "-a", "-t", "30000", *events, "", "s6-svscan", str(host / "service")], check=True,
                       stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        supervisor = int(subprocess.check_output(["pgrep", "-fx", f"s6-svscan {host}/service"]))
        try:
            with smtplib.SMTP("127.0.0.1", port, local_hostname="client.example", timeout=30) as client:
                client.sendmail("bob@client.example", "alice@example.org", "Subject: to a host\r\n\r\nhello\r\n")
            new = host / "home/alice/Maildir/new"
            wait_until(lambda: os.listdir(new), [new], what="the message")
            contains((new / os.listdir(new)[0]).read_text(), "Subject: to a host")
        finally:
            subprocess.run(["s6-svscanctl", "-t", str(host / "service")], check=True)
            wait_for_exit(supervisor)
        check_no_authority(host)

finish()
