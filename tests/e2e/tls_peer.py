"""tls_peer - a client of SMTP that says one line at a time, over TLS from when the test wants it

    with Peer(mail, "submission") as peer:      # connected, the greeting read
        peer.ask("EHLO client.example")         # (250, [line, ...])
        peer.starttls()                         # STARTTLS, and the handshake
        peer.log_in("alice", "secret")          # the reply's code
        peer.deliver("alice@here.example", ["bob@here.example"], "Subject: x\\r\\n\\r\\nhello\\r\\n")

Services of TLS at once do their handshake first. `take` is a line that is sent as it is, bytes too.
"""
import base64
import pathlib
import socket
import ssl
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check  # noqa: E402  pylint: disable=wrong-import-position

AT_ONCE = ("submissions", "pop3s", "imaps")
seconds = 30


def trust(mail, **settings):
    context = ssl.create_default_context(cafile=mail.env["CAFILE"])
    context.set_alpn_protocols([])
    for name, value in settings.items():
        setattr(context, name, value)
    return context


class Peer:
    def __init__(self, mail, service, source="127.0.0.1", port=0, context=None, patience=seconds):
        self.context = context or trust(mail)
        self.socket = socket.create_connection(("127.0.0.1", port or mail.ports[service]), patience, (source, 0))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.is_at_once = service in AT_ONCE
        self.waiting = b""
        self.greeting = None
        if self.is_at_once:
            self.shake_hands()
        self.greeting = self.reply()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        self.socket.close()

    def shake_hands(self):
        self.socket = self.context.wrap_socket(self.socket, server_hostname="127.0.0.1", suppress_ragged_eofs=False)

    def take(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode())

    def line(self):
        """A line of the server without its end; EOFError when there is none more."""
        while b"\r\n" not in self.waiting:
            try:
                piece = self.socket.recv(65536)
            except ssl.SSLEOFError as error:
                raise EOFError("cut off") from error
            except ConnectionResetError as error:
                raise EOFError("reset") from error
            if not piece:
                raise EOFError
            self.waiting += piece
        line, self.waiting = self.waiting.split(b"\r\n", 1)
        return line.decode("utf-8", "backslashreplace")

    def reply(self):
        lines = [self.line()]
        while lines[-1][3:4] == "-":
            lines.append(self.line())
        return int(lines[-1][:3]), [line[4:] for line in lines]

    def ask(self, line):
        self.take(line + "\r\n")
        return self.reply()

    def code(self, line):
        return self.ask(line)[0]

    def features(self):
        return self.ask("EHLO client.example")[1][1:]

    def starttls(self):
        check.equal(self.code("STARTTLS"), 220, "STARTTLS")
        self.shake_hands()

    def log_in(self, user, password, mechanism="PLAIN"):
        if mechanism == "PLAIN":
            return self.code("AUTH PLAIN " + base64.b64encode(f"\0{user}\0{password}".encode()).decode())
        check.equal(self.code("AUTH LOGIN"), 334)
        check.equal(self.code(base64.b64encode(user.encode()).decode()), 334)
        return self.code(base64.b64encode(password.encode()).decode())

    def enter(self, user, password):
        """As far as a login, whatever the port; the code."""
        self.features()
        if not self.is_at_once:
            self.starttls()
            self.features()
        return self.log_in(user, password)

    def deliver(self, sender, recipients, text, mail_options=""):
        """The reply to the dot, or the first that refuses."""
        commands = [f"MAIL FROM:<{sender}>{mail_options}"] + [f"RCPT TO:<{recipient}>" for recipient in recipients] + ["DATA"]
        for command in commands:
            answer = self.ask(command)
            if answer[0] not in (250, 354):
                return answer
        self.take(text.encode() if isinstance(text, str) else text)
        return self.ask(".")

    def is_closed(self):
        """Whether the server ends the connection without another word."""
        try:
            self.line()
            return False
        except (EOFError, OSError):
            return True
