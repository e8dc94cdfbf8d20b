"""What holds for every export: whole or not at all, found by its source, told in one line."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import numpy as np
import psd_tools
import pytest
from tests.clips import make_clip
from tests.layers.export.conftest import Case, decode, ffmpeg

from vera.color.tags import ColorTags
from vera.errors import VeraError
from vera.layers import Adjustment, LayeredEdit, load_layers, save_layers
from vera.layers.export import TARGETS, export_layers
from vera.layers.export.samples import rescale
from vera.layers.export.shot import Shot
from vera.layers.refine.finish import Finish
from vera.layers.stack import ProjectLayer, write_project
from vera.video import FrameReader, open_clip


@pytest.mark.parametrize("target", TARGETS)
def test_readme_and_record(case: Case, tmp_path: Path, target: str) -> None:
    (folder,) = export_layers(case.folder, target, out=tmp_path)
    assert folder == tmp_path / target
    readme, record = (folder / "README.txt").read_text(), json.loads((folder / "export.json").read_text())
    for name in record["files"].values():
        first = name % 1004 if "%" in name else name
        assert (folder / first).is_file() and first in readme
        assert set(first) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/")
    assert "{" not in readme and "a clip.mov" in readme and "01:00:00:13" in readme
    assert max(map(len, readme.splitlines())) <= 140
    assert record["alpha"] in readme and TARGETS[target].alpha == record["alpha"]
    assert record["frames"] == [1004, 1009] and record["source_frames"] == [1001, 1012]
    assert record["pts"] == list(case.info.pts[3:9]) and record["rate"] == "24000/1001"
    assert record["edit"]["instruction"] == "add a balloon"
    assert (folder / record["plate"]).samefile(case.info.path)


@pytest.mark.parametrize("target", TARGETS)
def test_nothing_stays_of_an_export_that_failed(
    case: Case, tmp_path: Path, target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_layers(case.folder, target, out=tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    real = Shot.frame

    def full(shot: Shot, pts: int, plate: None) -> object:
        if pts == case.info.pts[6]:
            raise OSError(28, "No space left on device")
        return real(shot, pts, plate)

    monkeypatch.setattr(Shot, "frame", full)
    with pytest.raises(VeraError, match="No space left") as caught:
        export_layers(case.folder, target, out=tmp_path, still=1007)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [path.name for path in tmp_path.iterdir()] == [target]


@pytest.mark.faults
def test_an_error_names_the_folder_as_it_is_called(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def write(shot: Shot, frames: object, folder: Path) -> dict[str, str]:
        raise VeraError(f"{folder}/a.mov: FFmpeg refuses it")

    monkeypatch.setitem(cast(Any, TARGETS), "ffv1", replace(TARGETS["ffv1"], write=write))
    with pytest.raises(VeraError) as caught:
        export_layers(case.folder, "ffv1", out=tmp_path)
    assert str(caught.value) == f"{tmp_path}/ffv1/a.mov: FFmpeg refuses it"


def test_frames_are_made_one_at_a_time(case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A frame is asked for when those before it are done with, so that memory does not grow with the clip."""
    alive = [0, 0]

    class Tracked(np.ndarray):
        def __del__(self) -> None:
            alive[0] -= 1

    real = Shot.frame

    def counted(shot: Shot, pts: int, plate: None) -> tuple[np.ndarray, np.ndarray]:
        edit, alpha = real(shot, pts, plate)
        alive[0] += 1
        alive[1] = max(alive)
        return np.array(edit).view(Tracked), alpha

    monkeypatch.setattr(Shot, "frame", counted)
    for target in ("prores4444", "exr", "png"):
        export_layers(case.folder, target, out=tmp_path)
    assert 0 < alive[1] <= 12  # a handful of views of at most two pictures, of eighteen


