"""host - another host that takes mail: what it acknowledged lies in a Maildir, as it came; with a certificate it offers TLS"""
import os
import socket
import ssl
import threading


class Host:
    def __init__(self, maildir, certificate=None, prefix=""):
        self.maildir, self.taken, self.prefix = maildir, 0, prefix
        self.lock, self.context = threading.Lock(), None
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(certificate)
        self.listener = socket.create_server(("127.0.0.2", 0), backlog=64)
        self.name = f"[127.0.0.2]:{self.listener.getsockname()[1]}"
        threading.Thread(target=self.accept, daemon=True).start()

    def end(self):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def accept(self):
        while True:
            try:
                stream, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(stream,), daemon=True).start()

    def serve(self, stream):
        """A session; one that breaks off leaves nothing."""
        try:
            with stream, stream.makefile("rb") as lines:
                stream.sendall(b"220 far.example ESMTP\r\n")
                if not self.converse(stream, lines, self.context):
                    return
                stream.sendall(b"220 go on\r\n")
                with self.context.wrap_socket(stream, server_side=True) as wrapped, wrapped.makefile("rb") as secret:
                    self.converse(wrapped, secret, None)
        except OSError:
            pass

    def converse(self, stream, lines, context):
        """True: TLS is asked for, and was offered."""
        while line := lines.readline():
            verb = line[:4].upper()
            if verb == b"DATA":
                stream.sendall(b"354 go on\r\n")
                self.take(b"".join(iter(lambda: self.line_of_message(lines), b"")))
            if verb == b"STAR" and context:
                return True
            if verb == b"EHLO" and context:
                stream.sendall(b"250-far.example\r\n250 STARTTLS\r\n")
            else:
                stream.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        return False

    @staticmethod
    def line_of_message(lines):
        """Empty: the dot."""
        line = lines.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("broken off in a message")
        if line == b".\r\n":
            return b""
        return line[line.startswith(b"."):-2] + b"\n"

    def take(self, content):
        """As local would: there, or not there."""
        with self.lock:
            self.taken += 1
            name = f"{self.taken}.far{self.prefix}"
        with open(f"{self.maildir}/tmp/{name}", "wb") as file:
            file.write(b"Return-Path: <>\n" + content)
        os.rename(f"{self.maildir}/tmp/{name}", f"{self.maildir}/new/{name}")
