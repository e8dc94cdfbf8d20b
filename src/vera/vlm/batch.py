"""Batch files, the other way to ask: OpenAI's JSONL, which hosted batch services and `vllm run-batch` take."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vera.errors import VeraError
from vera.files import parse_json, read_text
from vera.vlm.cache import DIGEST, Reply, ReplyCache
from vera.vlm.client import Request, next_step
from vera.vlm.endpoint import Endpoint
from vera.vlm.outcome import error_text, is_refusal
from vera.vlm.question import Question
from vera.vlm.usage import Usage, usage_of
from vera.whole import whole_folder

PATH = "/v1/chat/completions"
# Of one file: hosted services take 200 MB and 50,000 requests.
MOST_BYTES, MOST_REQUESTS = 190_000_000, 50_000
RESULTS_LIMIT = 1 << 30  # bytes: results hold texts alone


@dataclass(frozen=True)
class BatchReport:
    """What a file of results held: how many replies were kept, what they took, and why other requests have none."""

    kept: int = 0
    usage: Usage = Usage()  # noqa: RUF009 (frozen)
    failed: list[str] = field(default_factory=list)


def check_batch_folder(folder: Path) -> None:
    """Raise VeraError for a folder that is there: requests are written to a new one."""
    if folder.exists():
        raise VeraError(f"{folder}: is there already; read its results, or name another folder for the requests")


def write_batches(
    folder: Path,
    endpoint: Endpoint,
    questions: Iterable[Question[Any]],
    cache: ReplyCache,
    most_bytes: int = MOST_BYTES,
    most_requests: int = MOST_REQUESTS,
) -> list[Path]:
    """Write the next request of each question without an outcome into files batch-001.jsonl, ... of a new folder.

    Once their results are read, malformed answers lead to further requests: write again, until there is no file. No
    folder is made for no request. Raises VeraError as `check_batch_folder`.
    """
    check_batch_folder(folder)
    lines = _lines(endpoint, questions, cache)
    first = next(lines, None)
    if first is None:
        return []
    folder.parent.mkdir(parents=True, exist_ok=True)
    with whole_folder(folder) as partial:
        names = _write(partial, first, lines, most_bytes, most_requests)
    return [folder / name for name in names]


def read_results(path: Path, cache: ReplyCache) -> BatchReport:
    """Keep the replies of a file of results. Raises VeraError, with the line, for what is no such file.

    A request that failed is not kept: it is asked again next time, by either way.
    """
    kept, usage, failed = 0, Usage(), []
    for number, line in enumerate(read_text(path, RESULTS_LIMIT).split("\n"), 1):
        if not line.strip():
            continue
        name, reply, why = _result(parse_json(line, f"{path}:{number}"), f"{path}:{number}")
        if reply is None:
            failed.append(f"{name[:12]}: {why}")
            continue
        cache.put(name, reply)
        kept += 1
        usage += usage_of(reply.body) if reply.status == 200 else Usage(1)
    return BatchReport(kept, usage, failed)


def _lines(endpoint: Endpoint, questions: Iterable[Question[Any]], cache: ReplyCache) -> Iterator[bytes]:
    seen = set()
    for question in questions:
        step = next_step(endpoint, question, cache)
        if isinstance(step, Request) and step.digest not in seen:
            seen.add(step.digest)
            head = json.dumps({"custom_id": step.digest, "method": "POST", "url": PATH})
            # The body's own bytes, whose hash is its name.
            yield head[:-1].encode() + b', "body": ' + step.content + b"}\n"


def _write(folder: Path, first: bytes, lines: Iterator[bytes], most_bytes: int, most_requests: int) -> list[str]:
    """Fill files with lines as far as each has room."""
    names: list[str] = []
    line: bytes | None = first
    while line is not None:
        names.append(f"batch-{len(names) + 1:03}.jsonl")
        with (folder / names[-1]).open("wb") as file:
            count = size = 0
            while line is not None and (not count or (size + len(line) <= most_bytes and count < most_requests)):
                file.write(line)
                count, size = count + 1, size + len(line)
                line = next(lines, None)
    return names


def _result(row: Any, where: str) -> tuple[str, Reply | None, str]:
    """Name and reply of one line; None and why if its request failed."""
    if not isinstance(row, dict) or not DIGEST.fullmatch(str(row.get("custom_id"))):
        raise VeraError(f"{where}: is no result of requests written here; is it the right file?")
    response = row.get("response")
    response = response if isinstance(response, dict) else {}
    status, body = response.get("status_code"), response.get("body")
    if status == 200 and isinstance(body, dict) and "choices" in body:
        return row["custom_id"], Reply(200, body), ""
    body = body if isinstance(body, dict) else {"error": row.get("error")}
    if is_refusal(body):
        return row["custom_id"], Reply(status if type(status) is int else 400, {"error": body["error"]}), ""
    return row["custom_id"], None, error_text(body)
