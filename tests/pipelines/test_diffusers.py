"""What users of diffusers expect of any pipeline, on tiny networks: batches, embeddings, saving, dtypes, offloading."""

import inspect
import json
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from accelerate import cpu_offload
from diffusers import DiffusionPipeline
from diffusers.hooks import apply_group_offloading
from PIL import Image

from vera import VeraError
from vera.pipelines import VeraPipeline, load_pipeline
from vera.pipelines.folders.code import write_code
from vera.presets import TRAINED, preset_folder

MakePipeline = Callable[..., VeraPipeline]
TEXT, OTHER = "add a red balloon", "add a balloon"
VIDEO = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
SECOND = 255 - VIDEO
CLOSE: dict[str, Any] = {"rtol": 0, "atol": 2e-5}

pytestmark = pytest.mark.faults


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """diffusers copies the code of folders to a cache, from which it is imported."""
    monkeypatch.setattr("diffusers.utils.dynamic_modules_utils.HF_MODULES_CACHE", str(tmp_path / "modules"))
    monkeypatch.setattr(sys, "path", list(sys.path))


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def run(pipeline: DiffusionPipeline, video: Any = VIDEO, prompt: Any = TEXT, **call: Any) -> Any:
    pipeline.set_progress_bar_config(disable=True)
    return pipeline(video, prompt, **{"generator": seeded()} | call)


# Texts


