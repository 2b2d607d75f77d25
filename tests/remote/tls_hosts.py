"""tls_hosts - certificates for hosts of a test, and hosts that speak SMTP over TLS

    maker = Certificates(folder)
    Peer("127.0.0.2", port, tls_script(maker.certificate("mx.example.org")))
"""
import hashlib
import pathlib
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "auth"))
from tls_place import Authority, new_key  # noqa: E402  pylint: disable=wrong-import-position


class Certificates:
    def __init__(self, folder, authority=None):
        self.folder, self.authority = folder, authority or Authority(folder)

    def certificate(self, *names, number=0):
        """A file with a key and a certificate for these names, and its authority's."""
        base = f"{self.folder}/{names[0]}.{number}"
        new_key(base + ".key")
        self.authority.sign(base + ".key", base + ".crt", names)
        with open(base + ".pem", "wb") as file:
            for part in (base + ".key", base + ".crt", self.authority.pem):
                file.write(pathlib.Path(part).read_bytes())
        return base + ".pem"


def der(certificate):
    text = pathlib.Path(certificate).read_text()
    end = "-----END CERTIFICATE-----\n"
    return ssl.PEM_cert_to_DER_cert(text[text.index("-----BEGIN CERT") : text.index(end) + len(end)])  # the first one


def tlsa(usage, certificate):
    """Its TLSA record: the whole certificate, SHA-256."""
    return f"TLSA {usage} 0 1 {hashlib.sha256(der(certificate)).hexdigest()}"


def server_context(certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


def start_tls(session, context):
    """A Session goes on encrypted."""
    session.reader.close()
    session.stream = context.wrap_socket(session.stream, server_side=True)
    session.reader = session.stream.makefile("rb")
    session.is_encrypted = True


def hear_starttls(session, features=("STARTTLS", "PIPELINING")):
    session.greet(features=features)
    if session.hear() != "STARTTLS":
        raise EOFError


def tls_script(certificate, features=("PIPELINING", "8BITMIME"), answers=None):
    """Takes mail, over TLS when it is asked for."""
    context = server_context(certificate)

    def script(session):
        session.greet(features=("STARTTLS", *features))

        def turn(line):
            session.say("220 2.0.0 go ahead")
            start_tls(session, context)
            session.hear()
            session.say("250-peer.example")
            session.say("250 " + " ".join(features[:1]))
            raise StopIteration

        try:
            session.serve({"STARTTLS": turn, **(answers or {})})
        except StopIteration:
            session.serve(answers)
    return script
