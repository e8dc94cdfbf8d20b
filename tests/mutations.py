"""Changes of a file's bytes, values, words and weights, drawn at random."""

import json
import os
import random
import struct
from pathlib import Path
from typing import Any

# What is put in place of a value that a stranger's file holds.
HOSTILE: tuple[Any, ...] = (
    None, True, [], {}, "", 0, -1, 1, 2**31, 10**30, 1e308, 1e-308, float("nan"), float("inf"), "nan", "1/0",
    "9" * 5000,
    "x" * 100_000, "\x1b]0;title\x07", "a\nb", "a\0b", "\ud800", "../../victim", "/dev/zero", "http://127.0.0.1:9/x",
    "(.+)+(.+)+x$", [[]], {"a": {}}, [0] * 1000, list(range(-3, 3)), {"": None}, "[exec touch PWNED]", "os:system",
)  # fmt: skip


def change_value(value: Any, draw: random.Random) -> tuple[Any, str]:
    """A JSON value with one thing in it changed, and what that was."""
    place: Any = value
    path = ""
    while isinstance(place, dict | list) and place:
        key: Any = draw.choice(list(place)) if isinstance(place, dict) else draw.randrange(len(place))
        path += f".{key}"
        if not isinstance(place[key], dict | list) or not place[key] or draw.random() < 0.2:
            break
        place = place[key]
    if not isinstance(place, dict | list) or not place:
        return draw.choice(HOSTILE), "the whole"
    how = draw.choice(("put", "put", "put", "number", "drop", "more", "rename"))
    if how == "number" and isinstance(place[key], int | float):
        place[key] = place[key] * draw.choice((-1, 0, 0.5, 2, 1000, 10**9, 10**18))
    elif how == "drop":
        del place[key]
    elif how == "more" and isinstance(place, list):
        place.extend([place[key]] * draw.choice((1, 100, 100_000)))
    elif how == "rename" and isinstance(place, dict):
        place[draw.choice(("", "unknown", "__class__", f"{key} "))] = place.pop(key)
    else:
        how = "put"
        place[key] = draw.choice(HOSTILE)
    return value, f"{how} {path}"


def change_bytes(data: bytes, draw: random.Random) -> bytes:
    """Cut off, or with bytes changed, put in or taken out."""
    if draw.random() < 0.25:
        return data[: draw.randrange(len(data) + 1)]
    changed = bytearray(data)
    for _ in range(draw.choice((1, 2, 8))):
        place = draw.randrange(min(len(changed), draw.choice((16, 256, len(changed)))) or 1)
        how = draw.randrange(3)
        if how == 0:
            changed[place : place + draw.randrange(1, 9)] = draw.randbytes(draw.randrange(9))
        elif how == 1:
            changed[place : place + 8] = draw.choice((b"\xff" * 8, bytes(8), b"\xff" * 7 + b"\x7f"))
        else:
            changed[place:place] = draw.choice(
                (b"[" * 100_000, b"{", b'"', b"9" * 400, b"\n", b"\xef\xbb\xbf", b"\xe9")
            )
    return bytes(changed)


def change_header(path: Path, draw: random.Random) -> str:
    """Change the JSON at the head of a safetensors file."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    header, what = change_value(json.loads(data[8 : 8 + length]), draw)
    told = json.dumps(header).encode()
    path.write_bytes(len(told).to_bytes(8, "little") + told + data[8 + length :])
    return f"header: {what}"


def change_weights(path: Path, draw: random.Random) -> str:
    """Put other numbers in place of some weights, which no checksum guards."""
    data = bytearray(path.read_bytes())
    first = 8 + int.from_bytes(data[:8], "little")
    value = draw.choice((float("nan"), float("inf"), 3e38, -1e6, 0.0))
    count = draw.choice((1, 64, (len(data) - first) // 4))
    place = first + 4 * draw.randrange(max(1, (len(data) - first) // 4 - count))
    data[place : place + 4 * count] = struct.pack("<f", value) * count
    path.write_bytes(data)
    return f"{count} weights: {value}"


def change_word(path: Path, draw: random.Random) -> str:
    """Change a word or a line of a text."""
    lines = path.read_text(encoding="utf-8").splitlines()
    number = draw.randrange(len(lines)) if draw.random() < 0.7 else draw.randrange(2)
    words = lines[number].split()
    how = draw.choice(("drop", "double", "word", "word", "word"))
    if how == "drop":
        del lines[number]
    elif how == "double":
        lines.insert(number, lines[number])
    else:
        words[draw.randrange(len(words))] = how = draw.choice(
            ("nan", "inf", "-1", "1e30", "1e-30", "0", "1", "2", "65", "1000000000", "x", "\x1b[31m", "9" * 5000)
        )
        lines[number] = " ".join(words)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return f"line {number}: {how[:20]}"


def change_node(path: Path, draw: random.Random) -> str:
    """Put something else than a file in a file's place."""
    how = draw.choice(
        ("gone", "empty", "folder", "pipe", "device", "giant", "victim", "loop", "binary", "utf16", "deep")
    )
    text = path.read_bytes()
    path.unlink()
    if how == "empty":
        path.touch()
    elif how == "folder":
        path.mkdir()
    elif how == "pipe":
        os.mkfifo(path)
    elif how == "device":
        path.symlink_to("/dev/zero")
    elif how == "giant":
        with path.open("wb") as file:
            file.write(text)
            file.truncate(100 << 30)
    elif how == "victim":
        path.symlink_to(Path("victim").resolve())
    elif how == "loop":
        path.symlink_to(path.name)
    elif how == "binary":
        path.write_bytes(random.Random(0).randbytes(3000))
    elif how == "utf16":
        path.write_bytes(text.decode("utf-8", "replace").encode("utf-16"))
    elif how == "deep":
        path.write_bytes(b'{"a":' * 50_000 + b"1" + b"}" * 50_000)
    return how
