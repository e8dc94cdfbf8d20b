"""The description of the API, and the page's types: those of the routes as they are."""

import json
import shutil
from pathlib import Path

import pytest

from vera.studio.openapi import describe_api, typescript

SHARED = Path(__file__).parents[2] / "web" / "shared"
AGAIN = "stale: run `python -m vera.studio.openapi web/shared`"


def test_the_description_is_that_of_the_routes() -> None:
    assert (SHARED / "openapi.json").read_text(encoding="utf-8") == describe_api(), AGAIN


def test_the_types_are_those_of_the_description() -> None:
    if shutil.which("npx") is None or not (SHARED.parent / "node_modules").exists():
        pytest.skip("needs Node and `npm ci` in web/")
    assert (SHARED / "api.d.ts").read_text(encoding="utf-8") == typescript(SHARED / "openapi.json"), AGAIN


def test_every_body_and_answer_is_described() -> None:
    described = json.loads(describe_api())
    assert described["openapi"].startswith("3.1")
    for path, methods in described["paths"].items():
        for method, route in methods.items():
            assert route.get("description"), f"{method} {path}"
            for parameter in route.get("parameters", []):
                assert parameter["schema"], f"{method} {path}"
    for name, schema in described["components"]["schemas"].items():
        if name.startswith("New") or name in ("ChangedProject", "Layer", "Stroke", "OpenClip", "Layerize"):
            assert schema.get("additionalProperties") is False, name
            assert schema.get("description"), name
