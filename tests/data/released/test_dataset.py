"""The released layout, in miniature, written by our own writer and as its card says."""

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from tests.clips import cut
from tests.data.released.data_set import COUNTS, SIZE, made, opened, write
from tests.video.decoding.test_damage import damage

from vera.data.mixture import Mixture
from vera.data.released.dataset import ReleasedLayers
from vera.data.released.files import LocalFiles
from vera.data.released.layout import CLIPS, Row, held_out_rows, index_path
from vera.data.released.writer import append_row, write_clips
from vera.data.sample import BadSample
from vera.data.sources import open_layer_data
from vera.errors import VeraError
from vera.video import read_lossless


def test_samples_come_back_exactly(root: Path) -> None:
    source = opened(root)
    assert len(source.keys()) == sum(COUNTS.values())
    keys = source.keys()
    for key in keys:
        sample, expected = source.load(key), made(*key[:2])
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
    for step in range(12):
        for split, index, start, mirrored in source.draw(step, 2):
            sample, expected = source.load((split, index, start, mirrored)), whole.load((split, index, 0.0, False))
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
    assert sorted(key[1] for key in drawn[:7]) == list(range(7))


def test_an_epoch_of_a_split_has_its_samples(root: Path) -> None:
    source = opened(root)
    assert dict(zip(source.rows, source.lengths, strict=True)) == COUNTS


def test_subsets_and_their_weights(root: Path) -> None:
    source = opened(root, subsets={"synthetic-obj-add": 3, "realistic-set1-obj-add": 1})
    drawn = [key[0] for step in range(100) for key in source.draw(step, 10)]
    assert drawn.count("synthetic-obj-add") == 750
    assert drawn.count("realistic-set1-obj-add") == 250


def test_the_held_out_part_is_drawn_in_turn(root: Path) -> None:
    parts = [opened(root, held_out=held_out, held_out_share=0.4) for held_out in (False, True)]
    texts = [{row.instruction for rows in part.rows.values() for row in rows} for part in parts]
    assert not texts[0] & texts[1]
    assert len(texts[0] | texts[1]) == sum(COUNTS.values())
    held_out = parts[1]
    whole = held_out.keys()
    count = len(whole)
    drawn = [held_out.draw((1 << 30) + step, 1)[0][:2] for step in range(count)]
    assert sorted(drawn) == sorted(key[:2] for key in whole)  # each once, wherever it begins
    everything = opened(root, held_out=True)  # of a share of 0
    assert sorted(everything.keys()) == sorted(opened(root).keys())


def rows(*names: tuple[str, str]) -> list[Row | BadSample]:
    return [Row(f"a.jsonl:{i}", text, {"source": f"clips/{name}"}) for i, (name, text) in enumerate(names)]


MD5 = "0f343b0931126a20f133d67c2b018a3b"


@pytest.mark.parametrize(
    ("name", "footage"),
    [
        (f"{MD5}_input.mp4", MD5),
        (f"{MD5}_w1_input.mp4", MD5),
        (f"1_{MD5}.mp4", MD5),
        ("street_0-48_input.mp4", "street"),
        ("street_win2.mp4", "street"),
        ("000012_input.mp4", "000012"),
        ("street-2.mp4", "street-2"),
        (r"a\b\street_win2_input.mp4", "street"),  # as Windows writes it
        ("stre\u0301et_win2.mp4", "str\u00e9et"),
    ],
)
def test_footage_is_named_by_its_files(name: str, footage: str) -> None:
    (row,) = rows((name, "add"))
    assert isinstance(row, Row) and row.footage == footage


def test_windows_of_a_clip_are_held_out_together() -> None:
    names = [
        (f"{index:032x}_w{window}_input.mp4", f"add {index} {window}") for index in range(400) for window in (0, 1)
    ]
    kept = held_out_rows([*rows(*names), BadSample("torn")], 0.1)
    assert kept[0:-1:2] == kept[1:-1:2]
    assert 20 < sum(kept) / 2 < 60 and not kept[-1]
    same_text = rows(*((f"{index:032x}.mp4", f"add {index // 4}") for index in range(400)))
    groups = np.array(held_out_rows(same_text, 0.1)).reshape(100, 4)
    assert (groups.all(1) == groups.any(1)).all() and 0 < groups[:, 0].sum() < 50


