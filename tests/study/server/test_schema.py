"""Requests made from the API's own description, right ones and wrong ones: none makes the server fail."""

from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance
from tests.study.made_study import METHODS, Browser, open_app

from vera.study.server import door

EXAMPLES = 60
ROUTES = [
    ("/api/sessions/{session}", "GET"),
    ("/api/sessions/{session}/consent", "POST"),
    ("/api/sessions/{session}/media/{trial}", "GET"),
    ("/api/sessions/{session}/answers/{trial}", "PUT"),
    ("/api/sessions/{session}/withdrawal", "POST"),
    ("/api/withdrawal", "POST"),
    ("/api/admin/progress", "GET"),
]


def test_these_are_all_routes(study_folder: Path) -> None:
    described = open_app(study_folder)[0].openapi()["paths"]
    assert {(path, method.upper()) for path, methods in described.items() for method in methods} == set(ROUTES)


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_no_request_makes_the_server_fail(
    path: str, method: str, study_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.Throttle, "wait", lambda *_: 0.0)  # what follows a refusal is what is looked for
    app, links = open_app(study_folder)
    rater, admin = Browser(app, links.raters[0]), Browser(app, links.admin)
    rater.consent()
    cookies = dict(rater.client.cookies.items()) | dict(admin.client.cookies.items())
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    answers: set[int] = set()

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method].as_strategy())
    def check(case: Any) -> None:
        if "session" in (case.path_parameters or {}):
            case.path_parameters = {**case.path_parameters, "session": rater.session}
        headers = {"Host": "127.0.0.1", "Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
        response = case.call(headers=headers)
        case.validate_response(response, checks=(not_a_server_error, response_schema_conformance))
        assert not any(name.encode() in response.content for name in METHODS)
        answers.add(response.status_code)

    check()
    assert answers - {401}  # requests came past the door
