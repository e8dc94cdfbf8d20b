"""`vera edit`, then `vera composite` and `vera verify` on what it wrote."""

import json
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from vera.cli import main
from vera.layers import LayeredEdit, save_layers
from vera.video import open_clip


@pytest.fixture
def edit(make_clip: Callable[..., Path], tmp_path: Path, tiny_model: Path) -> Callable[..., Path]:
    """Give `edit(name, *options)`: edit a.mp4, a clip with sound, on the tiny model into the file `name`."""
    source = make_clip("a.mp4", frames=6, size=(64, 48), audio=True)

    def run(name: str, *options: str) -> Path:
        out = tmp_path / name
        argv = ["edit", str(source), "add a red balloon", "--model", str(tiny_model), "--out", str(out), *options]
        assert main(argv) == 0
        return out

    return run


def planes(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(plane) for frame in container.decode(video=0) for plane in frame.planes]


def test_edit_writes_what_it_was_asked_for(
    edit: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edit("b.mp4")
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4"}
    capsys.readouterr()
    edit("c.mp4", "--layers", str(tmp_path / "layers"), "--sheet", str(tmp_path / "sheet.png"), "--frames", "5")
    assert {path.name for path in tmp_path.iterdir()} == {"a.mp4", "b.mp4", "c.mp4", "layers", "sheet.png"}
    out = capsys.readouterr().out
    assert all(str(tmp_path / name) in out for name in ("c.mp4", "layers", "sheet.png"))
    assert "5 frames" in out
    assert planes(tmp_path / "c.mp4")[-3:] == planes(tmp_path / "a.mp4")[-3:]  # the sixth frame passes through


def test_same_seed_same_bytes(edit: Callable[..., Path]) -> None:
    first, again, other = (edit(f"{i}.mp4", "--seed", seed) for i, seed in enumerate(("0", "0", "1")))
    assert first.read_bytes() == again.read_bytes() != other.read_bytes()


def test_composite_repeats_the_result_and_verify_agrees(
    edit: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, layers, again = (str(tmp_path / name) for name in ("a.mp4", "layers", "again.mp4"))
    result = edit("b.mp4", "--layers", layers)
    assert main(["composite", source, layers, "--out", again]) == 0
    assert planes(Path(again)) == planes(result)
    capsys.readouterr()
    assert main(["verify", source, again, layers]) == 0
    assert f"{6 * 64 * 48 * 3 // 2:,}" in capsys.readouterr().out


def test_verify_finds_a_change(
    make_clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, layers, lossy = (str(tmp_path / name) for name in ("a.mp4", "layers", "lossy.mp4"))
    info = open_clip(make_clip("a.mp4", frames=3, size=(64, 64)))
    alpha = np.zeros((3, 64, 64), np.uint16)
    alpha[:, :32] = 65535
    save_layers(LayeredEdit(np.full((3, 64, 64, 3), 200, np.uint8), alpha, info.pts, info.time_base), Path(layers))
    assert main(["composite", source, layers, "--out", lossy, "--codec", "h264"]) == 0
    capsys.readouterr()
    assert main(["verify", source, lossy, layers]) == 1
    counts = [int(line.split()[1].replace(",", "")) for line in capsys.readouterr().out.splitlines()[:3]]
    assert counts[:2] == [3 * 64 * 64 * 3 // 2, 3 * 64 * 32 * 3 // 2]
    assert 0 < counts[2] <= counts[1]


def test_no_layer_folder(make_clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source, gone = str(make_clip("a.mp4")), str(tmp_path / "gone")
    for argv in (["composite", source, gone, "--out", str(tmp_path / "b.mp4")], ["verify", source, source, gone]):
        assert main(argv) == 2
        err = capsys.readouterr().err
        assert "gone" in err and err.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.mp4"]


def test_verify_of_a_result_without_its_layers(
    make_clip: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(make_clip("a.mp4"))
    assert main(["verify", source, source]) == 2
    assert capsys.readouterr().err.endswith("to check a result, name the layers that it was made from after it\n")


def test_layers_are_adjusted_stacked_and_kept_as_a_project(
    make_clip: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = str(make_clip("a.mp4", frames=5, size=(64, 48)))
    info = open_clip(source)
    for name, left in (("one", 0), ("two", 20)):
        alpha = np.zeros((5, 48, 64), np.uint16)
        alpha[:, 10:30, left : left + 30] = 40000
        layered = LayeredEdit(np.full((5, 48, 64, 3), 200, np.uint8), alpha, info.pts, info.time_base)
        save_layers(layered, tmp_path / name)
    folders = [str(tmp_path / name) for name in ("one", "two")]
    out, again, kept = (str(tmp_path / name) for name in ("out.mp4", "again.mp4", "project.json"))
    options = ["--opacity", "0.8", "--offset", "-3,2.5", "--scale", "1.1", "--feather", "1", "--choke", "-1"]
    options += ["--color", "-0.02,0,0/1.1/1.2", "--blend", "screen", "--range", "1-3", "--strict-chroma"]
    assert main(["composite", source, *folders, "--out", out, *options, "--project", kept]) == 0
    assert f"project  {kept}" in capsys.readouterr().out
    assert main(["composite", source, kept, "--out", again]) == 0
    assert Path(out).read_bytes() == Path(again).read_bytes()
    assert main(["verify", source, out, kept]) == 0
    line = json.loads(Path(kept).read_text(encoding="utf-8"))["layers"][0]
    assert line == {
        "folder": "one",
        "on": True,
        "opacity": 0.8,
        "offset": [-3, 2.5],
        "scale": 1.1,
        "feather": 1,
        "choke": -1,
        "lift": [-0.02, 0, 0],
        "gamma": [1.1, 1.1, 1.1],
        "gain": [1.2, 1.2, 1.2],
        "blend": "screen",
        "range": [1, 3],
    }
    capsys.readouterr()
    assert main(["composite", source, kept, "--out", again, "--project", kept]) == 2
    assert main(["composite", source, "--out", again]) == 2
    assert capsys.readouterr().err.count("\n") == 2


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("--offset", "3"),
        ("--offset", "a,b"),
        ("--color", "1/1"),
        ("--color", "0/1/1,2"),
        ("--range", "3"),
        ("--range", "1-x"),
        ("--range", "9-2"),
        ("--blend", "burn"),
        ("--opacity", "2"),
        ("--scale", "-1"),
        ("--feather", "nan"),
    ],
)
def test_what_an_adjustment_cannot_be_is_one_line(
    option: str, value: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["composite", "a.mp4", "layers", "--out", str(tmp_path / "b.mp4"), option, value]) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1 and option[2:].replace("color", "colour") in err
