#!/usr/bin/env python3
"""pop3d on a mailbox of its own: the commands of RFC 1939 and what was added, what a mailbox may hold, and who may change it when"""
import hashlib
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

sys.path[:0] = [os.path.dirname(__file__), os.path.join(os.path.dirname(__file__), "..")]
from check import case, contains, equal, expect, finish  # noqa: E402
from pop3_mailbox import UID, Mailbox  # noqa: E402

ONE, TWO = b"Subject: one\n\nfirst\n.\n..dots\n", b"Subject: two\n\nsecond\nline\nline\n"


def wire(content):
    return re.sub(rb"(?<!\r)\n", b"\r\n", content) + (b"" if not content or content.endswith(b"\n") else b"\r\n")


with Mailbox() as box:
    def fill():
        box.clear()
        box.put("1000.a.host", ONE)
        box.put("1001.b.host:2,", TWO, "cur")

    @case("STAT, LIST, RETR, DELE, NOOP, RSET and QUIT do what RFC 1939 says")
    def _():
        fill()
        with box.session() as pop:
            expect(pop.greeted.startswith(b"+OK"), pop.greeted)
            sizes = [len(wire(ONE)), len(wire(TWO))]
            equal(pop.ask(b"STAT"), b"+OK 2 %d" % sum(sizes))
            equal(pop.ask_lines(b"LIST"), [b"1 %d" % sizes[0], b"2 %d" % sizes[1]])
            equal(pop.ask(b"list 2"), b"+OK 2 %d" % sizes[1])
            equal(pop.retrieve(1), wire(ONE))
            equal(pop.retrieve(2), wire(TWO))
            equal(pop.ask(b"NOOP"), b"+OK")
            expect(pop.ask(b"DELE 1").startswith(b"+OK"), "DELE")
            for line in (b"DELE 1", b"RETR 1", b"LIST 1", b"UIDL 1", b"TOP 1 0", b"RETR 3", b"RETR 0", b"RETR -1", b"RETR x", b"RETR", b"RETR 99999999999999999999"):
                expect(pop.ask(line).startswith(b"-ERR"), line)
            equal(pop.ask(b"STAT"), b"+OK 1 %d" % sizes[1])
            equal(pop.ask_lines(b"LIST"), [b"2 %d" % sizes[1]])
            expect(pop.ask(b"RSET").startswith(b"+OK"), "RSET")
            equal(pop.ask(b"STAT"), b"+OK 2 %d" % sum(sizes))
            pop.ask(b"DELE 2")
            expect(pop.quit().startswith(b"+OK"), "QUIT")
        (name,) = box.names()
        expect(name.startswith("cur/1000.a.host,S=") and name.endswith(":2,S"), name)

    @case("TOP gives the header and so many lines, and makes nothing seen")
    def _():
        fill()
        with box.session() as pop:
            equal(pop.ask_lines(b"TOP 2 0"), [b"Subject: two", b""])
            equal(pop.ask_lines(b"TOP 2 1"), [b"Subject: two", b"", b"second"])
            equal(pop.ask_lines(b"TOP 2 999999"), [b"Subject: two", b"", b"second", b"line", b"line"])
            equal(pop.ask_lines(b"TOP 1 2"), [b"Subject: one", b"", b"first", b"."])
            for line in (b"TOP 1", b"TOP", b"TOP 1 -1", b"TOP 1 x", b"TOP x 1"):
                expect(pop.ask(line).startswith(b"-ERR"), line)
            before = box.names()
            pop.quit()
        equal(box.names(), before)

    @case("CAPA says what there is, and no more; LANG, UTF8 and words that are unknown are answered")
    def _():
        fill()
        with box.session() as pop:
            equal(pop.ask_lines(b"CAPA"), [b"TOP", b"UIDL", b"RESP-CODES", b"AUTH-RESP-CODE", b"PIPELINING", b"EXPIRE NEVER", b"LOGIN-DELAY 0", b"UTF8",
                                           b"LANG", b"IMPLEMENTATION Postern"])
            equal(pop.ask_lines(b"LANG"), [b"en English"])
            expect(pop.ask(b"LANG en").startswith(b"+OK en "), "LANG en")
            expect(pop.ask(b"LANG *").startswith(b"+OK en "), "LANG *")
            for line in (b"LANG de", b"UTF8", b"USER alice", b"PASS x", b"STLS", b"AUTH PLAIN", b"APOP a b", b"XTND", b"", b" ", b"NOOP x", b"\0", b"STAT\0",
                         b"N" * 600):
                expect(pop.ask(line).startswith(b"-ERR"), line)
            equal(pop.ask(b"NOOP"), b"+OK")

    @case("after too many words that are none the connection ends, and nothing is deleted")
    def _():
        fill()
        with box.session() as pop:
            pop.ask(b"DELE 1")
            for _ in range(21):
                expect(pop.ask(b"NONSENSE").startswith(b"-ERR"), "answer")
            equal(pop.here.recv(1), b"")
        equal(len(box.names()), 2)

    @case("commands sent in one piece are answered in their order")
    def _():
        fill()
        with box.session() as pop:
            pop.here.sendall(b"STAT\r\nRETR 1\r\nDELE 1\r\nUIDL 2\r\nNOOP\nQUIT\r\nSTAT\r\n")
            expect(pop.line().startswith(b"+OK 2 "), "STAT")
            pop.line()
            equal(b"".join(line + b"\r\n" for line in pop.lines()), wire(ONE))
            for word in (b"+OK", b"+OK 2 ", b"+OK", b"+OK"):
                expect(pop.line().startswith(word), word)
            equal(pop.here.recv(1), b"", "nothing behind QUIT is answered")
        equal(len(box.names()), 1)

    @case("unique-ids stay the same in the next session, and when messages move and are flagged")
    def _():
        box.clear()
        for i in range(20):
            box.put(f"{1000 + i}.m.host")
        with box.session() as pop:
            first = [line.split()[1] for line in pop.ask_lines(b"UIDL")]
            equal(len(set(first)), 20)
            for uid in first:
                expect(re.fullmatch(rb"[\x21-\x7e]{1,70}", uid), uid)
            equal(pop.ask(b"UIDL 3"), b"+OK 3 " + first[2])
            pop.quit()
        for i, name in enumerate(sorted(os.listdir(box.maildir("new")))):
            if i % 2:
                os.rename(box.maildir("new", name), box.maildir("cur", name.split(",")[0] + (":2,FS" if i % 4 == 1 else ",S=13:2,")))
        box.put("999.older.host")  # older by its name, but it came later
        with box.session() as pop:
            second = [line.split()[1] for line in pop.ask_lines(b"UIDL")]
            equal(second[:20], first)
            expect(second[20] not in first, "a new one")
            for number in (1, 21):
                pop.ask(b"DELE %d" % number)
            pop.quit()
        box.put("2000.new.host")
        with box.session() as pop:
            third = [line.split()[1] for line in pop.ask_lines(b"UIDL")]
        equal(third[:19], first[1:])
        expect(third[19] not in first + second, "a number is given twice")

    @case("messages of one second are numbered as they came, though their microseconds have fewer and more digits")
    def _():
        box.clear()
        for i, name in enumerate(("1764.M7P5Q1.host", "1764.M80P3Q1.host", "1764.M900000P4Q1.host", "1765.M1P2Q1.host", "1765.M20P1Q1.host")):
            box.put(name, b"Subject: %d\n\n" % i)
        with box.session() as pop:
            equal([pop.retrieve(number + 1)[:10] for number in range(5)], [b"Subject: %d" % i for i in range(5)])

    @case("a list of UIDs that is damaged, a link, a directory or too new is replaced, with a line in the log and other numbers")
    def _():
        fill()
        with box.session() as pop:
            first = pop.ask_lines(b"UIDL")
        path = box.maildir("postern-uids")
        outside = os.path.join(box.path, "outside")
        pathlib.Path(outside).write_text("keep\n")
        for number, damage in enumerate((b"", b"x", b"postern-uids 1 1 1\n1 x\n", b"postern-uids 1 5 4294967295\n", b"postern-uids 1 5 9\n2 a\n1 b\n", None)):
            os.unlink(path)
            if damage is None:
                os.symlink(outside, path)
            else:
                pathlib.Path(path).write_bytes(damage)
                os.chown(path, UID, UID)
            with box.session() as pop:
                again = pop.ask_lines(b"UIDL")
                equal(len(again), 2, f"damage {number}")
                expect(all(re.fullmatch(rb"\d \d+\.\d+", line) for line in again), again)
            expect(not os.path.islink(path), "the link is gone")
        equal(pathlib.Path(outside).read_text(), "keep\n")
        contains(box.log(), "uids damaged=postern-uids")
        expect(first, "some")

    @case("names that lie about sizes: the octets sent are right, the log says so, and the name is mended at QUIT")
    def _():
        box.clear()
        for i, words in enumerate((",S=1,W=2", ",S=99999999,W=88888888", ",W=7", ",S=5", ",W=0,S=0")):
            box.put(f"{1000 + i}.lie.host", ONE, size=words)
        with box.session() as pop:
            equal(pop.ask(b"LIST 1"), b"+OK 1 2")
            for number in range(1, 6):
                equal(pop.retrieve(number), wire(ONE))
                equal(pop.ask(b"LIST %d" % number), b"+OK %d %d" % (number, len(wire(ONE))))
            pop.quit()
        equal(len(re.findall(r"event=wrong-size ", box.log())), 5)
        for name in box.names():
            contains(name, f",S={len(ONE)},W={len(wire(ONE))}:2,S")

    @case("without sizes in names they are counted, and stand in names after QUIT")
    def _():
        box.clear()
        contents = [ONE, b"", b"x", b"a\r\nb\n", b"a\rb", b"\n" * 70000, b"." * 200000, b"\r\n.\r\n.\n", bytes(range(256)) * 300]
        for i, content in enumerate(contents):
            box.put(f"{1000 + i}.n.host", content, size="none")
        with box.session() as pop:
            sizes = [int(line.split()[1]) for line in pop.ask_lines(b"LIST")]
            for number, content in enumerate(contents, 1):
                equal(sizes[number - 1], len(wire(content)), f"message {number}")
            equal(pop.ask(b"STAT"), b"+OK %d %d" % (len(contents), sum(sizes)))
            for number, content in enumerate(contents, 1):
                if number != len(contents):  # the header of the last one is not ASCII
                    equal(pop.retrieve(number), wire(content), f"message {number}")
            pop.quit()
        for name in box.names():
            contains(name, ",W=")
        with box.session(utf8=True) as pop:
            equal(pop.retrieve(len(contents)), wire(contents[-1]))

    @case("bytes above 127 in a header are encoded words, unless the client asked for UTF-8; the body is sent as it is")
    def _():
        box.clear()
        text = "Subject: Grüße aus Köln\nFrom: Jörg Müller <j@x.example>\nX: ".encode() + b"\xff\xfe plain\n" + "T: ".encode() + "ä".encode() * 300 + "\n\nGrüße\n".encode()
        box.put("1000.u.host", text)
        with box.session() as pop:
            got = pop.retrieve(1)
            header, _, body = got.partition(b"\r\n\r\n")
            equal(body, "Grüße\r\n".encode())
            expect(header.isascii(), header)
            expect(all(len(line) < 200 for line in header.split(b"\r\n")), header)
            from email import message_from_bytes, policy

            message = message_from_bytes(got, policy=policy.default)
            equal(message["Subject"], "Grüße aus Köln")
            equal(message["T"], "ä" * 300)
            expect(pop.ask_lines(b"TOP 1 0")[0].isascii(), "TOP")
        with box.session(utf8=True) as pop:
            equal(pop.retrieve(1), wire(text))

    @case("a second session of a mailbox hears IN-USE, and one that was killed leaves no lock")
    def _():
        fill()
        with box.session() as first:
            first.ask(b"DELE 1")
            with box.session() as second:
                expect(second.greeted.startswith(b"-ERR [IN-USE]"), second.greeted)
                equal(second.process.wait(20), 0)
            first.process.send_signal(signal.SIGKILL)
            first.process.wait(20)
            with box.session() as third:
                expect(third.greeted.startswith(b"+OK"), third.greeted)
        equal(len(box.names()), 2)

    @case("links, directories, FIFOs, sockets and odd names are passed over, and what they point to is untouched")
    def _():
        fill()
        secret = os.path.join(box.path, "secret")
        pathlib.Path(secret).write_text("secret\n")
        os.symlink(secret, box.maildir("new", "1.link.host,S=7,W=8"))
        os.symlink("/etc", box.maildir("cur", "2.etc.host"))
        os.mkdir(box.maildir("new", "3.directory.host"))
        os.mkfifo(box.maildir("cur", "4.fifo.host,S=1,W=1"))
        odd = [b"new/5.new\nline", b"cur/.hidden", b"cur/6.ctrl\x01", b"cur/:2,S"]
        fine = [b"cur/7.eight\xff\xfe", b"new/8.colon:x:y", b"new/" + b"9" * 255, b"new/10.a b", b"cur/11.host,S=,W=", b"cur/12.host,W=1,W=2"]
        for name in odd + fine:
            path = os.path.join(os.fsencode(box.maildir()), name)
            with open(path, "wb") as file:
                file.write(ONE)
            os.chown(path, UID, UID)
        with box.session() as pop:
            count = int(pop.ask(b"STAT").split()[1])
            equal(count, 2 + len(fine))
            equal(len(pop.ask_lines(b"UIDL")), count)
            for number in range(1, count + 1):
                expect(pop.retrieve(number) in (wire(ONE), wire(TWO)), number)
                pop.ask(b"DELE %d" % number)
            expect(pop.quit().startswith(b"+OK"), "QUIT")
        equal(pathlib.Path(secret).read_text(), "secret\n")
        equal(len(os.listdir(os.fsencode(box.maildir("new")))) + len(os.listdir(os.fsencode(box.maildir("cur")))), 4 + len(odd))
        contains(box.log(), "passed-over files=7")

    @case("new, cur or the Maildir missing or a link: a refusal, nothing else")
    def _():
        for folder in ("new", "cur", ""):
            fill()
            os.rename(box.maildir(folder).rstrip("/"), os.path.join(box.home, "away"))
            with box.session() as pop:
                expect(pop.greeted.startswith(b"-ERR [SYS/PERM]"), pop.greeted)
            os.symlink(os.path.join(box.home, "away"), box.maildir(folder).rstrip("/"))
            with box.session() as pop:
                expect(pop.greeted.startswith(b"-ERR [SYS/TEMP]"), pop.greeted)
            os.unlink(box.maildir(folder).rstrip("/"))
            os.rename(os.path.join(box.home, "away"), box.maildir(folder).rstrip("/"))

    @case("a message that another program moves or removes meanwhile is found, or said to be gone")
    def _():
        fill()
        with box.session() as pop:
            old = box.names()[0 if box.names()[0].startswith("new") else 1]
            os.rename(box.maildir(old), box.maildir("cur", old.split("/")[1] + ":2,F"))
            equal(pop.retrieve(1), wire(ONE))
            pop.ask(b"DELE 1")
            os.rename(box.maildir("cur", old.split("/")[1] + ":2,F"), box.maildir("cur", old.split("/")[1] + ":2,FR"))
            os.unlink(box.maildir("cur", next(name for name in os.listdir(box.maildir("cur")) if "1001" in name)))
            expect(pop.ask(b"RETR 2").startswith(b"-ERR"), "gone")
            pop.ask(b"DELE 2")
            expect(pop.quit().startswith(b"+OK"), "QUIT")
        equal(box.names(), [])

    @case("when another program has flagged, moved and removed many messages, few looks find them all again")
    def _():
        box.clear()
        count = 1000
        for number in range(count):
            box.put(f"{1000 + number}.many.host", b"%d\n" % number)
        trace = os.path.join(box.path, "looks")
        with box.session(wrapper=[shutil.which("strace"), "-f", "-e", "trace=getdents64", "-o", trace]) as pop:
            for number in range(count):
                name = f"{1000 + number}.many.host,S={len(str(number)) + 1},W={len(str(number)) + 2}"
                if number % 2:
                    os.rename(box.maildir("new", name), box.maildir("cur", name + ":2,S"))
                elif number >= count // 2:
                    os.unlink(box.maildir("new", name))
            for number in range(count):
                answer = pop.ask(b"RETR %d" % (number + 1))
                if number % 2 == 0 and number >= count // 2:
                    equal(answer, b"-ERR The message is gone")
                else:
                    equal(pop.lines(), [b"%d" % number])
                    pop.ask(b"DELE %d" % (number + 1))
            os.rename(box.maildir("cur", "1001.many.host,S=2,W=3:2,S"), box.maildir("cur", "1001.many.host:2,FS"))
            expect(pop.quit().startswith(b"+OK"), "QUIT")
        equal(box.names(), [])
        looks = len([line for line in pathlib.Path(trace).read_text().splitlines() if line.endswith("= 0")])
        expect(looks <= 2 * (count // 4 + 4), f"{looks} folders were read")  # at most once for each that is gone, never for each that moved

    @case("of two files of one name one is shown and neither is lost; a name that is too long stays")
    def _():
        box.clear()
        box.put("1000.a.host", ONE)
        box.put("1000.a.host:2,S", b"other\n", "cur")
        long_name = box.put("1" * 250, TWO, size="none")
        with box.session() as pop:
            equal(pop.ask(b"STAT").split()[1], b"2")
            for number in (1, 2):
                pop.ask_lines(b"RETR %d" % number)
            expect(pop.quit().startswith(b"+OK"), "QUIT")
        equal(sorted(box.contents().values()), sorted([ONE, b"other\n", TWO]))
        expect(os.path.exists(long_name), "the long name")

    @case("a session cut at every byte changes nothing, unless QUIT was sent whole")
    def _():
        dialogue = b"STAT\r\nUIDL\r\nRETR 1\r\nDELE 1\r\nDELE 2\r\nQUIT\r\n"
        for cut in range(len(dialogue) + 1):
            fill()
            before = box.contents()
            with box.session() as pop:
                pop.here.sendall(dialogue[:cut])
                pop.here.shutdown(1)  # SHUT_WR
                answers = pop.stream.read()
                pop.process.wait(20)
            if cut >= len(dialogue) - 1:
                expect(cut == len(dialogue) - 1 or box.contents() == {}, "QUIT was answered")
            if cut < len(dialogue):
                expect(cut == len(dialogue) - 1 or not answers.endswith(b"+OK Bye\r\n"), answers)
                equal(box.contents(), before, f"cut at {cut}")

    @case("100,000 messages whose names say their sizes are listed without a look at each", seconds=300)
    def _():
        box.clear()
        for i in range(100_000):
            os.close(os.open(box.maildir("cur", f"{1_000_000_000 + i}.M{i}P1Q1.host,S=100,W=104:2,S"), os.O_CREAT | os.O_WRONLY, 0o600))
        subprocess.run(["chown", "-R", f"{UID}:{UID}", box.maildir()], check=True)
        with box.session() as pop:
            pop.quit()  # numbers are given
        trace = os.path.join(box.path, "trace")
        with box.session(wrapper=[shutil.which("strace"), "-f", "-o", trace]) as pop:
            equal(pop.ask(b"STAT"), b"+OK 100000 10400000")
            lines = pop.ask_lines(b"LIST")
            equal((len(lines), lines[0], lines[-1]), (100_000, b"1 104", b"100000 104"))
            equal(len({line.split()[1] for line in pop.ask_lines(b"UIDL")}), 100_000)
            memory = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{subprocess.check_output(['pgrep', '-P', str(pop.process.pid)], text=True).split()[0]}/status").read_text())[1])
            pop.quit()
        calls = len(pathlib.Path(trace).read_text().splitlines())
        print(f"  {calls} system calls, {memory} KiB")
        expect(calls < 5000, f"{calls} system calls")
        expect(memory < 100_000, f"{memory} KiB")
        box.clear()

    @case("a message of 30 MB in one line goes through in little memory")
    def _():
        box.clear()
        box.put("1000.big.host", b"x" * 30_000_000, size="none")
        with box.session() as pop:
            pop.send(b"RETR 1")
            equal(pop.line(), b"+OK")
            digest, size = hashlib.sha256(), 0
            while size < 30_000_005:
                piece = pop.stream.read(min(65536, 30_000_005 - size))
                digest.update(piece)
                size += len(piece)
            equal(digest.hexdigest(), hashlib.sha256(b"x" * 30_000_000 + b"\r\n.\r\n").hexdigest())
            memory = int(re.search(r"VmHWM:\s+(\d+)", pathlib.Path(f"/proc/{pop.process.pid}/status").read_text())[1])
            expect(memory < 8000, f"{memory} KiB")

finish()
