"""Footage of other kinds through the whole house: sequences, turned, interlaced, anamorphic and HDR clips."""

import io
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.clips import make_clip as new_clip
from tests.studio.house import API, House, open_house
from tests.studio.taking import bring
from tests.video.test_seeking import write_still

from vera.color.tags import ColorTags
from vera.color.transform import color_transform
from vera.layers import LayeredEdit, composite_clip, open_stack, save_layers
from vera.layers.source_match import describe_source
from vera.video import copy_frame, open_clip, planes
from vera.video.view import source_view

SIZE = (64, 48)
CLIPS: dict[str, dict[str, Any]] = {
    "turned.mp4": {"rotation": 90},
    "wide.mp4": {"sample_aspect": Fraction(4, 3)},
    "vfr.mp4": {"time_base": Fraction(1, 600), "pts": [0, 7, 30, 50, 51, 90]},
    "hdr.mkv": {"pix_fmt": "yuv420p10le", "codec": "ffv1", "color": ColorTags(1, 9, 16, 9)},
    "broadcast.ts": {"codec": "mpeg2video", "options": {"g": "4", "bf": "2"}},
    "interlaced.mkv": {"codec": "mpeg2video", "options": {"flags": "+ildct+ilme", "field_order": "tt"}},
    "shot": {},
}


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("kinds")
    for name, how in CLIPS.items():
        if name != "shot":
            new_clip(folder / name, 6, SIZE, **how)
    (folder / "shot").mkdir()
    for number in range(6):
        write_still(folder / "shot" / f"a.{number:04d}.png", number)
    house = open_house(tmp_path_factory.mktemp("workspace"), folder)
    yield house
    house.studio.drawing.close()


@pytest.mark.parametrize("name", CLIPS)
def test_a_clip_of_any_kind(house: House, name: str, tmp_path: Path) -> None:
    root = house.get("/about")["roots"][0]["id"]
    path = house.studio.roots[root] / name
    said = house.post("/clips", {"root": root, "inside": name})
    clip = open_clip(path, deinterlace=name.startswith("interlaced"))
    assert (said["width"], said["height"]) == clip.display_size and said["frames"] == 6
    width, height = clip.display_size
    edit = np.random.default_rng(2).integers(0, 256, (6, height, width, 3)).astype(np.uint8)
    alpha = np.zeros((6, height, width), np.uint16)
    alpha[:, 5:20, 8:30] = 50000
    metadata = {"source": describe_source(clip)}
    save_layers(LayeredEdit(edit, alpha, clip.pts, clip.time_base, metadata), tmp_path / "hat")
    project = house.post("/projects", {"clip": said["id"]})["id"]
    take = bring(house, project, tmp_path / "hat")
    house.work("proxy")
    proxy = house.get(f"/clips/{said['id']}")["proxy"]
    assert proxy["state"] == "ready", proxy["error"]
    assert proxy["frames"] == 6 and proxy["width"] / proxy["height"] == pytest.approx(
        width * said["pixel_aspect"] / height, rel=0.05
    )
    house.layers(project, [{"take": take, "opacity": 0.7}])
    file = house.studio.workspace / "projects" / project / "project.json"
    suffix = ".mkv" if path.suffix == ".ts" else path.suffix
    out = tmp_path / ("out/a.####.png" if name == "shot" else f"out{suffix}")
    written = composite_clip(clip, open_stack([file]), out)
    transform = color_transform(clip.color)
    with clip.frames() as sources, written.frames() as results:
        for number, (source, result) in enumerate(zip(sources, results, strict=True)):
            frame = copy_frame(source)  # the file may say otherwise where chroma lies; its samples are what counts
            for target, plane in zip(planes(frame), planes(result), strict=True):
                target[...] = plane
            answer = house.client.get(f"{API}/projects/{project}/frames/{number}")
            shown = np.asarray(Image.open(io.BytesIO(answer.content)))
            assert np.array_equal(shown, source_view(frame, width, height, clip.orientation, transform)), number
            values = house.get(f"/projects/{project}/samples/{number}", x=12, y=9)
            assert values["alpha"] == pytest.approx(0.7 * 50000 / 65535)
