"""host - another host that takes mail: what it acknowledged lies in a Maildir, as it came"""
import os
import socket
import threading


class Host:
    def __init__(self, maildir):
        self.maildir, self.taken = maildir, 0
        self.lock = threading.Lock()
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
                while line := lines.readline():
                    verb = line[:4].upper()
                    if verb == b"DATA":
                        stream.sendall(b"354 go on\r\n")
                        self.take(b"".join(iter(lambda: self.line_of_message(lines), b"")))
                    stream.sendall(b"221 bye\r\n" if verb == b"QUIT" else b"250 ok\r\n")
        except OSError:
            pass

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
            name = f"{self.taken}.far"
        with open(f"{self.maildir}/tmp/{name}", "wb") as file:
            file.write(b"Return-Path: <>\n" + content)
        os.rename(f"{self.maildir}/tmp/{name}", f"{self.maildir}/new/{name}")