def test_progress_counts_every_picture(case: Case, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    export_layers(case.folder, "png", out=tmp_path, progress=lambda *now: told.append(now))
    assert told == [("png", done, 6) for done in range(1, 7)]


def test_same_layers_same_bytes(case: Case, tmp_path: Path) -> None:
    for target in TARGETS:
        for out in ("one", "two"):
            (tmp_path / out).mkdir(exist_ok=True)
            export_layers(case.folder, target, out=tmp_path / out)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert files
    for name in files:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name


def test_by_default_exports_lie_in_the_layer_folder(case: Case, tmp_path: Path) -> None:
    shutil.copytree(case.folder, tmp_path / "layers", ignore=shutil.ignore_patterns("export"))
    with pytest.raises(VeraError, match=r"a clip\.mov is not beside it; name the clip with --source"):
        export_layers(tmp_path / "layers", "png")
    (folder,) = export_layers(tmp_path / "layers", "png", source=case.info.path)
    assert folder == tmp_path / "layers" / "export" / "png"
    shutil.copy(case.info.path, tmp_path)
    assert export_layers(tmp_path / "layers", ["png", "qtrle"])[1].name == "qtrle"


def test_only_an_export_is_replaced(case: Case, tmp_path: Path) -> None:
    (tmp_path / "png").mkdir()
    (tmp_path / "png" / "precious.png").write_bytes(b"x")
    with pytest.raises(VeraError, match="holds something else"):
        export_layers(case.folder, "png", out=tmp_path)
    assert (tmp_path / "png" / "precious.png").read_bytes() == b"x"
    (tmp_path / "qtrle").write_bytes(b"x")
    with pytest.raises(VeraError, match="is a file"):
        export_layers(case.folder, "qtrle", out=tmp_path)
    with pytest.raises(VeraError, match="does not exist"):
        export_layers(case.folder, "tiff", out=tmp_path / "no" / "where")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["png", "qtrle"]


@pytest.mark.faults
def test_what_an_artist_puts_into_an_export_stays(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "nuke", out=tmp_path)
    work = {"my_comp_v2.nk": b"comp", "renders/a.exr": b"render", "layer/notes.txt": b"notes", ".DS_Store": b""}
    for name, content in work.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / "link.nk").symlink_to("my_comp_v2.nk")
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    export_layers(case.folder, "nuke", out=tmp_path, adjustment=Adjustment(range=(0, 4)))
    after = {path.relative_to(folder) for path in folder.rglob("*")}
    assert {name: (folder / name).read_bytes() for name in work} == work and (folder / "link.nk").is_symlink()
    gone = {path.as_posix() for path in before - after}  # frames that this export does not have
    assert gone == {
        f"{part}.{number}.exr"
        for part in ("layer/a_clip_layer_premultiplied", "matte/a_clip_matte")
        for number in range(1006, 1010)
    }
    assert not after - before


@pytest.mark.faults
@pytest.mark.parametrize("name", ["a_clip.nk", "README.txt", "layer/a_clip_layer_premultiplied.1005.exr"])
def test_an_export_that_was_worked_on_is_refused_before_any_work(
    case: Case, tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder,) = export_layers(case.folder, "nuke", out=tmp_path)
    (folder / name).write_bytes((folder / name).read_bytes() + b" ")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    monkeypatch.setattr(Shot, "frame", None)
    with pytest.raises(VeraError, match=f"{name}: was changed after it was exported"):
        export_layers(case.folder, ["png", "nuke"], out=tmp_path)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


@pytest.mark.faults
def test_a_file_of_the_name_of_a_new_one_is_not_replaced(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "png", out=tmp_path, start_frame=1)
    mine = folder / "layer" / "a_clip_layer_straight.0020.png"
    mine.write_bytes(b"mine")
    with pytest.raises(VeraError, match=r"0020\.png: has the name of a file of this export"):
        export_layers(case.folder, "png", out=tmp_path, start_frame=15)
    assert mine.read_bytes() == b"mine" and (folder / "layer" / "a_clip_layer_straight.0004.png").is_file()
    assert [path.name for path in tmp_path.iterdir()] == ["png"]


@pytest.mark.faults
@pytest.mark.parametrize(
    "record",
    ["", "[]", "{}", '{"contents": 3}', '{"contents": {"../precious": "1 00", "/etc/passwd": 3}}', "[" * 10**5],
)
def test_a_record_of_strangers_deletes_nothing(case: Case, tmp_path: Path, record: str) -> None:
    (tmp_path / "precious").write_bytes(b"x")
    (tmp_path / "png" / "layer").mkdir(parents=True)
    (tmp_path / "png" / "export.json").write_text(record)
    mine = tmp_path / "png" / "layer" / "a_clip_layer_straight.1004.png"
    mine.write_bytes(b"mine")
    with pytest.raises(VeraError) as caught:
        export_layers(case.folder, "png", out=tmp_path)
    assert "\n" not in str(caught.value) and mine.read_bytes() == b"mine"
    assert (tmp_path / "precious").read_bytes() == b"x"


@pytest.mark.faults
def test_an_export_goes_where_a_link_points_time_after_time(case: Case, tmp_path: Path) -> None:
    (tmp_path / "scratch").mkdir()
    (tmp_path / "qtrle").symlink_to(tmp_path / "scratch")
    for _ in range(2):
        export_layers(case.folder, "qtrle", out=tmp_path)
        assert (tmp_path / "qtrle").is_symlink() and (tmp_path / "scratch" / "export.json").is_file()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["qtrle", "scratch"]


