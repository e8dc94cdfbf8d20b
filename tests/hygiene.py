"""What no text file here may have; run with the names of files, by pre-commit and by `tests/test_project.py`."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

LARGEST = 2_000_000  # bytes; weights of what ships are larger, and are not text
MERGE = re.compile(r"^(<<<<<<< |>>>>>>> )", re.MULTILINE)


def faults(path: Path) -> Iterator[str]:
    """What is wrong with a file, a line each; nothing of files that are not UTF-8."""
    data = path.read_bytes()
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return
    if len(data) > LARGEST:
        yield f"{path}: has {len(data)} bytes"
    if "\r\n" in text:
        yield f"{path}: has Windows line ends"
    if text and (not text.endswith("\n") or text.endswith("\n\n")):
        yield f"{path}: does not end in one line end"
    if MERGE.search(text):
        yield f"{path}: has marks of a merge"
    yield from (
        f"{path}:{number}: ends in white space"
        for number, line in enumerate(text.split("\n"), 1)
        if line != line.rstrip()
    )


if __name__ == "__main__":
    found = [fault for name in sys.argv[1:] for fault in faults(Path(name))]
    sys.exit("\n".join(found) or None)