def test_instruction_is_another_name_of_prompt(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    assert np.array_equal(run(pipeline).edit, run(pipeline, prompt=None, instruction=TEXT).edit)


def test_embeddings_stand_in_for_texts_and_their_encoder(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    expected = run(pipeline, negative_prompt="red").edit
    positive, negative = pipeline.encode_prompt(TEXT, "red")
    bare = VeraPipeline(transformer=pipeline.transformer, vae=pipeline.vae, scheduler=pipeline.scheduler)
    given = {"prompt": None, "prompt_embeds": positive}
    assert np.array_equal(run(bare, **given, negative_prompt_embeds=negative).edit, expected)
    assert np.array_equal(run(bare, **given, guidance_scale=1.0).edit, run(pipeline, guidance_scale=1.0).edit)
    for call, words in (
        ({}, "no text encoder and tokenizer for the instruction: give prompt_embeds"),
        (given, "negative prompt: give negative_prompt_embeds, or guidance_scale=1"),
        ({"prompt": None, "prompt_embeds": positive, "negative_prompt": "red"}, "negative_prompt_embeds"),
    ):
        with pytest.raises(VeraError, match=words):
            run(bare, **call)


def test_texts_are_encoded_alone(make_pipeline: MakePipeline) -> None:
    """`encode_prompt` needs no other network, repeats for several videos, and takes what is encoded already."""
    pipeline = make_pipeline()
    alone = VeraPipeline(
        transformer=None, vae=None, scheduler=None, tokenizer=pipeline.tokenizer, text_encoder=pipeline.text_encoder
    )
    texts = ([TEXT, OTHER], ["red", ""])
    positive, negative = alone.encode_prompt(*texts, num_videos_per_prompt=2, max_sequence_length=8)
    assert positive.shape == negative.shape == (4, 8, 16)
    assert torch.equal(positive[::2], positive[1::2]) and torch.equal(positive[:1], pipeline.encode_prompt(TEXT)[0])
    assert torch.equal(negative[2:3], pipeline.encode_prompt("")[0])
    again = alone.encode_prompt(None, prompt_embeds=positive, negative_prompt_embeds=negative, dtype=torch.float16)
    assert torch.equal(again[0], positive.half()) and torch.equal(again[1], negative.half())


@pytest.mark.parametrize("negative", [None, "red", ["red", ""]])
@pytest.mark.parametrize("repeats", [1, 2])
def test_what_is_encoded_is_what_a_call_takes(make_pipeline: MakePipeline, negative: Any, repeats: int) -> None:
    pipeline = make_pipeline()
    noise = [seeded(seed) for seed in range(2 * repeats)]
    expected = run(
        pipeline, prompt=[TEXT, OTHER], negative_prompt=negative, num_videos_per_prompt=repeats, generator=noise
    )
    embeds = pipeline.encode_prompt([TEXT, OTHER], negative, num_videos_per_prompt=repeats)
    assert len(embeds[0]) == len(embeds[1]) == 2 * repeats
    noise = [seeded(seed) for seed in range(2 * repeats)]
    given = {"prompt": None, "prompt_embeds": embeds[0], "negative_prompt_embeds": embeds[1]}
    assert np.array_equal(run(pipeline, **given, generator=noise).edit, expected.edit)


# Batches


def test_a_batch_is_its_clips_one_by_one(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    mask = VIDEO[..., 0] > 99
    batch = run(
        pipeline,
        np.stack([VIDEO, SECOND]),
        [TEXT, OTHER],
        negative_prompt=["red", "a"],
        mask=[mask, ~mask],
        generator=[seeded(0), seeded(1)],
        output_composite=True,
    )
    singles = [
        run(pipeline, VIDEO, TEXT, negative_prompt="red", mask=mask, output_composite=True),
        run(pipeline, SECOND, OTHER, negative_prompt="a", mask=~mask, generator=seeded(1), output_composite=True),
    ]
    for name in ("edit", "alpha", "composite"):
        assert batch[name].shape == (2, *singles[0][name].shape)
        np.testing.assert_allclose(batch[name], [single[name] for single in singles], **CLOSE)
    np.testing.assert_allclose(batch.frames, [single.frames[0] for single in singles], **CLOSE)


@pytest.mark.parametrize(
    ("call", "count"),
    [
        ({"prompt": [TEXT]}, 1),
        ({"prompt": [TEXT, OTHER]}, 2),
        ({"video": VIDEO[None]}, 1),
        ({"video": [VIDEO, SECOND]}, 2),
        ({"video": [list(VIDEO), list(SECOND)]}, 2),
        ({"num_videos_per_prompt": 2}, 2),
        ({"video": [VIDEO, SECOND], "num_videos_per_prompt": 2}, 4),
        ({"prompt": [TEXT, OTHER], "num_videos_per_prompt": 2}, 4),
        ({"prompt": None, "prompt_embeds": torch.zeros(2, 8, 16)}, 2),
        ({"video": torch.from_numpy(np.stack([VIDEO, SECOND])).movedim(-1, 2), "mask": VIDEO[..., 0] > 99}, 2),
        ({"video": [VIDEO[:1], SECOND[:1]], "mask": np.ones((2, 32, 48), bool)}, 2),
    ],
)
def test_who_asks_for_a_batch_gets_one(make_pipeline: MakePipeline, call: dict[str, Any], count: int) -> None:
    output = run(make_pipeline(), **{"num_inference_steps": 1} | call)
    assert output.edit.shape[0] == output.alpha.shape[0] == output.frames.shape[0] == count
    assert output.edit.ndim == 5 and output.alpha.ndim == 4


def test_several_videos_of_a_prompt_have_noise_of_their_own(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    pair = run(pipeline, num_videos_per_prompt=2, generator=[seeded(0), seeded(1)]).edit
    for index, edit in enumerate(pair):
        np.testing.assert_allclose(edit, run(pipeline, generator=seeded(index)).edit, **CLOSE)
    assert np.abs(pair[0] - pair[1]).max() > 1e-3
    clips = run(pipeline, [VIDEO, SECOND], num_videos_per_prompt=2, generator=[seeded()] + [seeded(1)] * 3)
    np.testing.assert_allclose(clips.edit[0], pair[0], **CLOSE)


# Outputs


def test_frames_are_the_layers_over_the_clip(make_pipeline: MakePipeline) -> None:
    output = run(make_pipeline())
    alpha = output.alpha[..., None]
    assert output.frames.shape == (1, *VIDEO.shape) and output.frames.dtype == np.float32
    np.testing.assert_allclose(output.frames[0], alpha * output.edit + (1 - alpha) * (VIDEO / 255), rtol=0, atol=1e-6)


def test_pictures_come_out_as_they_go_in(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    arrays = run(pipeline)
    output = run(pipeline, [Image.fromarray(frame) for frame in VIDEO], output_type="pil")
    assert [picture.mode for picture in output.edit] == ["RGB"] * 5
    assert [picture.mode for picture in output.alpha] == ["L"] * 5
    assert np.array_equal(np.stack([np.asarray(p) for p in output.alpha]), (arrays.alpha * 255).round())
    assert np.array_equal(np.stack([np.asarray(p) for p in output.frames[0]]), (arrays.frames[0] * 255).round())
    batch = run(pipeline, prompt=[TEXT, OTHER], output_type="pil")
    assert [len(clip) for clip in batch.edit] == [len(clip) for clip in batch.frames] == [5, 5]


def test_latents_of_all_branches_are_frames_of_latents(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    output = run(pipeline, output_type="latent", output_composite=True)
    assert torch.equal(output.frames, torch.stack([output.edit, output.alpha, output.composite])[None])
    assert run(pipeline, None, source_latents=pipeline.encode_frames(VIDEO)).frames is None, "its pixels are unknown"


def test_a_tuple_holds_the_layers(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    output, layers = run(pipeline, output_composite=True), run(pipeline, output_composite=True, return_dict=False)
    for layer, name in zip(layers, ("edit", "alpha", "composite"), strict=True):
        assert np.array_equal(layer, output[name])


def test_the_call_has_diffusers_names() -> None:
    call = inspect.signature(VeraPipeline.__call__).parameters
    names = (
        "prompt negative_prompt height width num_frames num_inference_steps guidance_scale num_videos_per_prompt "
        "generator latents prompt_embeds negative_prompt_embeds output_type return_dict attention_kwargs "
        "callback_on_step_end callback_on_step_end_tensor_inputs max_sequence_length"
    )
    assert set(names.split()) <= set(call)
    assert "Examples:" in (VeraPipeline.__call__.__doc__ or "") and ">>> pipe =" in (
        VeraPipeline.__call__.__doc__ or ""
    )


def test_attention_kwargs_reach_the_transformer(make_pipeline: MakePipeline) -> None:
    pipeline, seen = make_pipeline(), []
    pipeline.transformer.register_forward_pre_hook(lambda module, args, kwargs: seen.append(kwargs), with_kwargs=True)
    run(pipeline, attention_kwargs={"scale": 0.5}, num_inference_steps=1, guidance_scale=1.0)
    assert seen[0]["attention_kwargs"] == {"scale": 0.5} == pipeline.attention_kwargs


# Saving, loading, making one of another


def test_a_pipeline_of_anothers_parts_runs_as_that_one(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline(num_inference_steps=3, window_frames=5, window_overlap=0)
    expected = run(pipeline, VIDEO)
    for made in (VeraPipeline(**pipeline.components), VeraPipeline.from_pipe(pipeline)):
        assert {name: made.config[name] for name in ("num_inference_steps", "window_frames", "guidance_scale")} == {
            "num_inference_steps": 3,
            "window_frames": 5,
            "guidance_scale": 3.0,
        }
        assert np.array_equal(run(made).edit, expected.edit)
    assert VeraPipeline(**pipeline.components, num_inference_steps=1).config.num_inference_steps == 1
    assert VeraPipeline.from_pipe(pipeline, guidance_scale=1.0).config.guidance_scale == 1.0


@pytest.mark.faults
def test_a_pipeline_of_anothers_parts_leaves_their_types(make_pipeline: MakePipeline) -> None:
    """As `docs/models.md` says: `from_pipe` is diffusers', which casts what both share."""
    pipeline = make_pipeline()
    pipeline.transformer.to(torch.bfloat16)
    parts = pipeline.transformer, pipeline.vae
    assert VeraPipeline(**pipeline.components).vae is pipeline.vae
    assert [part.dtype for part in parts] == [torch.bfloat16, torch.float32]
    VeraPipeline.from_pipe(pipeline, dtype=torch.bfloat16)
    assert [part.dtype for part in parts] == [torch.bfloat16, torch.bfloat16]
    VeraPipeline.from_pipe(pipeline)
    assert [part.dtype for part in parts] == [torch.float32, torch.float32]


def test_run_defaults_stay_with_the_transformer_on_disk(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline(num_inference_steps=3)
    pipeline.transformer.save_pretrained(tmp_path)
    transformer = type(pipeline.transformer).from_pretrained(tmp_path)
    made = VeraPipeline(transformer=transformer, vae=pipeline.vae, scheduler=pipeline.scheduler)
    assert (made.config.num_inference_steps, made.config.window_frames) == (3, 9)


def test_nanos_parts_make_nano() -> None:
    nano = load_pipeline("nano", "cpu", "float32")
    made = VeraPipeline(**nano.components)
    assert (made.config.num_inference_steps, made.config.window_frames, made.config.guidance_scale) == (12, 17, 2.0)


def test_older_folders_load(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    """They name the class alone, hold no code, and their transformers know nothing of runs."""
    pipeline = make_pipeline()
    pipeline.save_pretrained(tmp_path)
    (tmp_path / "pipeline.py").unlink()
    index, config = tmp_path / "model_index.json", tmp_path / "transformer" / "config.json"
    index.write_text(json.dumps(json.loads(index.read_text()) | {"_class_name": "VeraPipeline"}))
    known = json.loads(config.read_text())
    del known["_run_defaults"]
    config.write_text(json.dumps(known))
    loaded = VeraPipeline.from_pretrained(tmp_path)
    assert loaded.config.window_frames == 9
    assert np.array_equal(run(loaded).edit, run(pipeline).edit)


@pytest.mark.parametrize("custom", [None, "pipeline", "folder"])
def test_diffusers_finds_the_class_by_the_folders_code(
    make_pipeline: MakePipeline, tmp_path: Path, custom: str | None
) -> None:
    pipeline = make_pipeline()
    pipeline.save_pretrained(tmp_path)
    named = {} if custom is None else {"custom_pipeline": str(tmp_path) if custom == "folder" else custom}
    loaded = DiffusionPipeline.from_pretrained(tmp_path, trust_remote_code=True, **named)
    assert isinstance(loaded, VeraPipeline)
    assert np.array_equal(run(loaded).edit, run(pipeline).edit)
    with pytest.raises(ValueError, match="trust_remote_code"):
        DiffusionPipeline.from_pretrained(tmp_path, **named)


@pytest.mark.parametrize("name", TRAINED)
def test_what_ships_has_the_code_that_is_written(tmp_path: Path, name: str) -> None:
    write_code(tmp_path)
    assert (preset_folder(name) / "pipeline.py").read_bytes() == (tmp_path / "pipeline.py").read_bytes()
    loaded = DiffusionPipeline.from_pretrained(preset_folder(name), trust_remote_code=True)
    assert loaded.text_encoder is not None and loaded.config.num_inference_steps == 12


@pytest.mark.parametrize("part", ["text_encoder", "tokenizer", "transformer", "vae"])
def test_diffusers_takes_the_parts_that_are_given(make_pipeline: MakePipeline, tmp_path: Path, part: str) -> None:
    make_pipeline().save_pretrained(tmp_path)
    own = getattr(make_pipeline(), part)
    loaded = DiffusionPipeline.from_pretrained(tmp_path, trust_remote_code=True, **{part: own})
    assert getattr(loaded, part) is own
    assert all(held is not None for held in loaded.components.values())


@pytest.mark.parametrize("packaged", [False, True])
def test_diffusers_leaves_out_what_is_none(make_pipeline: MakePipeline, tmp_path: Path, packaged: bool) -> None:
    make_pipeline().save_pretrained(tmp_path)
    folder = preset_folder("nano") if packaged else tmp_path
    none: dict[str, Any] = {"text_encoder": None, "tokenizer": None}
    loaded = DiffusionPipeline.from_pretrained(folder, trust_remote_code=True, **none)
    assert loaded.text_encoder is None and loaded.tokenizer is None


def test_diffusers_loads_no_package_for_what_is_given(
    make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vera.pipelines.folders.opening.find_spec", lambda package: None)
    own = {part: getattr(make_pipeline(), part) for part in ("text_encoder", "tokenizer")}
    nano = partial(DiffusionPipeline.from_pretrained, preset_folder("nano"), trust_remote_code=True)
    loaded = nano(**own)
    assert loaded.text_encoder is own["text_encoder"] and loaded.tokenizer is own["tokenizer"]
    with pytest.raises(VeraError, match="not installed"):
        nano()


@pytest.mark.parametrize("vae", ["patch", "wan"])
@pytest.mark.parametrize("variant", [None, "fp16"])
def test_diffusers_loads_the_autoencoder_in_float32(
    make_pipeline: MakePipeline, tmp_path: Path, vae: str, variant: str | None
) -> None:
    pipeline = make_pipeline(vae=vae)
    pipeline.save_pretrained(tmp_path / "one", variant=variant)
    load = partial(DiffusionPipeline.from_pretrained, trust_remote_code=True, dtype=torch.bfloat16)
    loaded = load(tmp_path / "one", variant=variant)
    assert loaded.transformer.dtype == loaded.text_encoder.dtype == torch.bfloat16
    loaded.save_pretrained(tmp_path / "two")
    for again in (loaded, VeraPipeline.from_pretrained(tmp_path / "two"), load(tmp_path / "two")):
        assert type(again.vae) is type(pipeline.vae) and again.vae.dtype == torch.float32
        held = again.vae.state_dict()
        assert all(torch.equal(tensor, held[name]) for name, tensor in pipeline.vae.state_dict().items())
    half = pipeline.vae.to(torch.bfloat16)
    assert load(tmp_path / "one", variant=variant, vae=half).vae.dtype == torch.bfloat16


def test_the_code_in_a_folder_is_not_run_by_vera(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    make_pipeline().save_pretrained(tmp_path)
    (tmp_path / "pipeline.py").write_text("raise SystemExit")
    assert VeraPipeline.from_pretrained(tmp_path).config.window_frames == 9


def test_without_text_parts_it_is_saved_and_loaded(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline()
    parts = pipeline.components | {"text_encoder": None, "tokenizer": None}
    VeraPipeline(**parts).save_pretrained(tmp_path)
    loaded = VeraPipeline.from_pretrained(tmp_path)
    assert loaded.text_encoder is None and loaded.tokenizer is None
    embeds = pipeline.encode_prompt(TEXT, "")
    given = {"prompt": None, "prompt_embeds": embeds[0], "negative_prompt_embeds": embeds[1]}
    assert np.array_equal(run(loaded, **given).edit, run(pipeline).edit)


def test_components_are_what_it_was_made_of(make_pipeline: MakePipeline) -> None:
    pipeline = make_pipeline()
    assert sorted(pipeline.components) == ["scheduler", "text_encoder", "tokenizer", "transformer", "vae"]
    assert pipeline.vae_scale_factor_temporal == 4 and pipeline.vae_scale_factor_spatial == 8


# Dtypes and places


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_near(make_pipeline: MakePipeline, tmp_path: Path, dtype: torch.dtype) -> None:
    pipeline = make_pipeline()
    pipeline.save_pretrained(tmp_path)
    loaded = VeraPipeline.from_pretrained(tmp_path, dtype=dtype)
    assert loaded.transformer.dtype == loaded.text_encoder.dtype == dtype and loaded.vae.dtype == torch.float32
    half = run(loaded)
    assert half.edit.dtype == np.float32
    np.testing.assert_allclose(half.edit, run(pipeline).edit, rtol=0, atol=0.1)


@pytest.mark.parametrize("level", ["leaf_level", "block_level"])
@pytest.mark.parametrize("vae", ["patch", "wan"])
def test_group_offloading_changes_nothing(make_pipeline: MakePipeline, level: str, vae: str) -> None:
    pipeline = make_pipeline(vae)
    expected = run(pipeline)
    pipeline.enable_group_offload(onload_device="cpu", offload_type=level, num_blocks_per_group=1)
    assert np.array_equal(run(pipeline).edit, expected.edit)


@pytest.mark.parametrize("vae", ["patch", "wan"])
def test_the_autoencoder_is_brought_in_for_every_span(make_pipeline: MakePipeline, vae: str) -> None:
    """Model offloading: what codes a clip asks for the network's weights, as `encode` and `decode` do."""
    pipeline, brought = make_pipeline(vae), []

    class Hook:
        def pre_forward(self, module: Any) -> None:
            brought.append(module)

    pipeline.vae._hf_hook = Hook()
    latents = pipeline.encode_frames(VIDEO)
    assert brought == [pipeline.vae]
    next(pipeline.decode_spans(latents, 5))
    assert brought == [pipeline.vae] * 2


@pytest.mark.faults
@pytest.mark.parametrize("part", ["transformer", "vae"])
def test_weights_that_are_elsewhere_are_not_saved(make_pipeline: MakePipeline, tmp_path: Path, part: str) -> None:
    """In the place of weights on disk is memory that nobody filled, which diffusers would save."""
    pipeline = make_pipeline()
    cpu = torch.device("cpu")
    apply_group_offloading(
        getattr(pipeline, part), cpu, cpu, "leaf_level", offload_to_disk_path=str(tmp_path / "weights")
    )
    with pytest.raises(VeraError, match=f"{part}: offloading holds its weights elsewhere"):
        pipeline.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.faults
def test_weights_on_no_device_are_not_saved(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline()
    cpu_offload(pipeline.text_encoder, torch.device("cpu"))
    with pytest.raises(VeraError, match="text_encoder: offloading holds its weights elsewhere"):
        pipeline.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.faults
def test_blocks_that_are_compiled_alone_are_not_saved(make_pipeline: MakePipeline, tmp_path: Path) -> None:
    pipeline = make_pipeline()
    pipeline.transformer.blocks[0] = torch.compile(pipeline.transformer.blocks[0], backend="eager")
    with pytest.raises(VeraError, match="transformer: has parts that are compiled by themselves"):
        pipeline.save_pretrained(tmp_path / "model")
    assert not (tmp_path / "model").exists()
