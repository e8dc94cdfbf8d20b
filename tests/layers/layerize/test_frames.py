"""`layerize_frames`: frames that a program has, of another size, count, rate and type, and what cannot be frames."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.layers.layerize.scenes import disc, over, plate

from vera.errors import VeraError
from vera.layers import load_layers
from vera.layers.layerize import ArrayFootage, RecoveredLayers, layerize, layerize_frames
from vera.layers.layerize.footage import FINER, Footages
from vera.video import write_lossless
from vera.video.lossless import LosslessClip

SIZE = (160, 96)
COUNT = 6


def codes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture * 255).clip(0, 255).astype(np.uint8)


PLATES = np.stack([codes(plate(1, SIZE, t)) for t in range(COUNT)])
ALPHA = np.stack([disc(SIZE, 60 + 4 * t, 50, 22) for t in range(COUNT)]).astype(np.float32)
EDITED = np.stack(
    [codes(over(one / np.float32(255), 0.3 * plate(5) + 0.5, alpha)) for one, alpha in zip(PLATES, ALPHA, strict=True)]
)
SOURCE = ArrayFootage(PLATES, 25, "the source")


def alphas(found: RecoveredLayers) -> np.ndarray:
    return np.stack([alpha for _, alpha in found.frames()]) / np.float32(65535)


def error(found: RecoveredLayers) -> float:
    return float(np.abs(alphas(found) - ALPHA[found.positions]).mean())


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.float32, np.float64])
def test_any_type(kind: type) -> None:
    top = np.iinfo(kind).max if np.issubdtype(kind, np.integer) else 1
    frames = (EDITED / 255 * top).astype(kind)
    found = layerize_frames(SOURCE, frames)
    assert error(found) < 0.01 and found.positions == list(range(COUNT))
    edit, alpha = next(iter(found.frames()))
    assert edit.dtype == (np.uint16 if kind is np.uint16 else np.uint8) and alpha.dtype == np.uint16
    assert edit.shape == (*SIZE[::-1], 3)


def test_any_number_of_threads_gives_the_same_layers() -> None:
    before, found = cv2.getNumThreads(), []
    try:
        for threads in (1, 4):
            cv2.setNumThreads(threads)
            layers = layerize_frames(SOURCE, EDITED)
            found.append((list(layers.frames()), layers.record()))
    finally:
        cv2.setNumThreads(before)
    assert found[0][1] == found[1][1]
    for one, other in zip(found[0][0], found[1][0], strict=True):
        assert np.array_equal(one.edit, other.edit) and np.array_equal(one.alpha, other.alpha)


def test_the_editors_own_size() -> None:
    small = np.stack([cv2.resize(frame, (120, 72), interpolation=cv2.INTER_AREA) for frame in EDITED])
    found = layerize_frames(SOURCE, small)
    assert error(found) < 0.02
    assert [notice for notice in found.notices if "120x72" in notice]


def test_fewer_frames_span_the_same_time() -> None:
    found = layerize_frames(SOURCE, EDITED[::2])
    assert found.pairing.name == "time" and found.positions == list(range(COUNT))
    held = alphas(found)
    assert np.array_equal(held[0], held[1]) and not np.array_equal(held[1], held[2])


def test_a_rate_says_where_frames_end() -> None:
    found = layerize_frames(SOURCE, EDITED[:4], rate=25)
    assert found.positions == [0, 1, 2, 3] and error(found) < 0.01
    assert [notice for notice in found.notices if "4 of the source's 6 frames" in notice]


def test_more_frames_than_the_source() -> None:
    found = layerize_frames(SOURCE, np.concatenate([EDITED, EDITED[-1:]]), rate=25)
    assert found.positions == list(range(COUNT)) and error(found) < 0.01
    assert [notice for notice in found.notices if "has 1 frames that belong to none of the source's" in notice]


def test_files_and_frames_give_the_same_layers(tmp_path: Path) -> None:
    write_lossless(tmp_path / "source.mkv", PLATES, Fraction(25))
    write_lossless(tmp_path / "edited.mkv", EDITED, Fraction(25))
    layerize(tmp_path / "source.mkv", tmp_path / "edited.mkv", tmp_path / "layers")
    layers = load_layers(tmp_path / "layers")
    for frames in (EDITED, LosslessClip(tmp_path / "edited.mkv"), list(EDITED)):
        for i, (edit, alpha) in enumerate(layerize_frames(tmp_path / "source.mkv", frames).frames()):
            assert np.array_equal(edit, layers.edit[i]) and np.array_equal(alpha, layers.alpha[i])


def test_masks_and_mattes_as_arrays() -> None:
    kept = np.zeros(SIZE[::-1], bool)
    kept[:, 70:] = True
    found = alphas(layerize_frames(SOURCE, EDITED, mask=kept))
    assert not found[:, :, 76:].any() and found[0, 50, 60] == 1
    each = alphas(layerize_frames(SOURCE, EDITED, mask=np.repeat(kept[None], COUNT, 0)))
    assert np.array_equal(found, each)
    matte = np.zeros_like(ALPHA)
    matte[:, :12, :12] = 0.5  # where nothing differs
    known = alphas(layerize_frames(SOURCE, EDITED, mattes=matte))
    assert known[:, 4, 4] == pytest.approx(0.5, abs=0.01)
    assert np.abs(known[:, 20:] - ALPHA[:, 20:]).mean() < 0.01


@pytest.mark.faults
@pytest.mark.parametrize(("kind", "white"), [(np.uint8, 1), (np.int64, 1), (np.int64, 255), (np.uint16, 65535)])
def test_masks_of_any_integers(kind: type, white: int) -> None:
    kept = np.zeros(SIZE[::-1], bool)
    kept[:, 70:] = True
    expected = alphas(layerize_frames(SOURCE, EDITED, mask=kept))
    for mask in (kept * kind(white), [kept * kind(white)] * COUNT):
        assert np.array_equal(alphas(layerize_frames(SOURCE, EDITED, mask=mask)), expected)


@pytest.mark.faults
@pytest.mark.parametrize(
    ("kind", "white"), [(bool, 1), (np.float64, 1), (np.uint8, 1), (np.uint8, 255), (np.int64, 255), (np.uint16, 65535)]
)
def test_mattes_of_any_kind(kind: type, white: int) -> None:
    matte = np.zeros(SIZE[::-1], np.float32)
    matte[:12, :12] = 1  # where nothing differs
    expected = alphas(layerize_frames(SOURCE, EDITED, mattes=[matte] * COUNT))
    assert expected[0, 4, 4] == 1
    for mattes in ((matte * white).astype(kind), [(matte * white).astype(kind)] * COUNT):
        assert np.array_equal(alphas(layerize_frames(SOURCE, EDITED, mattes=mattes)), expected)


@pytest.mark.faults
@pytest.mark.parametrize(
    "scale", [lambda shape: shape * 2.0 - 1, lambda shape: shape * 255.0, lambda shape: shape * np.nan]
)
def test_floats_beyond_0_and_1_are_refused(scale: Callable[[np.ndarray], np.ndarray]) -> None:
    picture, shape = scale(EDITED / 255), scale(np.repeat(np.eye(*SIZE[::-1])[None], COUNT, 0))
    for frames, given in ((picture, {}), (EDITED, {"mask": shape}), (EDITED, {"mattes": shape})):
        with pytest.raises(VeraError, match=r"values (from .* floats lie in \[0, 1\]|that are no numbers)"):
            alphas(layerize_frames(SOURCE, frames, **given))


@pytest.mark.faults
@pytest.mark.parametrize("name", ["mask", "mattes"])
def test_too_few_masks_are_refused(name: str) -> None:
    with pytest.raises(VeraError, match=rf"{name}: has 2 frames, the source {COUNT}: give one for each"):
        layerize_frames(SOURCE, EDITED, **{name: np.ones((2, *SIZE[::-1]), bool)})


@pytest.mark.faults
@pytest.mark.parametrize("name", ["mask", "mattes"])
def test_more_masks_than_frames_are_told(name: str) -> None:
    picture = np.eye(*SIZE[::-1], dtype=bool)
    for given in (picture, np.stack([picture] * COUNT)):
        assert not layerize_frames(SOURCE, EDITED, **{name: given}).notices
    (notice,) = layerize_frames(SOURCE, EDITED, **{name: np.stack([picture] * (COUNT + 2))}).notices
    assert f"{name}: 2 frames more than the source's {COUNT}; they are left out" in notice


@pytest.mark.faults
@pytest.mark.parametrize("labels", [np.uint8(2), np.int64(-1), np.uint16(300), np.int64(10**6)])
def test_masks_of_labels_are_refused(labels: np.integer) -> None:
    with pytest.raises(VeraError, match="the mask has values from"):
        layerize_frames(SOURCE, EDITED, mask=np.eye(*SIZE[::-1], dtype=bool) * labels)


@pytest.mark.faults
def test_an_interrupt_stays_one(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "labels.png"), np.full(SIZE[::-1], 2, np.uint8))
    pairs = Footages(SOURCE, SOURCE, tmp_path / "labels.png").pairs([(0, 0), (1, 1)])
    next(pairs)
    with pytest.raises(KeyboardInterrupt):
        pairs.throw(KeyboardInterrupt)


def test_the_record_tells_what_was_refused() -> None:
    brighter = (EDITED * 0.9 + 20).astype(np.uint8)
    plain, drifted = (layerize_frames(SOURCE, frames) for frames in (EDITED, brighter))
    for found in (plain, drifted):
        list(found.frames())
    assert plain.record()["drift"]["mean"] < 0.1 < 3 < drifted.record()["drift"]["mean"]
    refused = np.array(drifted.record()["drift"]["map"])
    assert refused.shape == (9, 16) and len(drifted.record()["drift"]["frames"]) == COUNT
    expected = np.abs(brighter.astype(float) - PLATES)[ALPHA == 0].mean()
    assert drifted.drift.mean == pytest.approx(expected, rel=0.1)


def refused(frames: object, *words: str, **options: float) -> None:
    with pytest.raises(VeraError) as caught:
        for _ in layerize_frames(SOURCE, frames, name="frames of X", **options).frames():  # type: ignore[arg-type]
            pass
    message = str(caught.value)
    assert message.startswith("frames of X") and "\n" not in message
    assert all(word in message for word in words), message


def test_what_cannot_be_frames() -> None:
    refused(EDITED[:0], "none")
    refused(EDITED[..., 0], "height x width x 3")
    refused(EDITED[..., :2], "height x width x 3")
    refused(EDITED.astype(np.int64), "int64")
    refused(EDITED, "no rate", rate=0)
    broken = EDITED / np.float32(255)
    broken[3, 5, 5] = np.nan
    refused(broken, "frame 3", "no numbers")
    refused([*EDITED[:5], EDITED[5][:50]], "frame 5", "(50, 160, 3)")


def test_frames_without_an_edit() -> None:
    refused(np.zeros_like(EDITED), "all of one colour")
    refused(PLATES, "nothing was edited")
    refused(np.stack([codes(plate(20, SIZE, t)) for t in range(COUNT)]), "shows nothing of the source")


@pytest.mark.parametrize("times", [1, 2, 3, 4])
def test_a_source_far_larger_than_the_edited_frames(times: int) -> None:
    size = (SIZE[0] * times, SIZE[1] * times)
    plates, alpha = (
        np.stack([cv2.resize(one, size, interpolation=cv2.INTER_CUBIC) for one in part]) for part in (PLATES, ALPHA)
    )
    found = layerize_frames(ArrayFootage(plates, 25, "the source"), EDITED)
    scale = max(1, times / FINER)
    assert found.clips.work_size == (round(size[0] / scale), round(size[1] / scale))
    frames = list(found.frames())
    assert all(edit.shape == (*size[::-1], 3) and matte.shape == size[::-1] for edit, matte in frames)
    mattes = np.stack([matte for _, matte in frames]) / np.float32(65535)
    assert np.abs(mattes - alpha).mean() < 0.01
    matrix = np.array(found.record()["matrix"])
    np.testing.assert_allclose(matrix[:, :2], np.eye(2) / times, atol=0.01)
