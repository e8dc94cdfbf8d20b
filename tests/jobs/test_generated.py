"""Routes of the queue and of uploads under generated requests: nothing fails unforeseen, answers are as described."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from vera.jobs.router import router
from vera.jobs.store import JobStore
from vera.service.access import Access
from vera.service.app import describe, make_app
from vera.service.tus import uploads_router
from vera.service.uploads import Uploads

CHECKS = [
    not_a_server_error,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
]
EXAMPLES = 40


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Any, dict[str, str], Path]]:
    workspace = tmp_path_factory.mktemp("home") / "workspace"
    store, access = JobStore(workspace / "jobs.sqlite"), Access()
    uploads = uploads_router(Uploads(workspace / "uploads", 1000))
    app = make_app(title="t", hosts=["127.0.0.1"], access=access, routers=[router(store), uploads])
    for number in range(4):
        store.submit("a", {"number": number})
    store.claim("w", ["a"])
    yield app, {"Authorization": f"Bearer {access.token}", "Host": "127.0.0.1"}, workspace
    store.close()


@pytest.mark.slow
def test_no_request_fails_unforeseen(site: tuple[Any, dict[str, str], Path]) -> None:
    """Half of the requests are for jobs and uploads that there are."""
    app, headers, workspace = site
    schema = schemathesis.openapi.from_dict(describe(app))
    schema.app = app
    store_ids = _ids(schema, headers)
    paths = [(path, method) for path, methods in app.openapi()["paths"].items() for method in methods]
    assert len(paths) > 15
    for path, method in paths:
        if path.endswith("/events"):  # the one whose answer never ends
            continue
        operation = schema[path][method.upper()]

        @settings(
            max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck), deadline=None
        )
        @given(case=operation.as_strategy(), known=st.one_of(st.none(), st.sampled_from(store_ids)))
        def check(case: Any, known: str | None) -> None:
            if known is not None and "job" in (case.path_parameters or {}):
                case.path_parameters["job"] = known
            response = case.call(headers=headers | ({"Tus-Resumable": "1.0.0"} if known else {}))
            case.validate_response(response, checks=CHECKS)

        check()
    assert [child.name for child in workspace.parent.iterdir()] == ["workspace"]


def _ids(schema: Any, headers: dict[str, str]) -> list[str]:
    listed = schema["/api/v1/jobs"]["GET"].Case().call(headers=headers).json()
    return [job["id"] for job in listed["jobs"]]
