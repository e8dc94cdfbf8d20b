"""From a name to an editor: its class by model_index.json, short names, the hub, and what is refused."""

import json
from collections.abc import Callable
from pathlib import Path
from shutil import copytree
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.fake_hub import FakeHub
from tests.pipelines.editors.tiny import MAKERS

from vera.errors import VeraError
from vera.pipelines import Acceleration
from vera.pipelines.editors.adapters.lucy import LucyEditor
from vera.pipelines.editors.known import KNOWN, find_known
from vera.pipelines.editors.loading import editor_pipeline, license_of, load_editor
from vera.pipelines.editors.protocol import ClipWindow, Settings
from vera.pipelines.editors.table import EDITORS

Saved = Callable[[str], Path]
FRAMES = np.random.default_rng(0).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
CARD = "---\nlicense: other\nlicense_name: only-for-tests-v1\n---\n# Tiny\n"


@pytest.fixture
def lucy(saved: Saved, tmp_path: Path) -> Path:
    """A folder that a test may change."""
    folder = tmp_path / "lucy"
    copytree(saved("LucyEditPipeline"), folder)
    (folder / "README.md").write_text(CARD)
    return folder


def change_index(folder: Path, **values: Any) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    (folder / "model_index.json").write_text(json.dumps(index | values))


def refusal(function: Callable[..., object], *arguments: object, **options: object) -> str:
    with pytest.raises(VeraError) as error:
        function(*arguments, **options)
    assert "\n" not in str(error.value)
    return str(error.value)


def drawn(editor: Any, seed: int = 0) -> np.ndarray:
    settings = Settings(steps=1, guidance=1.0)
    return np.asarray(editor.edit(ClipWindow(FRAMES, 24.0, FRAMES[:0]), "add a red balloon", None, seed, settings))


@pytest.mark.parametrize("pipeline", ["LucyEditPipeline", "WanVACEPipeline", "WanPipeline", "Flux2KleinPipeline"])
def test_the_class_is_the_index_s(saved: Saved, pipeline: str) -> None:
    assert editor_pipeline(str(saved(pipeline))) == pipeline


def test_vera_s_own_are_no_editors(make_pipeline: Callable[..., Any], tmp_path: Path) -> None:
    make_pipeline().save_pretrained(tmp_path / "vera")
    assert editor_pipeline(str(tmp_path / "vera")) is None
    assert editor_pipeline("nano") is None and editor_pipeline("vera-14b") is None


def test_every_class_of_the_table_is_tried() -> None:
    assert set(EDITORS) - {"LTX2Pipeline"} == set(MAKERS), "whose parts are those of LTX2InContextPipeline"


def test_from_the_hub_and_from_its_cache(hub: FakeHub, lucy: Path) -> None:
    (lucy / "transformer" / "model.py").write_text("raise SystemExit")
    (lucy / "extra.safetensors").write_bytes(b"for other programs")
    hub.add_folder("me/lucy", lucy)
    assert editor_pipeline("me/lucy") == "LucyEditPipeline"
    assert sorted(hub.sent) == ["README.md", "model_index.json"], "a class is told by the index alone"
    expected = drawn(load_editor(str(lucy), "cpu", "float32"))
    assert np.array_equal(drawn(load_editor("me/lucy", "cpu", "float32")), expected)
    assert not [file for file in hub.sent if file.endswith(".py") or file == "extra.safetensors"]
    hub.down, sent = True, len(hub.sent)
    assert editor_pipeline("me/lucy") == "LucyEditPipeline"
    assert np.array_equal(drawn(load_editor("hf:me/lucy", "cpu", "float32")), expected)
    assert len(hub.sent) == sent


def test_a_short_name_is_the_hub_s(hub: FakeHub, lucy: Path) -> None:
    hub.add_folder("decart-ai/Lucy-Edit-Dev", lucy)
    assert editor_pipeline("lucy") == "LucyEditPipeline"
    assert isinstance(load_editor("lucy", "cpu", "float32"), LucyEditor)


