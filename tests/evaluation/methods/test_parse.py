"""Methods by what a command says of them."""

from pathlib import Path

import pytest

from vera.errors import VeraError
from vera.evaluation.methods.folder import FolderMethod
from vera.evaluation.methods.model import ModelMethod
from vera.evaluation.methods.parse import parse_methods
from vera.evaluation.methods.reference import ReferenceMethod


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    folder = tmp_path / "my, videos"
    folder.mkdir()
    (folder / "one_0.mp4").touch()
    return folder


def test_models_folders_and_references(videos: Path) -> None:
    fast_text = "fast=nano,lora=nano-8-steps,steps=8,guidance=1,seed=3"
    texts = ["nano", f"mine={videos}", "truth", "nothing=empty", fast_text]
    nano, mine, truth, nothing, fast = parse_methods(texts, ["one_0"], {"seed": 1, "steps": None})
    assert nano == ModelMethod("nano", "nano", seed=1)
    assert mine == FolderMethod("mine", videos, ("one_0",))
    assert (truth, nothing) == (ReferenceMethod("truth", "truth"), ReferenceMethod("empty", "nothing"))
    assert fast == ModelMethod("fast", "nano", ("nano-8-steps",), seed=3, steps=8, guidance=1.0)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], "name a method, such as --method nano"),
        (["nano", "nano,steps=4"], "methods nano and nano would share a folder of edits: give one another name"),
        (["a b=empty", "a_b=truth"], "methods a b and a_b would share a folder of edits"),
        (["Mine=empty", "mine=truth"], "methods Mine and mine would share a folder of edits"),
        (["nano,steps=four"], "method nano: steps is a number, not 'four'"),
        (["nano,mask=maybe"], "method nano: mask is yes or no, not 'maybe'"),
        (["nano,sampler=ddim"], "method nano: sampler is euler or unipc, not 'ddim'"),
        (["nano,layers=no"], "method nano: nano draws layers itself: leave out layers=no"),
        (["truth,steps=4"], "method truth: truth is no model, which steps could be said of"),
        (["x=no/such/folder"], "method x: there is no folder no/such/folder"),
        (["nowhere"], "nowhere"),
        (["="], "a method is"),
        (["../=nano"], r"model .*\.\./=nano"),
    ],
)
def test_what_is_no_method_is_one_line(texts: list[str], message: str) -> None:
    with pytest.raises(VeraError, match=message) as caught:
        parse_methods(texts, ["one_0"], {})
    assert "\n" not in str(caught.value)


def test_settings_of_a_folder_are_refused(videos: Path) -> None:
    with pytest.raises(VeraError, match="is no model, which steps could be said of"):
        parse_methods([f"mine={videos},steps=4"], ["one_0"], {})
