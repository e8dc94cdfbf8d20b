"""Bad input to `vera edit`: exit code 2, one line on stderr, and nothing written.

The model is a tiny one of random weights; the command line, the footage and the files are the real ones.
"""

import json
import shutil
import signal
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.cli.stopping import run_stopped
from tests.conftest import small_disk

from vera.cli import main

ClipMaker = Callable[..., Path]
Fails = Callable[..., str]


def tree(folder: Path) -> dict[Path, tuple[int, int]]:
    """Every path below `folder` with its size and time of change."""
    return {p: (p.lstat().st_size, p.lstat().st_mtime_ns) for p in folder.rglob("*") if not p.is_dir()} | {
        p: (0, 0) for p in folder.rglob("*") if p.is_dir()
    }


@pytest.fixture
def fails(tmp_path: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str]) -> Fails:
    """Give `fails(source, *options)`: run `vera edit` on the tiny model, hold it to the rules, return its line."""

    def run(source: Path, *options: str, instruction: str = "add a red balloon", model: Path | str = tiny_model) -> str:
        before = tree(tmp_path)
        capfd.readouterr()
        argv = [str(source), instruction, "--model", str(model)]
        outputs = {"--out": "result.mp4", "--layers": "layers", "--sheet": "sheet.png"}
        for option, name in outputs.items():
            if option not in options:
                argv += [option, str(tmp_path / name)]
        code = main(["edit", *argv, *options])
        out, err = capfd.readouterr()
        assert code == 2, err
        assert out == ""
        assert err.startswith("vera: ") and err.endswith("\n") and err.count("\n") == 1, err
        assert tree(tmp_path) == before
        return err

    return run


# The source


def test_missing(fails: Fails, tmp_path: Path) -> None:
    assert "gone.mp4" in fails(tmp_path / "gone.mp4")


def test_folder(fails: Fails, tmp_path: Path) -> None:
    assert str(tmp_path) in fails(tmp_path)


def test_empty(fails: Fails, tmp_path: Path) -> None:
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "empty" in fails(path)


def test_truncated(fails: Fails, make_clip: ClipMaker) -> None:
    path = make_clip("cut.mp4")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "cut.mp4" in fails(path)


def test_truncated_after_its_index(fails: Fails, make_clip: ClipMaker) -> None:
    path = faststart(make_clip("whole.mp4", frames=40, size=(64, 64)))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 3 // 4])
    assert path.name in fails(path)


def test_truncated_matroska(fails: Fails, make_clip: ClipMaker) -> None:
    path = make_clip("cut.mkv", frames=9, size=(64, 64))
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    assert "cut.mkv" in fails(path)


def test_not_a_video(fails: Fails, tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("This is not a video. " * 100)
    assert "notes.mp4" in fails(path)


def test_audio_only(fails: Fails, tmp_path: Path) -> None:
    path = tmp_path / "song.m4a"
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 16000), np.float32), "fltp", "mono")
        frame.sample_rate = 16000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert "audio" in fails(path)


def test_no_frames(fails: Fails, tmp_path: Path) -> None:
    path = tmp_path / "none.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        container.start_encoding()
    assert "none.mkv" in fails(path)


