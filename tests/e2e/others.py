"""others - other people's mail servers as hosts to send to, each on a loopback address of its own, for as long as a test needs it

    with Postfix("127.0.0.4", port, "postfix.example") as host: ... host.messages()
    with OpenSmtpd("127.0.0.5", port, "opensmtpd.example") as host: ...
    with SmtpSink("127.0.0.3", port) as sink: sink.wait_for(1000)
    with Dovecot("127.0.0.6", port, {"alice": hash}, uid) as peer: ... peer.maildir("alice")

Postfix, OpenSMTPD and Dovecot are Debian's, unpacked below build/packages by tools/setup, in a mount namespace of their own
(package-room): nothing of them is installed, and they end with the test. They keep what they take in one Maildir.
"""
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

here = pathlib.Path(__file__).resolve().parent
packages = here.parent.parent / "build" / "packages"
default_seconds = 30


def why_not(names=("postfix", "opensmtpd")):
    """Why these cannot run here, or nothing."""
    for name in names:
        if not (packages / name / "usr").is_dir():
            return f"{name} is not unpacked in build/packages (tools/setup check)"
    room = subprocess.run(["unshare", "--mount", "--pid", "--fork", "sh", "-c", "mount --make-rprivate / && mount -t overlay overlay -o "
                           f"lowerdir={packages}/{names[0]}/usr:/usr /usr"], capture_output=True, text=True, check=False)
    return f"no overlay in a mount namespace: {room.stderr.strip()}" if room.returncode else ""


def wait_for_port(address, port, process, seconds=default_seconds):
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection((address, port), seconds).close()
            return
        except ConnectionRefusedError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise
            select.select([], [], [], 0.02)


class Other:
    """A server in a room of its own. Subclasses say package, users, and write what it needs into self.folder."""
    package, users = "", ""

    def __init__(self, address, port, domain):
        self.address, self.port, self.domain = address, port, domain
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="postern-other-"))
        os.chmod(self.folder, 0o755)
        self.mail = self.folder / "mail"
        self.mail.mkdir()
        shutil.chown(self.mail, "nobody", "nogroup")
        self.process = None

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        with open(self.folder / "log", "ab") as log:
            self.process = subprocess.Popen([here / "package-room", self.package, self.folder, self.users, *self.command()], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, start_new_session=True)
        try:
            wait_for_port(self.address, self.port, self.process)
        except OSError as error:
            text = self.log()[-2000:]
            self.__exit__()
            raise OSError(f"{self.package} did not start: {error}: {text}") from error
        return self

    def __exit__(self, *_):
        for child in pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)  # the first process of the namespace, and with it all of them
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def log(self):
        return (self.folder / "log").read_text(errors="replace")

    def maildir(self):
        raise NotImplementedError

    def messages(self):
        return [path.read_bytes() for path in sorted(self.maildir().glob("new/*"))]


class OpenSmtpd(Other):
    package, users = "opensmtpd", "opensmtpd opensmtpq"

    def maildir(self):
        return self.mail / "Maildir"

    def command(self):
        (self.folder / "smtpd.conf").write_text(
            'table users { "@" = "nobody" }\n'
            f'listen on {self.address} port {self.port} hostname {self.domain}\n'
            f'action "keep" maildir "{self.maildir()}" virtual <users>\n'
            f'match from any for domain "{self.domain}" action "keep"\n')
        return ["sh", "-c", f"mkdir -p /var/lib/opensmtpd/empty && exec smtpd -d -f {self.folder}/smtpd.conf"]


