"""`vera edit --model EDITOR` from a clip to a verified result, and `vera models`: tiny pipelines of diffusers' classes.

Their networks have random weights and draw nothing that anyone would call an edit. Where one is wanted, the pipeline's
call is replaced by a drawing; loading, windows, layers and masters are the real ones.
"""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from shutil import copytree
from types import SimpleNamespace
from typing import Any

import av
import cv2
import diffusers
import numpy as np
import pytest
from tests.fake_hub import FakeHub
from tests.pipelines.editors.tiny import make

import vera
from vera.cli import main
from vera.layers import load_layers
from vera.pipelines.editors.loading import load_editor

SIZE = (96, 64)
Call = Callable[..., Any]
Folders = dict[str, Path]
Capture, Patch = pytest.CaptureFixture[str], pytest.MonkeyPatch


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Folders:
    root = tmp_path_factory.mktemp("editors")
    names = ("WanVACEPipeline", "LucyEditPipeline", "Flux2KleinPipeline")
    for name in names:
        make(name).save_pretrained(root / name)
    return {name: root / name for name in names}


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """12 frames of something textured that moves a pixel a frame."""
    noise = np.random.default_rng(0).integers(30, 226, (16, 30, 3), dtype=np.uint8)
    whole = cv2.resize(noise, (120, 64), interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "clip.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(24))
        stream.width, stream.height = SIZE
        stream.pix_fmt = "yuv420p"
        for number in range(12):
            picture = np.ascontiguousarray(whole[:, number : number + SIZE[0]])
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def drawing(monkeypatch: Patch, pipeline: str, draw: Call) -> list[dict[str, Any]]:
    """Let a pipeline draw `draw(frames)`; what it is called with is kept."""
    calls: list[dict[str, Any]] = []

    def call(self: Any, **options: Any) -> Any:
        calls.append(options)
        shown = options.get("video") or [options["image"]]
        frames = draw(np.stack([np.asarray(frame) for frame in shown]))
        self._num_timesteps = options["num_inference_steps"]
        for step in range(options["num_inference_steps"]):
            options["callback_on_step_end"](self, step, None, {})
        return SimpleNamespace(frames=[frames], images=frames)

    monkeypatch.setattr(getattr(diffusers, pipeline), "__call__", call)
    return calls


def red_square(frames: np.ndarray) -> np.ndarray:
    noise = np.random.default_rng(1).normal(0, 1.5, frames.shape)
    drawn = (frames + noise + 2).clip(0, 255)
    drawn[:, 20:44, 34:62] = (230, 20, 20)
    return (drawn / 255).astype(np.float32)


def edit(clip: Path, model: object, *options: object) -> int:
    command = ["edit", clip, "Add a red square", "--model", model, "--size", "96x64", "--steps", "2", *options]
    return main([*map(str, command), "--device", "cpu", "--dtype", "float32"])


def test_from_a_clip_to_a_verified_result(
    clip: Path, folders: Folders, tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    calls = drawing(monkeypatch, "LucyEditPipeline", red_square)
    out, layers = tmp_path / "out.mkv", tmp_path / "layers"
    assert edit(clip, folders["LucyEditPipeline"], "--out", out, "--layers", layers, "--seed", "5") == 0
    told = capfd.readouterr().out
    assert "LucyEditPipeline: edits frames, made into layers; licence not stated" in told
    assert "edited   12 frames at 96x64" in told
    assert [(call["prompt"], call["num_frames"]) for call in calls] == [("Add a red square", 13)]

    found = load_layers(layers)
    assert found.alpha.shape == (12, 64, 96)
    assert all(found.alpha[number][26:38, 40:56].min() > 60000 for number in range(12))
    manifest = found.metadata
    assert manifest["editor"]["pipeline"] == "LucyEditPipeline" and manifest["editor"]["windows"] == [0]
    assert (manifest["steps"], manifest["guidance"], manifest["seed"]) == (2, 5.0, 5)
    assert manifest["license"].startswith("not stated")

    assert main(["verify", str(clip), str(out), str(layers)]) == 0
    assert main(["composite", str(clip), str(layers), "--out", str(tmp_path / "again.mkv"), "--opacity", "0.5"]) == 0
    assert main(["export", str(layers), "--source", str(clip), "--to", "png", "--out", str(tmp_path / "png")]) == 0


def test_a_real_network_s_noise_is_no_edit(clip: Path, folders: Folders, tmp_path: Path, capfd: Capture) -> None:
    before = sorted(tmp_path.rglob("*"))
    assert edit(clip, folders["LucyEditPipeline"], "--out", tmp_path / "out.mkv", "--frames", "5") == 2
    assert "drew a clip that shows nothing of the source" in capfd.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("draw", "told"),
    [
        (lambda frames: frames, "left the clip as it was"),
        (lambda frames: frames[:-2], "fewer frames, 11 for 12"),
        (lambda frames: frames * 0, "black frames only"),
        (lambda frames: frames * np.nan, "NaN"),
        (lambda frames: frames[:, ::2, ::2], "frames of 48x32 for 96x64"),
    ],
)
def test_nothing_is_written_of_what_is_no_edit(
    draw: Call, told: str, clip: Path, folders: Folders, tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    drawing(monkeypatch, "LucyEditPipeline", draw)
    before = sorted(tmp_path.rglob("*"))
    assert edit(clip, folders["LucyEditPipeline"], "--out", tmp_path / "o.mkv", "--layers", tmp_path / "layers") == 2
    error = capfd.readouterr().err
    assert told in error and error.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before


def test_a_mask_is_seen_or_told_not_to_be(
    clip: Path, folders: Folders, tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[:, :48] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    for name, sees in (("WanVACEPipeline", True), ("LucyEditPipeline", False)):
        calls = drawing(monkeypatch, name, red_square if not sees else lambda frames: with_context(frames, clip))
        layers = tmp_path / name
        given = ("--mask", tmp_path / "mask.png", "--layers", layers, "--no-result")
        assert edit(clip, folders[name], *given) == 0
        said = capfd.readouterr().err
        assert ("sees no mask: what it keeps is spared in the layers only" in said) != sees
        assert ("not what is to be done: describe it" in said) == sees
        assert ("mask" in calls[0]) == sees
        alpha = load_layers(layers).alpha[6]
        assert alpha[:, :40].max() == 0 and alpha[26:38, 54:58].min() > 50000


def with_context(frames: np.ndarray, clip: Path) -> np.ndarray:
    """What VACE draws: the clip again, of which it was shown the masked part, and a square."""
    with av.open(str(clip)) as container:
        source = np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])
    assert (frames[:, :, 48:] == 128).all()
    return red_square(np.concatenate([source, source[-1:]]))


def test_a_picture_s_edit_is_carried_along(
    clip: Path, folders: Folders, tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    calls = drawing(monkeypatch, "Flux2KleinPipeline", red_square)
    assert edit(clip, folders["Flux2KleinPipeline"], "--layers", tmp_path / "layers", "--no-result") == 0
    assert "edits one frame, carried along as a layer" in capfd.readouterr().out
    assert len(calls) == 1
    found = load_layers(tmp_path / "layers")
    assert all(found.alpha[number].max() > 60000 for number in range(12))
    assert found.metadata["editor"]["keyframe"] == 6


def test_one_that_is_loaded_edits_many(clip: Path, folders: Folders, tmp_path: Path, monkeypatch: Patch) -> None:
    drawing(monkeypatch, "LucyEditPipeline", red_square)
    editor = load_editor(str(folders["LucyEditPipeline"]), "cpu", "float32")
    alphas = []
    for name in ("one", "two"):
        report = vera.edit(
            clip, "add a red square", layers=tmp_path / name, result=False, pipeline=editor, size=SIZE, steps=2
        )
        assert report.edit is not None and report.choice.startswith(str(folders["LucyEditPipeline"]))
        alphas.append(report.edit.alpha[0])
    assert np.array_equal(*alphas)
    with pytest.raises(vera.VeraError, match="loaded already: leave out device"):
        vera.edit(clip, "add a red square", layers=tmp_path / "three", result=False, pipeline=editor, device="cpu")


def test_models_are_listed(folders: Folders, hub: FakeHub, tmp_path: Path, capfd: Capture) -> None:
    assert main(["models"]) == 0
    told = capfd.readouterr().out
    for name in ("nano", "vera-14b", "lucy (decart-ai/Lucy-Edit-Dev)", "vace-1.3b", "not for commercial use"):
        assert name in told
    assert not hub.asked, "nothing is fetched"


def test_cached_models_are_told_with_their_licence(
    clip: Path, folders: Folders, hub: FakeHub, tmp_path: Path, monkeypatch: Patch, capfd: Capture
) -> None:
    copytree(folders["LucyEditPipeline"], tmp_path / "lucy")
    (tmp_path / "lucy" / "README.md").write_text("---\nlicense: other\nlicense_name: tests-only\n---\n")
    hub.add_folder("decart-ai/Lucy-Edit-Dev", tmp_path / "lucy")
    drawing(monkeypatch, "LucyEditPipeline", red_square)
    assert edit(clip, "lucy", "--layers", tmp_path / "layers", "--no-result") == 0
    told = capfd.readouterr().out
    assert "lucy (decart-ai/Lucy-Edit-Dev), LucyEditPipeline" in told
    assert "licence tests-only, not for commercial use" in told
    assert load_layers(tmp_path / "layers").metadata["license"] == "tests-only"

    assert main(["models"]) == 0
    line = next(line for line in capfd.readouterr().out.splitlines() if line.startswith("lucy "))
    assert " cached " in line and "tests-only" in line and "not for commercial use" in line
    main(["doctor"])
    assert "model lucy" in (said := capfd.readouterr().out) and "licence tests-only" in said


@pytest.mark.parametrize(
    ("model", "told"),
    [
        ("lucie", "unknown model 'lucie'"),
        ("me/nothing", "the hub has none of this name"),
        ("lucy", "the hub has none of this name"),
        ("ltx-2", "the hub has none of this name"),
    ],
)
def test_models_that_are_not_there(
    model: str, told: str, clip: Path, hub: FakeHub, tmp_path: Path, capfd: Capture
) -> None:
    assert edit(clip, model, "--out", tmp_path / "out.mkv") == 2
    error = capfd.readouterr().err
    assert told in error and error.count("\n") == 1 and not (tmp_path / "out.mkv").exists()


def test_a_gated_editor(clip: Path, folders: Folders, hub: FakeHub, tmp_path: Path, capfd: Capture) -> None:
    hub.add_folder("decart-ai/Lucy-Edit-Dev", folders["LucyEditPipeline"])
    hub.gated.add("decart-ai/Lucy-Edit-Dev")
    assert edit(clip, "lucy", "--out", tmp_path / "out.mkv") == 2
    assert "is gated: accept its terms on its page" in capfd.readouterr().err


def test_an_editor_sees_a_region_alone(
    clip: Path,
    folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    calls = drawing(monkeypatch, "LucyEditPipeline", lambda frames: red_square(frames)[:, :48, :48])
    out, layers = tmp_path / "out.mkv", tmp_path / "layers"
    options = ["--region", "40,8,32,32", "--size", "48x48", "--steps", "2", "--device", "cpu", "--dtype", "float32"]
    named = ["--model", folders["LucyEditPipeline"], "--out", out, "--layers", layers]
    assert main([*map(str, ["edit", clip, "Add a red square", *named, *options])]) == 0
    assert [(call["width"], call["height"]) for call in calls] == [(48, 48)]
    found = load_layers(layers)
    assert found.metadata["crops"] == [{"model": [48, 48], "size": [48, 48], "corners": [[32, 0]]}]
    alpha = np.asarray(found.alpha)
    assert alpha[:, 26:36, 66:70].min() > 50000 and not alpha[:, :, :32].any() and not alpha[:, :, 80:].any()
    assert main(["verify", str(clip), str(out), str(layers)]) == 0


def test_an_editor_that_draws_all_anew_takes_no_region(
    clip: Path, folders: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = sorted(tmp_path.rglob("*"))
    options = ("--region", "16,0,64,64", "--out", tmp_path / "out.mkv")
    assert edit(clip, folders["WanVACEPipeline"], *options) == 2
    error = capfd.readouterr().err
    assert "draws whole pictures anew" in error and "--mask" in error and sorted(tmp_path.rglob("*")) == before
