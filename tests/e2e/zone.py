"""zone - a real name server (nsd) with zones of a test's own, signed with ldns, on a loopback port

    from zone import ZoneServer
    with ZoneServer({".": "good.example. MX 10 mx.good.example.\\nmx.good.example. A 127.0.0.2\\n"}) as names:
        with Instance(dns=names.host_port) as mail: ...          asks this server alone, validates nothing
        ... settings={"dnsforward": names.server, "dnsanchor": names.anchor}     the same, and validates

A zone is text as in a zone file; SOA and NS are added, and a TTL of 300. With the root zone "." every name that is not there is
one that does not exist. A zone below another one is delegated from it by itself; nsd answers for both.

`signing` says how a zone is signed, by its name: "good" is a chain of trust from the parent (or the anchor) on, "expired" and
"early" have signatures of another time, "broken" has one bit changed in every signature of the zone's data, "stripped" has none
where the parent says that there are some, "none" is not signed and the parent says so. What is not named is "none".
With any zone signed, `anchor` is a file with the key of the topmost signed zone, for control/dnsanchor. Waits for nsd's own word
that it is ready; replace() writes a zone anew and has nsd read it. Needs the package ldnsutils, and nsd, installed or
unpacked below build/packages by tools/setup.
"""
import base64
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

default_seconds = 30
algorithm = "ECDSAP256SHA256"


root = pathlib.Path(__file__).resolve().parent.parent.parent


def nsd_path():
    return shutil.which("nsd", path=f"{root}/build/packages/nsd/usr/sbin:/usr/sbin")


def is_there():
    """Whether this machine can run a ZoneServer."""
    return bool(nsd_path() and shutil.which("ldns-signzone") and shutil.which("ldns-keygen"))


