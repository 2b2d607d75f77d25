#!/usr/bin/env python3
"""POP3 over TLS as a person and as a careful client use it: mutt in a terminal, and SCRAM bound to the TLS connection"""
import base64
import fcntl
import hashlib
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import ssl
import struct
import subprocess
import sys
import tempfile
import termios
import time

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import Failure, case, contains, equal, expect, finish, skip  # noqa: E402
from own_etc import name_this_host  # noqa: E402
from postern import Instance  # noqa: E402
from scram import ScramClient  # noqa: E402

PASSWORD = "secret"
SECONDS = 60


class Terminal:
    """A program on a terminal of its own; waits for what it shows."""

    def __init__(self, command, environment, rows=30, columns=120):
        self.pid, self.descriptor = pty.fork()
        if self.pid == 0:
            fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            os.execve(shutil.which(command[0]), command, environment)
        self.shown, self.is_over = "", False

    def read(self, deadline):
        if not select.select([self.descriptor], [], [], max(0.0, deadline - time.monotonic()))[0]:
            raise Failure(f"the terminal shows: {self.shown[-1500:]!r}")
        try:
            piece = os.read(self.descriptor, 65536)
        except OSError:  # EIO: its last program has ended
            piece = b""
        self.is_over = not piece
        self.shown += re.sub(r"\x1b(\[[0-9;?]*[A-Za-z]|[()][A-Z0-9]|[=>])", "\n", piece.decode("utf-8", "replace"))

    def wait_for(self, pattern):
        """What was shown since the last call, once it has this."""
        deadline = time.monotonic() + SECONDS
        while not re.search(pattern, self.shown):
            if self.is_over:
                raise Failure(f"ended, without {pattern!r}: {self.shown[-1500:]!r}")
            self.read(deadline)
        shown, self.shown = self.shown, ""
        return shown

    def type(self, keys):
        os.write(self.descriptor, keys.encode())

    def wait_for_end(self):
        deadline = time.monotonic() + SECONDS
        while not self.is_over:
            self.read(deadline)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.descriptor)