def test_footage_that_two_splits_share_is_held_out_of_both(tmp_path: Path) -> None:
    """Two clips of one split have one instruction, so one name; the other split has the second clip alone."""
    names = [f"{index:032x}" for index in range(40)]
    rows = {
        "synthetic-bg-change": [(name, f"Change {index // 2}") for index, name in enumerate(names)],
        "synthetic-obj-add": [(name, f"Add {name}") for name in names],
    }
    for split, found in rows.items():
        index = tmp_path / f"vera-train-set/49-frames/{split}.jsonl"
        index.parent.mkdir(parents=True, exist_ok=True)
        lines = [
            {"edit_instruction": text} | {path: f"{name}_{clip}.mp4" for clip, path in CLIPS.items()}
            for name, text in found
        ]
        index.write_text("\n".join(map(json.dumps, lines)) + "\n", encoding="utf-8")
    held = {
        part: {
            row.footage
            for found in ReleasedLayers(str(tmp_path), held_out=part, held_out_share=0.2).rows.values()
            for row in found
            if isinstance(row, Row)
        }
        for part in (False, True)
    }
    assert held[True] and not held[True] & held[False]


def test_every_other_sample_is_mirrored_if_asked(root: Path) -> None:
    source = opened(root, flip=True)
    keys = [key for step in range(20) for key in source.draw(step, 10)]
    assert 70 < sum(mirrored for *_, mirrored in keys) < 130
    assert not any(mirrored for step in range(20) for *_, mirrored in opened(root).draw(step, 10))
    key = next(key for key in keys if key[3])
    sample, plain = source.load(key), source.load((*key[:3], False))
    for name in ("source", "edit", "alpha", "composite"):
        assert np.array_equal(getattr(sample, name), getattr(plain, name)[:, :, ::-1])


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
        ({"clip_frames": 81}, r"has no vera-train-set/81-frames/SPLIT.jsonl"),
        ({"held_out": True, "held_out_share": 1e-9}, "has no held-out samples; raise held_out_share"),
        ({"held_out_share": 1}, "has no samples but held-out ones; lower held_out_share"),
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
    source = opened(tmp_path, subsets={split: 1})
    with pytest.raises(BadSample, match=words):
        source.load((split, 2, 0.0, False))
    (tmp_path / index_path(split, 9)).write_text(line)
    with pytest.raises(VeraError, match="has no row that can be used; "):
        opened(tmp_path, subsets={split: 1})


def test_rows_may_have_any_order_other_fields_and_odd_characters(tmp_path: Path) -> None:
    split = "synthetic-obj-add"
    row = write_clips(made(split, 1), tmp_path, split, "0")
    row = {"number": 7, **dict(reversed(row.items())), "edit_instruction": "add a\u2028ball\x85"}
    append_row(row, tmp_path, split, 9)
    source = opened(tmp_path, subsets={split: 1})
    assert source.load(source.keys()[0]).instruction == "add a\u2028ball\x85"


def test_indices_that_are_none(tmp_path: Path) -> None:
    path = tmp_path / index_path("my-clips", 9)
    path.parent.mkdir(parents=True)
    path.write_bytes(b"")
    with pytest.raises(VeraError, match=r"my-clips.jsonl: the name of a split ends in bg-change or obj-add, which"):
        opened(tmp_path)
    path = path.rename(tmp_path / index_path("my-obj-add", 9))
    with pytest.raises(VeraError, match=r"my-obj-add.jsonl of .* has no row that can be used$"):
        opened(tmp_path)
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(VeraError, match=r"my-obj-add.jsonl of .* is no text"):
        opened(tmp_path)


def test_all_splits_of_a_folder_are_taken(tmp_path: Path) -> None:
    """Own data in the layout: any names, and the other name that the folder was seen with."""
    for split in ("my-obj-add", "my-bg-change"):
        sample = made("synthetic-obj-add", 1)
        append_row(write_clips(sample, tmp_path, split, "0"), tmp_path, split, 9)
    (tmp_path / "vera-train-set").rename(tmp_path / "train-set")
    for index in (tmp_path / "train-set").rglob("*.jsonl"):
        index.write_text(index.read_text().replace("vera-train-set/", ""))
    source = opened(tmp_path)
    keys = source.keys()
    assert {source.load(key).task for key in keys} == {"obj_add", "background_replace"}


