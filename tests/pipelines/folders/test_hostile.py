"""Model folders that a stranger wrote: whatever is in them, both doors refuse in one line, and soon."""

import json
import os
import pickle
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests.pickles import Code

from vera import VeraError
from vera.pipelines import VeraPipeline, load_pipeline

pytestmark = pytest.mark.faults
WEIGHTS = "diffusion_pytorch_model.safetensors"
PARTS = ("transformer", "vae", "scheduler", "tokenizer", "text_encoder")

Harm = Callable[[Path], object]


def text(path: str, content: str) -> Harm:
    return lambda folder: (folder / path).write_text(content)


def config(path: str, **values: object) -> Harm:
    def change(folder: Path) -> None:
        file = folder / path
        file.write_text(json.dumps(json.loads(file.read_text()) | values))

    return change


def index(**values: object) -> Harm:
    return config("model_index.json", **values)


def transformer(**values: object) -> Harm:
    return config("transformer/config.json", **values)


def vae(**values: object) -> Harm:
    return config("vae/config.json", **values)


def encoder(**values: object) -> Harm:
    return config("text_encoder/config.json", **values)


def weights(path: str, change: Callable[[dict[str, torch.Tensor]], dict[str, torch.Tensor]]) -> Harm:
    return lambda folder: save_file(change(load_file(folder / path)), folder / path, metadata={"format": "pt"})


def pickled(part: str, stem: str) -> Harm:
    def change(folder: Path) -> None:
        (folder / part / f"{stem}.safetensors").unlink()
        name = "pytorch_model.bin" if stem == "model" else f"{stem}.bin"
        (folder / part / name).write_bytes(pickle.dumps(Code()))

    return change


def sharded(names: object) -> Harm:
    def change(folder: Path) -> None:
        (folder / "transformer" / WEIGHTS).rename(folder / "transformer" / WEIGHTS.replace(".", "-00001-of-00002.", 1))
        (folder / "transformer" / f"{WEIGHTS}.index.json").write_text(json.dumps(names))

    return change


def sparse(path: str) -> Harm:
    def change(folder: Path) -> None:
        with (folder / path).open("wb") as file:
            file.truncate(100 << 30)

    return change


def header(size: int, content: bytes = b"{}") -> Harm:
    return lambda folder: (folder / "transformer" / WEIGHTS).write_bytes(size.to_bytes(8, "little") + content)