class OpenSsl:
    """openssl s_client as a POP3 client that knows its own end of the channel: `exporter` (RFC 9266)."""

    def __init__(self, ca, port, *options):
        self.process = subprocess.Popen(["openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-CAfile", ca, "-verify_return_error", "-verify_hostname", "localhost",
                                         "-nocommands", "-keymatexport", "EXPORTER-Channel-Binding", "-keymatexportlen", "32", *options],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.exporter = bytes.fromhex(self.line(r"Keying material: ([0-9A-F]+)")[1])
        if "-starttls" not in options:
            self.line(r"\+OK .*POP3")  # before STLS it hears the greeting itself

    def line(self, pattern):
        heard = []
        for line in iter(self.process.stdout.readline, b""):
            heard.append(line.decode("utf-8", "replace").strip())
            if found := re.match(pattern, heard[-1]):
                return found
        raise Failure(f"no {pattern!r}: {heard[-20:]}")

    def ask(self, line):
        self.process.stdin.write(line.encode() + b"\r\n")
        self.process.stdin.flush()
        return self.line(r"(\+OK|-ERR|\+ ).*")[0]

    def mechanisms(self):
        self.process.stdin.write(b"CAPA\r\n")
        self.process.stdin.flush()
        return self.line(r"SASL (.*)")[1].split()

    def scram(self, mechanism, header, binding, password=PASSWORD):
        """The last answer to a whole exchange."""
        client = ScramClient("alice", password, header, binding)
        answer = self.ask(f"AUTH {mechanism} {base64.b64encode(client.first().encode()).decode()}")
        if not answer.startswith("+ "):
            return answer
        answer = self.ask(base64.b64encode(client.final(base64.b64decode(answer[2:]).decode()).encode()).decode())
        if not answer.startswith("+ "):
            return answer
        expect(client.is_proof(base64.b64decode(answer[2:]).decode()), "the server proves itself")
        return self.ask("")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()


name_this_host()
with Instance(users=("alice",), domains=("localhost",), settings={"trustedclients": "127.0.0.0/8"}) as mail, tempfile.TemporaryDirectory() as folder:
    ports = {"pop": int(mail.env["POP3_PORT"]), "pops": int(mail.env["POP3S_PORT"])}
    ca = mail.env["CAFILE"]

    def fill():
        for path in mail.message_files("alice"):
            path.unlink()
        for i in range(3):
            mail.send("alice", b"Subject: letter-%d\r\n\r\nbody %d\r\n.\r\n..two\r\n" % (i, i))
            mail.wait_for_messages("alice", i + 1)

    def mutt(scheme, password=PASSWORD, authority=ca, ways="scram-sha-256", port=None):
        if not shutil.which("mutt"):
            skip("NOT SHOWN: mutt is not installed (tools/setup check)")
        settings = pathlib.Path(folder, "muttrc")
        settings.write_text(f"set ssl_ca_certificates_file='{authority}' ssl_verify_host=yes ssl_verify_dates=yes ssl_starttls=yes ssl_force_tls=yes\n"
                            f"set certificate_file='{folder}/certificates' pop_authenticators='{ways}' pop_pass='{password}' pop_reconnect=no\n"
                            f"set delete=yes quit=yes confirmcreate=no confirmappend=no move=no sleep_time=0 tmpdir='{folder}' folder='{folder}'\n")
        return Terminal(["mutt", "-n", "-F", str(settings), "-f", f"{scheme}://alice@localhost:{port or ports[scheme]}/"],
                        {"PATH": os.environ["PATH"], "HOME": folder, "TERM": "xterm", "LANG": "C.UTF-8"})

    @case("mutt by STLS and by TLS at once: lists, reads, saves and deletes; at its end what went is gone and the rest is there")
    def _():
        for scheme, ways in (("pops", "scram-sha-256"), ("pop", "plain"), ("pops", "user")):
            fill()
            saved = pathlib.Path(folder, "saved")
            saved.unlink(missing_ok=True)
            with mutt(scheme, ways=ways) as screen:
                shown = screen.wait_for(r"(?s)letter-0.*letter-1.*letter-2.*Msgs:3")
                contains(shown, "TLS1.3")
                screen.type("\r")
                screen.wait_for(r"(?s)body 0.*\n\.\s.*\.\.two")  # as they were sent, dots and all
                screen.type("i")  # back to the index
                screen.wait_for("letter-0")
                screen.type("s")
                screen.wait_for("Save to mailbox")
                screen.type(f"\x15{saved}\r")
                screen.wait_for(r"(?s)saved|Msgs:3.*Del:1")
                screen.type("3\r")
                screen.wait_for("letter-2")
                screen.type("d\f")  # and draw all anew
                screen.wait_for("Del:2")
                screen.type("q")
                screen.wait_for_end()
            contains(saved.read_text(), "Subject: letter-0")
            contains(saved.read_text(), "body 0\n.\n..two\n")
            left, = mail.messages("alice")
            contains(left, b"Subject: letter-1")

    @case("mutt with a wrong password gets nothing, and one that does not know who signed the certificate says no password")
    def _():
        fill()
        with mutt("pops", "wrong") as screen:
            screen.wait_for("(?i)authentication failed|login failed")
        other = pathlib.Path(folder, "other.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-out", other,
                        "-days", "1", "-subj", "/CN=localhost"], check=True, capture_output=True)
        before = mail.log("authd").count("event=login ")
        for scheme in ("pop", "pops"):
            with mutt(scheme, authority=other) as screen:
                screen.wait_for(r"\(r\)eject, accept")
                screen.type("r")
                screen.wait_for("(?i)failed|rejected|unable|could not|error")
        equal(mail.log("authd").count("event=login "), before)
        equal(len(mail.message_files("alice")), 3)

    def end_point():
        context = ssl.create_default_context(cafile=ca)
        with socket.create_connection(("127.0.0.1", ports["pops"]), SECONDS) as raw, context.wrap_socket(raw, server_hostname="localhost") as stream:
            return hashlib.sha256(stream.getpeercert(binary_form=True)).digest()

    @case("SCRAM-SHA-256-PLUS by STLS and TLS at once, in TLS 1.3 and 1.2: bound to the connection or to the certificate")
    def _():
        certificate = end_point()
        for port, options in ((ports["pops"], ()), (ports["pop"], ("-starttls", "pop3")), (ports["pops"], ("-tls1_2",)), (ports["pop"], ("-tls1_2", "-starttls", "pop3"))):
            # In TLS 1.2 a context of no bytes (RFC 9266 2) is not none, and none is all that s_client can export with.
            for way in ("tls-server-end-point",) if "-tls1_2" in options else ("tls-exporter", "tls-server-end-point"):
                with OpenSsl(ca, port, *options) as client:
                    before = client.mechanisms()
                    equal(before[:2], ["SCRAM-SHA-256-PLUS", "SCRAM-SHA-256"])
                    answer = client.scram("SCRAM-SHA-256-PLUS", f"p={way},,", client.exporter if way == "tls-exporter" else certificate)
                    contains(answer, "+OK The mailbox is yours", f"{options} {way}")
                    equal(client.mechanisms(), before)  # nobody in between took one away
                    contains(client.ask("STAT"), "+OK ")

    @case("a binding of another connection or certificate, a wrong password, and a client that was not told of -PLUS are refused")
    def _():
        with OpenSsl(ca, ports["pops"]) as other, OpenSsl(ca, ports["pops"]) as client:
            expect(other.exporter != client.exporter, "each connection has its own")
            equal(client.scram("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", other.exporter), "-ERR [AUTH] No such login and password")
            equal(client.scram("SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,", hashlib.sha256(b"another").digest()), "-ERR [AUTH] No such login and password")
            contains(client.scram("SCRAM-SHA-256", "y,,", b""), "-ERR")  # somebody in between took -PLUS from the list
        with OpenSsl(ca, ports["pops"]) as client:
            contains(client.scram("SCRAM-SHA-256-PLUS", "p=tls-unique,,", client.exporter), "-ERR")
            equal(client.scram("SCRAM-SHA-256-PLUS", "p=tls-exporter,,", client.exporter, "wrong"), "-ERR [AUTH] No such login and password")
            contains(client.scram("SCRAM-SHA-256", "n,,", b""), "+OK ")  # one that cannot bind may still log in

finish()
