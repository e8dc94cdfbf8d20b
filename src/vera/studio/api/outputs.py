"""Results, exports and their verification, each a job; the files that came of them."""

from fastapi import APIRouter
from fastapi.responses import FileResponse

from vera.jobs.job import Job
from vera.service.media import media
from vera.studio.files import check_folder, delete_file, list_files, open_file
from vera.studio.outputs import submit_export, submit_result, submit_verification
from vera.studio.schema.base import Id
from vera.studio.schema.projects import File, NewExport, NewResult, NewVerification
from vera.studio.studio import Studio


def outputs_router(studio: Studio) -> APIRouter:
    """Make the routes of what leaves the studio."""
    router = APIRouter(tags=["outputs"])

    @router.post("/projects/{project}/results", status_code=202)
    def result(project: Id, body: NewResult) -> Job:
        """Queue the writing of the result, at full size, under the guarantee of a tier."""
        return submit_result(studio, project, body)

    @router.post("/projects/{project}/exports", status_code=202)
    def export(project: Id, body: NewExport) -> Job:
        """Queue an export of the layers that are on."""
        return submit_export(studio, project, body)

    @router.post("/projects/{project}/verify", status_code=202)
    def verify(project: Id, body: NewVerification) -> Job:
        """Queue the count of samples that changed where they should not have."""
        return submit_verification(studio, project, body)

    @router.get("/projects/{project}/files")
    def files(project: Id) -> list[File]:
        """List results and exports that are whole, the newest first."""
        return list_files(studio, project)

    @router.get("/projects/{project}/files/{file}", response_class=FileResponse)
    def download(project: Id, file: Id) -> FileResponse:
        """Give a file as an attachment."""
        path = open_file(studio, project, file)
        return media(path, studio.workspace, download=path.name)

    @router.delete("/projects/{project}/files/{file}", status_code=204)
    def delete(project: Id, file: Id) -> None:
        """Delete a result or an export."""
        delete_file(studio, project, file)

    @router.get("/projects/{project}/checks/{check}/heat.png", response_class=FileResponse)
    def heat(project: Id, check: Id) -> FileResponse:
        """Give a verification's map of where samples changed that should not have: grey, of the upright size."""
        return media(check_folder(studio, project, check) / "heat.png", studio.workspace, immutable=True)

    return router
