"""`edit` end to end: real files, a tiny model of random weights."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from tests.clips import make_clip as make_coded_clip
from tests.executable import ffmpeg

from vera import VeraError
from vera.color.tags import ColorTags
from vera.layers import composite_clip, load_layers, source_match, verify
from vera.layers import folder as layer_folder
from vera.layers.refine import clip as refined
from vera.layers.refine.clip import Refinement
from vera.models import AutoencoderPatch3D
from vera.pipelines import VeraPipeline, edit, memory
from vera.pipelines.footage import job, outputs, run
from vera.video import check_output, open_clip

MakePipeline = Callable[..., VeraPipeline]
ClipMaker = Callable[..., Path]
TEXT = "add a red balloon"


def pictures(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray() for frame in container.decode(video=0)]


def sound(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_hdr_footage_is_seen_and_laid_in_its_own_colours(model: Path, tmp_path: Path) -> None:
    """The model is shown a tone-mapped view; what it draws is kept and laid in PQ."""
    color = ColorTags(range=1, space=9, trc=16, primaries=9)
    source = make_coded_clip(tmp_path / "pq.mkv", 5, (64, 48), pix_fmt="yuv420p10le", codec="ffv1", color=color)
    report = edit(source, TEXT, model=model, layers=tmp_path / "layers", out=tmp_path / "out.mkv")
    kept = load_layers(tmp_path / "layers")
    assert kept.metadata["color"] == "PQ by BT.2446 method C" and kept.edit.dtype == np.uint16
    assert open_clip(report.out).color == color
    # The brightest that BT.709 can show is 332 cd/m2, 63 % of PQ's codes, and a saturated colour no more than that.
    assert 0.3 * 65535 < np.asarray(kept.edit).max() < 0.7 * 65535
    counts = verify(source, report.out, kept)
    assert counts.changed == 0 and counts.preserved > 0


def test_a_clip_comes_out_as_it_went_in_but_for_the_edit(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mp4", frames=11, size=(64, 48), audio=True)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    stages: list[tuple[str, int, int]] = []
    report = edit(source, TEXT, model=model, layers=tmp_path / "layers", progress=lambda *step: stages.append(step))

    assert report.out == tmp_path / "a-vera.mp4" and report.layers == tmp_path / "layers"
    assert report.frames == 11 and set(report.seconds) == {
        "probe",
        "load",
        "read",
        "sample",
        "layers",
        "composite",
    }
    before, after = open_clip(source), open_clip(report.out)
    assert (after.pts, after.time_base, after.duration) == (before.pts, before.time_base, before.duration)
    assert sound(report.out) == sound(source) != []
    assert hashlib.sha256(source.read_bytes()).hexdigest() == digest

    layered = load_layers(tmp_path / "layers")
    assert np.array_equal(layered.edit, report.edit.edit) and np.array_equal(layered.alpha, report.edit.alpha)
    assert layered.pts == before.pts
    counts = verify(source, report.out, layered)
    assert counts.changed == 0 and 0 < counts.preserved < counts.samples
    assert not all(np.array_equal(a, b) for a, b in zip(pictures(source), pictures(report.out), strict=True))

    about = layered.metadata
    assert (about["instruction"], about["seed"], about["steps"], about["guidance"]) == (TEXT, 0, 2, 3.0)
    size = source.stat().st_size
    assert about["source"] == {"name": "a.mp4", "sha256": digest, "bytes": size, "frames": 11}
    assert {("read", 11, 11), ("sample", 2, 2), ("layers", 11, 11), ("composite", 11, 11)} <= set(stages)


def test_same_seed_same_bytes(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mkv")
    outs = [
        edit(source, TEXT, model=model, seed=seed, out=tmp_path / f"{name}.mkv").out.read_bytes()
        for name, seed in (("one", 7), ("two", 7), ("three", 8))
    ]
    assert outs[0] == outs[1] != outs[2]


def test_frames_beyond_the_first_pass_through(model: Path, make_clip: ClipMaker) -> None:
    source = make_clip("a.mkv", frames=8)
    report = edit(source, TEXT, model=model, frames=3)
    assert report.frames == 3 and report.edit.pts == open_clip(source).pts[:3]
    same = [np.array_equal(a, b) for a, b in zip(pictures(source), pictures(report.out), strict=True)]
    assert same == [False] * 3 + [True] * 5
    assert edit(source, TEXT, model=model, frames=99).frames == 8


@pytest.mark.parametrize(
    ("times", "edited"),
    [
        ({"start": 0.08, "end": 0.2}, [2, 3, 4]),
        ({"start": Fraction(1, 10)}, [3, 4, 5, 6, 7]),  # 0.1 s is between frames 2 and 3
        ({"end": 0.0803}, [0, 1]),  # a time that was rounded
        ({"end": 0.081}, [0, 1, 2]),
        ({"start": 0.0803, "frames": 2}, [2, 3]),
        ({"start": 0.24, "end": 9, "frames": 9}, [6, 7]),
    ],
)
def test_edits_limited_in_time(
    model: Path, make_clip: ClipMaker, tmp_path: Path, times: dict[str, Any], edited: list[int]
) -> None:
    source = make_clip("a.mkv", frames=8)
    report = edit(source, TEXT, model=model, layers=tmp_path / "layers", **times)
    assert report.edit.pts == tuple(open_clip(source).pts[index] for index in edited)
    same = [np.array_equal(a, b) for a, b in zip(pictures(source), pictures(report.out), strict=True)]
    assert same == [index not in edited for index in range(8)]
    assert verify(source, report.out, load_layers(tmp_path / "layers")).changed == 0


def test_the_limited_edit_is_that_of_the_clip_cut_there(model: Path, make_clip: ClipMaker, tmp_path: Path) -> None:
    source = make_clip("a.mkv", frames=8)
    whole = edit(source, TEXT, model=model, out=tmp_path / "b.mkv", frames=3, mask=make_clip("mask.mkv", frames=8))
    later = edit(source, TEXT, model=model, out=tmp_path / "c.mkv", start=0.2, mask=tmp_path / "mask.mkv")
    assert whole.edit.alpha.shape == later.edit.alpha.shape
    assert not np.array_equal(whole.edit.alpha, later.edit.alpha)  # other frames, other mask


@pytest.mark.parametrize("size", [(33, 35), (50, 34), (17, 90)])
def test_odd_sizes(model: Path, make_clip: ClipMaker, size: tuple[int, int]) -> None:
    report = edit(make_clip("a.mkv", 2, size), TEXT, model=model)
    assert open_clip(report.out).display_size == size
    assert report.edit.size == report.size and report.size[0] * report.size[1] >= 32 * 32


def test_size_of_the_model(model: Path, make_clip: ClipMaker) -> None:
    source = make_clip("a.mkv", 1, (64, 32))
    assert edit(source, TEXT, model=model).size == (64, 32)
    assert edit(source, TEXT, model=model, size=(16, 48)).size == (16, 48)


def test_default_names() -> None:
    assert outputs.default_out(Path("in/a.b.mov")) == Path("in/a.b-vera.mov")
    assert outputs.default_out(Path("a.webm")) == Path("a-vera.mkv")


# Refusals come before the work, and leave nothing


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"instruction": " "}, "empty"),
        ({"instruction": "balloon " * 9 + "red"}, "10 tokens long, the model reads 8"),
        ({"frames": 0}, "frames"),
        ({"start": 0.2}, "no frame lies from 0.2 s"),
        ({"start": 0.1, "end": 0.1}, "no frame lies from 0.1 s until before 0.1 s; .* the last at 0.16 s"),
        ({"start": 1.5}, "no frame lies from 1.5 s on; the first is at 0 s"),
        ({"start": -1}, "no frame lies from -1 s"),
        ({"master": "perfect"}, "no master is named 'perfect'; choose from exact, smart, delivery"),
        ({"master": "exact", "codec": "h264", "out": "b.mp4"}, "lossy"),
        ({"master": "smart", "codec": "h264", "out": "b.mp4"}, "keeps the source's codec"),
        ({"steps": 0}, "steps"),
        ({"guidance": -1}, "guidance"),
        ({"seed": -1}, "seed"),
        ({"size": (50, 32)}, "nearest size is 48x32"),
        ({"codec": "mpeg0"}, "codec"),
        ({"out": "gone/b.mkv"}, "gone"),
        ({"out": "a.mkv"}, "source"),
        ({"out": "b.xyz"}, "xyz"),
        ({"layers": "gone/layers"}, "gone"),
        ({"layers": "full"}, "something else"),
        ({"model": "picco"}, "unknown model"),
    ],
)
def test_refusals(
    model: Path,
    make_clip: ClipMaker,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    words: str,
) -> None:
    source = make_clip("a.mkv")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "holiday.txt").touch()
    before = set(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(VeraPipeline, "__call__", lambda *inputs, **options: pytest.fail("sampled for nothing"))
    with pytest.raises(VeraError, match=words):
        edit(**{"source": source, "instruction": TEXT, "model": model} | options)
    assert set(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("where", ["read", "sample", "layers", "composite"])
@pytest.mark.parametrize("layers", [None, "layers"])
def test_interrupted(model: Path, make_clip: ClipMaker, tmp_path: Path, where: str, layers: str | None) -> None:
    """Nothing is left but layers that were asked for and are whole."""
    source = make_clip("a.mkv")
    before = set(tmp_path.rglob("*"))

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == where:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        edit(source, TEXT, model=model, layers=layers and tmp_path / layers, progress=interrupt)
    left = set(tmp_path.rglob("*")) - before
    if where == "composite" and layers is not None:
        assert len(load_layers(tmp_path / layers).pts) == 5 and len(left) == 4
    else:
        assert not left


# Layers are whole before a result is begun


@pytest.mark.faults
def test_layers_alone(model: Path, make_clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are those that an edit with a result saves, and are asked of no format of a result."""
    source = make_clip("a.mkv")
    edit(source, TEXT, model=model, layers=tmp_path / "both")
    monkeypatch.setattr(job, "choose_codec", lambda *inputs: pytest.fail("asked for nothing"))
    before = set(tmp_path.iterdir())
    report = edit(source, TEXT, model=model, layers=tmp_path / "layers", result=False)
    assert report.out is None and report.master is None
    assert set(tmp_path.iterdir()) - before == {tmp_path / "layers"}
    for name in ("edit.mkv", "alpha.mkv"):
        assert (tmp_path / "both" / name).read_bytes() == (tmp_path / "layers" / name).read_bytes()
    assert verify(source, composite_clip(source, report.edit, tmp_path / "b.mkv").path, report.edit).changed == 0
    for wrong in ({}, {"layers": tmp_path / "c", "out": tmp_path / "c.mkv"}):
        with pytest.raises(VeraError, match="without a result"):
            edit(source, TEXT, model=model, result=False, **wrong)


