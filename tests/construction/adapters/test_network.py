"""Which weights a build is made with: by the hub's commit, or a hash of a folder's files."""

from dataclasses import replace
from pathlib import Path

import pytest

from vera.construction.adapters.matter import MatterNetwork
from vera.construction.adapters.network import Network, Weights, rooted, weights_id, with_less
from vera.construction.adapters.segmenter import SegmenterNetwork
from vera.construction.engine.stage import Resources
from vera.construction.engine.state import parameters
from vera.construction.stages.objects import Masks
from vera.construction.stages.removal import Matte
from vera.errors import VeraError


def test_weights_are_known_by_what_they_are(tmp_path: Path) -> None:
    ids = []
    for name, weights, settings in (("a", b"1", b"{}"), ("b", b"1", b"{}"), ("c", b"2", b"{}"), ("d", b"1", b"{ }")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "model.safetensors").write_bytes(weights)
        (tmp_path / name / "config.json").write_bytes(settings)
        ids.append(weights_id(str(tmp_path / name), ""))
    assert ids[0] == ids[1] and len(set(ids)) == 3


@pytest.mark.parametrize("revision", ["", "main", "0" * 39])
def test_a_model_of_the_hub_has_its_commit(revision: str) -> None:
    with pytest.raises(VeraError, match="40 digits"):
        weights_id("facebook/sam2.1-hiera-tiny", revision)
    assert weights_id("facebook/sam2.1-hiera-tiny", "ab" * 20) == "ab" * 20


def test_a_folder_without_weights_is_none(tmp_path: Path) -> None:
    with pytest.raises(VeraError, match="is no folder with weights"):
        weights_id(str(tmp_path), "")


def test_what_it_runs_on_is_not_what_it_makes() -> None:
    network = SegmenterNetwork("facebook/sam2.1-hiera-tiny", "Apache-2.0", "ab" * 20)
    there = replace(network, device="cpu")
    assert (network.resources, there.resources) == (Resources(1, 1), Resources(1, 0))
    assert parameters(Masks(network=network)) == parameters(Masks(network=there))
    assert parameters(Masks(network=network)) != parameters(Masks(network=replace(network, kind="sam3")))
    assert parameters(Masks(network=network)) != parameters(Masks())
    assert Masks(network=network).models == (*network.models,) and Masks().models == ()
    assert (Masks(network=network).method, Masks().method) == ("sam2", "")


@pytest.mark.faults
def test_weights_are_the_same_where_a_relative_path_is_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, weights in (("here", b"1"), ("there", b"2")):
        for part in ("unet", "vae"):
            (tmp_path / name / "models/net" / part).mkdir(parents=True)
            (tmp_path / name / "models/net" / part / "model.safetensors").write_bytes(weights)
    matter = Matte(MatterNetwork("models/net", "MIT", kind="videomama", base=Weights("models/net", "MIT")))
    for network in (matter, replace(matter, network=MatterNetwork("owner/name", "MIT", "ab" * 20))):
        monkeypatch.chdir(tmp_path / "there")
        held = network.models, parameters(network)
        monkeypatch.chdir(tmp_path / "here")
        moved = rooted(network, Path("../there"))
        assert (moved.models, parameters(moved)) == held
    assert rooted(matter, Path("../there")).network.base.folder() == "../there/models/net"


def test_less_is_halved_until_it_is_least() -> None:
    asked: list[int] = []

    def work(size: int) -> int:
        asked.append(size)
        if size > 3:
            raise MemoryError
        return size

    assert with_less(work, 20, 2, "it") == 2 and asked == [20, 10, 5, 2]
    with pytest.raises(VeraError, match="it: memory"):
        with_less(work, 20, 4, "it")
    assert Network("a", "MIT").device == "cuda"
