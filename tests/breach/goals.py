"""goals - what an attacker wants, and which programs may have it

GOALS: (name, attempts); an attempt is the words of a line of an attacker's plan (tests/breach/attempts.cc), and a goal is reached when
one of them is. {dir} is Postern's directory; {victim} a name that only this program's plan has; {pids} makes a line for each process
that runs meanwhile. OWN: what a program's row is for, and why. Everything else has to be denied.
"""
QUEUED = "{dir}/queue/todo/00/{victim}"
HOME = "{dir}/home/bob"
SOCKETS = ("queue-trusted", "queue-anyone", "queue-send", "queue-clean", "bounce", "local-spawn", "remote-spawn", "queue-desk", "queue-orders", "dnsqd", "countd", "check-spawn", "shadow-spawn", "tlskeyd", "tlsd", "tlsc", "authd", "authd-tickets",
           "login", "fdholder")

GOALS = [
    ("read /etc/shadow", ["read /etc/shadow"]),
    ("read /etc/passwd", ["read /etc/passwd"]),
    ("read another user's home", [f"list {HOME}", f"read {HOME}/secret"]),
    ("read another user's Maildir", [f"list {HOME}/Maildir/new", f"read {HOME}/Maildir/new/letter"]),
    ("write to another user's home", [f"write {HOME}/secret", f"create {HOME}/{{victim}}", f"create {HOME}/Maildir/new/{{victim}}",
                                      f"truncate {HOME}/{{victim}}.cut", f"unlink {HOME}/{{victim}}.gone", f"chmod {HOME}/{{victim}}.mode"]),
    ("read password hashes", ["read {dir}/users/passwords"]),
    ("read keys of TLS", ["list {dir}/tls/keys", "read {dir}/tls/keys/{victim}.key"]),
    ("change certificates or keys of TLS", ["create {dir}/tls/certs/{victim}", "create {dir}/tls/keys/{victim}"]),
    ("read the users database", ["read {dir}/users/cdb"]),
    ("read which mailboxes are full", ["read {dir}/users/full/bob"]),
    ("read control files", ["read {dir}/control/me", "list {dir}/control"]),
    ("write control files", ["write {dir}/control/me", "create {dir}/control/{victim}", "truncate {dir}/control/{victim}.cut",
                             "rename {dir}/control/{victim}.cut {dir}/control/{victim}.new"]),
    ("write the users database", ["write {dir}/users/cdb", "write {dir}/users/passwords", "create {dir}/users/{victim}",
                                  "unlink {dir}/users/{victim}.gone", "write {dir}/users/full/bob", "create {dir}/users/full/{victim}"]),
    ("change programs and run scripts", ["write {dir}/bin/maildirmake", "create {dir}/bin/{victim}", "rename {dir}/bin/{victim}.old {dir}/bin/{victim}.new",
                                         "write {dir}/service/smtpd/run", "create {dir}/service/{victim}"]),
    ("read logs", ["read {dir}/log/smtpd/current"]),
    ("write logs", ["write {dir}/log/smtpd/current", "create {dir}/log/smtpd/{victim}"]),
    ("put a socket in another's place", ["create {dir}/run/{victim}", "create {dir}/run/queue-trusted/{victim}", "unlink {dir}/run/queue-anyone/{victim}",
                                         "rename {dir}/run/queue-anyone/{victim} {dir}/run/queue-trusted/{victim}"]),
    ("write anywhere else", ["create /{victim}", "create /tmp/{victim}", "create /etc/{victim}", "create /dev/shm/{victim}", "create {dir}/{victim}",
                             "mkdir /tmp/{victim}.d", "write /proc/self/oom_score_adj"]),
    ("make a link or a device", ["symlink {dir}/queue/tmp/{victim}.symlink", "symlink /tmp/{victim}.symlink", "device /tmp/{victim}.device",
                                 "device {dir}/queue/tmp/{victim}.device"]),
    ("list the queue", ["list {dir}/queue/todo", "list {dir}/queue/todo/00"]),
    ("read a queued message", [f"read {QUEUED}.read", f"link {QUEUED}.read {{dir}}/queue/tmp/{{victim}}.taken"]),
    ("change a queued message", [f"write {QUEUED}.write", f"truncate {QUEUED}.truncate", f"chmod {QUEUED}.chmod"]),
    ("remove or replace a queued message", [f"unlink {QUEUED}.unlink", f"rename {QUEUED}.moved {{dir}}/queue/tmp/{{victim}}.moved",
                                            f"rename {{dir}}/queue/tmp/{{victim}}.own {QUEUED}.replaced"]),
    ("make files of its own in queue/tmp", ["create {dir}/queue/tmp/{victim}"]),
    ("link a file of its own into the queue", [f"link {{dir}}/queue/tmp/{{victim}}.linked {QUEUED}.new"]),
    ("create in the queue", [f"create {QUEUED}.created", "mkdir {dir}/queue/todo/{victim}"]),
    ("read delivery states", ["list {dir}/state", "read {dir}/state/{victim}.read"]),
    ("write delivery states", ["create {dir}/state/{victim}", "unlink {dir}/state/{victim}.gone"]),
    ("call for a scan (trigger)", ["write {dir}/run/queue-send/trigger"]),
    ("write to its own mailbox", ["create {dir}/home/alice/Maildir/tmp/{victim}", "create {dir}/home/alice/{victim}"]),
    *((f"connect to {name}", [f"connect {{dir}}/run/{name}/s"]) for name in SOCKETS),
    ("connect to an abstract socket", ["connect-abstract {abstract}"]),
    ("connect by TCP", ["connect-tcp {port}"]),
    ("turn its client's connection elsewhere", ["turn-stranger {port}", "turn-stranger-fast {port}"]),
    ("send by UDP", ["connect-udp {port}"]),
    ("other sockets", ["socket 2", "socket 10", "socket 16", "socket 17", "socket 38", "socket 40"]),  # raw, IPv6, netlink, packet, crypto, VM
    ("listen", ["listen-tcp"]),
    ("start a shell", ["exec /bin/sh"]),
    ("start another program", ["exec /bin/true", "exec {dir}/bin/maildirmake"]),
    ("more processes than its row says", ["bomb-vfork", "bomb-clone"]),
    ("more memory than its row says", ["memory-private", "memory-shared"]),
    ("make memory executable", ["memory-code"]),
    ("more descriptors than its row says", ["descriptors"]),
    ("raise a limit", ["raise-limit"]),
    ("kill a process", ["kill {pids}", "tgkill {pids}", "sigqueue {pids}", "signal-owner {pids}"]),
    ("trace a process", ["ptrace {pids}", "vm-read {pids}"]),
    ("/proc/PID/mem, environ, maps", ["read /proc/{pids}/mem", "write /proc/{pids}/mem", "read /proc/{pids}/environ", "read /proc/{pids}/maps"]),
    ("become root or another user", ["setuid 0", "setuid {bob}"]),
    ("all capabilities", ["capabilities"]),
    ("mount, chroot", ["mount", "chroot"]),
    ("namespaces", ["unshare", "clone-user", "setns"]),
    ("keyrings", ["keyctl", "add_key"]),
    ("bpf", ["bpf"]),
    ("userfaultfd", ["userfaultfd"]),
    ("perf_event_open", ["perf_event_open"]),
    ("io_uring", ["io_uring"]),
    ("load a kernel module", ["module"]),
    ("open a file by handle", ["open-by-handle"]),
    ("shared memory, message queues, memfd, inotify", ["shmget", "mq_open", "memfd", "inotify"]),
    ("type into a terminal", ["terminal"]),
    ("another system call ABI", ["x32"]),
]