@pytest.mark.faults
def test_two_exports_to_one_folder_do_not_mix(case: Case, tmp_path: Path) -> None:
    """The second begins and ends while the first is at its third picture; the one that ends last stands."""

    def meanwhile(stage: str, done: int, total: int) -> None:
        if done == 3:
            export_layers(case.folder, "png", out=tmp_path, adjustment=Adjustment(opacity=0.3))

    export_layers(case.folder, "png", out=tmp_path / "alone")
    export_layers(case.folder, "png", out=tmp_path, progress=meanwhile)
    files = {path.relative_to(tmp_path / "png"): path.read_bytes() for path in (tmp_path / "png" / "layer").iterdir()}
    alone = tmp_path / "alone" / "png"
    assert files == {path.relative_to(alone): path.read_bytes() for path in (alone / "layer").iterdir()}
    assert json.loads((tmp_path / "png" / "export.json").read_text())["adjustment"] == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone", "png"]


def test_an_export_that_was_killed_while_it_was_replaced_comes_back(case: Case, tmp_path: Path) -> None:
    (folder,) = export_layers(case.folder, "png", out=tmp_path)
    folder.rename(tmp_path / ".png.vera-old")
    (tmp_path / ".png.0123abcd.vera-partial").mkdir()
    (tmp_path / ".png.0123abcd.vera-partial" / "left over").write_bytes(b"x")
    with pytest.raises(VeraError, match="choose from 1004"):
        export_layers(case.folder, ["png", "psd"], out=tmp_path, still=1)
    assert [path.name for path in tmp_path.iterdir()] == ["png"]


def test_layers_of_another_clip_are_refused(case: Case, tmp_path: Path, make_case: object) -> None:
    other = make_case(tmp_path, frames=11, fps=25)  # type: ignore[operator]
    with pytest.raises(VeraError):
        export_layers(case.folder, "png", source=other.info.path, out=tmp_path / "out")
    (folder,) = export_layers(case.folder, "png", source=other.info.path, out=tmp_path / "out", force=True)
    assert (folder / "README.txt").is_file()


def test_wrong_values_are_told(case: Case, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="choose from prores4444, exr"):
        export_layers(case.folder, "avid", out=tmp_path)
    with pytest.raises(VeraError, match="from 0 on"):
        export_layers(case.folder, "png", out=tmp_path, start_frame=-1)
    with pytest.raises(VeraError, match="not a layer folder"):
        export_layers(tmp_path, "png")
    assert not list(tmp_path.iterdir())


def test_names_are_those_that_pipelines_take(case: Case) -> None:
    edit = LayeredEdit(case.edit, case.alpha, case.info.pts[:6], case.info.time_base)

    def name(stem: str) -> str:
        return Shot(edit, replace(case.info, path=Path(f"/x/{stem}.mov")), {case.info.pts[0]: 0}).name

    assert name("SHOW_010-comp.v2") == "SHOW_010-comp.v2"
    assert name("Müller & Söhne (Kopie)") == "M_ller_S_hne_Kopie"
    assert name("..") == name("день") == "clip"


