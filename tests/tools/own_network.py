"""own_network - a network of the test's own: its ports and addresses are nobody else's

enter() moves this process into a new network namespace with a loopback that is up. It says whether it could: that takes
root. add_ipv6(text) gives the loopback a further address.
"""
import ctypes
import fcntl
import os
import socket
import struct

_CLONE_NEWNET = 0x40000000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _SIOCSIFADDR = 0x8913, 0x8914, 0x8916
_IFF_UP = 1
_NETLINK_ROUTE, _RTMGRP_IPV6_ROUTE = 0, 0x400


def enter():
    if os.geteuid() != 0 or ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET) != 0:
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, _SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | _IFF_UP))
    return True


def add_ipv6(text):
    """Returns when the address can be bound and reached: the kernel finishes that later, and then reports its route."""
    address = socket.inet_pton(socket.AF_INET6, text)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as routes, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
        routes.bind((0, _RTMGRP_IPV6_ROUTE))
        fcntl.ioctl(control, _SIOCSIFADDR, struct.pack("16sIi", address, 64, socket.if_nametoindex("lo")))
        while address not in routes.recv(65536):
            pass
