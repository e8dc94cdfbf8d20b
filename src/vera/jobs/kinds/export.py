"""The job `export`: the layers for another program, as one zip."""

import shutil
import zipfile
from pathlib import Path
from typing import Any

from vera.files import json_text
from vera.jobs.kinds.inputs import laid_path, open_job_clip, plain_stem
from vera.jobs.work import Work


def run(spec: dict[str, Any], work: Work) -> dict[str, Any]:
    """Export the layers that are on for `spec["target"]`; returns what was written."""
    from vera.layers.export import export_layers

    clip = open_job_clip(work.workspace, spec.get("clip"))
    folder = work.out / "export"
    export_layers(
        laid_path(work.workspace, spec),
        spec["target"],
        source=clip,
        out=folder,
        start_frame=spec.get("start_frame"),
        light=spec.get("light", "linear"),
        still=spec.get("still"),
        progress=work.progress,
    )
    path = work.out / f"{plain_stem(spec.get('name'))}-{spec['target']}.zip"
    count = _pack(folder, path, work)
    shutil.rmtree(folder)
    about = {"name": path.name, "kind": "export", "target": spec["target"], "files": count}
    (work.out / "about.json").write_text(json_text(about), encoding="utf-8")
    return about | {"file": spec["file"]}


def _pack(folder: Path, path: Path, work: Work) -> int:
    """Put the files of a folder into a zip as they are: pictures and movies do not shrink further."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for done, file in enumerate(files, 1):
            archive.write(file, file.relative_to(folder).as_posix())
            work.progress("pack", done, len(files))
    return len(files)
