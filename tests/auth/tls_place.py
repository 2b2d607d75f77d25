"""tls_place - real tlsd and tlskeyd in the directory of a Parts, with certificates from an authority of the test

    with Parts() as parts:
        place = TlsPlace(parts)                      # an ECDSA and an RSA certificate for parts.me; place.cafile to trust
        place.certificate("other", ["other.example"])       # one more, from the next place.hang_up() on
        place.start_server()                         # run/tlskeyd, run/tlsd: place.keyd, place.tlsd (Service)
        place.start_client()                         # run/tlsc, which trusts place.cafile: place.tlsc (Service)

The certificates are made before the services start. A program that asks tlsd does so as its own user: Parts.serve(..., user="pn-smtp").
For a test that asks by itself:

        with place.server_side("smtp") as (client, plain, facts):   # facts: a dict, as the line has it
            ...

Needs root and openssl(1).
"""
import contextlib
import os
import pwd
import signal
import socket
import ssl
import struct
import subprocess
import threading

from parts import netstring, read_exactly, record

FACTS = ("protocol", "cipher", "server_name", "verified", "why", "resumed", "exporter", "end_point")


def openssl(*words, text=None):
    return subprocess.run(["openssl", *words], input=text, capture_output=True, check=True).stdout


def new_key(path, kind="ec"):
    bits = {"ec": ["EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "p384": ["EC", "-pkeyopt", "ec_paramgen_curve:P-384"]}
    words = bits.get(kind) or ["RSA", "-pkeyopt", "rsa_keygen_bits:" + kind.removeprefix("rsa").lstrip(":") or "2048"]
    if kind == "rsa":
        words = ["RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
    openssl("genpkey", "-algorithm", *words, "-out", path)


class Authority:
    """An authority below `folder`; its certificate is NAME.pem."""

    def __init__(self, folder, name="authority"):
        self.folder, self.key, self.pem = folder, f"{folder}/{name}.key", f"{folder}/{name}.pem"
        new_key(self.key)
        openssl("req", "-x509", "-new", "-key", self.key, "-out", self.pem, "-days", "30", "-subj", f"/CN=The test's {name}", "-addext",
                "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign")

    def sign(self, key, out, names, days=30, common="host of the test"):
        """A certificate for a key, in the file `out`; days may be negative: it has expired."""
        config = f"{out}.ext"
        with open(config, "w") as file:
            file.write("basicConstraints=critical,CA:FALSE\nkeyUsage=critical,digitalSignature\n")
            if names:
                file.write("subjectAltName=" + ",".join(("IP:" if name[0].isdigit() else "DNS:") + name for name in names) + "\n")
        request = openssl("req", "-new", "-key", key, "-subj", f"/CN={common}")
        openssl("x509", "-req", "-CA", self.pem, "-CAkey", self.key, "-CAcreateserial", "-days", str(days), "-extfile", config, "-out", out,
                text=request)
        os.unlink(config)


class TlsPlace:
    def __init__(self, parts, with_certificates=True):
        self.parts, self.tlsd, self.keyd, self.tlsc = parts, None, None, None
        for folder in ("tls", "tls/certs", "tls/keys", "authorities"):
            os.mkdir(folder, 0o755)
        os.chown("tls/keys", 0, pwd.getpwnam("pn-key").pw_gid)
        os.chmod("tls/keys", 0o750)
        self.authority = Authority(os.path.join(parts.path, "authorities"))
        self.cafile = self.authority.pem
        parts.control("cabundle", self.cafile + "\n")
        if with_certificates:
            self.certificate("host-ecdsa", [parts.me, "localhost"])
            self.certificate("host-rsa", [parts.me, "localhost"], "rsa")

    def certificate(self, name, hosts, kind="ec", days=30):
        """tls/certs/NAME.pem and tls/keys/NAME.pem, with a new key"""
        key, certificate = f"tls/keys/{name}.new", f"tls/certs/{name}.new"
        new_key(key, kind)
        os.chown(key, 0, pwd.getpwnam("pn-key").pw_gid)
        os.chmod(key, 0o640)
        self.authority.sign(key, certificate, hosts, days)
        os.rename(key, f"tls/keys/{name}.pem")
        os.rename(certificate, f"tls/certs/{name}.pem")

    def start_server(self, wrapper=()):
        self.keyd = self.parts.serve("tlskeyd", ["auth/tlskeyd"], user="pn-key", wrapper=wrapper)
        self.tlsd = self.parts.serve("tlsd", ["auth/tlsd", "server"], user="pn-tls", wrapper=wrapper)

    def start_client(self, wrapper=()):
        self.tlsc = self.parts.serve("tlsc", ["auth/tlsd", "client"], user="pn-tlsc", wrapper=wrapper)

    def hang_up(self):
        """tlskeyd first, so that no certificate is shown whose key is not there"""
        for service, event in ((self.keyd, "keys"), (self.tlsd, "certificates")):
            count = service.log().count(f"{event} number=")
            service.process.send_signal(signal.SIGHUP)
            service.wait_log(f"{event} number=", count=count + 1)

    # --- asking -----------------------------------------------------------------------------------------------------------

    def connect_as(self, service, user):
        return connect_as(user, os.path.join("run", service, "s"))

    def hand_over(self, service, user, network, body):
        """The connection to tlsd, with the request on it; `network` is closed here."""
        return ask_as(user, os.path.join("run", service, "s"), network, body)

    @contextlib.contextmanager
    def server_side(self, service="smtp", user="pn-smtp", context=None, name="mini.example", session=None):
        """A handshake of Python's ssl with tlsd, both ends of which are given."""
        client, network = tcp_pair()
        asker = self.hand_over("tlsd", user, network, b"S" + netstring(service.encode()) + netstring(b"127.0.0.1"))
        context = context or self.context()
        try:
            wrapped = context.wrap_socket(client, server_hostname=name, session=session)
            yield wrapped, asker, read_facts(asker)
            wrapped.close()
        finally:
            client.close()
            asker.close()

    def s_client(self, *words, service="smtp", text=""):
        """openssl s_client against tlsd: (facts or refusal, what openssl printed)"""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            command = ["openssl", "s_client", "-connect", f"127.0.0.1:{listener.getsockname()[1]}", "-CAfile", self.cafile, *words]
            with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as client:
                network, _ = listener.accept()
                body = b"S" + netstring(service.encode()) + netstring(b"192.0.2.1")
                try:
                    with self.hand_over("tlsd", "pn-smtp", network, body) as asker:
                        facts = read_facts(asker)
                        return facts, client.communicate(text + "Q\n", timeout=20)[0]
                finally:
                    client.kill()

    def context(self):
        return ssl.create_default_context(cafile=self.cafile)


def connect_as(user, path):
    """As a user with the groups that it has on this host; the kernel tells the service its uid."""
    entry, own = pwd.getpwnam(user), os.getgroups()
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(20)
    os.setgroups(os.getgrouplist(user, entry.pw_gid))
    os.seteuid(entry.pw_uid)
    try:
        stream.connect(path)
    finally:
        os.seteuid(0)
        os.setgroups(own)
    return stream


def ask_as(user, path, network, body):
    """A connection to tlsd's socket, with the request on it; `network` is closed here."""
    asker = connect_as(user, path)
    socket.send_fds(asker, [record(body)], [network.fileno()])
    network.close()
    return asker


def tcp_pair():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        client = socket.create_connection(listener.getsockname())
        server, _ = listener.accept()
    for end in (client, server):
        end.settimeout(20)
        end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return client, server


def read_line(stream):
    line = b""
    while not line.endswith(b"\n"):
        line += read_exactly(stream, 1)
    return line[:-1]


def read_facts(stream):
    """tlsd's line: a dict, or the refusal as a text ("no ...", "own ...")"""
    line = read_line(stream)
    if not line.startswith(b"ok "):
        return line.decode()
    values, rest = [], line[3:]
    while rest:
        length, _, rest = rest.partition(b":")
        values.append(rest[: int(length)].decode())
        rest = rest[int(length) + 1 :]
    return dict(zip(FACTS, values, strict=True))


def is_refused(facts):
    """for the peer's doing"""
    return isinstance(facts, str) and facts.startswith("no ")


def wanted(server_name="", mode="o", names=(), tlsa=()):
    """The body of a request to tlsc; tlsa: (usage, selector, matching, data)"""
    text = b"C" + netstring(server_name.encode()) + netstring(mode.encode()) + netstring(b"".join(netstring(name.encode()) for name in names))
    return text + b"".join(netstring(bytes(entry[:3]) + entry[3]) for entry in tlsa)


class InBackground(threading.Thread):
    """Runs a function; result() gives what it returned, or raises what it raised."""

    def __init__(self, function):
        super().__init__(daemon=True)
        self.function, self.value, self.error = function, None, None
        self.start()

    def run(self):
        try:
            self.value = self.function()
        except BaseException as error:  # pylint: disable=broad-except
            self.error = error

    def result(self, seconds=20):
        self.join(seconds)
        if self.is_alive():
            raise AssertionError("it is not done")
        if self.error:
            raise self.error
        return self.value


def reset(stream):
    """Ends a TCP connection without a goodbye."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.close()


def memory_of(pid):
    """All that a process may write to, as root sees it"""
    content = b""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "w" not in rights or "[v" in line:
                continue
            first, last = (int(end, 16) for end in span.split("-"))
            memory.seek(first)
            content += memory.read(last - first)
    return content