DEEP = "[" * 100_000
HARM: dict[str, Harm] = {
    "index a list": text("model_index.json", "[]"),
    "index null": text("model_index.json", "null"),
    "index deep": text("model_index.json", DEEP),
    "index empty": text("model_index.json", ""),
    "index no UTF-8": lambda folder: (folder / "model_index.json").write_bytes(b"\xff\xfe{}"),
    "index sparse": sparse("model_index.json"),
    "index a pipe": lambda folder: ((folder / "model_index.json").unlink(), os.mkfifo(folder / "model_index.json")),
    "index without parts": text("model_index.json", "{}"),
    "part a number": index(transformer=3),
    "part a text": index(vae="AutoencoderKLWan"),
    "part of three": index(scheduler=["diffusers", "FlowMatchEulerDiscreteScheduler", "x"]),
    "part a list of lists": index(text_encoder=[["transformers"], ["BertModel"]]),
    "transformer of os": index(transformer=["os", "VeraTransformer3DModel"]),
    "transformer a function": index(transformer=["os", "system"]),
    "vae of a module": index(vae=["subprocess", "Popen"]),
    "scheduler of a module": index(scheduler=["antigravity", "FlowMatchEulerDiscreteScheduler"]),
    "scheduler of noise": index(scheduler=["diffusers", "DDPMScheduler"]),
    "tokenizer no tokenizer": index(tokenizer=["transformers", "BertModel"]),
    "tokenizer of a module": index(tokenizer=["this", "PreTrainedTokenizerFast"]),
    "text encoder a tokenizer": index(text_encoder=["transformers", "BertTokenizer"]),
    "text encoder a decoder": index(text_encoder=["transformers", "GPT2LMHeadModel"]),
    "text encoder a trainer": index(text_encoder=["transformers", "Trainer"]),
    "text encoder of a package": index(text_encoder_package="evil"),
    "pixels 0": index(model_pixels=0),
    "pixels a text": index(model_pixels="many"),
    "pixels huge": index(model_pixels=10**15),
    "steps negative": index(num_inference_steps=-1),
    "steps a float": index(num_inference_steps=2.5),
    "guidance infinite": text("model_index.json", '{"guidance_scale": Infinity}'),
    "window 0": index(window_frames=0),
    "overlap beyond window": index(window_overlap=9),
    "tokens 0": index(max_sequence_length=0),
    "tokens huge": index(max_sequence_length=10**9),
    "negative prompt a list": index(negative_prompt=["x"]),
    "negative prompt huge": index(negative_prompt="x" * 1_000_000),
    "heads 0": transformer(num_attention_heads=0),
    "heads negative": transformer(num_attention_heads=-2),
    "heads a text": transformer(num_attention_heads="2"),
    "stored defaults a list": transformer(_run_defaults=[1]),
    "stored steps 0": transformer(_run_defaults={"num_inference_steps": 0}),
    "stored pixels a text": transformer(_run_defaults={"model_pixels": "many"}),
    "stored overlap beyond window": transformer(_run_defaults={"window_frames": 4, "window_overlap": 4}),
    "eps a text": transformer(eps="0.1"),
    "joint attention a text": transformer(joint_attention="no"),
    "heads null": transformer(num_attention_heads=None),
    "layers a million": transformer(num_layers=1_000_000),
    "head width huge": transformer(attention_head_dim=10**12),
    "positions huge": transformer(rope_max_seq_len=10**12),
    "patch 0": transformer(patch_size=[0, 1, 1]),
    "patch of a flag": transformer(patch_size=[1, True, 1]),
    "patch of two": transformer(patch_size=[1, 1]),
    "patch deep": transformer(patch_size=[[[1]]]),
    "branches none": transformer(branches=[]),
    "branches many": transformer(branches=[f"b{i}" for i in range(10_000)]),
    "branches numbers": transformer(branches=[1, 2, 3]),
    "transformer config a list": text("transformer/config.json", "[1]"),
    "transformer config deep": text("transformer/config.json", DEEP),
    "transformer config gone": lambda folder: (folder / "transformer" / "config.json").unlink(),
    "norm of another kind": transformer(qk_norm="none"),
    "deviation 0": vae(latents_std=[0.0] * 8),
    "deviation negative": vae(latents_std=[-1.0] * 8),
    "mean no number": text("vae/config.json", '{"_class_name": "AutoencoderPatch3D", "latents_mean": [NaN]}'),
    "deviations few": vae(latents_std=[1.0]),
    "deviations a text": vae(latents_std="1"),
    "patch of a video 0": vae(scale_factor_spatial=0),
    "vae width 7": vae(width=7),
    "vae blocks a million": vae(num_blocks=1_000_000),
    "scheduler config null": text("scheduler/scheduler_config.json", "null"),
    "train steps huge": config("scheduler/scheduler_config.json", num_train_timesteps=10**12),
    "train steps 0": config("scheduler/scheduler_config.json", num_train_timesteps=0),
    "shift 0": config("scheduler/scheduler_config.json", shift=0),
    "base shift a list": config("scheduler/scheduler_config.json", base_shift=[1]),
    "max shift infinite": text(
        "scheduler/scheduler_config.json", '{"_class_name": "FlowMatchEulerDiscreteScheduler", "max_shift": Infinity}'
    ),
    "terminal shift a text": config("scheduler/scheduler_config.json", shift_terminal="x"),
    "stochastic a text": config("scheduler/scheduler_config.json", stochastic_sampling="yes"),
    "shift a text": config("scheduler/scheduler_config.json", shift="3"),
    "encoder of another kind": encoder(model_type="gpt2"),
    "encoder layers a million": encoder(num_hidden_layers=1_000_000),
    "encoder width huge": encoder(hidden_size=10**9),
    "encoder words huge": encoder(vocab_size=10**12),
    "encoder heads 0": encoder(num_attention_heads=0),
    "encoder one layer more": encoder(num_hidden_layers=2),
    "encoder activation unknown": encoder(hidden_act="os.system"),
    "encoder config a list": text("text_encoder/config.json", "[]"),
    "encoder weights few": weights("text_encoder/model.safetensors", lambda w: dict(list(w.items())[:5])),
    "encoder pickled": pickled("text_encoder", "model"),
    "transformer pickled": pickled("transformer", "diffusion_pytorch_model"),
    "tokenizer a list": text("tokenizer/tokenizer.json", "[]"),
    "tokenizer deep": text("tokenizer/tokenizer.json", DEEP),
    "tokenizer of no length": config("tokenizer/tokenizer_config.json", model_max_length={}),
    "tokenizer length a text": config("tokenizer/tokenizer_config.json", model_max_length="8"),
    "tokenizer sparse": sparse("tokenizer/tokenizer.json"),
    "encoder config sparse": sparse("text_encoder/generation_config.json"),
    "tokenizer config a list": text("tokenizer/tokenizer_config.json", "[]"),
    "weights cut": lambda folder: (folder / "vae" / WEIGHTS).write_bytes((folder / "vae" / WEIGHTS).read_bytes()[:999]),
    "weights empty": lambda folder: (folder / "vae" / WEIGHTS).write_bytes(b""),
    "weights a folder": lambda folder: ((folder / "vae" / WEIGHTS).unlink(), (folder / "vae" / WEIGHTS).mkdir()),
    "header huge": header(2**62),
    "header no JSON": header(2, b"xx"),
    "header with sizes of its own": header(
        63, b'{"a": {"dtype": "F32", "shape": [1000000000000], "data_offsets": [0, 4]}}'[:63]
    ),
    "a weight more": weights(f"transformer/{WEIGHTS}", lambda w: w | {"evil": torch.zeros(1)}),
    "a weight less": weights(f"transformer/{WEIGHTS}", lambda w: dict(list(w.items())[1:])),
    "weights of a compiled one": weights(
        f"transformer/{WEIGHTS}", lambda w: {f"_orig_mod.{key}": tensor for key, tensor in w.items()}
    ),
    "shards a list": sharded([]),
    "shards elsewhere": sharded({"weight_map": {"a": "../../vae/diffusion_pytorch_model.safetensors"}}),
    "shards of numbers": sharded({"weight_map": {"a": 99}}),
    "shards missing": sharded({"weight_map": {"a": WEIGHTS.replace(".", "-00002-of-00002.", 1)}}),
} | {f"{part} gone": lambda folder, part=part: shutil.rmtree(folder / part) for part in PARTS}


