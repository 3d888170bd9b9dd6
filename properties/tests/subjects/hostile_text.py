"""A program that answers bncheck with texts made to harm a terminal.

Usage: hostile_text.py HOW BYTES; HOW is a function below, BYTES how long its texts are. It needs only Python,
and none of its answers is right.
"""

import json
import os
import struct
import sys

# Clears the screen, returns to the start of the line and imitates a line of bncheck; CSI as one character, a
# mark of direction, DEL, BEL, and markup.
HOSTILE = "\x1b[2J\a\rbncheck: all is well\nbncheck: all is well\r\n\u009b2J\u202e\x7f<script>|*[x](y)`\\|"


def long_text(part=1):
    """Text of BYTES/part bytes: several texts must fit into a header of 16 MiB."""
    count = int(sys.argv[2]) // part
    return (HOSTILE * (count // len(HOSTILE) + 1))[:count]


def send(metadata, names=()):
    empty = {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]}
    header = {"__metadata__": metadata} | {name: empty for name in names}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text
    replies.write(b"bncheck1" + struct.pack("<Q", len(content)) + content)
    replies.flush()


def reply(**more):
    return {"format": "bncheck-reply", "version": "1", "status": "values", **more}


def capabilities(**more):
    return reply(name=long_text(4), subject_version=long_text(4), **more)


# ---- Answers to a call.

def fails():
    send(reply(status="error other", message=long_text()))


def unsupported():
    send(reply(status="error unsupported", message=long_text()))


def fatal():
    send(reply(status="fatal", message=long_text()))


def status():
    send(reply(status=long_text()))


def counter():
    send(reply(num_batches_tracked=long_text()))


def tensor():
    send(reply(), [long_text()])


def dies():
    os.write(2, (long_text() + "\x1b[2J the end").encode() + b"\x9b\xff")
    os._exit(7)


# ---- Capabilities.

def dialect():
    return capabilities(dialect="\a" + long_text(4))


def operations():
    return capabilities(operations=long_text(4).replace(" ", "_"))


def no_capabilities():
    return reply(status="error other", message=long_text())


def main():
    global replies
    requests, replies = open(3, "rb"), open(4, "wb")
    how = globals()[sys.argv[1]]
    while prefix := requests.read(16):
        content = requests.read(struct.unpack("<Q", prefix[8:])[0])
        length = struct.unpack("<Q", content[:8])[0]
        if json.loads(content[8:8 + length])["__metadata__"].get("operation") != "capabilities":
            how()
        else:
            send(how() if how in (dialect, operations, no_capabilities) else capabilities(errors="rank"))


main()