def test_mattes_are_read_by_their_range(tmp_path: Path) -> None:
    """What is black and white in the file is 0 and 255, whether its tags say limited range or full."""
    split = "synthetic-obj-add"
    write(tmp_path, split, made(split, 1), "0")
    path = next(tmp_path.rglob("*_edit_alpha.mp4"))
    for levels, (low, high) in {1: (16, 235), 2: (0, 255)}.items():
        with av.open(str(path), "w") as container:
            stream: Any = container.add_stream("libx264", rate=16, options={"qp": "0"})
            stream.width, stream.height, stream.pix_fmt, stream.color_range = 32, 16, "yuv420p", levels
            for _ in range(9):
                frame = av.VideoFrame(32, 16, "yuv420p")
                frame.color_range = levels
                for plane, value in zip(frame.planes, (low, 128, 128), strict=True):
                    values = np.full((plane.height, plane.line_size), value, np.uint8)
                    if value == low:
                        values[:, 16:] = high
                    plane.update(values.tobytes())
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        source = opened(tmp_path, subsets={split: 1})
        alpha = source.load(source.keys()[0]).alpha
        assert (alpha[:, :, :16] == 0).all() and (alpha[:, :, 16:] == 255).all(), levels


def spoilt(root: Path, split: str, field: str, how: str) -> None:
    path = root / json.loads((root / index_path(split, 9)).read_text().splitlines()[0])[field]
    if how == "missing":
        path.unlink()
    elif how == "truncated":
        cut(path, 0.7)
    elif how == "damaged":
        damage(path, (4,))
    else:
        sizes = {"short": {"frames": 5}, "small": {"width": 16}}
        (write_clips(made(split, 0, **sizes[how]), root / "other", split, "0"))
        (next((root / "other").rglob("*_edit_rgb.mp4"))).replace(path)


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ("missing", r"synthetic-obj-add.jsonl:1: .*0_edit_rgb.mp4 is not in"),
        ("truncated", r"synthetic-obj-add.jsonl:1: .*0_edit_rgb.mp4"),
        ("damaged", r"jsonl:1: .*0_edit_rgb.mp4: is damaged at \d\.\d{3} s"),
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


def test_sources_by_name(root: Path) -> None:
    released = {"path": str(root), "clip_frames": 9, "frames": 9, "size": SIZE, "held_out_share": 0.0}
    assert isinstance(open_layer_data({"kind": "released"} | released, False), ReleasedLayers)
    parts = [
        {"kind": "released", "weight": weight, "subsets": {split: 1}} | released
        for weight, split in ((3, "synthetic-obj-add"), (1, "realistic-set2-obj-add"))
    ]
    mixed = open_layer_data({"kind": "mixture", "parts": parts}, False)
    assert isinstance(mixed, Mixture)
    drawn = [mixed.draw(step, 2) for step in range(1000)]
    assert [len({key[0] for _, key in keys}) for keys in drawn] == [1] * 1000  # one source a step
    assert sum(keys[0][1][0] == "synthetic-obj-add" for keys in drawn) == 750
    assert mixed.load(drawn[0][0]).alpha.shape == (9, 16, 32)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"kind": "tape"}, "kind is one of synthetic, released, shards or mixture, not 'tape'"),
        ({"kind": "released"}, "data: .*path"),
        ({"kind": "mixture"}, "a mixture has `parts`"),
        ({"kind": "mixture", "parts": [{"kind": "synthetic"}]}, "each with a `weight`"),
    ],
)
def test_sources_that_there_are_not(data: dict[str, Any], words: str) -> None:
    with pytest.raises(VeraError, match=words):
        open_layer_data(data, False)


@pytest.mark.faults
@pytest.mark.parametrize(
    "line",
    [
        "[" * 100_000,
        '{"a":' * 100_000,
        "null",
        '"text"',
        "1" * 10_000,
        "NaN",
        '{"edit_instruction": ["add"]}',
        '{"edit_instruction": "\\ud800", "input_video_path": "a", "edit_rgb_path": "a", "edit_alpha_path": "a", '
        '"composite_path": "a"}',
    ],
)
def test_a_row_of_any_kind_is_a_bad_sample(tmp_path: Path, line: str) -> None:
    split = "synthetic-obj-add"
    write(tmp_path, split, made(split, 0), "0")
    with (tmp_path / index_path(split, 9)).open("a") as lines:
        lines.write(line + "\n")
    with pytest.raises(BadSample, match="jsonl:2"):
        opened(tmp_path).load((split, 1, 0.0, False))


