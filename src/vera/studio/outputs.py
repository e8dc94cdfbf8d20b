"""What leaves the studio, as jobs over a copy of the project as it is when they are asked for."""

import shutil
from typing import Any

from vera.errors import VeraError
from vera.jobs.job import Job
from vera.jobs.kinds.inputs import laid_name
from vera.studio.files import list_files, open_file
from vera.studio.projects import LAYERS, project_folder, project_record, read_layers
from vera.studio.schema.projects import NewExport, NewResult, NewVerification
from vera.studio.studio import Studio, new_id
from vera.whole import whole_file


def submit_result(studio: Studio, project: str, asked: NewResult) -> Job:
    """Queue the writing of a result. Raises VeraError for a codec that there is not."""
    from vera.video import CODECS

    if asked.codec is not None and asked.codec not in CODECS:
        raise VeraError(f"no codec is named {asked.codec}; choose from {', '.join(CODECS)}")
    return _submit(studio, project, "composite", asked.model_dump(mode="json"))


def submit_export(studio: Studio, project: str, asked: NewExport) -> Job:
    """Queue an export of the layers that are on. Raises VeraError if there are none, or no such target."""
    from vera.layers.export import TARGETS

    if asked.target not in TARGETS:
        raise VeraError(f"no target is named {asked.target}; choose from {', '.join(TARGETS)}")
    if not any(layer.on for layer in read_layers(project_folder(studio, project) / LAYERS)[0]):
        raise VeraError("no layer of the project is on; there is nothing to export")
    return _submit(studio, project, "export", asked.model_dump(mode="json"))


def submit_verification(studio: Studio, project: str, asked: NewVerification) -> Job:
    """Queue the verification of a result against the layers it was made of. Raises VeraError if there is no result."""
    results = [file for file in list_files(studio, project) if file.kind == "result"]
    file = asked.file or next((file.id for file in results), None)
    if file is None or file not in [result.id for result in results]:
        raise VeraError("there is no such result to verify; write one first")
    open_file(studio, project, file)
    record = project_record(studio, project)
    out = f"projects/{project}/checks/{new_id()}"
    return studio.jobs.submit("verify", {"project": project, "clip": record["clip"], "file": file, "out": out})


def _submit(studio: Studio, project: str, kind: str, asked: dict[str, Any]) -> Job:
    record, folder, file = project_record(studio, project), project_folder(studio, project), new_id()
    with whole_file(folder / laid_name(file)) as partial:
        shutil.copyfile(folder / LAYERS, partial)
    names = {"project": project, "clip": record["clip"], "file": file, "name": record["name"]}
    return studio.jobs.submit(kind, asked | names | {"out": f"projects/{project}/exports/{file}"})