def free_port(address="127.0.0.1"):
    """One that is free for UDP and for TCP."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    for _ in range(50):
        with socket.socket(family, socket.SOCK_STREAM) as stream, socket.socket(family, socket.SOCK_DGRAM) as datagrams:
            stream.bind((address, 0))
            try:
                datagrams.bind((address, stream.getsockname()[1]))
            except OSError:
                continue
            return stream.getsockname()[1]
    raise OSError("no port is free for UDP and TCP")


def _dotted(name):
    return name if name.endswith(".") else name + "."


def _is_below(name, parent):
    return name != parent and (parent == "." or name.endswith("." + parent))


class ZoneServer:
    """See above. `server` is ADDRESS@PORT for control/, `host_port` is ADDRESS:PORT for --dns."""

    def __init__(self, zones, signing=None, address="127.0.0.1"):
        self.address, self.port = address, free_port(address)
        self.server = f"{address}@{self.port}"
        self.host_port = f"[{address}]:{self.port}" if ":" in address else f"{address}:{self.port}"
        self.zones = {_dotted(name): text for name, text in zones.items()}
        self.signing = {name: "none" for name in self.zones} | {_dotted(name): how for name, how in (signing or {}).items()}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-zone-"))
        self.anchor = None
        self._serial = 1
        self._keys = {}
        self._process = None

    def __enter__(self):
        self._write_zones()
        self._write_configuration()
        self.start()
        return self

    def __exit__(self, *_):
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        self._process = subprocess.Popen([nsd_path(), "-d", "-c", str(self.folder / "nsd.conf")], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                                         stderr=subprocess.STDOUT, start_new_session=True)
        self._wait_for_word(rb"nsd started")

    def stop(self):
        """Nobody listens on its port any more."""
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process.stdout.close()
            self._process = None

    def pause(self, is_paused=True):
        """A server that does not answer, while its port is there; or goes on."""
        os.killpg(self._process.pid, signal.SIGSTOP if is_paused else signal.SIGCONT)

    def replace(self, name, text):
        """A zone's new text; answers come from it as soon as this returns. dnsqd may remember the old one for its TTL."""
        self.zones[_dotted(name)] = text
        self._serial += 1
        self._write_zones()
        self.stop()
        self.start()

    def _wait_for_word(self, pattern):
        deadline, seen = time.monotonic() + default_seconds, b""
        while not re.search(pattern, seen):
            ready = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]
            piece = os.read(self._process.stdout.fileno(), 65536) if ready else b""
            if not piece:
                raise OSError(f"nsd did not start: {seen.decode(errors='replace')}")
            seen += piece

    def _write_configuration(self):
        lines = ["server:", f"  ip-address: {self.server}", '  username: ""', f'  zonesdir: "{self.folder}"', '  pidfile: ""', '  database: ""',
                 f'  xfrdfile: "{self.folder}/xfrd.state"', f'  xfrdir: "{self.folder}"', f'  zonelistfile: "{self.folder}/zone.list"',
                 "  server-count: 1", "  verbosity: 1", "  rrl-ratelimit: 0", "  hide-version: yes", "remote-control:", "  control-enable: no"]
        for name in self.zones:
            lines += ["zone:", f'  name: "{name}"', f'  zonefile: "{self._file(name).name}"']
        (self.folder / "nsd.conf").write_text("\n".join(lines) + "\n")

    def _file(self, name):
        return self.folder / f"zone{name.rstrip('.') or '-root'}"

    def _parent(self, name):
        above = [other for other in self.zones if _is_below(name, other)]
        return max(above, key=len, default=None)

    def _glue(self, name):
        return f"{name} NS ns.{name.lstrip('.')}\nns.{name.lstrip('.')} {'AAAA' if ':' in self.address else 'A'} {self.address}\n"

    def _write_zones(self):
        additions = {name: "" for name in self.zones}
        for name in sorted(self.zones, key=len, reverse=True):  # children first: their parents sign their keys
            parent = self._parent(name)
            if parent:
                additions[parent] += self._glue(name)
            head = f"$ORIGIN {name}\n$TTL 300\n@ SOA ns hostmaster {self._serial} 3600 600 86400 60\n{self._glue(name)}"
            self._file(name).write_text(head + self.zones[name] + "\n" + additions[name])
            if self.signing[name] == "none":
                continue
            key = self._sign(name)
            if parent and self.signing[parent] != "none":
                additions[parent] += key.with_suffix(".ds").read_text()
            else:
                self.anchor = str(self.folder / "anchor.key")
                shutil.copy(key.with_suffix(".key"), self.anchor)

    def _key(self, name):
        if name not in self._keys:
            words = ["ldns-keygen", "-a", algorithm, "-r", "/dev/urandom", "-k", name]
            base = subprocess.run(words, cwd=self.folder, check=True, capture_output=True, text=True).stdout.strip()
            self._keys[name] = self.folder / base
        return pathlib.Path(str(self._keys[name]) + ".x")  # with_suffix() then replaces this

    def _sign(self, name):
        key, file, how = self._key(name), self._file(name), self.signing[name]
        if how == "stripped":
            return key
        day = 86400
        begin, end = {"expired": (-20 * day, -10 * day), "early": (10 * day, 20 * day)}.get(how, (-day, 10 * day))
        times = [time.strftime("%Y%m%d%H%M%S", time.gmtime(time.time() + offset)) for offset in (begin, end)]
        subprocess.run(["ldns-signzone", "-i", times[0], "-e", times[1], "-o", name, "-f", str(file) + ".signed", str(file), str(key)[:-2]],
                       cwd=self.folder, check=True, capture_output=True)
        text = pathlib.Path(str(file) + ".signed").read_text()
        file.write_text(self._break(text) if how == "broken" else text)
        return key

    @staticmethod
    def _break(text):
        """Every signature but those of keys and of "no" is another one."""
        def damage(match):
            signature = bytearray(base64.b64decode(match[2]))
            signature[10] ^= 1
            return match[1] + base64.b64encode(signature).decode()
        return re.sub(r"(?m)^(\S+\s+\d+\s+IN\s+RRSIG\s+(?!DNSKEY|NSEC|SOA)\S+\s.*\s)(\S+=*)$", damage, text)
