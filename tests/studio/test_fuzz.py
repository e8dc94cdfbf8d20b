"""The whole API under generated requests: nothing fails unforeseen, answers are as described, nothing gets out."""

import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance
from tests.clips import make_clip as new_clip
from tests.studio.house import House, open_house
from tests.studio.taking import bring

from vera.layers import LayeredEdit, save_layers
from vera.video import open_clip

SECRET = "what nobody is told"
EXAMPLES = 30
DESCRIBED = json.loads((Path(__file__).parents[2] / "web" / "shared" / "openapi.json").read_text(encoding="utf-8"))
# All but the one whose answer never ends.
ROUTES = [(path, method) for path, methods in DESCRIBED["paths"].items() for method in methods if "/events" not in path]
CHECKS = (not_a_server_error, status_code_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[House, Path]]:
    """A house with a clip, a project and a take, in a folder with a file that is nobody's business."""
    home = tmp_path_factory.mktemp("home")
    (home / "secret.txt").write_text(SECRET, encoding="utf-8")
    (home / "footage").mkdir()
    clip = open_clip(new_clip(home / "footage" / "a.mp4", 4, (64, 48)))
    edit = LayeredEdit(
        np.zeros((4, 48, 64, 3), np.uint8), np.full((4, 48, 64), 9999, np.uint16), clip.pts, clip.time_base
    )
    save_layers(edit, home / "hat")
    house = open_house(home / "workspace", home / "footage")
    root = house.get("/about")["roots"][0]["id"]
    opened = house.post("/clips", {"root": root, "inside": "a.mp4"})["id"]
    project = house.post("/projects", {"clip": opened})["id"]
    bring(house, project, home / "hat")
    house.work()
    yield house, home
    house.studio.drawing.close()


@pytest.mark.slow
@pytest.mark.parametrize(("path", "method"), ROUTES)
def test_no_request_fails_unforeseen_or_gets_out(path: str, method: str, fuzzed: tuple[House, Path]) -> None:
    house, home = fuzzed
    app: Any = house.client.app
    schema = schemathesis.openapi.from_dict(app.openapi())
    schema.app = app
    headers = {"Authorization": house.client.headers["Authorization"], "Host": "127.0.0.1"}
    before = _outside(home)

    @settings(max_examples=EXAMPLES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(case=schema[path][method.upper()].as_strategy())
    def check(case: Any) -> None:
        _aim(case, house)
        response = case.call(headers=headers)
        case.validate_response(response, checks=CHECKS)
        assert SECRET.encode() not in response.content

    check()
    assert _outside(home) == before


def _aim(case: Any, house: House) -> None:
    """Half of the requests are for what there is."""
    known = {
        "clip": house.get("/clips")[0]["id"],
        "project": next(iter(house.get("/projects")), {"id": "0" * 16})["id"],
        "root": house.get("/about")["roots"][0]["id"],
    }
    parameters = case.path_parameters or {}
    if zlib.crc32(str(sorted(parameters.items())).encode("utf-8", "replace")) % 2:
        case.path_parameters = parameters | {name: value for name, value in known.items() if name in parameters}


def _outside(home: Path) -> list[tuple[str, int]]:
    paths = (path for path in home.rglob("*") if (home / "workspace") not in path.parents)
    return sorted((str(path), path.stat().st_mtime_ns) for path in paths if path.is_file())
