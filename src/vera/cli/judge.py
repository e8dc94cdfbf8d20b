"""`vera evaluate judge`: have a vision-language model judge edits."""

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
    """Where and how the model is asked.

    Parameters
    ----------
    url
        URL of an endpoint that speaks OpenAI's chat completions, up to the version: http://localhost:8000/v1.
    model
        Name by which it serves the model.
    key_variable
        Environment variable that holds the key. Neither is the key an option, nor is it shown or kept anywhere.
    timeout
        Seconds for one reply.
    tries
        Of one request, while the endpoint is busy, fails or does not reply.
    max_tokens
        Of one answer.
    structured
        What holds answers to their form: a JSON schema, JSON, or the prompt alone. They are checked in any case.
    requests_per_minute
        Limit that is kept here. Default: none.
    tokens_per_minute
        Limit that is kept here. Default: none.
    prompt_price
        Of a million tokens of prompts, in any currency.
    answer_price
        Of a million tokens of answers.
    parameters
        Field of requests, such as seed=1, or temperature=null to leave it out. May be repeated.
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
    parameters: Annotated[tuple[str, ...], Parameter("--set", negative=())] = ()


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
    read_batch: Annotated[tuple[Path, ...], Parameter(negative=())] = (),
) -> None:
    """Have a model score edits for composition (CS, CT) and instruction (IS), 1 to 5, and print what all judges say.

    The same command goes on with work that was stopped, and pays for nothing twice. Give another model and the same
    folder for a second judge.

    Parameters
    ----------
    cases
        JSONL file with case, instruction, source and result, perhaps method and task, one edit a line.
    out
        Folder of replies, verdicts and the table.
    name
        Of the judge in the table. Default: the model's.
    media
        Frames of both clips, or the files themselves where the endpoint takes video.
    frames
        How many frames of each clip.
    longest
        Largest width or height of a frame.
    at_once
        Requests at a time.
    write_batch
        Write requests that have no reply yet as batch files (OpenAI's JSONL) into this new folder; send nothing.
    read_batch
        File of results of such a batch; no other request is sent. May be repeated.
    """
    from vera.errors import VeraError
    from vera.evaluation.judges import Shown, VlmJudge, judge_cases, judge_table, read_judged_cases, summarize_judges
    from vera.evaluation.judges.rows import rows_of_others
    from vera.files import write_text
    from vera.vlm import Client, Endpoint, ReplyCache, read_results, write_batches

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