@pytest.mark.parametrize("rotation", [0, 90])
def test_layers_come_to_the_sources_size_as_in_a_composite(tmp_path: Path, rotation: int) -> None:
    """Small layers that ask for the plate, its edge and its colours: the export has what the compositor lays."""
    clip = make_clip(tmp_path / "clip.mov", frames=4, size=(64, 48), rotation=rotation, color=ColorTags(1, 1, 1, 1))
    info = open_clip(clip)
    width, height = (side // 4 for side in info.display_size)
    random = np.random.default_rng(0)
    edit = random.integers(0, 256, (3, height, width, 3)).astype(np.uint8)
    alpha = random.integers(0, 65536, (3, height, width)).astype(np.uint16)
    finish = Finish("plate", decontaminate=True)
    layers = LayeredEdit(edit, alpha, info.pts[1:], info.time_base, finish=finish)
    save_layers(layers, tmp_path / "layers")
    (folder,) = export_layers(tmp_path / "layers", "ffv1", source=clip, out=tmp_path / "out")
    size = (info.display_size[1], info.display_size[0])
    green, blue, red, matte = np.moveaxis(decode(next(folder.glob("*_layer_*")), "gbrap16le", (4, *size), "<u2"), 1, 0)
    with FrameReader(clip) as reader:
        frames = list(reader)[1:]
    laid = [layers.coded_frame(index, info, frame).codes() for index, frame in enumerate(frames)]
    unguided = [layers.coded_frame(index, info).codes() for index in range(3)]
    turns = rotation // 90
    for index, (colors, coverage) in enumerate(laid):
        assert np.array_equal(matte[index], np.rot90(coverage, turns))
        exported = np.stack([red[index], green[index], blue[index]], -1)
        assert np.array_equal(exported, rescale(np.rot90(colors, turns), 65535))
        assert not np.array_equal(coverage, unguided[index][1])  # the plate did guide
    (folder,) = export_layers(tmp_path / "layers", "psd", source=clip, out=tmp_path / "out", still=1003)
    document = psd_tools.PSDImage.open(folder / "clip_layers.1003.psd")
    transparency = np.rint(np.asarray(document[1].numpy())[..., 3] * 255)
    assert np.array_equal(transparency, rescale(np.rot90(laid[1][1], turns), 255))


def test_an_interlaced_source_is_read_as_it_was_for_the_layers(tmp_path: Path) -> None:
    clip = tmp_path / "fields.mov"
    fields = ["-f", "lavfi", "-i", "testsrc2=size=48x32:rate=25,interlace", "-frames:v", "4", "-c:v", "libx264"]
    ffmpeg(*fields, "-flags", "+ildct+ilme", "-qp", "0", clip)
    info = open_clip(clip, deinterlace=True)
    edit, alpha = np.full((4, 8, 12, 3), 200, np.uint8), np.full((4, 8, 12), 9000, np.uint16)
    finish = Finish("plate")  # so that the source is read
    save_layers(LayeredEdit(edit, alpha, info.pts, info.time_base, finish=finish), tmp_path / "layers")
    with pytest.raises(VeraError, match="interlaced"):
        export_layers(tmp_path / "layers", "png", source=clip)
    folders = export_layers(tmp_path / "layers", ["png", "prores4444", "psd"], source=info)
    assert "deinterlace it as well" in (folders[0] / "README.txt").read_text()
    assert not open_clip(next(folders[1].glob("*_layer_*"))).interlaced


def layer_of(folder: Path) -> np.ndarray:
    """R, G, B and alpha of 16 bits as the executable finds them in an export for FFV1."""
    name = json.loads((folder / "export.json").read_text())["files"]["layer"]
    return decode(folder / name, "rgba64le", (50, 66, 4), "<u2")


def test_adjusted_layers(case: Case, tmp_path: Path) -> None:
    (plain,) = export_layers(case.folder, "ffv1", out=tmp_path / "plain")
    how = Adjustment(
        opacity=0.5, offset=(4, -3), gain=(0.5, 1, 1), blend="screen", range=(4, 7)
    )  # one of these has no layer
    (adjusted,) = export_layers(case.folder, "ffv1", out=tmp_path / "adjusted", adjustment=how)
    before, after = layer_of(plain)[1:5].astype(float), layer_of(adjusted).astype(float)
    assert after.shape == (4, 50, 66, 4)
    moved = before[:, 3:, :-4]
    assert np.abs(after[:, :-3, 4:, 3] - np.rint(moved[..., 3] / 2)).max() <= 0.5  # a half goes to the even number
    assert not after[:, -3:, :, 3].any() and not after[:, :, :4, 3].any()
    assert np.abs(after[:, :-3, 4:, 0] - moved[..., 0] / 2).max() <= 0.5
    assert np.array_equal(after[:, :-3, 4:, 1:3], moved[..., 1:3])
    readme, record = (adjusted / "README.txt").read_text(), json.loads((adjusted / "export.json").read_text())
    assert "blend     screen; these files can't say so" in readme and "opacity 0.5, offset 4/-3" in readme
    assert "adjusted" not in (plain / "README.txt").read_text()
    assert record["adjustment"] == how.to_json() and record["frames"] == [1005, 1008]


def test_a_project_gives_a_folder_for_each_layer(case: Case, tmp_path: Path) -> None:
    project = case.folder.parent / "project.json"
    half = Adjustment(opacity=0.5)
    lines = [ProjectLayer(case.folder, half), ProjectLayer(case.folder, on=False), ProjectLayer(case.folder)]
    write_project(project, lines)
    folders = export_layers(project, ["ffv1", "psd"], out=tmp_path)
    names = ["01_layers/ffv1", "01_layers/psd", "02_layers/ffv1", "02_layers/psd"]
    assert [folder.relative_to(tmp_path).as_posix() for folder in folders] == names
    first, second = layer_of(folders[0]), layer_of(folders[2])
    assert np.array_equal(first[..., :3], second[..., :3])
    edit = replace(load_layers(case.folder), adjustment=half)
    assert np.array_equal(first[0, ..., 3], edit.frame(0, case.info.display_size).codes().alpha)
    assert np.array_equal(second[..., 3], case.alpha)


def test_what_a_project_cannot_give_is_said(case: Case, tmp_path: Path) -> None:
    project = case.folder.parent / "project.json"
    write_project(project, [ProjectLayer(case.folder, on=False)])
    with pytest.raises(VeraError, match="none of its layers is on"):
        export_layers(project, "ffv1")
    with pytest.raises(VeraError, match="has its own settings"):
        export_layers(project, "ffv1", adjustment=Adjustment(opacity=0.5))
    with pytest.raises(VeraError, match="holds no frames that are shown"):
        export_layers(case.folder, "ffv1", out=tmp_path, adjustment=Adjustment(range=(0, 1)))
    assert not list(tmp_path.iterdir())
