"""`edit(region=)` end to end: real files, a tiny model of random weights, an editor that draws what the test says."""

import json
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
from tests.clips import make_clip as make_coded_clip
from tests.pipelines.editors.drawing import DrawingEditor
from tests.pipelines.footage.test_region import write_mask

from vera import VeraError
from vera.layers import load_layers, verify
from vera.layers.refine.clip import Refinement
from vera.models.baselines import VARIANTS
from vera.pipelines import EditJob, ModelChoice, Sampling, VeraPipeline, edit, memory
from vera.pipelines.footage.draw import fit_clip
from vera.pipelines.footage.draw_editor import draw_by_editor
from vera.pipelines.footage.write import write_layers
from vera.video import model_view, open_clip

MakePipeline = Callable[..., VeraPipeline]
TEXT = "add a red balloon"
SIZE = (192, 128)


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> VeraPipeline:
    """A model whose decoder shouts, so that alpha is exactly 0 in some places and 1 in others."""
    pipeline = make_pipeline(window_frames=5, window_overlap=2)
    with torch.no_grad():
        pipeline.vae.decoder.weight.mul_(100)
    return pipeline


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_coded_clip(tmp_path / "a.mkv", 7, SIZE, codec="ffv1")


@pytest.fixture
def moving(tmp_path: Path) -> Path:
    """White squares that go right by 15 pixels a frame."""
    boxes: list[Any] = [(10 + 15 * t, 40, 50 + 15 * t, 80) for t in range(7)]
    return write_mask(tmp_path / "mask.mkv", boxes, SIZE, False)


def outside(alpha: Any, crop: dict[str, Any]) -> int:
    """The largest alpha outside of a recorded crop."""
    most = 0
    for index in range(len(alpha)):
        frame = np.array(alpha[index])
        x, y = crop["corners"][index % len(crop["corners"])]
        frame[y : y + crop["size"][1], x : x + crop["size"][0]] = 0
        most = max(most, int(frame.max()))
    return most


def test_a_region_is_edited_and_all_else_is_kept(pipeline: VeraPipeline, source: Path, tmp_path: Path) -> None:
    stages: list[tuple[str, int, int]] = []
    report = edit(
        source,
        TEXT,
        pipeline=pipeline,
        region=(40, 30, 48, 40),
        layers=tmp_path / "layers",
        progress=lambda *step: stages.append(step),
    )
    found = load_layers(tmp_path / "layers")
    about = found.metadata
    (crop,) = about["crops"]
    assert about["region"] == ["40,30,48,40"] and report.size == found.size
    assert crop["model"] == crop["size"] and found.size[0] > crop["size"][0]
    assert np.asarray(found.alpha).any() and outside(found.alpha, crop) == 0
    counts = verify(source, report.out, found)
    assert counts.changed == 0 and counts.preserved > counts.samples / 4
    assert {("read", 7, 7), ("sample", 2, 2), ("layers", 7, 7)} <= set(stages)
    assert any("reached the border" in notice for notice in report.notices)