@pytest.mark.parametrize("harm", HARM)
def test_one_line_through_both_doors(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    HARM[harm](folder)
    monkeypatch.chdir(tmp_path)
    lines = []
    for door in (lambda: load_pipeline(str(folder), "cpu", "float32"), lambda: VeraPipeline.from_pretrained(folder)):
        start = time.perf_counter()
        with pytest.raises(VeraError) as error:
            door()
        assert time.perf_counter() - start < 5
        lines.append(str(error.value))
        assert "\n" not in lines[-1] and str(folder) in lines[-1]
    assert lines[0] == lines[1]
    assert not (tmp_path / "PWNED").exists()


@pytest.mark.parametrize("part", ["transformer", "vae"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_give_no_picture(tiny_model: Path, tmp_path: Path, part: str, value: float) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    weights(f"{part}/{WEIGHTS}", lambda w: {key: torch.full_like(tensor, value) for key, tensor in w.items()})(folder)
    pipeline = load_pipeline(str(folder), "cpu", "float32")
    pipeline.set_progress_bar_config(disable=True)
    with pytest.raises(VeraError, match="no numbers"):
        pipeline(np.zeros((5, 32, 32, 3), np.uint8), "add a red balloon")


@pytest.mark.parametrize("positions", [0, 1, 3])
def test_fewer_positions_than_patches(tiny_model: Path, tmp_path: Path, positions: int) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    transformer(rope_max_seq_len=positions)(folder)
    pipeline = load_pipeline(str(folder), "cpu", "float32")
    with pytest.raises(VeraError, match=f"4 patches on a side, the model knows {positions} positions"):
        pipeline(np.zeros((5, 32, 32, 3), np.uint8), "add a red balloon")


@pytest.mark.parametrize("kind", [["evil", "Pipeline"], "evil.Pipeline", ["pipeline", "VeraPipeline"]])
def test_code_that_lies_in_a_folder_is_not_run(
    tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: object
) -> None:
    folder = tmp_path / "model"
    shutil.copytree(tiny_model, folder)
    index(_class_name=kind)(folder)
    for name in ("evil.py", "pipeline.py", "transformer/modeling.py"):
        (folder / name).write_text("import os; os.system('touch PWNED')\nclass Pipeline: pass\n")
    encoder(auto_map={"AutoModel": "evil.Pipeline"})(folder)
    monkeypatch.chdir(tmp_path)
    for door in (lambda: load_pipeline(str(folder), "cpu", "float32"), lambda: VeraPipeline.from_pretrained(folder)):
        try:
            assert type(door()) is VeraPipeline
        except VeraError as error:
            assert "\n" not in str(error)
    assert not (tmp_path / "PWNED").exists()
