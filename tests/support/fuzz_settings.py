"""Mutated specs and metadata: valid ones with some bytes, lines or values changed."""

from __future__ import annotations

import copy
import json
import random
from typing import Any

TOKENS = [
    *(b"[", b"]", b"[[", b"]]", b"{", b"}", b"=", b'"', b"'''", b"\n", b",", b".", b"nan", b"inf"),
    *(b"-inf", b"1e999", b"0x7fffffffffffffff", b"9" * 5000, b"1979-05-27", b"07:32:00", b"true"),
    *(b"-1", b"0", b"1e-320", b'""', b"[]", b"{}", b"[[]]", b"\xff", b"\xef\xbb\xbf", b"\x00"),
    *(b"\r", b"#", b"\\", b"\\u0000", b'"\\u0000"', b'"\\u001b[31m"', b"[1,2]", b'["a"]'),
    *(b"a.b.c=1\n", b"[" * 900, b"99999999999999999999", b"0.1", b'"[/x]"', b'"\\u202e"'),
]
VALUES: list[Any] = [
    *(None, True, False, 0, -1, 1, 2, 3, 255, 65535, 65536, 1 << 31, 1 << 63, 1 << 64, 10**30),
    *(0.5, -0.5, 1e300, float("nan"), float("inf"), -float("inf"), "", "x", "a" * 5000, "\x00"),
    *("\x1b[31mred\x1b]0;t\x07", "[/x]", "[bold]", "../../x", "a\nb", '"', "*/", "???/", "\u202e"),
    *("\ud800", "é" * 50, [], [1], ["a"], [[]], {}, {"a": 1}, [None] * 40, ["a", "a"], [""] * 2),
    *("a\\u", "%s%n", "{0}"),
]


def spec(draw: random.Random, seeds: list[bytes]) -> bytes:
    """A spec with some bytes or lines changed."""
    data = draw.choice(seeds)
    if draw.random() < 0.35:
        changed = bytearray(data)
        for _ in range(draw.choice([1, 1, 2, 5, 20])):
            if len(changed) < 2:
                break
            at, kind = draw.randrange(len(changed)), draw.random()
            if kind < 0.4:
                changed[at] ^= 1 << draw.randrange(8)
            elif kind < 0.7:
                changed[at : at + draw.randrange(3)] = draw.choice(TOKENS)
            elif kind < 0.9:
                del changed[at : at + draw.randrange(1, 20)]
            else:
                del changed[at + 1 :]
        return bytes(changed)
    lines = data.split(b"\n")
    for _ in range(draw.choice([1, 1, 2, 4])):
        at, kind = draw.randrange(len(lines)), draw.random()
        if kind < 0.6 and b"=" in lines[at]:
            key, _, value = lines[at].partition(b"=")
            lines[at] = key + b"=" + draw.choice([*TOKENS, value + draw.choice(TOKENS)])
        elif kind < 0.7:
            del lines[at]
            lines = lines or [b""]
        elif kind < 0.8:
            lines.insert(at, draw.choice(lines))
        elif kind < 0.9:
            lines.insert(at, draw.choice(draw.choice(seeds).split(b"\n")))
        else:
            draw.shuffle(lines)
    return b"\n".join(lines)


def _places(value: Any, place: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [place] if place else []
    inner = value.items() if isinstance(value, dict) else ()
    inner = enumerate(value) if isinstance(value, list) else inner
    for key, entry in inner:
        found += _places(entry, (*place, key))
    return found


def metadata(draw: random.Random, table: dict[str, Any]) -> bytes:
    """The JSON text of metadata with some values or bytes changed."""
    table = copy.deepcopy(table)
    if draw.random() < 0.25:
        text = bytearray(json.dumps(table).encode())
        for _ in range(draw.choice([1, 2, 5])):
            at, kind = draw.randrange(len(text)), draw.random()
            if kind < 0.5:
                text[at] ^= 1 << draw.randrange(8)
            elif kind < 0.7:
                del text[at : at + draw.randrange(1, 9)]
            else:
                more = [b"[", b'"', b"9" * 5000, b"[" * 3000, b"1e999", b"NaN", b"\xff", b"\\ud800"]
                text[at:at] = draw.choice(more)
            text = text or bytearray(b"{}")
        return bytes(text)
    for _ in range(draw.choice([1, 1, 2])):
        *path, key = draw.choice(_places(table))
        holder: Any = table
        for part in path:
            holder = holder[part]
        kind = draw.random()
        if kind < 0.15:
            del holder[key]
        elif kind < 0.25 and isinstance(holder, dict):
            holder[draw.choice(["x", "classes", "fe", "", "\x1b[0m"])] = draw.choice(VALUES)
        else:
            holder[key] = copy.deepcopy(draw.choice(VALUES))
        if not _places(table):
            break
    return json.dumps(table).encode()
