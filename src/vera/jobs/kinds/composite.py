"""The job `composite`: the result as a file, under the guarantee of a tier."""

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.errors import VeraError
from vera.files import json_text
from vera.jobs.kinds.inputs import open_job_clip, open_laid, plain_stem
from vera.jobs.work import Work

if TYPE_CHECKING:
    from vera.video import Clip

SUFFIXES = (".mp4", ".mov", ".mkv")


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Lay the layers over the clip and write the master that `spec` asks for; returns what was written."""
    from vera.layers.masters import write_master

    clip, stack = open_job_clip(work.workspace, spec.get("clip")), open_laid(work.workspace, spec)
    out = choose_name(clip, work.out / plain_stem(spec.get("name")), spec)
    master = write_master(clip, stack, out, spec.get("master"), spec.get("codec"), work.progress)
    about = {
        "name": master.path.name,
        "kind": "result",
        "master": master.kind,
        "codec": master.codec,
        "packets": master.packets,
        "kept": master.kept,
        "notice": master.notice,
    }
    (work.out / "about.json").write_text(json_text(about), encoding="utf-8")
    return about | {"file": spec["file"]}


def choose_name(clip: "Clip", stem: Path, spec: dict[str, Any]) -> Path:
    """Name the file by the suffix that was asked for, or the first that can hold such a master: the source's own first.

    Raises VeraError if none can.
    """
    from vera.layers.masters import choose_codec

    own = clip.path.suffix.lower()
    asked = [spec["suffix"]] if spec.get("suffix") else [own] * (own in SUFFIXES) + list(SUFFIXES)
    paths = [stem.with_name(stem.name + suffix) for suffix in asked]
    for path in paths:
        with suppress(VeraError):
            choose_codec(clip, path, spec.get("master"), spec.get("codec"))
            return path
    choose_codec(clip, paths[0], spec.get("master"), spec.get("codec"))  # says what is wrong
    return paths[0]
