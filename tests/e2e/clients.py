"""clients - other people's mail clients, each sending one message over TLS with a login

    done = CLIENTS["curl"](Account(port, "starttls", ca, "alice", "secret"), "alice@here.example", "bob@here.example", "a subject")
    done.sent, done.output

Each checks the server's certificate against the one authority it is told to trust, and the name where it can be told
another one than it connects to (NAMED). A client whose program is not here raises check.Skip.
"""
import base64
import dataclasses
import json
import os
import pathlib
import shutil
import smtplib
import ssl
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent))
import check  # noqa: E402  pylint: disable=wrong-import-position

root = pathlib.Path(__file__).resolve().parent.parent.parent
seconds = 60


@dataclasses.dataclass
class Account:
    port: int
    tls: str  # "starttls", or "at once"
    ca: str  # file of the authority to trust
    user: str
    password: str
    name: str = ""  # the name that the certificate is to have; without one, the host's
    mechanism: str = ""  # without one, the client's choice
    host: str = "127.0.0.1"

    def at_once(self):
        return self.tls == "at once"


@dataclasses.dataclass
class Done:
    sent: bool
    output: str


def run(command, text="", environment=None):
    if not shutil.which(command[0]):
        check.skip(f"{command[0]} is not installed (tools/setup check)")
    with tempfile.TemporaryDirectory(prefix="postern-test.") as home:
        done = subprocess.run(command, input=text.encode(), capture_output=True, check=False, timeout=seconds, cwd=home,
                              env={"PATH": os.environ["PATH"], "HOME": home, "LANG": "C.UTF-8", "TERM": "dumb", **(environment or {})})
    return Done(done.returncode == 0, (done.stdout + done.stderr).decode("utf-8", "backslashreplace"))


def letter(sender, recipient, subject):
    return f"From: <{sender}>\nTo: <{recipient}>\nSubject: {subject}\n\nhello\n"


def swaks(account, sender, recipient, subject):
    return run(["swaks", "--server", account.host, "--port", str(account.port), "--helo", "client.example", "--from", sender, "--to", recipient,
                "--header", f"Subject: {subject}", "--tls-on-connect" if account.at_once() else "--tls", "--tls-verify", "--tls-ca-path", account.ca,
                "--auth", account.mechanism or "PLAIN,LOGIN", "--auth-user", account.user, "--auth-password", account.password])


def curl(account, sender, recipient, subject):
    host = account.name or account.host
    return run(["curl", "-sS", "--noproxy", "*", "--crlf", "--resolve", f"{host}:{account.port}:{account.host}", "--cacert", account.ca, "--ssl-reqd",
                "--user", f"{account.user}:{account.password}", *(["--login-options", f"AUTH={account.mechanism}"] if account.mechanism else []),
                "--mail-from", sender, "--mail-rcpt", recipient, "-T", "-",
                f"{'smtps' if account.at_once() else 'smtp'}://{host}:{account.port}/client.example"], letter(sender, recipient, subject))


def msmtp(account, sender, recipient, subject):
    lines = [f"host {account.host}", f"port {account.port}", f"auth {account.mechanism.lower() or 'on'}", f"user {account.user}",
             f"password {account.password}", f"from {sender}", "domain client.example", "tls on", f"tls_starttls {'off' if account.at_once() else 'on'}",
             f"tls_trust_file {account.ca}", "timeout 60"]
    if account.name:
        lines.append(f"tls_host_override {account.name}")
    with tempfile.NamedTemporaryFile("w", prefix="postern-test.") as settings:  # mode 0600, as msmtp wants it
        settings.write("\n".join(lines) + "\n")
        settings.flush()
        return run(["msmtp", "-C", settings.name, "--", recipient], letter(sender, recipient, subject))


def mutt(account, sender, recipient, subject):
    lines = [f"set smtp_url='{'smtps' if account.at_once() else 'smtp'}://{account.user}@{account.host}:{account.port}/'", f"set smtp_pass='{account.password}'",
             "set ssl_starttls=yes ssl_force_tls=yes ssl_verify_host=yes ssl_verify_dates=yes", f"set ssl_ca_certificates_file='{account.ca}'",
             f"set from='{sender}' use_from=yes use_envelope_from=yes envelope_from_address='{sender}' hostname=client.example copy=no",
             f"set smtp_authenticators='{(account.mechanism or 'plain').lower()}'"]
    with tempfile.NamedTemporaryFile("w", prefix="postern-test.") as settings:
        settings.write("\n".join(lines) + "\n")
        settings.flush()
        return run(["mutt", "-F", settings.name, "-s", subject, "--", recipient], "hello\n")


