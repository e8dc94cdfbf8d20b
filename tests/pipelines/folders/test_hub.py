"""Models of the hub, a fake one on the loopback: published, fetched, loaded, begun from, and refused."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from diffusers import DiffusionPipeline
from huggingface_hub import HfApi, constants, snapshot_download
from peft import LoraConfig, get_peft_model
from tests.fake_hub import FakeHub
from tests.loras import FILE, adapt, save_adapter
from tests.wan_layouts import make_wan, write_original

from vera import VeraError
from vera.data.released.files import open_files
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.folders.card import model_card
from vera.pipelines.folders.hub import fetch_model, hub_name
from vera.pipelines.init import init_pipeline
from vera.training.text import TextStates

MakePipeline = Callable[..., VeraPipeline]
CLIP = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)


def edit_layer(pipeline: VeraPipeline) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    return np.asarray(pipeline(CLIP, "add a red balloon", generator=torch.Generator().manual_seed(0)).edit)


def refusal(function: Callable[..., object], *arguments: object, **options: object) -> str:
    with pytest.raises(VeraError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


# Publish and load


def test_published_and_loaded(make_pipeline: MakePipeline, hub: FakeHub, folder: Path) -> None:
    expected = edit_layer(make_pipeline())
    commit = VeraPipeline.from_pretrained(folder).push_to_hub("me/tiny")
    assert hub.commits == 1 and commit.startswith(f"{hub.endpoint}/me/tiny/commit/")
    assert np.array_equal(edit_layer(load_pipeline("me/tiny", "cpu", "float32")), expected)
    assert np.array_equal(edit_layer(VeraPipeline.from_pretrained("me/tiny")), expected)

    card = hub.models["me/tiny"]["README.md"].decode()
    assert 'model="me/tiny"' in card and "library_name: diffusers" in card and "2 steps of" in card
    assert "FlowMatchEulerDiscreteScheduler`, shift 3.0" in card


def test_the_cache_answers_when_the_hub_does_not(make_pipeline: MakePipeline, hub: FakeHub, folder: Path) -> None:
    (folder / ".gitattributes").write_text("as every model of the hub has one, which is not fetched")
    hub.add_folder("me/tiny", folder)
    load_pipeline("me/tiny", "cpu", "float32")
    hub.down, sent = True, list(hub.sent)
    assert np.array_equal(edit_layer(load_pipeline("me/tiny", "cpu", "float32")), edit_layer(make_pipeline()))
    assert hub.sent == sent
    asked = hub.asked
    VeraPipeline.from_pretrained("me/tiny", local_files_only=True)
    assert hub.asked == asked


@pytest.mark.faults
def test_diffusers_loads_it_by_its_code(
    make_pipeline: MakePipeline, hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))
    make_pipeline().push_to_hub("me/tiny")
    assert "snapshot_download" in hub.models["me/tiny"]["README.md"].decode()
    loaded = DiffusionPipeline.from_pretrained(snapshot_download("me/tiny"), trust_remote_code=True)
    assert isinstance(loaded, VeraPipeline)
    assert np.array_equal(edit_layer(loaded), edit_layer(make_pipeline()))


def test_a_card_that_somebody_wrote_stays(hub: FakeHub, folder: Path) -> None:
    (folder / "README.md").write_text("in the checkpoint's folder")
    pipeline = VeraPipeline.from_pretrained(folder)
    pipeline.push_to_hub("me/tiny")
    assert hub.models["me/tiny"]["README.md"] == b"in the checkpoint's folder"

    HfApi().upload_file(path_or_fileobj=b"on the hub", path_in_repo="README.md", repo_id="me/tiny")
    pipeline.push_to_hub("me/tiny", commit_message="again", private=True)
    assert hub.models["me/tiny"]["README.md"] == b"on the hub" and hub.commits == 3


def test_unwanted_files_are_not_fetched(hub: FakeHub, folder: Path) -> None:
    hub.add_folder("me/tiny", folder)
    hub.models["me/tiny"] |= {"samples/big.mp4": b"0", "optimizer.bin": b"0"}
    load_pipeline("me/tiny", "cpu")
    assert "model_index.json" in hub.sent and not {"samples/big.mp4", "optimizer.bin"} & set(hub.sent)


@pytest.mark.faults
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_only_what_is_loaded_is_fetched(
    make_pipeline: MakePipeline, hub: FakeHub, folder: Path, tmp_path: Path, variant: str | None
) -> None:
    make_pipeline().save_pretrained(folder, variant="fp16")
    hub.add_folder("me/tiny", folder)
    weights = "transformer/diffusion_pytorch_model"
    hub.models["me/tiny"] |= {f"{weights}.bin": b"0", f"{weights}.fp16.bin": b"0", "unused.safetensors": b"0"}
    VeraPipeline.from_pretrained("me/tiny", variant=variant)
    sent = [path for path in hub.sent if path.endswith((".safetensors", ".bin"))]
    assert len(sent) == 3 and all((".fp16." in path) == (variant == "fp16") and ".bin" not in path for path in sent)
    hub.sent.clear()
    VeraPipeline.from_pretrained("me/tiny", text_encoder=None, tokenizer=None, cache_dir=tmp_path / "other")
    assert not any(path.startswith(("text_encoder", "tokenizer")) for path in hub.sent)


@pytest.mark.faults
@pytest.mark.parametrize("within", ["", "deep/"])
def test_a_lora_of_peft_of_the_hub(make_pipeline: MakePipeline, hub: FakeHub, tmp_path: Path, within: str) -> None:
    model = get_peft_model(make_pipeline().transformer, LoraConfig(r=2, lora_alpha=8, target_modules=["to_q"]))
    model.save_pretrained(tmp_path)
    names = ["adapter_model.safetensors", "adapter_config.json"]
    hub.models["me/look"] = {within + name: (tmp_path / name).read_bytes() for name in names} | {"other.json": b"{}"}
    pipeline = make_pipeline()
    pipeline.load_lora_weights("me/look", adapter_name="look", subfolder=within.rstrip("/") or None)
    assert sorted(hub.sent) == sorted(within + name for name in names)
    assert {module.scaling["look"] for module in pipeline.transformer.modules() if hasattr(module, "scaling")} == {4.0}


@pytest.mark.faults
def test_a_lora_of_the_hub(make_pipeline: MakePipeline, hub: FakeHub, tmp_path: Path) -> None:
    model = make_pipeline().transformer
    save_adapter(VeraPipeline, model, adapt(model), tmp_path)
    data = (tmp_path / FILE).read_bytes()
    hub.models["me/look"] = {FILE: data, "README.md": b"", "optimizer.safetensors": b"0", "old/x.safetensors": b"0"}
    hub.models["me/two"] = {"a.safetensors": data, "b.safetensors": data, "deep/c.safetensors": data}
    pipeline = make_pipeline()
    for name, options in (
        ("me/look", {}),
        ("hf:me/look", {}),
        ("me/two", {"weight_name": "b.safetensors"}),
        ("me/two", {"subfolder": "deep"}),
    ):
        pipeline.load_lora_weights(name, **options)
    assert hub.sent == [FILE, "b.safetensors"], "the third is equal to one in the cache"
    assert "say which by weight_name" in refusal(pipeline.load_lora_weights, "me/two")
    assert "no x.safetensors" in refusal(pipeline.load_lora_weights, "me/two", weight_name="x.safetensors")
    assert "LoRA me/none: the hub has none" in refusal(pipeline.load_lora_weights, "me/none")
    hub.down = True
    assert "the hub cannot be reached" in refusal(pipeline.load_lora_weights, "me/other")
    assert "me/tiny: cannot be published" in refusal(make_pipeline().push_to_hub, "me/tiny")


@pytest.mark.faults
def test_saving_publishes_as_push_to_hub_does(hub: FakeHub, folder: Path, tmp_path: Path) -> None:
    pipeline = VeraPipeline.from_pretrained(folder)
    pipeline.push_to_hub("me/one")
    pipeline.save_pretrained(tmp_path / "saved", push_to_hub=True, repo_id="me/two")
    one, two = hub.models["me/one"], hub.models["me/two"]
    assert one.keys() == two.keys() and "README.md" in two
    assert all(one[name] == two[name] for name in one if name.endswith((".safetensors", "config.json")))


# Begin from a Wan of the hub


@pytest.mark.parametrize("layout", ["diffusers", "original"])
def test_init_from_the_hub(hub: FakeHub, tmp_path: Path, layout: str) -> None:
    base, wan = tmp_path / "base", make_wan()
    if layout == "original":
        write_original(wan, base)
    else:
        wan.save_pretrained(base)
    hub.add_folder("wan/there", base)
    hub.models["wan/there"] |= {"assets/big.mp4": b"0", "LICENSE.txt": b"0"}
    init_pipeline("wan/there", tmp_path / "vera")
    init_pipeline(base, tmp_path / "local")
    card = (tmp_path / "vera" / "README.md").read_text()
    assert "base_model: wan/there" in card and "| started from | wan/there |" in card
    for file in (tmp_path / "local").rglob("*.safetensors"):
        assert file.read_bytes() == (tmp_path / "vera" / file.relative_to(tmp_path / "local")).read_bytes()
    assert not {"assets/big.mp4", "LICENSE.txt"} & set(hub.sent)


def test_another_family_is_refused_before_its_weights_are_fetched(hub: FakeHub, tmp_path: Path) -> None:
    hub.models["wan/flux"] = {"config.json": b'{"_class_name": "FluxTransformer2DModel"}', "flux.safetensors": b"0"}
    hub.models["wan/i2v"] = {
        "model_index.json": b'{"_class_name": "WanImageToVideoPipeline"}',
        "transformer/diffusion_pytorch_model.safetensors": b"0",
    }
    hub.models["wan/nothing"] = {"README.md": b""}
    assert "wan/flux is a FluxTransformer2DModel" in refusal(init_pipeline, "wan/flux", tmp_path / "vera")
    assert "wan/i2v is a WanImageToVideoPipeline" in refusal(init_pipeline, "wan/i2v", tmp_path / "vera")
    assert "config.json is missing" in refusal(init_pipeline, "wan/nothing", tmp_path / "vera")
    assert not any(path.endswith(".safetensors") for path in hub.sent)


# Refused


@pytest.mark.parametrize("name", ["wan/none", "wan/bad--name"])
def test_a_name_that_the_hub_does_not_know(hub: FakeHub, tmp_path: Path, name: str) -> None:
    assert "the hub has none of this name" in refusal(load_pipeline, name)
    assert "the hub has none of this name" in refusal(init_pipeline, name, tmp_path / "vera")


def test_a_revision_that_the_hub_does_not_know(hub: FakeHub, folder: Path) -> None:
    hub.add_folder("me/tiny", folder)
    assert "with the revision v2" in refusal(VeraPipeline.from_pretrained, "me/tiny", revision="v2")


def test_a_gated_model(hub: FakeHub, tmp_path: Path) -> None:
    hub.models["wan/gated"] = {"model_index.json": b"{}"}
    hub.gated.add("wan/gated")
    assert "gated: accept its terms" in refusal(load_pipeline, "wan/gated")
    assert "gated: accept its terms" in refusal(init_pipeline, "wan/gated", tmp_path / "vera")


@pytest.mark.parametrize("how", ["offline", "nobody answers", "down"])
def test_out_of_reach(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, how: str) -> None:
    hub.models["wan/there"] = {"model_index.json": b"{}"}
    if how == "offline":
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    elif how == "nobody answers":
        monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    else:
        hub.down = True
    assert "the hub cannot be reached" in refusal(load_pipeline, "wan/there")
    assert hub.asked == (1 if how == "down" else 0), "asked once: the libraries by themselves try for half a minute"
    assert "the hub cannot be reached" in refusal(init_pipeline, "wan/there", tmp_path / "vera")
    assert "the hub cannot be reached" in refusal(VeraPipeline.from_pretrained, "wan/there")


def test_a_download_that_breaks_off(hub: FakeHub, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    hub.add_folder("me/tiny", folder)
    list_tree = HfApi.list_repo_tree

    def then_gone(*arguments: Any, **options: Any) -> list[Any]:
        listed = list(list_tree(*arguments, **options))
        del hub.models["me/tiny"]["vae/config.json"]
        return listed

    monkeypatch.setattr(HfApi, "list_repo_tree", then_gone)
    assert "me/tiny: the download failed" in refusal(fetch_model, "me/tiny")


NAMES = ["owner/name", "hf:owner/name", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "me/sdxl.v2", "a/b_c.1"]
PATHS = [
    "",
    "name",
    "/name",
    "owner/",
    "a/b/c",
    "./name",
    "../name",
    "~/name",
    "look.safetensors",
    "loras/x.safetensors",
]
PATHS += ["models/mine.gguf", "data/set.jsonl", "here/mine", "a b/c", "a/\0", "hf:name", "hf:a/b/c", "x" * 5000]


@pytest.mark.faults
@pytest.mark.parametrize("name", NAMES)
def test_names_of_the_hub(name: str) -> None:
    assert hub_name(name) == name.removeprefix("hf:")


@pytest.mark.faults
@pytest.mark.parametrize("name", PATHS)
def test_what_is_meant_as_a_path_never_asks_the_hub(
    hub: FakeHub, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, make_pipeline: MakePipeline, name: str
) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path)
    pipeline = make_pipeline()
    doors: list[Callable[..., object]] = [load_pipeline, VeraPipeline.from_pretrained, pipeline.load_lora_weights]
    doors += [open_files, lambda name: init_pipeline(name, tmp_path / "vera"), lambda name: text_states(name).networks]
    for door in doors:
        line = refusal(door, name)
        assert "Traceback" not in line
    assert hub.asked == 0


@pytest.mark.faults
def test_a_text_encoder_of_a_recipe_never_asks_the_hub(hub: FakeHub) -> None:
    for ask in (lambda text: text.networks, lambda text: text.dim, lambda text: text.identity()):
        assert "no text encoder" in refusal(ask, text_states("my/encoder"))
    assert hub.asked == 0


def text_states(name: str) -> TextStates:
    return TextStates(name, 8, torch.device("cpu"))


def test_cards(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    parts = (pipeline.config, pipeline.transformer, {"_class_name": "Euler", "shift": 3.0})
    card = str(model_card("me/tiny", *parts, base="Wan-AI/Wan2.1", recipe="method: layered_flow\nsteps: 8000"))
    assert "base_model: Wan-AI/Wan2.1" in card and "| started from | Wan-AI/Wan2.1 |" in card
    assert "```yaml\nmethod: layered_flow\nsteps: 8000\n```" in card
    card = str(model_card("me/tiny", *parts))
    assert "base_model" not in card and "started from" not in card and "Say here what it was trained on" in card
    assert card.count("|---|---|") == 1 and "2 steps of `Euler`, shift 3.0" in card


@torch.no_grad()
@pytest.mark.faults
def test_what_cannot_be_saved_makes_no_repository(make_pipeline: MakePipeline, hub: FakeHub) -> None:
    pipeline = make_pipeline()
    adapt(pipeline.transformer)
    assert "cannot hold a LoRA" in refusal(pipeline.push_to_hub, "me/tiny")
    assert "me/tiny" not in hub.models
