"""The data set and its test split from the hub, or from a folder of its form."""

import json
from pathlib import Path

import numpy as np
import pytest
from huggingface_hub import constants
from tests.clips import make_clip
from tests.conftest import small_disk
from tests.data.released.data_set import made, opened
from tests.fake_hub import FakeHub

from vera.data.released.layout import SPLITS, index_path
from vera.data.released.test_set import read_test_set
from vera.data.sample import BadSample
from vera.errors import VeraError

NAME = "netflix/Vera-Layered-Video-Dataset"


def test_from_the_hub_one_file_at_a_time(root: Path, hub: FakeHub, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_folder(NAME, root)
    split = "synthetic-obj-add"
    source = opened(Path(NAME), subsets={split: 1})
    assert sorted(hub.sent) == sorted(index_path(split, 9) for split in SPLITS)
    hub.sent.clear()
    key = (split, 2, 0.0, False)
    assert np.array_equal(source.load(key).source, made(split, 2).source)
    assert len(hub.sent) == 4  # the third sample has no mask
    asked = hub.asked
    source.load(key)
    assert hub.asked == asked  # a cached file is not even looked up

    # Another commit does not change an open data set, and without the hub the cache is the data set.
    hub.models[NAME]["README.md"] = b"new"
    hub.down = True
    assert np.array_equal(source.load(key).source, made(split, 2).source)
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # else it is asked again for half a minute
    again = opened(Path(NAME), subsets={split: 1})
    assert np.array_equal(again.load(key).source, made(split, 2).source)
    with pytest.raises(BadSample, match=rf"{split}.jsonl:4: .*_input.mp4 cannot be fetched from {NAME} \("):
        again.load((split, 3, 0.0, False))


@pytest.mark.faults
def test_a_full_disk_makes_no_sample_a_bad_one(root: Path, hub: FakeHub) -> None:
    """It ends the work: training would go on without what it could not fetch, and a cache lack it."""
    hub.add_folder(NAME, root)
    split = "synthetic-obj-add"
    source = opened(Path(NAME), subsets={split: 1})
    with small_disk(100), pytest.raises(VeraError, match="cannot be fetched") as told:
        source.load((split, 2, 0.0, False))
    assert not isinstance(told.value, BadSample)
    assert np.array_equal(source.load((split, 2, 0.0, False)).source, made(split, 2).source)


def test_data_sets_that_the_hub_does_not_give(root: Path, hub: FakeHub) -> None:
    with pytest.raises(VeraError, match="there is no folder me/none, nor such a data set on the hub that you may read"):
        opened(Path("me/none"))
    with pytest.raises(VeraError, match="nowhere is neither a folder nor the name of a data set"):
        opened(Path("nowhere"))
    hub.models["me/empty"] = {}
    with pytest.raises(VeraError, match=r"me/empty has no vera-train-set/9-frames/SPLIT.jsonl"):
        opened(Path("me/empty"))
    hub.down = True
    with pytest.raises(VeraError, match="me/other is not in the hub's cache, and the hub cannot be reached"):
        opened(Path("me/other"))


@pytest.fixture
def test_set(tmp_path: Path) -> Path:
    for task in ("bg-change", "obj-add"):
        folder = tmp_path / "test" / "vera-test-set" / task
        (folder / "input").mkdir(parents=True)
        make_clip(folder / "input" / "dog.mp4", 2, (32, 16))
        row = {
            "video_id": "dog",
            "input_path": "input/dog.mp4",
            "subject_type": None,
            "prompt_id": 3,
            "prompt": f"do {task}",
            "target_caption": "a dog",
            "edit_type": task,
            "mask_path": "input/dog.mp4" if task == "bg-change" else None,
        }
        (folder / "prompts.jsonl").write_text(json.dumps(row) + "\n")
    return tmp_path / "test"


def test_the_test_set(test_set: Path, hub: FakeHub) -> None:
    hub.add_folder(NAME, test_set)
    for path in (str(test_set), NAME):
        first, second = read_test_set(path)
        assert (first.video_id, first.prompt_id, first.task) == ("dog", "3", "background_replace")
        assert first.mask is not None and first.mask.is_file() and first.source.is_file()
        assert (second.instruction, second.task, second.mask, second.alpha) == ("do obj-add", "obj_add", None, None)
        assert (second.subject, second.source_caption, second.target_caption) == (None, None, "a dog")


def test_rows_of_the_test_set_that_are_none(test_set: Path, tmp_path: Path) -> None:
    index = test_set / "vera-test-set/obj-add/prompts.jsonl"
    for line, words in (
        ('{"prompt": "add"}', r"obj-add/prompts.jsonl:1: has no input_path$"),
        ('{"prompt": "add", "input_path": "cat.mp4"}', r"obj-add/prompts.jsonl:1: cat.mp4 is not in"),
        ("{", r"obj-add/prompts.jsonl:1: is no JSON"),
    ):
        index.write_text(line)
        with pytest.raises(VeraError, match=words):
            list(read_test_set(str(test_set)))
    (tmp_path / "empty").mkdir()
    with pytest.raises(VeraError, match=r"has no vera-test-set/\{bg-change,obj-add\}/\*.jsonl with rows"):
        list(read_test_set(str(tmp_path / "empty")))
