"""Replies on disk, by the hash of their request."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import read_json
from vera.whole import write_text

DIGEST = re.compile(r"[0-9a-f]{64}")
FORMAT = 1


@dataclass(frozen=True)
class Reply:
    """An endpoint's reply: HTTP status (200, or that of a refusal) and JSON body."""

    status: int
    body: Mapping[str, Any]


class ReplyCache:
    """A folder of replies. What is in it was paid for: it may be copied, and shared by runs and by models.

    A file is whole or not there, so processes may share a folder. It holds replies alone: no request, no key.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, digest: str) -> Reply | None:
        """Return the reply to a request; None if it was not asked yet. VeraError if its file is damaged."""
        path = self._path(digest)
        if not path.is_file():
            return None
        value = read_json(path)
        right = isinstance(value, dict) and value.get("format") == FORMAT
        if not (right and type(value.get("status")) is int and isinstance(value.get("body"), dict)):
            raise VeraError(f"{path}: is no reply that was kept; remove it, and the question is asked again")
        return Reply(value["status"], value["body"])

    def put(self, digest: str, reply: Reply) -> None:
        """Keep a reply; it is on the disk when this returns."""
        path = self._path(digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        text = json.dumps({"format": FORMAT, "status": reply.status, "body": reply.body})
        write_text(path, text + "\n")

    def _path(self, digest: str) -> Path:
        return self.folder / digest[:2] / f"{digest}.json"
