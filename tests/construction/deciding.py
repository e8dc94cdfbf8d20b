"""Decisions as people record them, and real footage with one's own: a man who walks by."""

import json
from pathlib import Path

from tests.clips import packaged_clip
from tests.construction.crossing import FRAMES

from vera.construction.stages.footage import clip_id
from vera.files import file_hash
from vera.video import open_clip


def decide(log: Path, source: Path, noun: str, first: int = 0, **chosen: object) -> str:
    """Add a person's choice and their acceptance to a log; the clip's id."""
    clip = clip_id(file_hash(source)[:16], first, FRAMES)
    choice = {"clip": clip, "gate": "annotate", "by": "anna", "objects": [{"noun": noun, **chosen}]}
    verdict = {"clip": clip, "gate": "filter", "object": "o1", "by": "ben", "accept": True}
    with log.open("a", encoding="utf-8") as file:
        file.write(f"{json.dumps(choice)}\n{json.dumps(verdict)}\n")
    return clip


def choose_walker(folder: Path) -> tuple[Path, str]:
    """Footage of a street, and in log.jsonl the choice of a man who walks; the footage, and the clip's id."""
    street = folder / "footage" / "bikes.mp4"
    street.parent.mkdir()
    street.write_bytes(packaged_clip("bikes").read_bytes())
    street.with_name("bikes.mp4.licence.yaml").write_text("licence: CC-BY-4.0\n", encoding="utf-8")
    first = next(pts for pts in open_clip(street).pts if pts >= 95744)
    boxes = {0: [0, 0, 145, 225], 8: [100, 0, 290, 235], 11: [200, 0, 216, 240]}  # with two, a foot is left
    prompts = [{"frame": frame, "box": box} for frame, box in boxes.items()]
    return street, decide(folder / "log.jsonl", street, "walking man", first, moving=True, prompts=prompts)
