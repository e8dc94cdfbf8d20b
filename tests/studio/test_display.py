"""What shows a clip in BT.709: LUTs that are sent, colour spaces, pictures and the viewer's table; what is refused."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.color.test_transform import show, write_cube
from tests.studio.house import API, House
from tests.studio.taking import bring
from tests.studio.test_uploads import upload

from vera.color.transform import color_transform
from vera.studio.footage import TABLE
from vera.video import open_clip
from vera.video.view import source_view


def picture(house: House, path: str, **query: Any) -> np.ndarray:
    answer = house.client.get(API + path, params=query)
    assert answer.status_code == 200, answer.text
    return np.asarray(Image.open(io.BytesIO(answer.content)))


def show_by(house: House, project: str, status: int = 200, **display: str | None) -> Any:
    return house.patch(f"/projects/{project}", {"display": display}, house.tag(project), status)


def send_lut(house: House, project: str, path: Path, name: str = "log.cube", status: int = 201) -> Any:
    return house.post(f"/projects/{project}/luts", {"upload": upload(house, path.read_bytes(), name)}, status)


def test_a_lut_shows_the_clip_and_the_takes_that_are_asked_for(
    house: House, project: str, footage: Path, tmp_path: Path
) -> None:
    write_cube(tmp_path / "log.cube", 17)
    made = send_lut(house, project, tmp_path / "log.cube", "../my log.CUBE")
    assert made["name"] == "my log.cube" and house.get(f"/projects/{project}/luts") == [made]
    before, plain = house.tag(project), picture(house, f"/projects/{project}/frames/2", view="source")
    house.get(f"/projects/{project}/display.png", 422)
    assert show_by(house, project, lut=made["lut"])["display"] == {"lut": made["lut"], "ocio": None}
    assert house.tag(project) != before
    clip = open_clip(footage / "bikes.mp4")
    transform = color_transform(clip.color, lut=tmp_path / "log.cube")
    with clip.frames() as frames:
        expected = source_view([*frames][2], *clip.display_size, clip.orientation, transform)
    shown = picture(house, f"/projects/{project}/frames/2", view="source")
    assert np.array_equal(shown, expected) and not np.array_equal(shown, plain)
    (take,) = house.post(f"/projects/{project}/takes", {"instruction": "add a hat", "seeds": [1]})
    assert house.get(f"/jobs/{take['job']}")["spec"]["lut"] == made["lut"]
    house.client.delete(f"{API}/takes/{take['id']}")
    show_by(house, project)
    assert np.array_equal(picture(house, f"/projects/{project}/frames/2", view="source"), plain)


def test_layers_are_shown_as_the_clip_is(house: House, project: str, footage: Path, tmp_path: Path) -> None:
    """Where nothing lies the result is shown as the source is; code values stay the file's."""
    house.layers(project, [{"take": bring(house, project, footage / "hat")}])
    values = house.get(f"/projects/{project}/samples/3", x=15, y=15)
    plain = picture(house, f"/projects/{project}/frames/3", view="result")
    write_cube(tmp_path / "log.cube", 17)
    show_by(house, project, lut=send_lut(house, project, tmp_path / "log.cube")["lut"])
    views = {view: picture(house, f"/projects/{project}/frames/3", view=view) for view in ("source", "result", "alpha")}
    clear = views["alpha"][..., 0] == 0
    assert np.array_equal(views["result"][clear], views["source"][clear])
    assert not np.array_equal(views["result"], plain)
    assert house.get(f"/projects/{project}/samples/3", x=15, y=15) == values


def test_the_table_is_the_lut(house: House, project: str, tmp_path: Path) -> None:
    write_cube(tmp_path / "log.cube", TABLE)
    lut = send_lut(house, project, tmp_path / "log.cube")["lut"]
    table = picture(house, f"/projects/{project}/display.png", lut=lut).reshape(TABLE, TABLE, TABLE, 3)
    for blue, green, red in ((0, 0, 0), (5, 9, 30), (32, 1, 17)):
        expected = show(np.array([[red, green, blue]]) / (TABLE - 1)) * 255
        assert np.abs(table[blue, green, red] - expected).max() <= 1


def test_a_colour_space_of_opencolorio(house: House, project: str) -> None:
    spaces = house.get("/colorspaces")
    assert "ARRI LogC4" in spaces
    plain = picture(house, f"/projects/{project}/frames/1", view="source")
    show_by(house, project, ocio="ARRI LogC4")
    assert not np.array_equal(picture(house, f"/projects/{project}/frames/1", view="source"), plain)
    assert picture(house, f"/projects/{project}/display.png", ocio="ARRI LogC4").shape == (TABLE * TABLE, TABLE, 3)


@pytest.mark.faults
def test_what_cannot_show_a_clip(house: House, project: str, tmp_path: Path) -> None:
    write_cube(tmp_path / "log.cube", 5)
    lut = send_lut(house, project, tmp_path / "log.cube")["lut"]
    assert "not both" in show_by(house, project, 422, lut=lut, ocio="ARRI LogC4")["detail"]
    assert "cannot show" in show_by(house, project, 422, ocio="No Such Log")["detail"]
    assert "no longer in the project" in show_by(house, project, 422, lut="0" * 16)["detail"]
    house.get(f"/projects/{project}/display.png", 422, lut=lut, ocio="ARRI LogC4")
    house.get(f"/projects/{project}/display.png", 422, lut="../../x")
    for wrong in ("../../x", "/etc/passwd", ""):
        show_by(house, project, 422, lut=wrong)
    assert house.get(f"/projects/{project}")["display"] == {"lut": None, "ocio": None}


@pytest.mark.faults
@pytest.mark.parametrize(
    ("data", "what"),
    [(b"", "no LUT"), (b"LUT_3D_SIZE 2\n", "rows"), (b"\x00" * 100, "LUT"), (b"LUT_3D_SIZE 100000\n", "LUT")],
)
def test_what_is_no_lut(house: House, project: str, tmp_path: Path, data: bytes, what: str) -> None:
    (tmp_path / "bad.cube").write_bytes(data)
    said = send_lut(house, project, tmp_path / "bad.cube", "bad.cube", 422)["detail"]
    assert "bad.cube" in said and str(house.studio.workspace) not in said
    assert house.get(f"/projects/{project}/luts") == []


@pytest.mark.faults
def test_a_lut_of_greys_is_refused(house: House, project: str, tmp_path: Path) -> None:
    write_cube(tmp_path / "grey.cube", 17, look=lambda colors: np.repeat(colors.mean(-1, keepdims=True), 3, -1))
    assert "cannot be undone" in send_lut(house, project, tmp_path / "grey.cube", "grey.cube", 422)["detail"]