@pytest.mark.faults
@pytest.mark.parametrize(("out", "place"), [("b.mkv", "b-layers"), ("new/b.####.dpx", "new-layers")])
def test_layers_outlive_a_result_that_cannot_be_written(
    model: Path, make_clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str, place: str
) -> None:
    source = make_clip("a.mkv")
    monkeypatch.setattr(job, "choose_codec", lambda *inputs: None)

    def full(*inputs: Any, **options: Any) -> None:
        raise VeraError("the disk is full")

    monkeypatch.setattr(run, "write_master", full)
    for name in (place, f"{place}-2"):
        with pytest.raises(VeraError, match=f"disk is full; the layers are whole in .*{name}: "):
            edit(source, TEXT, model=model, out=tmp_path / out)
        assert load_layers(tmp_path / name).alpha.shape[0] == 5
    with pytest.raises(VeraError, match=r"disk is full; the layers are whole in .*asked: "):
        edit(source, TEXT, model=model, out=tmp_path / out, layers=tmp_path / "asked")
    assert load_layers(tmp_path / "asked").alpha.shape[0] == 5
    assert {path.name for path in tmp_path.iterdir()} == {"a.mkv", "model", place, f"{place}-2", "asked"}


@pytest.mark.faults
def test_layers_that_cannot_be_opened_again_are_kept(
    model: Path, make_clip: ClipMaker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise VeraError("the manifest is too long")

    monkeypatch.setattr(layer_folder, "read_manifest", refuse)
    with pytest.raises(VeraError, match=r"too long; the layers are whole in .*a-vera-layers: "):
        edit(make_clip("a.mkv"), TEXT, model=model)
    monkeypatch.undo()
    assert load_layers(tmp_path / "a-vera-layers").alpha.shape[0] == 5


def test_layers_that_were_not_asked_for_can_be_read_after_the_edit(model: Path, make_clip: ClipMaker) -> None:
    report = edit(make_clip("a.mkv"), TEXT, model=model)
    assert not report.edit.edit.path.exists() and report.edit.alpha[4].shape == report.size[::-1]


@pytest.mark.faults
def test_a_source_is_read_through_only_for_what_is_saved(
    model: Path, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    source = make_clip("a.mkv")
    monkeypatch.setattr(source_match, "_digest", lambda info: pytest.fail("read through"))
    report = edit(source, TEXT, model=model)
    assert "source" not in report.edit.metadata


# Memory does not grow with the clip, but for the latents


@pytest.mark.faults
def test_a_clip_whose_latents_do_not_fit_is_refused_with_the_number(
    model: Path, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = make_clip("a.mkv")
    monkeypatch.setattr(VeraPipeline, "encode_frames", lambda *inputs: pytest.fail("read for nothing"))
    monkeypatch.setattr(memory, "free_bytes", lambda device: 1000)
    with pytest.raises(VeraError, match=r"5 frames at 32x32 need .* GiB .*\(--from, --to\)"):
        edit(source, TEXT, model=model)


@pytest.mark.faults
def test_no_more_frames_are_held_at_a_time_for_a_longer_clip(
    model: Path, make_clip: ClipMaker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Counted on what the autoencoder is given and gives, and on what is refined at a time."""
    lengths: dict[str, list[int]] = {"encode": [], "decode": [], "refine": []}

    def watch(owner: Any, name: str, length: Callable[[Any], int]) -> None:
        original = getattr(owner, name)

        def watched(*inputs: Any, **options: Any) -> Any:
            lengths[name.removesuffix("_layer")].append(length(inputs[-1]))
            return original(*inputs, **options)

        monkeypatch.setattr(owner, name, watched)

    watch(AutoencoderPatch3D, "encode", lambda x: x.shape[2])
    watch(AutoencoderPatch3D, "decode", lambda z: z.shape[2] * 4)
    watch(refined, "refine_layer", lambda edit: 1)
    largest = []
    for name, frames in (("short.mkv", 150), ("long.mkv", 300)):
        edit(make_clip(name, frames), TEXT, model=model, steps=1, guidance=1.0, size=(16, 16))
        largest.append({part: max(found) for part, found in lengths.items()})
        for found in lengths.values():
            found.clear()
    assert largest[0] == largest[1] and max(largest[0].values()) < 100


@pytest.mark.faults
@pytest.mark.parametrize("aspect", [1, Fraction(4, 3)])
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        *(("a.apng", "apng", "rgba"), ("a.apng", "apng", "gray16be"), ("a.gif", "gif", "rgb8")),
        *(("a.mov", "png", "rgb48be"), ("a.mov", "prores_ks", "yuva444p10le"), ("a.mp4", "libx264", "yuv422p10le")),
        *(("a.mkv", "ffv1", "gray16le"), ("a.mkv", "ffv1", "yuv444p16le"), ("a.avi", "ffv1", "bgra")),
        *(("a.mkv", "ffv1", "yuv411p"), ("a.mov", "qtrle", "rgb24"), ("a.webm", "libvpx-vp9", "gbrp")),
    ],
)
def test_the_default_name_is_one_that_can_be_written(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, aspect: Fraction
) -> None:
    made = ("-f", "lavfi", "-i", f"testsrc2=s=64x48:r=25:d=0.2,setsar={aspect}")
    ffmpeg(*made, "-c:v", codec, "-pix_fmt", pix_fmt, "-strict", -1, tmp_path / name, silent=False)
    info = open_clip(tmp_path / name)
    out = outputs.writable_out(info, outputs.default_out(info.path))
    assert out.parent == tmp_path and out.stem == "a-vera"
    kinds = [outputs.default_out(info.path).suffix, ".mkv", ".mov", ".mp4", ".nut"]
    possible = []
    for suffix in kinds:
        with suppress(VeraError):
            check_output(tmp_path / f"a-vera{suffix}", info, None, info.path)
            possible.append(suffix)
    assert possible and out.suffix == possible[0]


@pytest.mark.faults
def test_a_clip_that_changes_after_the_edited_part_is_refused_before_any_work(tmp_path: Path) -> None:
    for index, size in enumerate(("64x48", "80x48")):
        made = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r=25:d=1", "-c:v", "libvpx", "-deadline", "realtime")
        ffmpeg(*made, tmp_path / f"{index}.webm", silent=False)
    (tmp_path / "list").write_text("file 0.webm\nfile 1.webm\n")
    ffmpeg("-f", "concat", "-i", tmp_path / "list", "-c", "copy", tmp_path / "a.webm", silent=False)
    with pytest.raises(VeraError, match=r"a\.webm: is 80x48 .* at [01]\.\d+ s, but 64x48"):
        edit(tmp_path / "a.webm", "Add a balloon", frames=4, model=tmp_path / "no model is looked for")


def test_edit_with_everything(make_pipeline: Callable[..., VeraPipeline], make_clip: ClipMaker, tmp_path: Path) -> None:
    """Laying the saved layers gives the result, and what they do not cover is the source's own."""
    pipeline = make_pipeline(window_frames=5, window_overlap=0)
    with torch.no_grad():
        pipeline.vae.decoder.weight.mul_(100)
    pipeline.save_pretrained(tmp_path / "model")
    source = make_clip("a.mkv", 7, (128, 64))
    options = Refinement("plate", decontaminate=True, grain=True, smooth=True, every=2)
    done = edit(
        source,
        "add a red balloon",
        model=tmp_path / "model",
        size=(64, 32),
        layers=tmp_path / "layers",
        refinement=options,
    )
    layers = load_layers(tmp_path / "layers")
    assert len(layers.pts) == 7 and layers.finish.decontaminate
    report = verify(source, done.out, layers)
    assert report.changed == 0 and 0 < report.preserved < report.samples