def test_a_folder_of_a_short_name_is_the_folder(
    hub: FakeHub, saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copytree(saved("WanVACEPipeline"), tmp_path / "lucy")
    monkeypatch.chdir(tmp_path)
    assert editor_pipeline("lucy") == "WanVACEPipeline" and not hub.asked


def test_known_models_have_names_of_their_own() -> None:
    names = [name for model in KNOWN for name in (model.short, model.name)]
    assert len(set(names)) == len(names)
    assert all(model.pipeline in EDITORS for model in KNOWN)
    found = find_known("hf:decart-ai/Lucy-Edit-Dev")
    assert found is not None and found.short == "lucy" and find_known("me/lucy") is None


def test_a_checkpoint_that_calls_itself_otherwise(hub: FakeHub, saved: Saved, tmp_path: Path) -> None:
    """As the published one does, whose index and transformer are Wan's."""
    folder = tmp_path / "chrono"
    copytree(saved("ChronoEditPipeline"), folder)
    change_index(folder, _class_name="WanImageToVideoPipeline", transformer=["diffusers", "WanTransformer3DModel"])
    config = json.loads((folder / "transformer" / "config.json").read_text())
    config["_class_name"] = "WanTransformer3DModel"
    (folder / "transformer" / "config.json").write_text(json.dumps(config))
    assert "WanImageToVideoPipeline is neither" in refusal(editor_pipeline, str(folder))
    hub.add_folder("nvidia/ChronoEdit-14B-Diffusers", folder)
    assert editor_pipeline("chronoedit") == "ChronoEditPipeline"
    editor = load_editor("chronoedit", "cpu", "float32")
    assert type(editor.pipeline.transformer).__name__ == "ChronoEditTransformer3DModel"


def test_licences(hub: FakeHub, lucy: Path, tmp_path: Path) -> None:
    assert license_of(str(lucy)) == "only-for-tests-v1"
    hub.add_folder("me/lucy", lucy)
    assert license_of("me/lucy") == "only-for-tests-v1"
    (lucy / "README.md").write_text("---\nlicense: mit\n---\n")
    assert license_of(str(lucy)) == "mit"
    for text in ("", "---\nlicense: [1\n---\n", "---\n- 1\n---\n", "# No head", "---\nlicense: 5\n---\n"):
        (lucy / "README.md").write_text(text)
        assert license_of(str(lucy)).startswith("not stated")
    assert license_of("vace-14b") == "apache-2.0", "as Vera knows it, where the hub does not say"


@pytest.mark.parametrize("pipeline", ["LTX2InContextPipeline", "LTX2Pipeline"])
def test_ltx2_needs_a_lora(lucy: Path, pipeline: str) -> None:
    assert "in-context LoRA: name one with --lora" in refusal(load_editor, str(lucy), "cpu", pipeline=pipeline)


def save_lora(path: Path, blocks: str, width: int, notes: dict[str, str] | None = None) -> str:
    generator = torch.Generator().manual_seed(0)
    shapes = {"lora_A": (2, width), "lora_B": (width, 2)}
    tensors = {
        f"transformer.{blocks}.0.attn1.to_q.{part}.weight": torch.randn(shape, generator=generator)
        for part, shape in shapes.items()
    }
    save_file(tensors, path, notes)
    return str(path)


@pytest.mark.parametrize("factor", [None, "2"])
def test_ltx2_shows_the_clip_as_small_as_its_lora_learnt_it(
    factor: str | None, saved: Saved, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    notes = {"reference_downscale_factor": factor} if factor else None
    lora = save_lora(tmp_path / "in-context.safetensors", "transformer_blocks", 16, notes)
    editor = load_editor(str(saved("LTX2InContextPipeline")), "cpu", "float32", lora=[lora])
    shrunk = int(factor or 1)
    assert editor.traits.strides == (32 * shrunk, 32 * shrunk)
    assert editor.record()["reference_downscale_factor"] == shrunk
    seen: list[tuple[int, ...]] = []
    encode = editor.pipeline.vae.encode

    def watched(x: torch.Tensor, *rest: Any, **more: Any) -> Any:
        seen.append(tuple(x.shape))
        return encode(x, *rest, **more)

    monkeypatch.setattr(editor.pipeline.vae, "encode", watched)
    frames = np.zeros((9, 64, 64, 3), np.uint8)
    drawn = editor.edit(ClipWindow(frames, 24.0, frames[:0]), "a red balloon", None, 0, Settings(steps=1))
    assert drawn.shape == frames.shape and seen == [(1, 3, 9, 64 // shrunk, 64 // shrunk)]


@pytest.mark.parametrize("wrong", ["0", "nine", "2.5", "9"])
def test_a_lora_that_says_nonsense_of_itself(wrong: str, saved: Saved, tmp_path: Path) -> None:
    notes = {"reference_downscale_factor": wrong}
    lora = save_lora(tmp_path / "wrong.safetensors", "transformer_blocks", 16, notes)
    folder = str(saved("LTX2InContextPipeline"))
    assert f"'{wrong}', not a number from 1 to 8" in refusal(load_editor, folder, "cpu", "float32", lora=[lora])


def test_qwen_needs_what_reads_its_pictures(lucy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.pipelines.editors.loading.find_spec", lambda name: None)
    said = refusal(load_editor, str(lucy), "cpu", pipeline="QwenImageEditPipeline")
    assert "needs torchvision, which is not installed: pip install torchvision" in said


def test_a_lora_has_its_say(saved: Saved, tmp_path: Path) -> None:
    folder = str(saved("LucyEditPipeline"))
    save_lora(tmp_path / "look.safetensors", "blocks", 24)

    def with_lora(*loras: str) -> np.ndarray:
        return drawn(load_editor(folder, "cpu", "float32", lora=loras))

    plain, changed = with_lora(), with_lora(f"{tmp_path / 'look.safetensors'}:0.8")
    assert not np.allclose(plain, changed, atol=1e-3)
    assert np.allclose(plain, with_lora(f"{tmp_path / 'look.safetensors'}:0"), atol=1e-5)
    assert "at most 100" in refusal(with_lora, f"{tmp_path / 'look.safetensors'}:999")
    assert "no such file" in refusal(with_lora, str(tmp_path / "none.safetensors"))


# What is refused


def test_a_gated_or_missing_model_says_what_to_do(hub: FakeHub, lucy: Path) -> None:
    hub.add_folder("decart-ai/Lucy-Edit-Dev", lucy)
    hub.gated.add("decart-ai/Lucy-Edit-Dev")
    assert "gated: accept its terms on its page of the hub, then run `hf auth login`" in refusal(
        editor_pipeline, "lucy"
    )
    assert "the hub has none of this name" in refusal(editor_pipeline, "me/nothing")
    hub.down = True
    assert "not in the local cache, and the hub cannot be reached" in refusal(editor_pipeline, "me/other")


def test_what_is_no_editor(lucy: Path, tmp_path: Path) -> None:
    change_index(lucy, _class_name="StableDiffusionPipeline")
    said = refusal(editor_pipeline, str(lucy))
    assert "StableDiffusionPipeline is neither a Vera pipeline nor an editor" in said and "LucyEditPipeline" in said
    for name in (["pipeline", "Mine"], {"a": 1}, 5):
        change_index(lucy, _class_name=name)
        refusal(editor_pipeline, str(lucy))
    (tmp_path / "empty").mkdir()
    assert "no model_index.json" in refusal(editor_pipeline, str(tmp_path / "empty"))
    assert "unknown model" in refusal(editor_pipeline, "lucie")


def test_code_of_strangers_is_not_run(lucy: Path) -> None:
    (lucy / "mine.py").write_text("raise SystemExit('was run')")
    (lucy / "transformer" / "mine.py").write_text("raise SystemExit('was run')")
    change_index(lucy, transformer=["mine", "Mine"])
    assert "needs code of 'mine', which Vera does not run" in refusal(load_editor, str(lucy), "cpu")
    change_index(
        lucy, transformer=["diffusers", "WanTransformer3DModel"], **{"../vae": ["diffusers", "AutoencoderKLWan"]}
    )
    assert "'../vae' is no name of a part" in refusal(load_editor, str(lucy), "cpu")


def test_pickles_are_not_opened(lucy: Path) -> None:
    weights = lucy / "transformer" / "diffusion_pytorch_model.safetensors"
    weights.rename(weights.with_suffix(".bin"))
    assert "cannot be loaded" in refusal(load_editor, str(lucy), "cpu")


@pytest.mark.parametrize("part", ["vae", "scheduler", "tokenizer", "text_encoder"])
def test_missing_parts_are_told(lucy: Path, part: str) -> None:
    (lucy / part).rename(lucy / "gone")
    assert "cannot be loaded" in refusal(load_editor, str(lucy), "cpu")


@pytest.mark.parametrize("part", ["transformer", "vae", "text_encoder"])
def test_missing_weights_are_told_and_not_drawn_at_random(lucy: Path, part: str) -> None:
    (file,) = (lucy / part).glob("*.safetensors")
    tensors = load_file(file)
    gone = sorted(tensors)[len(tensors) // 2]
    del tensors[gone]
    save_file(tensors, file, {"format": "pt"})
    assert f"{part}: weights are missing, {gone} say: fetch the rest" in refusal(load_editor, str(lucy), "cpu")


def test_a_second_network_is_no_wan_2_1(saved: Saved, tmp_path: Path) -> None:
    folder = tmp_path / "wan"
    copytree(saved("WanPipeline"), folder)
    copytree(folder / "transformer", folder / "transformer_2")
    change_index(folder, transformer_2=["diffusers", "WanTransformer3DModel"])
    said = refusal(load_editor, str(folder), "cpu")
    assert "a network, transformer_2, that WanVideoToVideoPipeline does not take" in said


def test_weights_of_another_size_are_told(lucy: Path) -> None:
    config = json.loads((lucy / "transformer" / "config.json").read_text())
    config["ffn_dim"] = 64
    (lucy / "transformer" / "config.json").write_text(json.dumps(config))
    assert "cannot be loaded" in refusal(load_editor, str(lucy), "cpu")


def test_offloading_wants_a_gpu(lucy: Path) -> None:
    options = Acceleration(offload="model")
    said = refusal(load_editor, str(lucy), "cpu", acceleration=options)
    assert "offload model moves weights" in said


def test_several_processes_are_refused(lucy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.pipelines.editors.loading.group_size", lambda: 2)
    assert "without torchrun" in refusal(load_editor, str(lucy), "cpu")