@pytest.mark.parametrize("suffix", ["png", "jpg", "webp"])
def test_image(fails: Fails, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"photo.{suffix}"
    Image.new("RGB", (32, 32), "teal").save(path)
    assert "image" in fails(path)


# The instruction


@pytest.mark.parametrize("instruction", ["", "  \n "])
def test_empty_instruction(fails: Fails, make_clip: ClipMaker, instruction: str) -> None:
    assert "instruction" in fails(make_clip("a.mp4"), instruction=instruction)


def test_long_instruction(fails: Fails, make_clip: ClipMaker) -> None:
    assert "2000" in fails(make_clip("a.mp4"), instruction="add a red balloon " * 500)


# Options


@pytest.mark.parametrize(
    "options",
    [
        ("--steps", "0"),
        ("--guidance", "-1"),
        ("--size", "64"),
        ("--size", "0x64"),
        ("--frames", "0"),
        ("--codec", "mpeg0"),
    ],
)
def test_option_out_of_range(fails: Fails, make_clip: ClipMaker, options: tuple[str, str]) -> None:
    fails(make_clip("a.mp4"), *options)


# The output


def test_output_folder_missing(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    assert "gone" in fails(make_clip("a.mp4"), "--out", str(tmp_path / "gone" / "b.mp4"))


def test_output_below_a_file(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mp4")
    fails(source, "--out", str(source / "b.mp4"))


def test_output_not_writable(fails: Fails, make_clip: ClipMaker) -> None:
    assert "/proc" in fails(make_clip("a.mp4"), "--out", "/proc/b.mp4")  # not even root writes there


def test_output_is_a_folder(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "b.mp4").mkdir()
    fails(make_clip("a.mp4"), "--out", str(tmp_path / "b.mp4"))


def test_output_of_unknown_suffix(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    assert "b.xyz" in fails(make_clip("a.mp4"), "--out", str(tmp_path / "b.xyz"))


def test_output_is_the_source(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mp4")
    assert "is read" in fails(source, "--out", str(source))
    assert "is read" in fails(source, "--out", str(tmp_path / "." / "a.mp4"))


def test_output_is_the_source_by_another_name(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mp4")
    (tmp_path / "link.mp4").symlink_to(source)
    (tmp_path / "hard.mp4").hardlink_to(source)
    assert "is read" in fails(source, "--out", str(tmp_path / "link.mp4"))
    assert "is read" in fails(tmp_path / "link.mp4", "--out", str(source))
    assert "is read" in fails(source, "--out", str(tmp_path / "hard.mp4"))


def test_disk_full(fails: Fails, make_clip: ClipMaker) -> None:
    source = make_clip("a.mp4", frames=9, size=(64, 64))
    with small_disk(3000):
        assert "layers cannot be written" in fails(source)  # the first that is


def test_sheet_and_layers_that_cannot_be(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mp4")
    assert "gone" in fails(source, "--sheet", str(tmp_path / "gone" / "sheet.png"))
    assert ".png" in fails(source, "--sheet", str(tmp_path / "sheet.mp4"))
    assert "gone" in fails(source, "--layers", str(tmp_path / "gone" / "layers"))
    assert "a.mp4" in fails(source, "--layers", str(source))


# The model


def test_unknown_model(fails: Fails, make_clip: ClipMaker) -> None:
    assert "picco" in fails(make_clip("a.mp4"), model="picco")


def test_model_folder_without_a_model(fails: Fails, make_clip: ClipMaker, tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    assert "model_index.json" in fails(make_clip("a.mp4"), model=tmp_path / "model")


def test_model_without_weights(fails: Fails, make_clip: ClipMaker, tmp_path: Path, tiny_model: Path) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    next(model.glob("transformer/*.safetensors")).unlink()
    assert "transformer" in fails(make_clip("a.mp4"), model=model)


@pytest.mark.parametrize(("field", "value"), [("ffn_dim", 48), ("num_layers", 2)])
def test_model_whose_weights_do_not_fit(
    fails: Fails, make_clip: ClipMaker, tmp_path: Path, tiny_model: Path, field: str, value: int
) -> None:
    model = Path(shutil.copytree(tiny_model, tmp_path / "model"))
    config = json.loads((model / "transformer" / "config.json").read_text())
    (model / "transformer" / "config.json").write_text(json.dumps(config | {field: value}))
    assert "transformer" in fails(make_clip("a.mp4"), model=model)


# The mask


def test_mask_of_another_length(fails: Fails, make_clip: ClipMaker) -> None:
    assert "mask.mkv" in fails(make_clip("a.mp4"), "--mask", str(make_clip("mask.mkv", frames=4)))


def test_mask_of_another_size(fails: Fails, make_clip: ClipMaker) -> None:
    assert "mask.mkv" in fails(make_clip("a.mp4"), "--mask", str(make_clip("mask.mkv", size=(64, 32))))


# What looks odd and works


def edit(source: Path, model: Path, out: Path, instruction: str = "add a red balloon") -> int:
    return main(["edit", str(source), instruction, "--model", str(model), "--out", str(out)])


@pytest.mark.parametrize(("frames", "size"), [(1, (32, 32)), (5, (33, 35)), (6, (50, 34))])
def test_one_frame_and_odd_sizes(
    make_clip: ClipMaker, tmp_path: Path, tiny_model: Path, frames: int, size: tuple[int, int]
) -> None:
    assert edit(make_clip("a.mkv", frames, size), tiny_model, tmp_path / "b.mkv") == 0
    with av.open(str(tmp_path / "b.mkv")) as container:
        shapes = [(frame.width, frame.height) for frame in container.decode(video=0)]
    assert shapes == [size] * frames


def test_other_language_works_with_a_warning(
    make_clip: ClipMaker, tmp_path: Path, tiny_model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert edit(make_clip("a.mp4"), tiny_model, tmp_path / "b.mp4", "Füge einen roten Ballon hinzu") == 0
    assert "English" in capfd.readouterr().err
    assert (tmp_path / "b.mp4").exists()
    assert edit(make_clip("a.mp4"), tiny_model, tmp_path / "c.mp4") == 0
    assert capfd.readouterr().err == ""


# Interrupted


@pytest.mark.parametrize(
    "stage", [("vera.models", "VeraTransformer3DModel", "forward"), ("vera.video", "FrameWriter", "write")]
)
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGKILL"])
def test_stopped_in_the_middle(
    make_clip: ClipMaker,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_model: Path,
    stage: tuple[str, str, str],
    name: str,
) -> None:
    source = make_clip("a.mp4")
    before = set(tmp_path.iterdir())
    outputs = ["--out", tmp_path / "b.mp4", "--layers", tmp_path / "layers", "--sheet", tmp_path / "s.png"]
    arguments = ["edit", source, "add", "--model", tiny_model, "--steps", "3", *outputs]
    errors = tmp_path_factory.mktemp("errors") / "errors"
    code = run_stopped(stage, signal.Signals[name], list(map(str, arguments)), errors)
    left = set(tmp_path.iterdir()) - before
    told = {"SIGINT": (130, "vera: interrupted\n"), "SIGTERM": (143, "vera: ended by SIGTERM\n")}
    if name in told:
        assert (code, errors.read_text(encoding="utf-8")) == told[name]
        assert left == ({tmp_path / "layers"} if stage[1] == "FrameWriter" else set())
    else:
        assert code == -signal.SIGKILL
        assert not {path.name for path in left} & {"b.mp4", "s.png"}


def faststart(path: Path) -> Path:
    """A copy with the index before the frames, as for the web."""
    copy = path.with_name("fast.mp4")
    with av.open(str(path)) as source, av.open(str(copy), "w", options={"movflags": "faststart"}) as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                target.mux(packet)
    return copy