def smtplib_client(account, sender, recipient, subject):
    trust = ssl.create_default_context(cafile=account.ca)
    try:
        if account.at_once():
            client = smtplib.SMTP_SSL(account.host, account.port, "client.example", timeout=seconds, context=trust)
        else:
            client = smtplib.SMTP(account.host, account.port, "client.example", timeout=seconds)
        with client:
            if not account.at_once():
                client.starttls(context=trust)
            client.login(account.user, account.password)
            client.sendmail(sender, recipient, letter(sender, recipient, subject))
    except (smtplib.SMTPException, OSError) as error:
        return Done(False, f"{type(error).__name__}: {error}")
    return Done(True, "")


NODEMAILER = """
const job = JSON.parse(require("fs").readFileSync(0));
require("nodemailer").createTransport(job.transport).sendMail(job.mail)
  .then(() => console.log("sent"), error => { console.log(error.code + ": " + error.message); process.exit(1); });
"""


def nodemailer(account, sender, recipient, subject):
    library = root / "build/packages/node-nodemailer/usr/share/nodejs"
    if not library.is_dir():
        check.skip("node-nodemailer is not unpacked in build/packages (tools/setup check)")
    tls = {"ca": pathlib.Path(account.ca).read_text()}
    if account.name:
        tls["servername"] = account.name
    auth = {"user": account.user, "pass": account.password}
    transport = {"host": account.host, "port": account.port, "name": "client.example", "secure": account.at_once(), "requireTLS": True, "tls": tls, "auth": auth}
    if account.mechanism:
        transport["authMethod"] = account.mechanism
    job = {"transport": transport, "mail": {"from": sender, "to": recipient, "subject": subject, "text": "hello"}}
    return run(["node", "-e", NODEMAILER], json.dumps(job), {"NODE_PATH": str(library)})


def s_client(account, sender, recipient, subject):
    """openssl s_client: the dialogue by hand, one command at a time."""
    command = ["openssl", "s_client", "-quiet", "-connect", f"{account.host}:{account.port}", "-CAfile", account.ca, "-verify_return_error",
               *(["-verify_hostname", account.name] if account.name else ["-verify_ip", account.host])]
    if not account.at_once():
        command += ["-starttls", "smtp", "-name", "client.example"]
    plain = base64.b64encode(f"\0{account.user}\0{account.password}".encode()).decode()
    text = letter(sender, recipient, subject).replace("\n", "\r\n")
    steps = [("EHLO client.example", "250"), (f"AUTH PLAIN {plain}", "235"), (f"MAIL FROM:<{sender}>", "250"), (f"RCPT TO:<{recipient}>", "250"), ("DATA", "354"),
             (text + ".", "250"), ("QUIT", "221")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        alarm = threading.Timer(seconds, child.kill)
        alarm.start()
        heard = []
        try:

            def last_line():
                for line in iter(child.stdout.readline, b""):
                    heard.append(line.decode("utf-8", "backslashreplace"))
                    if line[3:4] == b" ":
                        return heard[-1]
                raise EOFError

            if account.at_once():
                last_line()  # the greeting; before STARTTLS openssl hears it itself
            for say, code in steps:
                child.stdin.write(f"{say}\r\n".encode())
                child.stdin.flush()
                if not last_line().startswith(code):
                    return Done(False, "".join(heard))
            return Done(True, "".join(heard))
        except (EOFError, BrokenPipeError):
            return Done(False, "".join(heard) + child.stderr.read().decode("utf-8", "backslashreplace"))
        finally:
            alarm.cancel()
            child.kill()


CLIENTS = {"swaks": swaks, "curl": curl, "msmtp": msmtp, "mutt": mutt, "smtplib": smtplib_client, "nodemailer": nodemailer, "openssl s_client": s_client}
NAMED = ("curl", "msmtp", "nodemailer", "openssl s_client")