@pytest.mark.faults
@pytest.mark.parametrize(
    "path",
    [
        "{outside}",
        "../{name}",
        "vera-train-set/../../{name}",
        r"..\{name}",
        r"C:\{name}",
        "a\nb.mp4",
        "\x1b[2J.mp4",
        "x" * 5000,
        "\x00",
    ],
)
def test_rows_name_no_clips_outside_of_the_data_set(tmp_path: Path, path: str) -> None:
    split, root = "synthetic-obj-add", tmp_path / "set"
    row = write_clips(made(split, 0), root, split, "0")
    foreign = tmp_path / "foreign.mp4"
    (root / row["input_video_path"]).rename(foreign)
    append_row(row | {"input_video_path": path.format(outside=foreign, name=foreign.name)}, root, split, 9)
    with pytest.raises(BadSample, match=r"no path within|is not in") as error:
        opened(root).load((split, 0, 0.0, False))
    assert not any(character in str(error.value) for character in "\n\x1b\x00")


@pytest.mark.faults
def test_names_may_be_composed_or_decomposed_and_the_file_may_begin_with_a_mark(tmp_path: Path) -> None:
    split = "synthetic-obj-add"
    for number, (written, held) in enumerate((("é", "e\u0301"), ("e\u0301", "é"))):
        row = write_clips(made(split, number), tmp_path, split, f"{number}{held}")
        row = {name: text.replace(held, written) if isinstance(text, str) else text for name, text in row.items()}
        append_row(row, tmp_path, split, 9)
    rows = tmp_path / index_path(split, 9)
    rows.write_bytes("\ufeff".encode() + rows.read_bytes())
    source = opened(tmp_path)
    for number in range(2):
        assert np.array_equal(source.load((split, number, 0.0, False)).alpha, made(split, number).alpha)


@pytest.mark.faults
def test_a_sample_s_name_tells_its_row(tmp_path: Path) -> None:
    """So that a cache notices what took its place."""
    split, found = "synthetic-obj-add", set()
    row = write_clips(made(split, 0), tmp_path, split, "0")
    for change in ({}, {"edit_instruction": "Add another."}, {"mask_path": "elsewhere.mp4"}, {}):
        (tmp_path / index_path(split, 9)).write_text(json.dumps(row | change) + "\n")
        source = opened(tmp_path)
        (key,) = source.keys()
        assert source.name_of(key).startswith(f"{key!r}  ")
        found.add(source.name_of(key))
    assert len(found) == 3


@pytest.mark.faults
def test_a_path_is_of_one_clip_whatever_was_read_before(tmp_path: Path) -> None:
    index = index_path("synthetic-obj-add", 9)
    for place, text in (("", "root"), (str(Path(index).parent), "below")):
        (tmp_path / place).mkdir(parents=True, exist_ok=True)
        (tmp_path / place / "both.mp4").write_text(text)
    (tmp_path / index).with_name("one.mp4").touch()
    files = LocalFiles(tmp_path)
    found = [files.find(name, index) for name in ("both.mp4", "one.mp4", "both.mp4")]
    assert found[0] == found[2] == tmp_path / "both.mp4"


@pytest.mark.faults
def test_rows_that_were_written_on_windows(tmp_path: Path) -> None:
    split = "synthetic-obj-add"
    row = write_clips(made(split, 0), tmp_path, split, "0")
    row = {name: text.replace("/", "\\") if isinstance(text, str) else text for name, text in row.items()}
    append_row(row, tmp_path, split, 9)
    assert np.array_equal(opened(tmp_path).load((split, 0, 0.0, False)).alpha, made(split, 0).alpha)


@pytest.mark.faults
def test_one_instruction_in_two_spellings_is_held_out_as_one() -> None:
    spellings = ("\u00e9", "e\u0301")
    names = [(f"{index:032x}.mp4", f"add {index // 2} {spellings[index % 2]}") for index in range(400)]
    groups = np.array(held_out_rows(rows(*names), 0.1)).reshape(200, 2)
    assert (groups.all(1) == groups.any(1)).all() and 0 < groups[:, 0].sum() < 60
