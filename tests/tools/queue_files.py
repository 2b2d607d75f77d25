"""queue_files - queue files as queue-inject writes them, for tests that want them whole or damaged"""
import os

from tool_directory import DIGITS


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def queue_id(seconds, chance="00000000"):
    value, digits = int(seconds * 1_000_000), ""
    for _ in range(11):
        value, digit = divmod(value, 32)
        digits = DIGITS[digit] + digits
    return digits + chance


def record(letter, value):
    value = value if isinstance(value, bytes) else value.encode()
    return letter.encode() + str(len(value)).encode() + b":" + value + b","


def queue_file(sender, recipients, message=b"Subject: x\n\nhello\n", records=b""):
    envelope = record("o", "l") + record("s", sender) + records + b"".join(record("r", one) for one in recipients)
    head = f"postern queue file 1: 00000001 {len(message):012x} {len(envelope):08x} {crc32c(message):08x} {crc32c(envelope):08x} "
    return (head + f"{crc32c(head.encode()):08x}\n").encode() + message + envelope


def put(place, name, data, state=None, where="todo"):
    directory = f"queue/todo/{name[-2:]}" if where == "todo" else "queue/broken"
    os.makedirs(place.file(directory), exist_ok=True)
    place.write(f"{directory}/{name}", data)
    if state is not None:
        os.makedirs(place.file(f"state/{name[-2:]}"), exist_ok=True)
        place.write(f"state/{name[-2:]}/{name}", state)