# The first version of Landlock that denies a goal to whom filters and modes do not.
SINCE = {"connect by TCP": 4, "turn its client's connection elsewhere": 4, "connect to an abstract socket": 6}
# What a row grants and some kernels deny: newer ones connect no socket that has listened. The page says what the row grants.
KERNELS_DIFFER = {"tcpbind": {"turn its client's connection elsewhere"}}

PUBLIC = "the socket is open to every local user (0666), who says less there"
IN_GROUP = "its group is queue-send's, for reading; who answers there looks at the uid and closes"
ANY_CHILD = "the program that it starts may be any, dynamically linked too, and takes away the rest itself"
ROOT_BY_HAND = "run by root's own hand or boot script before anything foreign is read; becomes the program that it is given"
BECOMES = "it can become any user but reads only queue-send's bounded records and users/cdb; of root's capabilities it has two"
BECOMES_BY_TICKET = "it can become any user but reads only messages of fixed size and what authd answers; of root's capabilities it has two"
ROOT_CONNECTS = "it connects to authd for each ticket, and no filter sees which socket that is; who answers there looks at the uid and closes"
MAILBOXES = "makes, lists and removes mailboxes for root; reads what root typed"
CHECKERS = "what it starts are the operator's own programs, whatever they need; its user owns nothing, and no rule lets it write a file"
SHELLS = "becomes the tool that its caller named, with the caller's rights; reads nothing foreign"


