"""Exact frames over HTTP: those of the file that `vera composite` writes, and code values."""

import io
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.studio.house import API, House
from tests.studio.taking import bring

from vera.cli import main
from vera.video import model_view, open_clip, planes


def picture(house: House, project: str, frame: int, view: str = "result", format: str = "png") -> np.ndarray:
    answer = house.client.get(f"{API}/projects/{project}/frames/{frame}", params={"view": view, "format": format})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == f"image/{format}"
    with Image.open(io.BytesIO(answer.content)) as opened:
        return np.asarray(opened.convert("RGB"))


def test_a_paused_frame_is_that_of_the_composite(house: House, project: str, footage: Path, tmp_path: Path) -> None:
    take = bring(house, project, footage / "hat")
    stroke = {"points": [[50, 40], [58, 44]], "radius": 5, "softness": 0.5, "range": [2, 3]}
    layers = [{"take": take, "opacity": 0.7, "paint": [stroke]}, {"take": take, "offset": [3, 5], "blend": "screen"}]
    house.layers(project, layers)
    written, path = tmp_path / "out.mp4", house.studio.workspace / "projects" / project / "project.json"
    assert main(["composite", str(footage / "bikes.mp4"), str(path), "--out", str(written)]) == 0
    with open_clip(written).frames() as reader:
        for number, frame in reversed(list(enumerate(reader))):
            assert np.array_equal(picture(house, project, number), model_view(frame, 64, 48)), number
            said = house.get(f"/projects/{project}/samples/{number}", x=55, y=42)
            luma, blue, red = (plane for plane in planes(frame))
            assert said["result"] == [luma[42, 55], blue[21, 27], red[21, 27]]


def test_a_change_is_seen_at_once(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    source = picture(house, project, 3, "source")
    assert np.array_equal(picture(house, project, 3), source)
    house.layers(project, [{"take": take}])
    laid = picture(house, project, 3)
    assert not np.array_equal(laid, source)
    assert np.array_equal(picture(house, project, 0), picture(house, project, 0, "source"))
    house.layers(project, [{"take": take, "on": False}])
    assert np.array_equal(picture(house, project, 3), source)
    assert picture(house, project, 3, "alpha").max() == 0 and picture(house, project, 3, "edit").max() == 0
    jpeg = picture(house, project, 3, "source", "jpeg").astype(int)
    assert np.abs(jpeg - source).mean() < 12


def test_stills_of_alpha_are_the_proxys_codes(house: House, project: str, footage: Path) -> None:
    take = bring(house, project, footage / "hat")
    said = house.get(f"/takes/{take}")
    url = said["media"]["still"].replace("{n}", "2")
    with Image.open(io.BytesIO(house.client.get(url).content)) as still:
        assert still.mode == "L"
        codes = np.asarray(still)
    from vera.layers import load_layers

    assert np.array_equal(codes, np.rint(load_layers(footage / "hat").alpha[2] / 65535 * 255))
    house.get(f"/takes/{take}/alpha/6.png", 422)


@pytest.mark.faults
def test_frames_and_pixels_that_there_are_not(house: House, project: str) -> None:
    house.get(f"/projects/{project}/frames/8", 404)
    house.get(f"/projects/{project}/frames/-1", 422)
    house.get(f"/projects/{project}/frames/0", 422, view="matte")
    house.get(f"/projects/{project}/frames/0", 422, format="gif")
    house.get(f"/projects/{project}/samples/0", 422, x=64, y=0)
    house.get(f"/projects/{project}/samples/0", 422, x=0)


def test_a_take_alone_is_what_its_layers_composite_to(
    house: House, project: str, footage: Path, tmp_path: Path
) -> None:
    """However it is adjusted, laid or not: what one side of the wipe shows."""
    take = bring(house, project, footage / "hat")
    house.layers(project, [{"take": take, "opacity": 0.2, "on": False}])
    written = tmp_path / "out.mp4"
    assert main(["composite", str(footage / "bikes.mp4"), str(footage / "hat"), "--out", str(written)]) == 0
    with open_clip(written).frames() as reader:
        frame = [*reader][3]
        answer = house.client.get(f"{API}/projects/{project}/frames/3", params={"take": take})
        with Image.open(io.BytesIO(answer.content)) as opened:
            assert np.array_equal(np.asarray(opened), model_view(frame, 64, 48))
    for other in ("0" * 24, project + "0" * 8):
        house.get(f"/projects/{project}/frames/3", 404, take=other)


def test_the_newest_frame_of_a_window_displaces_those_that_wait(house: House, project: str) -> None:
    def ask(frame: int, window: str | None) -> int:
        query = {} if window is None else {"window": window}
        return int(house.client.get(f"{API}/projects/{project}/frames/{frame}", params=query).status_code)

    assert ask(0, "window-1") == 200  # the process draws now
    with ThreadPoolExecutor() as pool:
        busy = pool.submit(house.studio.drawing.call, time.sleep, 2.0)
        time.sleep(0.5)
        asked = []
        for frame, window in ((1, "window-1"), (2, "window-1"), (3, "window-2"), (4, None)):
            asked.append(pool.submit(ask, frame, window))
            time.sleep(0.2)
        assert asked[0].result() == 204 and not busy.done()
        assert [one.result() for one in asked[1:]] == [200, 200, 200]
