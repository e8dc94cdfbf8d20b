"""A vision-language model as a judge."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from vera.evaluation.judges.cases import JudgedCase, clip_hash
from vera.evaluation.judges.criteria import QUESTIONS, SYSTEM, Asked
from vera.evaluation.judges.judge import Verdict
from vera.vlm import Client, Outcome, Question, Usage, image_parts, text_part, video_part
from vera.vlm.media import FRAMES, LONGEST, Picture
from vera.vlm.question import Part, answer_schema

PERMANENT = ("refused", "malformed")  # problems that asking again does not change: their replies are kept


@dataclass(frozen=True)
class Shown:
    """What of the clips a judge sees: so many frames of each, at most so large, or the files themselves."""

    media: Literal["frames", "video"] = "frames"
    frames: int = FRAMES
    longest: int = LONGEST
    picture: Picture = "jpeg"


class VlmJudge:
    """Asks one model about composition and instruction, in two requests a case."""

    def __init__(self, name: str, client: Client, shown: Shown = Shown(), asked: Sequence[Asked] = QUESTIONS) -> None:
        self._name, self._client, self._shown, self._asked = name, client, shown, tuple(asked)

    @property
    def name(self) -> str:
        """What the judge is called in tables and files."""
        return self._name

    def fingerprint(self, case: JudgedCase) -> str:
        """Hash all that a verdict depends on: model, questions, what is shown, instruction and clips."""
        endpoint = self._client.endpoint
        depends = [
            [endpoint.model, endpoint.max_tokens, endpoint.structured, endpoint.reasks, dict(endpoint.parameters)],
            [SYSTEM, *([asked.text, answer_schema(asked.answer)] for asked in self._asked)],
            [asdict(self._shown), case.instruction],
            [clip_hash(path) for path in (case.source, case.result)],
        ]
        return hashlib.sha256(json.dumps(depends, sort_keys=True).encode("ascii")).hexdigest()

    def score(self, case: JudgedCase) -> Verdict:
        """Return scores for CS, CT and IS, as far as the model gives them. VeraError as `Client.ask`."""
        outcomes = [self._client.ask(question) for question in self.questions(case)]
        return _verdict(self._asked, outcomes)

    def questions(self, case: JudgedCase) -> list[Question[Any]]:
        """Return what is asked about a case, clips included; for batch files."""
        clips = self._clips(case)
        return [Question(SYSTEM, [*clips, text_part(asked.text)], asked.answer) for asked in self._asked]

    def stop(self) -> None:
        """End waiting for the endpoint, as the work was stopped."""
        self._client.stop()

    def _clips(self, case: JudgedCase) -> list[Part]:
        told = f"Instruction: {json.dumps(case.instruction, ensure_ascii=False)}"
        if self._shown.media == "video":
            source, result = [video_part(case.source)], [video_part(case.result)]
            heads = ("The original video:", "The edited video:")
        else:
            source, result = self._frames(case.source), self._frames(case.result)
            spaced = "frames in order, evenly spaced in time:"
            heads = (
                f"The original video, as {len(source)} {spaced}",
                f"The edited video, as {len(result)} {spaced}",
            )
        return [text_part(told), text_part(heads[0]), *source, text_part(heads[1]), *result]

    def _frames(self, clip: Path) -> list[Part]:
        return image_parts(clip, self._shown.frames, self._shown.longest, self._shown.picture)


def _verdict(asked: Sequence[Asked], outcomes: Sequence[Outcome[Any]]) -> Verdict:
    scores: dict[str, float] = {}
    reasons, problems, unanswered = dict[str, str](), dict[str, str](), dict[str, str]()
    for question, outcome in zip(asked, outcomes, strict=True):
        for criterion, score, reason in question.fields:
            if outcome.answer is not None:
                scores[criterion] = float(getattr(outcome.answer, score))
                reasons[criterion] = getattr(outcome.answer, reason)
            else:
                told = problems if outcome.problem in PERMANENT else unanswered
                told[criterion] = f"{outcome.problem}: {outcome.why}"
    usage = sum((outcome.usage for outcome in outcomes), Usage())
    return Verdict(scores, reasons, problems, unanswered, usage.prompt_tokens, usage.answer_tokens)
