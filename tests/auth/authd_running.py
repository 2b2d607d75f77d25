"""authd_running - authd with logins of all kinds, started when this is imported, and ways to ask it and to look at it"""
import atexit
from concurrent.futures import ThreadPoolExecutor  # now: other users cannot read modules everywhere

from auth_place import Answer, AuthClient, app_password, as_asker, ask, entry, start_authd
from parts import Parts

parts = Parts().__enter__()
atexit.register(parts.__exit__)
for name in ("alice", "example.org-info"):
    parts.user(name)
parts.user("bob", dash="-")
parts.control("virtualdomains", "example.org:example.org\n")
with open("users/seed", "wb") as seed:
    seed.write(b"seed" * 8)
APP = "abcdefghijklmnopqrstuvwxyz23"
LOGINS = {
    "alice": "secret", "bob": "other", "info@example.org": "virtual", "shut": entry("secret", flags="disabled"), "odd": entry("secret", flags="strange"),
    "no-keys": entry("secret", scram=False), "nobody-s": entry(), "spaced": " p a s s ", "utf": "pässwörd",
    "apps": entry("main", apps=[app_password("phone", APP, ("imap", "pop3")), app_password("laptop", APP[::-1])]),
    "none": entry("", scram=False), "unknown-scheme": "$weird$salt$hash:",
    "heavy": f"$y$jFT$abcdefghijklmnop${'a' * 43}:",  # which takes 1 GiB to make
}
authd = start_authd(parts)
PID = authd.process.pid


def kinds(function, *arguments, **context):
    answer = Answer(*function(*arguments, **context))
    return answer.kind + answer.reason


def said(login, password, **context):
    return kinds(ask, login, password, **context)


def all_said(tries, field=4):
    """What many tries got, each on a connection of its own, all at once; with the reason, or another field of the answer."""
    def run(client):
        clients = [client] + [AuthClient() for _ in tries[1:]]
        for one, (login, password, context) in zip(clients, tries):
            one.send_password(login, password, **context)
        return [one.answer() for one in clients]
    return [answer[0] + answer[field] for answer in as_asker(run)]


def all_scrams(tries, user="pn-submit"):
    """What many exchanges got, each on a connection of its own, all at once: [((login, password), how)]"""
    def one(words, how):
        with AuthClient() as client:
            return client.scram(*words, **how)

    def run(_):
        with ThreadPoolExecutor(len(tries)) as pool:
            return list(pool.map(lambda each: one(*each), tries))
    return [answer[0] + answer[1] + answer[4] for answer in as_asker(run, user)]


def memory_of(pid):
    """Every readable byte of a process."""
    found = []
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if "r" not in rights or "[v" in line:
                continue
            first, last = (int(word, 16) for word in span.split("-"))
            try:
                memory.seek(first)
                found.append(memory.read(last - first))
            except OSError:
                continue
    return b"\n".join(found)


def family(pid):
    with open(f"/proc/{pid}/task/{pid}/children") as children:
        return [pid, *map(int, children.read().split())]


def ticks_of(pid):
    with open(f"/proc/{pid}/stat") as stat:
        return int(stat.read().split()[13])
