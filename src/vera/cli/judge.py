"""`vera evaluate judge`: have a vision-language model score edits."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from vera.cli.progress import progress_bar
from vera.cli.terminal import say


@Parameter(name="*")
@dataclass(frozen=True)
class EndpointOptions:
    """Which model is asked, and how.

    Parameters
    ----------
    url
        URL of an endpoint with OpenAI's chat completions API, including the version: http://localhost:8000/v1.
    model
        Name of the model at the endpoint.
    key_variable
        Environment variable that holds the API key. The key is never shown or saved. Default: no key.
    timeout
        Seconds to wait for one reply.
    tries
        Number of tries for one request if the endpoint is busy, fails or does not reply.
    max_tokens
        Maximum number of tokens in one answer.
    structured
        What makes answers keep their form: a JSON schema (schema), JSON mode (object), or only the prompt (none).
        Answers are checked in any case.
    requests_per_minute
        Maximum number of requests per minute. Default: no limit.
    tokens_per_minute
        Maximum number of tokens per minute. Default: no limit.
    prompt_price
        Price of a million prompt tokens, in any currency. With --answer-price, the cost is printed.
    answer_price
        Price of a million answer tokens, in the same currency.
    parameters
        Request field to add or change, such as seed=1; temperature=null leaves it out. May be repeated.
    """

    url: Annotated[str, Parameter("--endpoint")]
    model: str
    key_variable: str | None = None
    timeout: float = 180
    tries: int = 6
    max_tokens: int = 1024
    structured: Literal["schema", "object", "none"] = "schema"
    requests_per_minute: float | None = None
    tokens_per_minute: float | None = None
    prompt_price: float | None = None
    answer_price: float | None = None
    parameters: Annotated[tuple[str, ...], Parameter("--set", negative=(), show_default=False)] = ()


def judge(
    cases: Path,
    /,
    *,
    options: EndpointOptions,
    out: Path = Path("runs/judges"),
    name: str | None = None,
    media: Literal["frames", "video"] = "frames",
    frames: int = 32,
    longest: int = 768,
    at_once: int = 4,
    write_batch: Path | None = None,
    read_batch: Annotated[tuple[Path, ...], Parameter(negative=(), show_default=False)] = (),
) -> None:
    """Have a vision-language model score edits from 1 to 5, and print the scores of all judges.

    It scores composition (CS, CT) and instruction (IS). The same command continues work that was stopped, and pays for
    no reply twice. For a second judge, give another model and the same folder.

    Parameters
    ----------
    cases
        JSONL file with one edit per line: case, instruction, source, result, and optionally method and task.
    out
        Folder for replies, verdicts and the table.
    name
        Name of the judge in the table. Default: that of the model.
    media
        What to send: frames of both clips, or the video files, if the endpoint accepts video.
    frames
        Number of frames to send of each clip.
    longest
        Longer side of a frame in pixels, at most.
    at_once
        Number of parallel requests.
    write_batch
        Send nothing; write the requests that have no reply yet to this new folder, as batch files (OpenAI's JSONL).
    read_batch
        Send nothing; read replies from this file of batch results. May be repeated.
    """
    from vera.errors import VeraError
    from vera.evaluation.judges import Shown, VlmJudge, judge_cases, judge_table, read_judged_cases, summarize_judges
    from vera.evaluation.judges.rows import rows_of_others
    from vera.vlm import Client, Endpoint, ReplyCache, read_results, write_batches
    from vera.whole import write_text

    if write_batch is not None and read_batch:
        raise VeraError("write a batch or read one: --write-batch or --read-batch, not both")
    endpoint = Endpoint(**vars(options) | {"parameters": _parameters(options.parameters)})
    listed = read_judged_cases(cases)
    cache = ReplyCache(out / "replies")
    for path in read_batch:
        report = read_results(path, cache)
        say(f"{path}: {report.kept} replies, {report.usage.tokens:,} tokens", *report.failed)
    with Client(endpoint, cache, live=write_batch is None and not read_batch) as client:
        own = VlmJudge(name or endpoint.model, client, Shown(media, frames, longest))
        if write_batch is not None:
            questions = (question for case in listed for question in own.questions(case))
            written = write_batches(write_batch, endpoint, questions, cache)
            say(
                *(
                    [f"requests {path}" for path in written]
                    or ["every question has its answer: there is nothing to send"]
                )
            )
            return
        with progress_bar() as report_progress:
            judged = judge_cases(out, listed, own, at_once, report_progress)
        spent = client.spent
    table = judge_table(summarize_judges([*judged.rows, *rows_of_others(out, own.name, listed)]))
    write_text(out / "judges.md", table)
    say(*table.splitlines())
    cost = spent.cost(endpoint)
    price = "" if cost is None else f", cost {cost:.4f}"
    say(f"now: {spent.replies} replies, {spent.prompt_tokens:,} + {spent.answer_tokens:,} tokens{price}")
    if judged.unanswered:
        (case, method), why = next(iter(judged.unanswered.items()))
        left = f"{len(judged.unanswered)} of {len(listed)} edits have no verdict yet, such as {case} {method}: {why}"
        if not read_batch:
            raise VeraError(f"{left}; the same command goes on")
        say(left)


def _parameters(fields: tuple[str, ...]) -> dict[str, Any]:
    """Fields of requests by name=value, the value as JSON, or as the text that it is where it is none."""
    from vera.errors import VeraError

    found: dict[str, Any] = {}
    for one in fields:
        name, equals, value = one.partition("=")
        if not (name and equals):
            raise VeraError(f"--set is name=value, such as seed=1, not {one!r}")
        try:
            found[name] = json.loads(value)
        except ValueError:
            found[name] = value
    return found