def same(reason, *goals):
    return dict.fromkeys(goals, reason)


def all_but(reason, *denied):
    return {goal: reason for goal, _ in GOALS if goal not in denied}


OWN = {
    "authd": {"read password hashes": "holds them",
              **same("says whose mailbox a ticket is for", "read the users database", "read which mailboxes are full"),
              "read control files": "whom to trust and to ask", "connect to countd": "its group is that of all who may count",
              **same("asks for passwords that it has no hash of", "connect to check-spawn", "connect to shadow-spawn"),
              **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "bounce": {"read control files": "names and sizes for the bounce", "connect to queue-trusted": "hands over the bounce, with the null sender only",
               **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "check-spawn": {**same(CHECKERS, "connect by TCP", "connect to dnsqd", "connect to queue-anyone", "kill a process", "make memory executable",
                           "more memory than its row says", "more processes than its row says", "other sockets", "read /etc/passwd", "read the users database",
                           "read which mailboxes are full", "send by UDP", "start a shell", "start another program"),
                    "read control files": "which programs to ask"},
    "countd": {},
    "dnsq": {"connect to dnsqd": "asks it", "connect to queue-anyone": PUBLIC},
    "dnsqd": {"read control files": "whom to ask", "other sockets": "UDP by IPv6",
              "send by UDP": "asks name servers, which may be anywhere; Landlock does not see ports of UDP"},
    "domain": {"read the users database": "how many mailboxes a domain has", "read password hashes": "in the directory of the users database", "read which mailboxes are full": "likewise",
               "read control files": "which domains there are", "write control files": "adds and removes domains"},
    "inject": {"connect to queue-anyone": "hands over the message", "connect to dnsqd": PUBLIC},
    "local": {"write to its own mailbox": "delivers there"},
    "local-spawn": {**same(BECOMES, "become root or another user", "read /etc/shadow", "read /etc/passwd", "read password hashes", "read keys of TLS", "change certificates or keys of TLS", "write control files",
                           "write the users database", "change programs and run scripts", "put a socket in another's place", "write anywhere else"),
                    **same("where a mailbox is, and what it may hold", "read the users database", "read which mailboxes are full"), "read control files": "who queue-send is, and this host's name",
                    **same(ANY_CHILD, "start another program", "make memory executable", "more processes than its row says")},
    "login": {**same(BECOMES_BY_TICKET, "become root or another user", "read /etc/shadow", "read /etc/passwd", "read password hashes", "read keys of TLS", "change certificates or keys of TLS", "write control files",
                     "write the users database", "change programs and run scripts", "put a socket in another's place", "write anywhere else"),
              **same("its filter leaves that to pop3d; every user may", "read the users database", "read which mailboxes are full"), "read control files": "who pn-login is",
              "connect to authd-tickets": "redeems a ticket for each session", **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd"),
              **same(ROOT_CONNECTS, "connect to an abstract socket",
                     *(f"connect to {name}" for name in SOCKETS if name not in ("authd-tickets", "queue-anyone", "dnsqd", "queue-send"))),
              **same(ANY_CHILD, "start another program", "make memory executable", "more processes than its row says")},
    "maildirmake": {},
    "pop3-login": {"connect to login": "hands over a client that has logged in", "connect to tlsd": "hands it the network's socket",
                   "connect to authd": "asks who it is", "connect to countd": "its user is in that group",
                   **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "pop3d": {"write to its own mailbox": "removes what was deleted, and keeps its list of UIDs"},
    "postern": same(SHELLS, "connect by TCP", "connect to an abstract socket", "connect to queue-anyone", "connect to dnsqd", "kill a process", "listen", "make memory executable",
                    "more descriptors than its row says", "more memory than its row says", "more processes than its row says", "other sockets",
                    "raise a limit", "read /etc/passwd", "read control files", "read the users database", "read which mailboxes are full", "send by UDP", "start a shell",
                    "start another program", "write anywhere else", "make a link or a device"),
    "queue": {"read logs": "follows a message through them", "list the queue": "shows it", "read a queued message": "shows its header and checks it", "read delivery states": "shows them"},
    "queue-clean": {"remove or replace a queued message": "removes what is done and sets aside what is broken"},
    "queue-desk": {"list the queue": "shows it to operators", "read a queued message": "likewise", "read delivery states": "likewise",
                   "connect to queue-orders": "passes on what operators order",
                   **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd"),
                   **same(IN_GROUP, "connect to local-spawn", "connect to remote-spawn", "connect to queue-clean", "connect to bounce")},
    "queue-inject": {"make files of its own in queue/tmp": "a message as it arrives", "link a file of its own into the queue": "a message that is complete",
                     "read control files": "names and limits", "connect to queue-send": "tells it of a message",
                     "call for a scan (trigger)": "when it cannot be told", **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "queue-send": {"list the queue": "looks for messages", "read a queued message": "reads frames and envelopes, hands the file on",
                   "read control files": "limits and domains", "read delivery states": "its own", "write delivery states": "its own",
                   "call for a scan (trigger)": "opens its own FIFO so that it never ends",
                   **same("asks for what has to be done", "connect to local-spawn", "connect to remote-spawn", "connect to queue-clean",
                          "connect to bounce"),
                   **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "remote": {},
    "remote-spawn": {"read control files": "what remote needs before it confines itself",
                     **same(ANY_CHILD, "make memory executable", "more processes than its row says"),
                     "connect to tlsc": "its user may, for remote",
                     **same("its filter leaves that to remote", "connect by TCP", "other sockets"),
                     **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "shadow-check": same("checks a password with them", "read /etc/shadow", "read /etc/passwd"),
    "shadow-spawn": {**same("its rules and its user leave that to shadow-check", "read /etc/shadow", "read /etc/passwd"),
                     **same(ANY_CHILD, "make memory executable", "more processes than its row says")},
    "smtpd": {"read which mailboxes are full": "refuses their mail", "connect to queue-trusted": "hands over the message", "connect to countd": "counts what it limits", "connect to tlsd": "hands its connection over",
              **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "smtpd-submission": {"read which mailboxes are full": "refuses their mail", "connect to queue-trusted": "hands over the message, with a login", "connect to countd": "counts what a login sends",
                          "connect to tlsd": "hands its connection over", "connect to authd": "has a login checked",
                          **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "tcpbind": all_but(ROOT_BY_HAND, "trace a process", "all capabilities", "mount, chroot",
                       "namespaces", "keyrings", "bpf", "userfaultfd", "perf_event_open", "io_uring", "load a kernel module", "open a file by handle",
                       "shared memory, message queues, memfd, inotify", "type into a terminal", "another system call ABI"),
    "tcplisten": {**same(ANY_CHILD, "start another program", "make memory executable", "read /etc/passwd", "read control files", "read the users database", "read which mailboxes are full"),
                  "more processes than its row says": "a process a connection; -c counts them",
                  **same("its filter leaves that to smtpd, whose user it has", "connect to queue-trusted", "connect to countd", "connect to tlsd"),
                  **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "tlsd": {"connect to tlskeyd": "asks for signatures; a connection's process cannot", **same(PUBLIC, "connect to queue-anyone", "connect to dnsqd")},
    "tlskeyd": {"read keys of TLS": "signs with them"},
    "user": {**same(MAILBOXES, "read the users database", "read which mailboxes are full", "read password hashes", "write the users database", "read another user's home",
                    "read another user's Maildir", "write to another user's home", "write to its own mailbox"),
             "read control files": "which domains are local", "write control files": "adds a virtual domain",
             "change a queued message": "only its mode: Landlock does not see chmod and chown, which it needs for what it makes"},
}
