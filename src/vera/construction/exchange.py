"""A build's masks for other programs, and theirs for a build: DAVIS, COCO and CVAT."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from vera.construction.decisions import import_decisions
from vera.construction.engine.record import Layout, Record, read_record
from vera.construction.formats.coco import read_coco, write_coco
from vera.construction.formats.cvat import read_cvat, write_cvat
from vera.construction.formats.davis import FOLDER, read_davis, write_davis
from vera.construction.formats.rle import encode_mask
from vera.construction.formats.tracks import ClipTracks, Track
from vera.errors import VeraError
from vera.video import read_lossless
from vera.whole import scratch_folder, whole_folder

Format = Literal["davis", "coco", "cvat"]


def export_masks(out: Path, path: Path, form: Format) -> int:
    """Write the masks of all objects that a build has followed; how many. DAVIS and CVAT are folders, COCO a file.

    VeraError where there are none, or something else is at `path`.
    """
    clips = list(_followed(out))
    if not clips:
        raise VeraError(f"{out}: has no masks yet; vera data build makes them once objects are chosen")
    if path.exists():
        raise VeraError(f"{path}: exists; name another place")
    path.parent.mkdir(parents=True, exist_ok=True)
    if form == "coco":
        write_coco(path, clips)
    else:
        with whole_folder(path) as partial:
            for clip in clips:
                if form == "davis":
                    write_davis(partial, clip)
                else:
                    write_cvat(partial / f"{clip.name}.xml", clip)
    return sum(len(clip.tracks) for clip in clips)


def import_masks(out: Path, path: Path, by: str) -> int:
    """Take masks as the decisions of whoever drew them; how many. Clips are known by their names, the build's ids.

    VeraError for clips that the build does not have, or of another size.
    """
    layout = Layout(out)
    rows = [_decision(layout, clip, by) for clip in _read(path)]
    if not rows:
        raise VeraError(f"{path}: holds no masks")
    with scratch_folder(out / "import") as scratch:
        log = scratch / "log.jsonl"
        log.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="ascii")
        import_decisions(log, layout.decisions)
    return sum(len(row["objects"]) for row in rows)


def _read(path: Path) -> list[ClipTracks]:
    if path.suffix == ".json":
        return read_coco(path)
    if (path / FOLDER).is_dir():
        return read_davis(path)
    files = sorted(path.glob("*.xml")) if path.is_dir() else [path]
    if not files or files[0].suffix != ".xml":
        raise VeraError(f"{path}: is neither DAVIS ({FOLDER}/), nor COCO (.json), nor CVAT (.xml), nor a log (.jsonl)")
    return [read_cvat(file) for file in files]


def _followed(out: Path) -> Iterator[ClipTracks]:
    for path in Layout(out).records("clip"):
        record = read_record(path)
        assert record is not None
        objects = record.stages["annotate"].facts.get("objects", []) if "annotate" in record.stages else []
        tracks = [
            Track(chosen["noun"], read_lossless(file) > 127)
            for number, chosen in enumerate(objects, 1)
            if (file := _file(out, record, f"o{number}/masks", "masks.mkv")) is not None
        ]
        if tracks:
            length, height, width = tracks[0].masks.shape
            yield ClipTracks(record.id, (length, height, width), tracks)


def _file(out: Path, record: Record, key: str, name: str) -> Path | None:
    entry = record.stages.get(key)
    paths = [] if entry is None else [out / path for path in entry.files if Path(path).name == name]
    return next((path for path in paths if path.is_file()), None)


def _decision(layout: Layout, clip: ClipTracks, by: str) -> dict[str, Any]:
    path = layout.record("clip", clip.name)
    record = read_record(path)
    frames = None if record is None else _file(layout.root, record, "proxy", "frames.mkv")
    if frames is None:
        raise VeraError(f"{clip.name}: the build has no such clip; names are those of its export")
    shape = read_lossless(frames).shape[:3]
    if clip.shape != shape:
        told, wanted = (f"{length} frames of {width}x{height}" for length, height, width in (clip.shape, shape))
        raise VeraError(f"{clip.name}: the masks are {told}, and the clip is {wanted}")
    objects = [
        {
            "noun": track.noun,
            "prompts": [{"frame": t, "mask": encode_mask(mask)} for t, mask in enumerate(track.masks)],
        }
        for track in clip.tracks
    ]
    if not objects:
        raise VeraError(f"{clip.name}: has no object")
    at = datetime.now(UTC).isoformat(timespec="milliseconds")
    return {"clip": clip.name, "gate": "annotate", "by": by, "at": at, "objects": objects}
