"""auth_place - a real authd for tests, with logins and passwords of the test's, and clients that speak its protocol

    with Parts() as parts:
        parts.user("alice")
        authd = start_authd(parts, {"alice": "secret", "bob": entry("secret", flags="disabled")})
        answer = as_asker(lambda client: client.password("alice", "secret"))

authd asks who connects: pn-submit and pn-login may ask, root redeems tickets.
"""
import base64
import collections
import contextlib
import ctypes
import ctypes.util
import grp
import hashlib
import hmac
import json
import os
import pwd
import secrets
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from parts import as_user, netstring, read_record, record, take_fields  # noqa: E402
from scram import ScramClient  # noqa: E402

QUICK = "$6$rounds=1000$saltsaltsalt"  # where a test is not about hashing
SERVICE = "submission"
Answer = collections.namedtuple("Answer", "kind login ticket message reason")
_libcrypt = ctypes.CDLL(ctypes.util.find_library("crypt") or "libcrypt.so.1")
_libcrypt.crypt.restype = ctypes.c_char_p
_libcrypt.crypt_gensalt.restype = ctypes.c_char_p


def crypt(password, setting):
    """What crypt(3) makes; None where it knows no such scheme."""
    made = _libcrypt.crypt(password.encode() if isinstance(password, str) else password, setting.encode())
    return None if made is None or made.startswith(b"*") else made.decode()


def salt(prefix, count=0):
    """A new setting of a scheme; None where there is no such scheme."""
    made = _libcrypt.crypt_gensalt(prefix.encode(), ctypes.c_ulong(count), None, 0)
    return made.decode() if made else None


def scram_keys(password, iterations=4096, salt_bytes=None):
    """The fourth field of users/passwords (RFC 5802 3)."""
    salt_bytes = salt_bytes or secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt_bytes, iterations)
    stored = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    return ",".join([str(iterations), *(base64.b64encode(part).decode() for part in (salt_bytes, stored, server))])


def app_password(name, password, services=()):
    digest = base64.b64encode(hashlib.sha256(password.replace("-", "").replace(" ", "").lower().encode()).digest()).decode()
    return f"{name}/{','.join(services)}/{digest}"


def entry(password=None, setting=QUICK, flags="", scram=True, apps=()):
    """What stands behind a login in users/passwords."""
    fields = [crypt(password, setting) if password is not None else "*", flags]
    fields.append(scram_keys(password) if scram and password is not None else "")
    fields.append(";".join(apps))
    while len(fields) > 2 and not fields[-1]:
        fields.pop()
    return ":".join(fields)


def write_passwords(parts, logins):
    """logins: {login: password or entry(...)}. Replaces users/passwords as `postern user` does."""
    text = "".join(f"{login}:{value if ':' in value else entry(value)}\n" for login, value in logins.items())
    path = os.path.join(parts.path, "users/passwords")
    with open(path + ".new", "w") as file:
        file.write(text)
    os.chown(path + ".new", 0, pwd.getpwnam("pn-auth").pw_gid)
    os.chmod(path + ".new", 0o640)
    os.rename(path + ".new", path)


def start_authd(parts, logins=None, wrapper=()):
    """authd as pn-auth, confined, ready; without `logins` there is no users/passwords."""
    if logins is not None:
        write_passwords(parts, logins)
    return parts.serve("authd", ["auth/authd"], user="pn-auth", second=parts.listen("authd-tickets"), wrapper=wrapper)


class AuthClient:
    """A connection to authd; whoever makes it is who asks."""

    def __init__(self, seconds=60, path="run/authd/s"):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)  # one that waits: with a time limit it would be refused while the queue is full
        self.socket.settimeout(seconds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def close(self):
        self.socket.close()

    @staticmethod
    def context(service=SERVICE, client="127.0.0.1", private=True, exporter=b"", end_point=b""):
        return b"".join(netstring(part) for part in (service.encode(), client.encode(), b"p" if private else b"", exporter, end_point))

    @staticmethod
    def password_record(login, password, **context):
        words = [word.encode() if isinstance(word, str) else word for word in (login, password)]
        return record(b"P" + AuthClient.context(**context) + netstring(words[0]) + netstring(words[1]))

    def answer(self):
        letter, fields = take_fields(read_record(self.socket))
        text = [field.decode() for field in fields]
        if letter == b"C":
            return Answer("C", "", "", text[0], "")
        if letter == b"Y":
            return Answer("Y", text[0], text[1], text[2], "")
        return Answer("N", "", "", text[1], text[0])

    def send_password(self, login, password, **context):
        self.socket.sendall(self.password_record(login, password, **context))

    def password(self, login, password, **context):
        self.send_password(login, password, **context)
        return self.answer()

    def first(self, mechanism, message, **context):
        self.socket.sendall(record(b"F" + self.context(**context) + netstring(mechanism.encode()) + netstring(message.encode())))
        return self.answer()

    def last(self, message):
        self.socket.sendall(record(b"L" + netstring(message.encode())))
        return self.answer()

    def scram(self, login, password, mechanism="SCRAM-SHA-256", header="n,,", binding=b"", forge=lambda final: final, **context):
        """A whole exchange (RFC 5802 3), and that the server proves itself; the last answer."""
        client = ScramClient(login, password, header, binding)
        challenge = self.first(mechanism, client.first(), **context)
        if challenge.kind != "C":
            return challenge
        answer = self.last(forge(client.final(challenge.message)))
        if answer.kind == "Y" and not client.is_proof(answer.message):
            raise AssertionError(f"the server's proof is {answer.message}")
        return answer


def as_asker(function, user="pn-submit"):
    """function(AuthClient) in a process of that user's; what it gives, as JSON can carry it (tuples become lists)."""
    reader, writer = os.pipe()
    try:
        def run():
            with AuthClient() as client:
                os.write(writer, json.dumps(function(client)).encode())
        asker = as_user(user)
        with contextlib.suppress(KeyError):
            asker.gid = grp.getgrnam("pn-logins").gr_gid  # whose the directory of the socket is, in an instance
        asker(run)
        return json.loads(os.read(reader, 65536))
    finally:
        os.close(reader)
        os.close(writer)


def ask(login, password, user="pn-submit", **context):
    return Answer(*as_asker(lambda client: client.password(login, password, **context), user))


def redeem(service, ticket):
    """As root: (letter, fields)"""
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(20)
        stream.connect("run/authd-tickets/s")
        stream.sendall(record(b"R" + netstring(service.encode()) + netstring(ticket.encode())))
        letter, fields = take_fields(read_record(stream))
        return letter.decode(), [field.decode() for field in fields]
