"""The released layout, in miniature, written by our own writer and as its card says."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

from vera.data.mixture import Mixture
from vera.data.release_writer import append_row, write_clips
from vera.data.released import SPLITS, ReleasedLayers, index_path
from vera.data.sample import BadSample, LayeredSample
from vera.data.sources import open_source
from vera.errors import VeraError
from vera.video import read_lossless

SIZE = "32x16"
COUNTS = dict(zip(SPLITS, (3, 4, 5, 6, 7), strict=True))


def made(split: str, index: int, frames: int = 9, height: int = 16, width: int = 32) -> LayeredSample:
    rng = np.random.default_rng((list(SPLITS).index(split), index))
    source, edit = rng.integers(0, 256, (2, frames, height, width, 3), np.uint8)
    alpha = np.zeros((frames, height, width), np.uint8)
    alpha[:, 4:12, 8:20] = 255
    alpha[:, 4:12, 20:24] = 100
    weight = alpha[..., None] / np.float32(255)
    composite = np.round(weight * edit + (1 - weight) * source).astype(np.uint8)
    mask = np.where(alpha > 127, 0, 255).astype(np.uint8) if index % 2 else None
    return LayeredSample(source, edit, alpha, composite, mask, f"{split}: add {index}", SPLITS[split])


def write(root: Path, split: str, sample: LayeredSample, name: str) -> None:
    append_row(write_clips(sample, root, split, name), root, split, len(sample.alpha))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for split, count in COUNTS.items():
        for index in range(count):
            write(folder, split, made(split, index), f"{index:06d}")
    return folder


def opened(root: Path, **arguments: Any) -> ReleasedLayers:
    defaults = {"clip_frames": 9, "frames": 9, "size": SIZE, "fill": "as_is", "held_out_share": 0.0}
    return ReleasedLayers(str(root), **defaults | arguments)


def test_samples_come_back_exactly(root: Path) -> None:
    source = opened(root)
    assert len(source.keys()) == sum(COUNTS.values())
    keys = source.keys()
    for split, index, start in keys:
        sample, expected = source.load((split, index, start)), made(split, index)
        for name in ("source", "edit", "alpha", "composite"):
            assert np.array_equal(getattr(sample, name), getattr(expected, name)), name
        assert (sample.instruction, sample.task) == (expected.instruction, expected.task)
        assert (sample.mask is None) == (expected.mask is None)
        assert expected.mask is None or np.array_equal(sample.mask, expected.mask)


def test_files_are_ordinary_h264(root: Path) -> None:
    path = root / "vera-train-set/9-frames/synthetic-obj-add/000001_edit_alpha.mp4"
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.pix_fmt, stream.average_rate) == (
            "h264",
            "yuvj420p",
            16,
        )
    assert np.array_equal(read_lossless(path), made("synthetic-obj-add", 1).alpha)


def test_the_edge_fill_changes_the_edit_only_where_alpha_is_not_one(root: Path) -> None:
    plain, filled = opened(root), opened(root, fill="edge")
    key = plain.keys()[0]
    before, after = plain.load(key), filled.load(key)
    full = before.alpha == 255
    assert np.array_equal(after.edit[full], before.edit[full])
    assert (after.edit[~full] != before.edit[~full]).any()


def test_crops_follow_the_draw(root: Path) -> None:
    source = opened(root, frames=5, size="16x16")
    whole = opened(root)
    seen = set()
    for step in range(40):
        for split, index, start in source.draw(step, 2):
            sample, expected = source.load((split, index, start)), whole.load((split, index, 0.0))
            first = int(start * 5)
            seen.add(first)
            assert np.array_equal(sample.alpha, expected.alpha[first : first + 5, :, 8:24])
    assert seen == set(range(5))


def test_draws_are_functions_of_their_step(root: Path) -> None:
    one, other = opened(root, seed=3), opened(root, seed=3)
    steps = [other.draw(step, 5) for step in (7, 2)]
    assert [one.draw(step, 5) for step in (7, 2)] == steps
    assert one.draw(2, 5, attempt=1) != steps[1]
    assert opened(root, seed=4).draw(2, 5) != steps[1]
    # Splits by their sizes, and in an epoch of a split every sample once.
    split = "synthetic-obj-add"
    drawn = [key for step in range(200) for key in one.draw(step, 5) if key[0] == split]
    assert len(drawn) / 1000 == pytest.approx(COUNTS[split] / sum(COUNTS.values()), abs=0.01)
    assert sorted(index for _, index, _ in drawn[:7]) == list(range(7))


def test_subsets_and_their_weights(root: Path) -> None:
    source = opened(root, subsets={"synthetic-obj-add": 3, "realistic-set1-obj-add": 1})
    drawn = [key[0] for step in range(100) for key in source.draw(step, 10)]
    assert drawn.count("synthetic-obj-add") == 750
    assert drawn.count("realistic-set1-obj-add") == 250


def test_the_held_out_part_shares_no_instruction(root: Path) -> None:
    parts = [opened(root, held_out=held_out, held_out_share=0.4) for held_out in (False, True)]
    texts = [{row.instruction for rows in part.rows.values() for row in rows} for part in parts]
    assert not texts[0] & texts[1]
    assert len(texts[0] | texts[1]) == sum(COUNTS.values())


def test_larger_clips_are_scaled_and_cropped(tmp_path: Path) -> None:
    split = "synthetic-obj-add"
    write(tmp_path, split, made(split, 0, height=32, width=96), "a")
    source = opened(tmp_path, subsets={split: 1})
    sample = source.load(source.keys()[0])
    assert sample.source.shape == (9, 16, 32, 3)
    large = made(split, 0, height=32, width=96).alpha[0].reshape(16, 2, 48, 2).mean((1, 3))
    assert np.abs(sample.alpha[0].astype(float) - large[:, 8:40]).mean() < 4  # bicubic against box


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"subsets": {"synthetic": 1}}, r"there is no subset synthetic; there are realistic-set1-bg-change, "),
        ({"subsets": {"synthetic-obj-add": 0}}, "the weight of synthetic-obj-add is a number above 0"),
        ({"subsets": {}}, "subsets names none"),
        ({"frames": 8}, r"frames is 1 \+ 4k, not 8"),
        ({"frames": 13}, "clips of 9 frames have no 13"),
        ({"size": "30x16"}, "multiples of 16, not 30x16"),
        ({"size": "wide"}, "size is WxH"),
        ({"fill": "grey"}, "fill is edge or as_is"),
        ({"clip_frames": 81}, r"vera-train-set/81-frames/realistic-set1-bg-change.jsonl is not in"),
        ({"held_out": True}, "has no held-out samples"),
    ],
)
def test_arguments_that_cannot_be(root: Path, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        opened(root, **arguments)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{not json", r"synthetic-obj-add.jsonl:3: is no JSON"),
        ("[1, 2]", r"synthetic-obj-add.jsonl:3: has no edit_instruction, input_video_path"),
        ('{"edit_instruction": "add"}', r"jsonl:3: has no input_video_path, edit_rgb_path, edit_alpha_path"),
    ],
)
def test_a_row_that_is_none(tmp_path: Path, line: str, words: str) -> None:
    split = "synthetic-obj-add"
    for index in range(2):
        write(tmp_path, split, made(split, index), str(index))
    with (tmp_path / index_path(split, 9)).open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(VeraError, match=words):
        opened(tmp_path, subsets={split: 1})


def spoilt(root: Path, split: str, field: str, how: str) -> None:
    path = root / json.loads((root / index_path(split, 9)).read_text().splitlines()[0])[field]
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        path.write_bytes(path.read_bytes()[:-300])
    else:
        sizes = {"short": {"frames": 5}, "small": {"width": 16}}
        (write_clips(made(split, 0, **sizes[how]), root / "other", split, "0"))
        (next((root / "other").rglob("*_edit_rgb.mp4"))).replace(path)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", r"synthetic-obj-add.jsonl:1: .*0_edit_rgb.mp4 is not in"),
        ("truncated", r"synthetic-obj-add.jsonl:1: .*0_edit_rgb.mp4"),
        ("short", r"jsonl:1: the clips are unlike: source 9 frames of 32x16, edit 5 frames of 32x16"),
        ("small", r"jsonl:1: the clips are unlike: source 9 frames of 32x16, edit 9 frames of 16x16"),
    ],
)
def test_a_bad_sample_is_named(tmp_path: Path, how: str, words: str) -> None:
    split = "synthetic-obj-add"
    write(tmp_path, split, made(split, 0), "0")
    spoilt(tmp_path, split, "edit_rgb_path", how)
    source = opened(tmp_path, subsets={split: 1})
    with pytest.raises(BadSample, match=words):
        source.load(source.keys()[0])


def test_paths_relative_to_the_index(tmp_path: Path) -> None:
    split = "synthetic-obj-add"
    row = write_clips(made(split, 1), tmp_path, split, "0")
    folder = Path(index_path(split, 9)).parent
    near = {k: Path(v).relative_to(folder).as_posix() if str(v).endswith(".mp4") else v for k, v in row.items()}
    append_row(near, tmp_path, split, 9)
    source = opened(tmp_path, subsets={split: 1})
    assert np.array_equal(source.load(source.keys()[0]).alpha, made(split, 1).alpha)


def test_from_the_hub_one_file_at_a_time(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def download(repo_id: str, filename: str, repo_type: str) -> str:
        assert (repo_id, repo_type) == ("netflix/Vera-Layered-Video-Dataset", "dataset")
        asked.append(filename)
        if not (root / filename).is_file():
            raise EntryNotFoundError("404")
        return str(root / filename)

    monkeypatch.setattr("vera.data.released.hf_hub_download", download)
    split = "synthetic-obj-add"
    source = opened(Path("netflix/Vera-Layered-Video-Dataset"), subsets={split: 1})
    assert asked == [index_path(split, 9)]
    assert np.array_equal(source.load((split, 2, 0.0)).source, made(split, 2).source)
    assert len(asked) == 5  # the third sample has no mask

    def unreachable(*args: Any, **kwargs: Any) -> str:
        raise LocalEntryNotFoundError("cannot find the file on disk, and outgoing traffic is disabled")

    monkeypatch.setattr("vera.data.released.hf_hub_download", unreachable)
    with pytest.raises(BadSample, match="cannot be fetched from netflix"):
        source.load((split, 3, 0.0))
    with pytest.raises(VeraError, match="neither a folder nor the name of a data set"):
        opened(Path("nowhere"))


def test_sources_by_name(root: Path) -> None:
    released = {"path": str(root), "clip_frames": 9, "frames": 9, "size": SIZE, "held_out_share": 0.0}
    assert isinstance(open_source({"source": "released"} | released, False), ReleasedLayers)
    parts = [
        {"source": "released", "weight": weight, "subsets": {split: 1}} | released
        for weight, split in ((3, "synthetic-obj-add"), (1, "realistic-set2-obj-add"))
    ]
    mixed = open_source({"source": "mixture", "sources": parts}, False)
    assert isinstance(mixed, Mixture)
    drawn = [mixed.draw(step, 2) for step in range(1000)]
    assert [len({split for _, (split, *_) in keys}) for keys in drawn] == [1] * 1000  # one source a step
    assert sum(keys[0][1][0] == "synthetic-obj-add" for keys in drawn) == 750
    assert mixed.load(drawn[0][0]).alpha.shape == (9, 16, 32)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"source": "tape"}, "source is one of synthetic, released, shards or mixture, not 'tape'"),
        ({"source": "released"}, "data: .*path"),
        ({"source": "mixture"}, "a mixture has `sources`"),
        ({"source": "mixture", "sources": [{"source": "synthetic"}]}, "each with a `weight`"),
    ],
)
def test_sources_that_there_are_not(data: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        open_source(data, False)
