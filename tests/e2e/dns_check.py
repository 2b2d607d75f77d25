#!/usr/bin/env python3
"""dns_check - DNS in a whole instance: --dns, --set dnsanchor, neither, and a setting that changes while it runs"""
import json
import os
import pathlib
import sys

sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parent.parent)]
from check import case, equal, finish, skip  # noqa: E402
from postern import Instance, wait_until  # noqa: E402
from zone import ZoneServer, is_there  # noqa: E402

NOBODY = 65534
ZONES = {".": "good.example. MX 10 mx.good.example.\nmx.good.example. A 192.0.2.1\n", "broken.example": "@ A 192.0.2.2\n"}

if os.geteuid() != 0 or not is_there():
    @case("DNS in an instance")
    def _():
        skip("NOT SHOWN: takes root, nsd and ldnsutils")
    finish()


def ask(mail, kind, name, uid=None):
    """(status, validated, records)"""
    answer = json.loads(mail.run("dnsq", "--json", kind, name, uid=uid).stdout)
    return answer["status"], answer["validated"], answer["records"]


with ZoneServer(ZONES, {".": "good", "broken.example": "broken"}) as names:
    with Instance(users=("alice",)) as mail:
        @case("without --dns the hosts file is all there is, for everybody here")
        def _():
            equal(ask(mail, "a", "localhost"), ("found", False, ["127.0.0.1"]))
            equal(ask(mail, "mx", "good.example", uid=NOBODY), ("no such name", False, []))

        @case("a changed setting counts within seconds, and nobody who asks is refused meanwhile")
        def _():
            (mail.dir / "control/dnsforward").write_text(names.server + "\n")
            (mail.dir / "control/dnsanchor").write_text("none\n")
            want = ("found", False, [{"preference": 10, "host": "mx.good.example"}])
            wait_until(lambda: ask(mail, "mx", "good.example") == want, [mail.dir / "log/dnsqd"], 20, "an answer of the new server")

        @case("a dnsqd that is killed is back, and answers who asked meanwhile")
        def _():
            mail.service("dnsqd").kill_and_wait()
            equal(ask(mail, "a", "mx.good.example", uid=NOBODY), ("found", False, ["192.0.2.1"]))

    with Instance(users=("alice",), dns=names.host_port) as mail:
        @case("--dns asks that server alone and validates nothing")
        def _():
            equal(ask(mail, "a", "mx.good.example"), ("found", False, ["192.0.2.1"]))
            equal(ask(mail, "a", "broken.example"), ("found", False, ["192.0.2.2"]))
            equal(ask(mail, "a", "localhost.good.example"), ("no such name", False, []))

    with Instance(users=("alice",), dns=names.host_port, settings={"dnsanchor": names.anchor}) as mail:
        @case("--set dnsanchor=FILE validates, though dnsqd's user cannot read FILE where it lies")
        def _():
            equal(ask(mail, "a", "mx.good.example"), ("found", True, ["192.0.2.1"]))
            equal(ask(mail, "a", "broken.example")[:2], ("bogus", False))
            equal(ask(mail, "a", "nowhere.example"), ("no such name", True, []))

finish()
