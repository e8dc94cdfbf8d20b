"""`layerize` from files to a layer folder: what is recovered, what is said, what is refused."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from benchmarks.regenerated import Recovery, Regeneration, measure_recovery, regenerate
from PIL import Image
from tests.executable import ffmpeg
from tests.layers.layerize.scenes import disc, over, plate
from tests.masks import write_interlaced

from vera.cli import main
from vera.errors import VeraError
from vera.layers import composite_clip, load_layers, verify
from vera.layers.layerize import LayerizeReport, layerize
from vera.video import FrameReader, model_view, open_clip, write_lossless

SIZE = (192, 112)
FRAMES = 4
# The whole of what the bar allows: a pixel of shift, 3 % of colour, crf 20.
HOW = Regeneration(shift=(0.6, -0.8), gain=(1.03, 0.98, 1.0), offset=-0.01, crf=20)


def codes(picture: np.ndarray) -> np.ndarray:
    return np.rint(picture * 255).clip(0, 255).astype(np.uint8)


def add_object(source: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """A textured disc that moves, and its shadow."""
    solid = disc(SIZE, 80 + 3 * t, 50, 24)
    shadow = 0.45 * cv2.GaussianBlur(disc(SIZE, 104 + 3 * t, 70, 24), (0, 0), 3)
    alpha = solid + (1 - solid) * shadow
    paint = 0.3 * plate(5, SIZE) + np.array([0.6, 0.1, 0.1], np.float32)
    return alpha, (paint * (solid / np.maximum(alpha, 1e-6))[..., None]).clip(0, 1)


def replace_background(source: np.ndarray, t: int) -> tuple[np.ndarray, np.ndarray]:
    """Everything but a disc, a fifth of the frame."""
    return 1 - disc(SIZE, 96, 60, 37, 2), plate(7, SIZE, t)


class Clip:
    """A source clip, its regenerated edit and the truth, in a folder."""

    def __init__(self, folder: Path, draw: Callable[..., tuple[np.ndarray, np.ndarray]], how: Regeneration) -> None:
        self.folder = folder
        self.source, self.edited, self.layers = folder / "source.mkv", folder / "edited.mp4", folder / "layers"
        self.plates = np.stack([codes(plate(1, SIZE, t)) for t in range(FRAMES)])
        drawn = [draw(picture, t) for t, picture in enumerate(self.plates)]
        self.alpha = np.stack([alpha for alpha, _ in drawn]).astype(np.float32)
        write_lossless(self.source, self.plates, Fraction(25))
        pictures = zip(self.plates, drawn, strict=True)
        regenerate(
            [codes(over(one / np.float32(255), edit, alpha)) for one, (alpha, edit) in pictures], self.edited, how
        )

    def recover(self, **options: Path) -> tuple[Recovery, LayerizeReport]:
        report = layerize(self.source, self.edited, self.layers, **options)
        edit = load_layers(self.layers)
        result = self.folder / "result.mkv"
        composite_clip(self.source, edit, result, "ffv1")
        assert verify(self.source, result, edit).changed == 0
        found = np.stack([edit.frame(i, SIZE)[1] for i in range(FRAMES)]) / np.float32(65535)
        return measure_recovery(self.plates, read(self.edited), read(result), found, self.alpha), report


def read(path: Path) -> np.ndarray:
    with FrameReader(path) as reader:
        return np.stack([model_view(frame, *SIZE) for frame in reader])


def test_an_object_and_its_shadow(tmp_path: Path) -> None:
    score, report = Clip(tmp_path, add_object, HOW).recover()
    assert score.gain >= 15 and score.matte_error <= 0.05
    assert score.matte_error_inside < 0.05
    assert (report.frames, report.size, report.notices) == (FRAMES, SIZE, ())


def test_a_background_of_four_fifths_of_the_frame(tmp_path: Path) -> None:
    score, _ = Clip(tmp_path, replace_background, HOW).recover()
    assert score.gain >= 15 and score.matte_error <= 0.05


def test_another_size(tmp_path: Path) -> None:
    how = Regeneration(shift=(0.4, 0.2), gain=(0.98, 1.02, 1.0), size=(144, 84))
    score, report = Clip(tmp_path, add_object, how).recover()
    assert score.gain >= 10 and score.matte_error <= 0.05
    assert load_layers(tmp_path / "layers").size == SIZE
    assert [notice for notice in report.notices if "144x84" in notice and "192x112" in notice]


def test_what_the_mask_keeps_is_kept(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    kept = np.zeros(SIZE[::-1], np.uint8)
    kept[:, 80:] = 255  # half of the object, too
    cv2.imwrite(str(tmp_path / "kept.png"), kept)
    layerize(clip.source, clip.edited, clip.layers, mask=tmp_path / "kept.png")
    alpha = load_layers(clip.layers).frame(1, SIZE)[1]
    assert not alpha[:, 90:].any() and alpha[40:60, 65:75].min() > 60000
    assert load_layers(clip.layers).metadata["layerize"]["mask"] == "kept.png"


@pytest.mark.faults
def test_masks_and_mattes_are_read_as_the_source_is(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    kept = np.zeros(SIZE[::-1], bool)
    kept[:, 80:] = True
    mask = write_interlaced(tmp_path / "kept.mkv", kept, FRAMES)
    refused("--progressive", source=clip.source, edited=clip.edited, layers=clip.layers, mask=mask)
    arguments = ["layerize", str(clip.source), str(clip.edited), "--out", str(clip.layers), "--progressive"]
    matte = write_interlaced(tmp_path / "solid.mkv", ~kept, FRAMES)
    assert main([*arguments, "--mask", str(mask), "--matte", str(matte)]) == 0
    assert not load_layers(clip.layers).frame(1, SIZE)[1][:, 90:].any()


def test_the_manifest_says_how(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    layerize(clip.source, clip.edited, clip.layers)
    metadata = load_layers(clip.layers).metadata
    assert metadata["source"]["name"] == "source.mkv" and metadata["layerize"]["edited"]["name"] == "edited.mp4"
    assert metadata["layerize"]["shift"] == pytest.approx([0.6, -0.8], abs=0.1)
    assert metadata["layerize"]["pairing"] == "number"


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    for name in ("one", "two"):
        layerize(clip.source, clip.edited, tmp_path / name)
    for name in ("edit.mkv", "alpha.mkv", "manifest.json"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_clip_and_itself(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    report = layerize(clip.source, clip.source, clip.layers)
    assert report.coverage == 0 and "empty" in report.notices[0]
    assert not load_layers(clip.layers).frame(0, SIZE)[1].any()


def write_clip(path: Path, pictures: list[np.ndarray], rate: int) -> None:
    regenerate(pictures, path, Regeneration(crf=16), Fraction(rate))


def test_half_the_rate_and_a_shorter_clip(tmp_path: Path) -> None:
    plates = [plate(1, SIZE, t) for t in range(8)]
    drawn = [codes(over(picture, *add_object(picture, 0)[::-1])) for picture in plates]
    write_clip(tmp_path / "source.mp4", [codes(picture) for picture in plates], 24)
    write_clip(tmp_path / "edited.mp4", drawn[0:6:2], 12)
    report = layerize(tmp_path / "source.mp4", tmp_path / "edited.mp4", tmp_path / "layers")
    layers = load_layers(tmp_path / "layers")
    assert layers.pts == open_clip(tmp_path / "source.mp4").pts[:6] and report.pairing == "time"
    assert [notice for notice in report.notices if "6 of the source's 8 frames" in notice]
    first, second, third = (layers.frame(i, SIZE)[1] for i in range(3))
    assert np.array_equal(first, second) and not np.array_equal(second, third)
    assert first[45:55, 75:85].min() > 60000


def test_a_clip_of_ten_bits(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    deep = tmp_path / "deep.mkv"
    with av.open(str(deep), "w") as container, FrameReader(clip.source) as reader:
        stream = container.add_stream("ffv1", rate=25)
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv422p10le"
        for frame in reader:
            container.mux(stream.encode(frame.reformat(format="yuv422p10le")))
        container.mux(stream.encode(None))
    layerize(deep, clip.edited, clip.layers)
    layers = load_layers(clip.layers)
    edit, alpha = layers.frame(1, SIZE)
    assert edit.dtype == np.uint16 and np.abs(alpha / 65535 - clip.alpha[1]).mean() < 0.05
    solid = alpha == 65535
    assert np.median(edit[solid][:, 0]) / 65535 == pytest.approx(0.74, abs=0.03)


def test_a_sequence_and_an_interlaced_edit_of_it(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    (tmp_path / "plate").mkdir()
    for t, picture in enumerate(clip.plates):
        Image.fromarray(picture).save(tmp_path / "plate" / f"a.{1001 + t}.png")
    fields = tmp_path / "fields.mkv"
    ffmpeg("-i", clip.edited, "-vf", "setfield=tff", "-flags", "+ilme+ildct", "-c:v", "ffv1", fields)
    refused("is interlaced", source=tmp_path / "plate", edited=fields, layers=clip.layers)
    arguments = ["layerize", str(tmp_path / "plate"), str(fields), "--out", str(clip.layers)]
    assert main([*arguments, "--deinterlace", "--rate", "25"]) == 0
    layers = load_layers(clip.layers)
    assert (layers.time_base, layers.pts) == (Fraction(1, 25), tuple(range(FRAMES)))
    alpha = np.stack([layers.frame(t, SIZE)[1] for t in range(FRAMES)]) / np.float32(65535)
    assert np.abs(alpha - clip.alpha).mean() < 0.05
    result = tmp_path / "result" / "a.####.png"
    written = composite_clip(open_clip(tmp_path / "plate", rate=Fraction(25)), layers, result)
    assert written.frame_count == FRAMES


def refused(*words: str, **arguments: Path) -> None:
    with pytest.raises(VeraError) as caught:
        layerize(**arguments)
    message = str(caught.value)
    assert "\n" not in message and all(word in message for word in words), message


def test_another_clip_altogether(tmp_path: Path) -> None:
    write_clip(tmp_path / "a.mp4", [codes(plate(1, SIZE, t)) for t in range(3)], 25)
    write_clip(tmp_path / "b.mp4", [codes(plate(20, SIZE, t)) for t in range(3)], 25)
    refused(
        "b.mp4", "shows nothing of", source=tmp_path / "a.mp4", edited=tmp_path / "b.mp4", layers=tmp_path / "layers"
    )
    assert not (tmp_path / "layers").exists()


def test_what_cannot_be_used(tmp_path: Path) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    text = tmp_path / "notes.txt"
    text.write_text("no clip")
    refused("notes.txt", source=clip.source, edited=text, layers=clip.layers)
    refused("gone.mp4", source=tmp_path / "gone.mp4", edited=clip.edited, layers=clip.layers)
    refused("does not exist", source=clip.source, edited=clip.edited, layers=tmp_path / "no" / "layers")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "photo.jpg").write_bytes(b"x")
    refused("something else", source=clip.source, edited=clip.edited, layers=tmp_path / "full")
    cv2.imwrite(str(tmp_path / "small.png"), np.zeros((9, 9), np.uint8))
    refused("9x9", source=clip.source, edited=clip.edited, layers=clip.layers, mask=tmp_path / "small.png")
    labels = tmp_path / "labels.png"
    cv2.imwrite(str(labels), np.full(SIZE[::-1], 2, np.uint8))
    refused("is white (the brightest is 2", source=clip.source, edited=clip.edited, layers=clip.layers, mask=labels)
    assert not clip.layers.exists()


@pytest.mark.faults
@pytest.mark.parametrize(("name", "word"), [("no/sheet.png", "does not exist"), ("sheet.jpg", "png")])
def test_a_sheet_that_cannot_be_written_is_refused_before_the_work(tmp_path: Path, name: str, word: str) -> None:
    """It was found out when the layers were written, which then stood beside an error."""
    clip = Clip(tmp_path, add_object, HOW)
    refused(word, source=clip.source, edited=clip.edited, layers=clip.layers, sheet=tmp_path / name)
    (tmp_path / "folder.png").mkdir()
    refused("folder", source=clip.source, edited=clip.edited, layers=clip.layers, sheet=tmp_path / "folder.png")
    assert not clip.layers.exists()


@pytest.mark.faults
def test_a_mask_that_keeps_everything_is_named(tmp_path: Path) -> None:
    """It was said that the clips did not differ."""
    clip = Clip(tmp_path, add_object, HOW)
    cv2.imwrite(str(tmp_path / "white.png"), np.full(SIZE[::-1], 255, np.uint8))
    report = layerize(clip.source, clip.edited, clip.layers, tmp_path / "white.png")
    assert report.coverage == 0 and "white.png keeps" in report.notices[-1]


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    clip = Clip(tmp_path, add_object, HOW)
    argv = ["layerize", str(clip.source), str(clip.edited), "--out", str(clip.layers)]
    assert main(argv) == 0
    out = capsys.readouterr().out
    assert str(clip.layers) in out and "4 of 4 at 192x112" in out
    assert main(["layerize", str(clip.source), str(tmp_path / "gone.mp4"), "--out", str(clip.layers)]) == 2
    assert capsys.readouterr().err.count("\n") == 1
