"""What all jobs that make a take end with: its layers, its proxies and `take.json`, in one folder."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vera.files import json_text
from vera.jobs.work import Work

if TYPE_CHECKING:
    from vera.video import Clip


def finish_take(clip: "Clip", layers: Path, work: Work, notices: list[str]) -> dict[str, Any]:
    """Move a layer folder's files into the job's own folder, write its proxies beside; returns what `take.json` says.

    `frames` names the source frame of each layer frame.
    """
    from vera.layers import load_layers
    from vera.layers.proxy import write_take_proxies

    if layers != work.out:
        for path in layers.iterdir():
            path.rename(work.out / path.name)
        layers.rmdir()
    edit = load_layers(work.out)
    frames = write_take_proxies(clip, edit, work.out, work.progress)
    width, height = edit.size
    take = {"frames": frames, "width": width, "height": height, "notices": notices}
    (work.out / "take.json").write_text(json_text(take), encoding="utf-8")
    return {"width": width, "height": height, "frames": len(frames), "notices": notices}