class Postfix(Other):
    """`settings` are lines of main.cf; reports go to `relay`, "[127.0.0.1]:10025"."""
    package, users = "postfix", "postfix postdrop"

    def __init__(self, address, port, domain, relay="", settings=()):
        super().__init__(address, port, domain)
        self.relay, self.settings = relay, settings

    def maildir(self):
        return self.mail / "box"

    def command(self):
        source = packages / "postfix"
        config = self.folder / "config"
        config.mkdir()
        queue = self.folder / "queue"
        lines = ["compatibility_level = 3.6", f"queue_directory = {queue}", f"data_directory = {self.folder}/data", "command_directory = /usr/sbin",
                 "daemon_directory = /usr/lib/postfix/sbin", f"meta_directory = {source}/etc/postfix", "mail_owner = postfix", "setgid_group = postdrop",
                 f"myhostname = {self.domain}", "mydestination =", "inet_protocols = ipv4", "inet_interfaces = loopback-only", "mynetworks = 127.0.0.0/8",
                 "smtpd_relay_restrictions = permit_mynetworks, reject", "smtp_dns_support_level = disabled", "smtp_host_lookup = native",
                 "smtpd_peername_lookup = no", "smtpd_tls_security_level = none", "smtp_tls_security_level = none", "alias_maps =", "biff = no",
                 "local_recipient_maps =", "message_size_limit = 67108864", "virtual_mailbox_limit = 0", "smtpd_client_connection_count_limit = 0", f"maillog_file = {self.folder}/log",
                 "maillog_file_prefixes = /tmp", f"virtual_mailbox_domains = {self.domain}", f"virtual_mailbox_base = {self.mail}",
                 "virtual_mailbox_maps = static:box/", "virtual_uid_maps = static:65534", "virtual_gid_maps = static:65534", "virtual_minimum_uid = 1",
                 f"relayhost = {self.relay}", *self.settings]
        (config / "main.cf").write_text("\n".join(lines) + "\n")
        services = (source / "usr/share/postfix/master.cf.dist").read_text()
        services = re.sub(r"(?m)^smtp +inet +n +- +y +- +- +smtpd", f"{self.address}:{self.port} inet n - n - - smtpd", services)
        services = re.sub(r"(?m)^(\S+ +(?:inet|unix|fifo|unix-dgram) +\S+ +\S+) +y ", r"\1 n ", services)
        (config / "master.cf").write_text(services)
        (self.folder / "data").mkdir()
        queue.mkdir()
        for name in ("active", "bounce", "corrupt", "defer", "deferred", "flush", "hold", "incoming", "private", "saved", "trace", "maildrop", "public", "pid"):
            (queue / name).mkdir()
        owned = "active bounce corrupt defer deferred flush hold incoming private saved trace maildrop public"
        return ["sh", "-c", f"cd {queue} && chown postfix {owned} {self.folder}/data && chmod 700 {owned} && chgrp postdrop maildrop public && "
                f"chmod 730 maildrop && chmod 710 public && exec /usr/lib/postfix/sbin/master -c {config} -d"]


class Dovecot(Other):
    """A POP3 server with Debian's defaults, but for `settings`, lines of its own. `users` {name: hash}; their mail is `uid`'s."""
    package, users = "dovecot-core dovecot-pop3d", "dovecot dovenull"

    def __init__(self, address, port, users, uid, settings=()):
        super().__init__(address, port, "")
        self.passwords, self.uid, self.settings = users, uid, settings
        for name in users:
            for part in ("new", "cur", "tmp"):
                (self.maildir(name) / part).mkdir(parents=True)
        subprocess.run(["chown", "-R", f"{uid}:{uid}", self.mail], check=True)

    def maildir(self, user=None):
        return self.mail / user / "Maildir"

    def command(self):
        (self.folder / "passwords").write_text("".join(f"{name}:{hash}\n" for name, hash in self.passwords.items()))
        lines = [f"listen = {self.address}", "protocols = pop3", "ssl = no", "disable_plaintext_auth = no", "mail_location = maildir:~/Maildir",
                 f"log_path = {self.folder}/log", "service pop3-login {", " inet_listener pop3 {", f"  port = {self.port}", " }", " inet_listener pop3s {", "  port = 0", " }", "}",
                 "passdb {", " driver = passwd-file", f" args = scheme=CRYPT {self.folder}/passwords", "}",
                 "userdb {", " driver = static", f" args = uid={self.uid} gid={self.uid} home={self.mail}/%u", "}", *self.settings]
        (self.folder / "dovecot.conf").write_text("\n".join(lines) + "\n")
        return ["sh", "-c", f"mkdir /run/dovecot /var/lib/dovecot && exec dovecot -F -c {self.folder}/dovecot.conf"]


class SmtpSink:
    """Postfix's smtp-sink: takes everything, keeps nothing, counts. On "" it listens on all addresses."""

    def __init__(self, address, port, *options):
        environment = os.environ | {"LD_LIBRARY_PATH": str(packages / "postfix/usr/lib/postfix")}
        self.process = subprocess.Popen([packages / "postfix/usr/sbin/smtp-sink", "-c", "-m", "3000", "-u", "nobody", *options, f"{address}:{port}", "1000"],
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment)
        self.count, self._tail = 0, b""
        wait_for_port(address or "127.0.0.1", port, self.process)

    def wait_for(self, count, seconds=60):
        """Returns when it has taken so many messages."""
        deadline = time.monotonic() + seconds
        while self.count < count:
            if not select.select([self.process.stdout], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise TimeoutError(f"smtp-sink has {self.count} of {count} messages")
            piece = os.read(self.process.stdout.fileno(), 65536)
            if not piece:
                raise EOFError("smtp-sink ended")
            self._tail = (self._tail + piece)[-400:]
            found = re.findall(rb"mesg=\s*(\d+)", self._tail)
            self.count = int(found[-1]) if found else self.count

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


