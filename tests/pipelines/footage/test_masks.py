"""Masks of an edit: a picture, a video, and what does not fit."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.masks import read_mask, write_interlaced
from tests.pipelines.footage.test_edit import TEXT, ClipMaker

from vera import VeraError
from vera.pipelines import edit
from vera.video import open_clip

# Masks


def test_masks_of_a_picture_and_of_a_video(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mkv", frames=3)
    white = tmp_path / "white.png"
    half = np.zeros((32, 32), np.uint8)
    half[:, :16] = 255
    cv2.imwrite(str(white), half)
    masks = read_mask(white, 3, 16, 16)
    assert masks.shape == (3, 16, 16) and masks[:, :, :8].all() and not masks[:, :, 8:].any()
    plain = edit(source, TEXT, model=model, out=tmp_path / "plain.mkv")
    hinted = edit(source, TEXT, model=model, out=tmp_path / "hinted.mkv", mask=white)
    assert not np.array_equal(plain.edit.alpha, hinted.edit.alpha)
    assert hinted.edit.metadata["mask"] == "white.png"

    video = make_clip("mask.mkv", frames=3)
    assert read_mask(video, 2, 32, 32).shape == (2, 32, 32)
    assert 0 < read_mask(video, 2, 32, 32).mean() < 1


def test_masks_that_do_not_fit(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((8, 8), np.uint8))
    (tmp_path / "text.png").write_text("no picture")
    wrong: dict[str, Path] = {
        "is 8x8, the source 32x32": tmp_path / "small.png",
        "is 64x32": make_clip("wide.mkv", size=(64, 32)),
        "has 4 frames, the source 5": make_clip("short.mkv", frames=4),
        "no such file": tmp_path / "gone.png",
        "not a picture": tmp_path / "text.png",
    }
    source = make_clip("a.mkv")
    for words, mask in wrong.items():
        with pytest.raises(VeraError, match=words):
            edit(source, TEXT, model=model, mask=mask)


@pytest.mark.faults
@pytest.mark.parametrize("region", [None, "auto"])
def test_labels_are_refused_before_the_work(
    model: Path, make_clip: ClipMaker, tmp_path: Path, region: str | None
) -> None:
    source, mask = make_clip("a.mkv", frames=3), tmp_path / "labels.png"
    cv2.imwrite(str(mask), np.eye(32, dtype=np.uint8) * 2)
    steps: list[object] = []
    with pytest.raises(VeraError, match=r"nothing in it is white \(the brightest is 2 of 255\)"):
        edit(source, TEXT, model=model, mask=mask, region=region, progress=lambda *step: steps.append(step))
    assert not steps and not (tmp_path / "a-vera.mkv").exists()


@pytest.mark.faults
@pytest.mark.parametrize("region", [None, "auto"])
def test_a_mask_is_read_as_the_source_is(model: Path, make_clip: ClipMaker, tmp_path: Path, region: str | None) -> None:
    source = make_clip("a.mkv", size=(64, 64), frames=3)
    shape = np.zeros((64, 64), bool)
    shape[16:40, 8:32] = True
    mask = write_interlaced(tmp_path / "mask.mkv", shape, 3)
    with pytest.raises(VeraError, match=r"interlaced .* --progressive"):
        edit(source, TEXT, model=model, mask=mask, region=region)
    edited = edit(open_clip(source, progressive=True), TEXT, model=model, mask=mask, region=region)
    assert edited.edit.metadata["mask"] == "mask.mkv"