def test_regions_that_fit_one_by_one_may_not_fit_together(
    pipeline: VeraPipeline, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    both = ["40,30,48,40", "120,60,48,40"]
    monkeypatch.setattr(memory, "free_bytes", lambda device: memory.latent_bytes(pipeline, 7, [SIZE], False))
    job = EditJob.check(source, TEXT, region=both[:1], sampling=Sampling(size=SIZE))
    assert fit_clip(job, pipeline)
    job = EditJob.check(source, TEXT, region=both, sampling=Sampling(size=SIZE))
    with pytest.raises(VeraError, match="7 frames at 192x128 and 192x128 need"):
        fit_clip(job, pipeline)


def test_the_model_sees_the_region_and_its_layers_are_those_of_the_crop(
    pipeline: VeraPipeline, source: Path, tmp_path: Path
) -> None:
    """The very layers that the model draws of a clip that was cropped beforehand, away from the faded border."""
    report = edit(
        source, TEXT, pipeline=pipeline, region=(64, 32, 64, 64), size=(96, 96), layers=tmp_path / "a", result=False
    )
    (crop,) = report.edit.metadata["crops"]
    assert report.size == SIZE and crop == {"model": [96, 96], "size": [96, 96], "corners": [[48, 16]]}
    small = tmp_path / "small.mkv"
    with av.open(str(source)) as container, av.open(str(small), "w") as target:
        stream = target.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 96, 96, "bgr0"
        clip = open_clip(source)
        for frame in container.decode(video=0):
            view = np.ascontiguousarray(model_view(frame, *SIZE, clip.orientation)[16:112, 48:144])
            target.mux(stream.encode(av.VideoFrame.from_ndarray(view, "rgb24").reformat(format="bgr0")))
        target.mux(stream.encode(None))
    alone = edit(small, TEXT, pipeline=pipeline, size=(96, 96), layers=tmp_path / "b", result=False)
    inner = (slice(None), slice(32, 96), slice(64, 128))
    cut = (slice(None), slice(16, 80), slice(16, 80))
    assert np.array_equal(np.asarray(report.edit.alpha)[inner], np.asarray(alone.edit.alpha)[cut])
    covered = np.asarray(report.edit.alpha)[inner] > 0.9 * 65535
    difference = np.asarray(report.edit.edit)[inner].astype(int) - np.asarray(alone.edit.edit)[cut]
    assert np.abs(difference[covered]).max() <= 1


def test_the_manifest_repeats_the_run(pipeline: VeraPipeline, source: Path, moving: Path, tmp_path: Path) -> None:
    asked = ["auto", "100,10,64,64"]
    first = edit(source, TEXT, pipeline=pipeline, region=asked, mask=moving, layers=tmp_path / "a", result=False)
    said = first.edit.metadata["region"]
    assert said == asked
    edit(source, TEXT, pipeline=pipeline, region=said, mask=moving, layers=tmp_path / "b", result=False)
    for name in ("edit.mkv", "alpha.mkv", "manifest.json"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_without_a_region_the_manifest_says_nothing_of_it(pipeline: VeraPipeline, source: Path, tmp_path: Path) -> None:
    edit(source, TEXT, pipeline=pipeline, layers=tmp_path / "a", result=False)
    edit(source, TEXT, pipeline=pipeline, region=(), layers=tmp_path / "b", result=False)
    edit(source, TEXT, pipeline=pipeline, region=(0, 0, *SIZE), layers=tmp_path / "c", result=False)
    for name in ("edit.mkv", "alpha.mkv"):
        assert len({(tmp_path / folder / name).read_bytes() for folder in "abc"}) == 1
    about = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert "crops" not in json.dumps(about) and "region" not in json.dumps(about)


@pytest.mark.parametrize("refinement", [Refinement(every=3), Refinement(smooth=True), Refinement(guide="none")])
def test_a_moving_region_with_every_refinement(
    pipeline: VeraPipeline, source: Path, moving: Path, tmp_path: Path, refinement: Refinement
) -> None:
    """Frames between those that the model saw have their layers where the motion carries them."""
    report = edit(
        source, TEXT, pipeline=pipeline, region="auto", mask=moving, refinement=refinement, layers=tmp_path / "layers"
    )
    found = load_layers(tmp_path / "layers")
    (crop,) = found.metadata["crops"]
    assert len(crop["corners"]) == 7 and crop["corners"][0][0] < crop["corners"][6][0]
    if refinement.every == 1 and not refinement.smooth:
        assert outside(found.alpha, crop) == 0
    assert verify(source, report.out, found).changed == 0


def test_regions_of_a_part_of_the_clip(pipeline: VeraPipeline, source: Path, moving: Path, tmp_path: Path) -> None:
    """The mask's frames are those of the source: the boxes are of the part that is edited."""
    report = edit(
        source, TEXT, pipeline=pipeline, region="auto", mask=moving, start=0.08, frames=3, layers=tmp_path / "layers"
    )
    (crop,) = report.edit.metadata["crops"]
    middle = (crop["corners"][0][0] + crop["size"][0] / 2) * SIZE[0] / report.size[0]
    assert len(crop["corners"]) in (1, 3) and abs(middle - (30 + 15 * (2 if len(crop["corners"]) == 3 else 3))) < 12
    assert verify(source, report.out, report.edit).changed == 0


def test_a_rotated_clip_s_region_is_upright(pipeline: VeraPipeline, tmp_path: Path) -> None:
    source = make_coded_clip(tmp_path / "r.mp4", 5, (192, 128), rotation=90)
    assert open_clip(source).display_size == (128, 192)
    report = edit(source, TEXT, pipeline=pipeline, region=(0, 128, 128, 64), layers=tmp_path / "layers")
    alpha = np.asarray(report.edit.alpha)
    assert not alpha[:, : alpha.shape[1] // 3].any() and alpha.any()
    assert verify(source, report.out, report.edit).changed == 0


def test_pixels_that_are_not_square(pipeline: VeraPipeline, tmp_path: Path) -> None:
    source = make_coded_clip(tmp_path / "s.mkv", 5, (144, 108), codec="ffv1", sample_aspect=Fraction(4, 3))
    report = edit(source, TEXT, pipeline=pipeline, region=(40, 30, 32, 32), layers=tmp_path / "layers")
    assert report.size[0] <= 144 and report.size[1] <= 108
    assert verify(source, report.out, report.edit).changed == 0


def test_a_model_that_draws_whole_frames_takes_no_region(make_pipeline: MakePipeline, source: Path) -> None:
    config = VARIANTS["v2v"].config(
        {"num_attention_heads": 2, "attention_head_dim": 12, "in_channels": 4, "out_channels": 4, "text_dim": 16}
    )
    transformer = VARIANTS["v2v"].model(**config | {"freq_dim": 16, "ffn_dim": 32, "num_layers": 1})
    with pytest.raises(VeraError, match="draws whole pictures anew"):
        edit(source, TEXT, pipeline=make_pipeline(transformer=transformer), region=(0, 0, 64, 64))


# Editors


def red(frames: np.ndarray) -> np.ndarray:
    """Noise, and a red square in the middle of what is shown."""
    drawn = (frames + np.random.default_rng(1).normal(0, 1.5, frames.shape)).clip(0, 255)
    height, width = frames.shape[1:3]
    drawn[:, height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = (230, 20, 20)
    return drawn.astype(np.uint8)


@pytest.fixture
def smooth_source(tmp_path: Path) -> Path:
    """Something textured that stands still, as an editor's frames are aligned to."""
    noise = np.random.default_rng(0).integers(30, 226, (32, 48, 3), dtype=np.uint8)
    picture = cv2.resize(noise, SIZE, interpolation=cv2.INTER_CUBIC)
    path = tmp_path / "smooth.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for _ in range(7):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        container.mux(stream.encode(None))
    return path


def draw(source: Path, folder: Path, editor: Any, **how: Any) -> Any:
    job = EditJob.check(source, TEXT, model=ModelChoice("test"), sampling=Sampling(size=(64, 64)), **how)
    drawn = draw_by_editor(job, editor, None)
    write_layers(job, drawn, folder)
    return load_layers(folder), drawn.notices


@pytest.fixture(autouse=True)
def no_license(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.pipelines.footage.draw_editor.license_of", lambda name: "none")
    monkeypatch.setattr("vera.pipelines.footage.draw_editor.describe_editor", lambda *told: "drawn by a test")
    monkeypatch.setattr(DrawingEditor, "PIPELINE", "DrawingEditor", raising=False)


def test_an_editor_draws_in_a_moving_region(smooth_source: Path, moving: Path, tmp_path: Path) -> None:
    editor = DrawingEditor(red, masked=True)
    mask = write_mask(tmp_path / "hole.mkv", [(10 + 15 * t, 40, 50 + 15 * t, 80) for t in range(7)], SIZE, True)
    found, notices = draw(smooth_source, tmp_path / "layers", editor, region="auto", mask=mask)
    (crop,) = found.metadata["crops"]
    assert [call[0].size for call in editor.calls] == [(64, 64)]
    masks = editor.calls[0][1]
    assert masks is not None and masks.shape[1:] == (64, 64) and not masks[:, 24:40, 24:40].any() and masks.any()
    assert outside(found.alpha, crop) == 0 and notices == []
    for index in range(7):
        x, y = crop["corners"][index]
        assert found.alpha[index][y + 26 : y + 38, x + 26 : x + 38].min() > 60000


def test_an_editor_draws_in_two_regions(smooth_source: Path, tmp_path: Path) -> None:
    editor = DrawingEditor(red, window=5, overlap=1)
    found, _ = draw(smooth_source, tmp_path / "layers", editor, region=["10,10,48,48", "120,60,48,48"])
    alpha = np.asarray(found.alpha)
    scale = np.array(found.size) / SIZE
    for x, y in ((34, 34), (144, 84)):
        assert alpha[:, round(y * scale[1]), round(x * scale[0])].min() > 60000
    assert alpha[:, round(64 * scale[1]), round(92 * scale[0])].max() == 0
    assert len(found.metadata["layerize"]) == len(editor.calls) == 4


def test_a_region_that_an_editor_leaves_alone_is_told(smooth_source: Path, tmp_path: Path) -> None:
    drawn = iter([red, lambda frames: frames])
    editor = DrawingEditor(lambda frames: next(drawn)(frames))
    found, notices = draw(smooth_source, tmp_path / "layers", editor, region=["10,10,48,48", "120,60,48,48"])
    assert notices == ["test left the region 120,60,48,48 as it was, within its noise"]
    alpha, scale = np.asarray(found.alpha), found.size[0] / SIZE[0]
    assert alpha.any() and not alpha[:, :, round(110 * scale) :].any()


def test_an_editor_that_leaves_all_regions_alone_edits_nothing(smooth_source: Path, tmp_path: Path) -> None:
    editor = DrawingEditor(lambda frames: frames)
    with pytest.raises(VeraError, match="test left the clip as it was"):
        draw(smooth_source, tmp_path / "layers", editor, region=["10,10,48,48", "120,60,48,48"])
    assert not (tmp_path / "layers").exists()


def test_an_editor_that_draws_all_anew_takes_no_region(source: Path, moving: Path, tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="test draws whole pictures anew"):
        draw(source, tmp_path / "layers", DrawingEditor(red, whole=True), region="10,10,48,48")
    with pytest.raises(VeraError, match="or say with --mask what must stay"):
        draw(source, tmp_path / "layers", DrawingEditor(red, whole=True, masked=True), region="10,10,48,48")
    assert not (tmp_path / "layers").exists()
