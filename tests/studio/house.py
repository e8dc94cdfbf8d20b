"""A studio for tests: an app with a client that may call it, and jobs done at once, in this process."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from vera.errors import VeraError
from vera.jobs.job import Job
from vera.jobs.kinds import KINDS
from vera.jobs.results import with_results
from vera.jobs.runner import attribute
from vera.jobs.work import Work
from vera.service.access import Access
from vera.studio.app import open_studio, studio_app
from vera.studio.studio import Studio

API = "/api/v1"


@dataclass
class House:
    """A studio, its client, and what jobs kept warm."""

    studio: Studio
    client: TestClient
    warm: dict[str, Any]

    def get(self, path: str, status: int = 200, **query: Any) -> Any:
        """Ask for JSON."""
        return self._said(self.client.get(API + path, params=query), status)

    def post(self, path: str, body: Any = None, status: int = 201) -> Any:
        """Send JSON."""
        return self._said(self.client.post(API + path, json=body), status)

    def patch(self, path: str, body: Any, tag: str | None = None, status: int = 200) -> Any:
        """Change what is of the state `tag`."""
        headers = {} if tag is None else {"If-Match": tag}
        return self._said(self.client.patch(API + path, json=body, headers=headers), status)

    def tag(self, project: str) -> str:
        """The state of a project."""
        return self.client.get(f"{API}/projects/{project}").headers["ETag"]

    def layers(self, project: str, layers: list[dict[str, Any]], **more: Any) -> Any:
        """Set the layers of a project."""
        return self.patch(f"/projects/{project}", {"layers": layers, **more}, self.tag(project))

    def work(self, *kinds: str) -> list[Job]:
        """Do all jobs that wait, as a worker does, and return them."""
        done = []
        while (claim := self.studio.jobs.claim("here", kinds or tuple(KINDS))) is not None:
            job, outcome, error, result = claim.job, "done", None, None
            run = partial(self._run, job)
            try:
                result = with_results(self.studio.workspace, job.id, job.spec.get("out"), run)
            except VeraError as failure:
                outcome, error = "failed", str(failure)
            done.append(self.studio.jobs.report(job.id, "here", claim.lease, outcome, error, result))  # type: ignore[arg-type]
        return done

    def _run(self, job: Job, out: Path) -> dict[str, Any]:
        steps: list[tuple[str, int, int]] = []
        work = Work(self.studio.workspace, out, lambda *step: steps.append(step), lambda preview: None, self.warm)
        result: dict[str, Any] = attribute(KINDS[job.kind])(job.spec, work)
        return result

    def _said(self, response: Any, status: int) -> Any:
        assert response.status_code == status, response.text
        return response.json() if response.content else None


def open_house(workspace: Path, *roots: Path) -> House:
    """A house over a workspace; close its drawing process in the end."""
    studio = open_studio(workspace, roots)
    return House(studio, client_of(studio), {})


def client_of(studio: Studio) -> TestClient:
    """A client that may call a studio's app."""
    access = Access()
    return TestClient(
        studio_app(studio, access),
        base_url="http://127.0.0.1",
        headers={"Authorization": f"Bearer {access.token}"},
        raise_server_exceptions=False,
    )
