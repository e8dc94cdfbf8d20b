"""Every option of `Acceleration` reaches the networks, shown by counting; what should be exact is."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import accelerate.hooks
import numpy as np
import pytest
import torch
from diffusers import AutoencoderKLWan
from diffusers.hooks.group_offloading import ModuleGroup
from diffusers.hooks.layerwise_casting import LayerwiseCastingHook
from diffusers.models.attention_dispatch import _AttentionBackendRegistry
from peft import LoraConfig
from peft.utils import get_peft_model_state_dict
from tests.loras import adapt, save_adapter

from vera import VeraError
from vera.models import VeraTransformer3DModel, attention_kernel
from vera.models.joint_attention import JointAttnProcessor
from vera.pipelines import Acceleration, VeraPipeline, load_pipeline
from vera.pipelines import acceleration as module
from vera.pipelines.acceleration import accelerate as apply

MakePipeline = Callable[..., VeraPipeline]
CLIP = np.random.default_rng(0).integers(0, 256, (5, 32, 48, 3), dtype=np.uint8)
BLOCKS, STEPS = 3, 2
FORWARDS = STEPS * 2  # with and without the text
SIZES: dict[str, Any] = {
    "num_attention_heads": 2,
    "attention_head_dim": 16,
    "in_channels": 4,
    "out_channels": 4,
    "text_dim": 16,
    "freq_dim": 16,
    "ffn_dim": 32,
    "num_layers": BLOCKS,
}


def transformer() -> VeraTransformer3DModel:
    torch.manual_seed(0)
    model = VeraTransformer3DModel(**SIZES).eval()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.3)
    return model


@pytest.fixture
def pipeline(make_pipeline: MakePipeline) -> VeraPipeline:
    return make_pipeline(vae="wan", text="umt5", transformer=transformer(), num_inference_steps=STEPS)


@pytest.fixture
def folder(pipeline: VeraPipeline, tmp_path: Path) -> Path:
    pipeline.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def layers(pipeline: VeraPipeline, **call: Any) -> np.ndarray:
    pipeline.set_progress_bar_config(disable=True)
    generator = torch.Generator().manual_seed(0)
    sampled = pipeline(CLIP, "add a red balloon", generator=generator, return_dict=False, **call)
    return np.concatenate([sampled[0], sampled[1][..., None]], axis=-1)


def count(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[Any]:
    """What `owner.name` is called with from now on."""
    calls: list[Any] = []
    original = getattr(owner, name)

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls.append((args, kwargs))
        return original(*args, **kwargs)

    monkeypatch.setattr(owner, name, counted)
    return calls


def on_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a CPU be the device that accelerate brings weights to: it takes it for another one if it is numbered."""
    for name in ("cpu_offload", "cpu_offload_with_hook"):
        original = getattr(accelerate, name)
        monkeypatch.setattr(
            accelerate, name, lambda m, device, *a, _f=original, **k: _f(m, torch.device("cpu"), *a, **k)
        )


# Offloading: exact


def test_model_offload(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    on_cpu(monkeypatch)
    apply(pipeline, Acceleration(offload="model"), "cpu")
    uses = count(monkeypatch, accelerate.hooks.CpuOffload, "pre_forward")
    assert np.array_equal(layers(pipeline), expected)
    seen = [type(args[1]).__name__ for args, _ in uses]
    assert seen.count("VeraTransformer3DModel") == FORWARDS
    assert seen.count("UMT5EncoderModel") == 1, "the other text is empty"
    assert seen.count("AutoencoderKLWan") == 1 + 2, "the clip; edit and alpha"


@pytest.mark.parametrize("vae", ["wan", "patch"])
def test_sequential_offload(make_pipeline: MakePipeline, monkeypatch: pytest.MonkeyPatch, vae: str) -> None:
    pipeline = make_pipeline(vae=vae, text="umt5", transformer=transformer())
    expected = layers(pipeline)
    on_cpu(monkeypatch)
    apply(pipeline, Acceleration(offload="sequential"), "cpu")
    networks = (pipeline.transformer, pipeline.vae, pipeline.text_encoder)
    assert {p.device.type for network in networks for p in network.parameters()} == {"meta"}
    assert np.array_equal(layers(pipeline), expected)
    assert {p.device.type for network in networks for p in network.parameters()} == {"meta"}


@pytest.mark.faults
@pytest.mark.parametrize(("field", "how"), [("offload", "sequential"), ("quantize", "fp8")])
def test_a_dora_reads_weights_that_are_there(
    pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, field: Any, how: Any
) -> None:
    """It ended in a trace at the first step."""
    model = transformer()
    save_adapter(VeraPipeline, model, adapt(model, use_dora=True), tmp_path)
    on_cpu(monkeypatch)
    pipeline.load_lora_weights(tmp_path, adapter_name="look")
    with pytest.raises(VeraError, match=f"{field} {how} does not work with a DoRA"):
        apply(pipeline, Acceleration(**{field: how}), "cpu")
    pipeline.unload_lora_weights()
    expected = layers(pipeline) if field == "offload" else None
    apply(pipeline, Acceleration(**{field: how}), "cpu")
    with pytest.raises(VeraError, match="a DoRA does not work over weights"):
        pipeline.load_lora_weights(tmp_path, adapter_name="look")
    assert expected is None or np.array_equal(layers(pipeline), expected)


@pytest.mark.faults
def test_a_lora_is_not_fused_under_sequential_offload(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights lie on no device then: peft would add nothing to nothing, and take the adapter for fused."""
    pipeline.transformer.add_adapter(
        LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"], init_lora_weights=False)
    )
    expected = layers(pipeline)
    on_cpu(monkeypatch)
    apply(pipeline, Acceleration(offload="sequential"), "cpu")
    for fuse in (pipeline.fuse_lora, pipeline.unfuse_lora):
        with pytest.raises(VeraError, match="holds the weights elsewhere"):
            fuse()
    assert np.array_equal(layers(pipeline), expected)


def test_group_offload(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    apply(pipeline, Acceleration(offload="group"), "cpu")
    moves = count(monkeypatch, ModuleGroup, "onload_")
    assert np.array_equal(layers(pipeline), expected)
    moved = [type(args[0].modules[0]).__name__ for args, _ in moves if args[0].modules]
    assert moved.count("JointBlock") == FORWARDS * BLOCKS
    assert "Linear" in moved, "the text encoder, layer by layer"


@pytest.mark.parametrize("quantize", ["fp8", "int8"])
@pytest.mark.parametrize("offload", ["model", "group"])
def test_small_weights_are_offloaded_exactly(
    folder: Path, monkeypatch: pytest.MonkeyPatch, offload: Any, quantize: Any
) -> None:
    if quantize == "int8":
        pytest.importorskip("torchao")
    expected = layers(load_pipeline(str(folder), "cpu", "float32", Acceleration(quantize=quantize)))
    on_cpu(monkeypatch)
    pipeline = load_pipeline(str(folder), "cpu", "float32", Acceleration(quantize=quantize))
    apply(pipeline, Acceleration(offload=offload), "cpu")
    assert np.array_equal(layers(pipeline), expected)


def test_streams_are_used_on_cuda(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}
    monkeypatch.setattr(VeraTransformer3DModel, "enable_group_offload", lambda self, **kwargs: given.update(kwargs))
    monkeypatch.setattr(module, "apply_group_offloading", lambda *args, **kwargs: None)
    monkeypatch.setattr(AutoencoderKLWan, "to", lambda self, device: given.update(vae=device))
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 1)
    apply(pipeline, Acceleration(offload="group"), "cuda")
    device = torch.device("cuda", 1)
    assert (given["onload_device"], given["use_stream"], given["vae"]) == (device, True, device)


# Tiles and slices


def test_tiles_that_cover_the_frame_are_exact(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    apply(pipeline, Acceleration(tiling=True), "cpu")
    tiles = count(monkeypatch, AutoencoderKLWan, "tiled_decode")
    assert np.array_equal(layers(pipeline), expected)
    assert not tiles, "one tile is no tile"
    pipeline.vae.enable_tiling(48, 64, 40, 56)
    assert np.array_equal(layers(pipeline), expected)


def test_smaller_tiles_are_used(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    apply(pipeline, Acceleration(tiling=True), "cpu")
    pipeline.vae.enable_tiling(16, 16, 8, 8)
    tiles = [count(monkeypatch, AutoencoderKLWan, f"tiled_{what}code") for what in ("en", "de")]
    tiled = layers(pipeline)
    assert [len(calls) for calls in tiles] == [1, 2]
    assert tiled.shape == expected.shape and not np.array_equal(tiled, expected)


@torch.no_grad()
def test_slices_are_exact(pipeline: VeraPipeline) -> None:
    vae = pipeline.vae
    clips = torch.rand(2, 3, 5, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    whole = vae.encode(clips).latent_dist.mode()
    video = vae.decode(whole).sample
    vae.enable_slicing()
    torch.testing.assert_close(vae.encode(clips).latent_dist.mode(), whole, atol=1e-6, rtol=1e-6)
    torch.testing.assert_close(vae.decode(whole).sample, video, atol=1e-6, rtol=1e-6)


def test_an_autoencoder_without_tiles(make_pipeline: MakePipeline) -> None:
    with pytest.raises(VeraError, match="tiling: the autoencoder of this model, AutoencoderPatch3D, has no tiles"):
        apply(make_pipeline(vae="patch"), Acceleration(tiling=True), "cpu")


# Small weights


def test_fp8_weights(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    before = {name: p.detach().clone() for name, p in pipeline.transformer.named_parameters()}
    casts = count(monkeypatch, LayerwiseCastingHook, "pre_forward")  # before: hooks hold on to it
    apply(pipeline, Acceleration(quantize="fp8"), "cpu")
    small = {name: p for name, p in pipeline.transformer.named_parameters() if p.dtype == torch.float8_e4m3fn}
    projections = BLOCKS * (3 * 4 + 2 * 4 + 3 * 2) + 3  # of attentions and feed-forwards; heads
    assert len(small) == 2 * projections
    for name, parameter in small.items():
        error = (parameter.float() - before[name]).norm() / before[name].norm()
        assert 0 < error < 0.04, name
    changed = layers(pipeline)
    assert len(casts) == FORWARDS * projections
    assert pipeline.transformer.dtype == torch.float32
    assert 0 < np.abs(changed - expected).max() < 0.2


def test_int8_weights(pipeline: VeraPipeline, folder: Path) -> None:
    pytest.importorskip("torchao")
    expected = layers(pipeline)
    loaded = load_pipeline(str(folder), "cpu", "float32", Acceleration(quantize="int8"))
    small = {name for name, p in loaded.transformer.named_parameters() if type(p).__name__ == "Int8Tensor"}
    assert len(small) == BLOCKS * (3 * 4 + 2 * 4 + 3 * 2) + 3
    assert not [name for name in small if "embed" in name]
    assert 0 < np.abs(layers(loaded) - expected).max() < 0.1


def test_int8_without_torchao(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vera.choices.find_spec", lambda name: None)
    with pytest.raises(VeraError, match="int8 needs torchao: run `pip install"):
        Acceleration(quantize="int8")


# Attention


@pytest.mark.parametrize(("name", "called"), [("sdpa", "native"), ("_native_math", "_native_math")])
def test_attention_backend(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch, name: str, called: str) -> None:
    expected = layers(pipeline)
    apply(pipeline, Acceleration(attention=name), "cpu")
    calls = count(monkeypatch, attention_kernel, "dispatch_attention_fn")
    np.testing.assert_allclose(layers(pipeline), expected, atol=1e-5)
    assert [kwargs["backend"].value for _, kwargs in calls] == [called] * (FORWARDS * BLOCKS * 3)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("flash", "attention flash does not work here .on cpu in float32.: .*Please install `flash-attn"),
        ("sage", "attention sage does not work here .*Please install `sageattention"),
        ("_native_cudnn", "attention _native_cudnn does not work here"),
        ("magic", "attention magic does not work here .*must be one of"),
    ],
)
def test_a_kernel_that_is_not_here(pipeline: VeraPipeline, name: str, line: str) -> None:
    with pytest.raises(VeraError, match=line) as raised:
        apply(pipeline, Acceleration(attention=name), "cpu")
    assert "\n" not in str(raised.value)


@pytest.mark.faults
@pytest.mark.parametrize("name", ["_native_math", "_native_cudnn"])
def test_a_kernel_is_of_one_pipeline(pipeline: VeraPipeline, make_pipeline: MakePipeline, name: str) -> None:
    """All that came after it in the process took it too, and failed after one that does not work here."""
    other, before = make_pipeline(vae="wan", text="umt5", transformer=transformer()), attention_dispatched()
    with suppress(VeraError):
        apply(pipeline, Acceleration(attention=name), "cpu")
    assert attention_dispatched() == before
    assert layers(other).any()


def attention_dispatched() -> Any:
    """The kernel of models that have none of their own."""
    return _AttentionBackendRegistry.get_active_backend()[0]


def test_flex_asks_for_compilation() -> None:
    with pytest.raises(VeraError, match="flex holds the scores of all pairs of tokens unless compiled"):
        Acceleration(attention="flex")


# Caches and compilation


def test_first_block_cache(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "FIRST_BLOCK_THRESHOLD", 1e9)
    steps = 6
    apply(pipeline, Acceleration(cache="first_block"), "cpu")
    calls = count(monkeypatch, JointAttnProcessor, "__call__")
    layers(pipeline, num_inference_steps=steps)
    assert len(calls) == 2 * (BLOCKS + steps - 1), "with and without the text: a whole step, and then first blocks"


def test_compilation(pipeline: VeraPipeline, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = layers(pipeline)
    graphs, runs = [], []

    def backend(graph: Any, example_inputs: Any) -> Any:
        graphs.append(graph)
        return lambda *args: runs.append(1) or graph.forward(*args)

    compile_blocks = VeraTransformer3DModel.compile_repeated_blocks
    monkeypatch.setattr(
        VeraTransformer3DModel, "compile_repeated_blocks", lambda self: compile_blocks(self, backend=backend)
    )
    torch._dynamo.reset()
    apply(pipeline, Acceleration(compile=True), "cpu")
    np.testing.assert_allclose(layers(pipeline), expected, atol=1e-5)
    assert len(runs) == FORWARDS * BLOCKS and len(graphs) <= 2
    torch._dynamo.reset()


# Loading


@pytest.fixture
def lora(pipeline: VeraPipeline, folder: Path, tmp_path: Path) -> Path:
    """A LoRA for the model in `folder`, which `pipeline` now has too."""
    config = LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"])
    torch.manual_seed(1)
    pipeline.transformer.add_adapter(config)
    for name, parameter in pipeline.transformer.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.3)
    state = get_peft_model_state_dict(pipeline.transformer)
    VeraPipeline.save_lora_weights(tmp_path / "look:1", state, transformer_lora_adapter_metadata=config.to_dict())
    return tmp_path / "look:1"


def test_loras_and_their_scales(pipeline: VeraPipeline, folder: Path, lora: Path) -> None:
    file = lora / "pytorch_lora_weights.safetensors"
    loaded = load_pipeline(str(folder), "cpu", "float32", lora=[f"{file}:0.25", f"{file}:0.75"])
    np.testing.assert_allclose(layers(loaded), layers(pipeline), atol=1e-5)
    loaded = load_pipeline(str(folder), "cpu", "float32", lora=[file])
    np.testing.assert_allclose(layers(loaded), layers(pipeline), atol=1e-5)
    pipeline.unload_lora_weights()
    assert np.abs(layers(loaded) - layers(pipeline)).max() > 1e-3


@pytest.mark.parametrize("quantize", ["fp8", "int8"])
def test_loras_on_small_weights(
    pipeline: VeraPipeline, folder: Path, lora: Path, monkeypatch: pytest.MonkeyPatch, quantize: Any
) -> None:
    if quantize == "int8":
        pytest.importorskip("torchao")
    options, file = Acceleration(quantize=quantize), lora / "pytorch_lora_weights.safetensors"
    loaded = load_pipeline(str(folder), "cpu", "float32", options, [file])
    adapters = [p for name, p in loaded.transformer.named_parameters() if ".lora_" in name]
    assert {p.dtype for p in adapters} == {torch.float32}, "small as they are"
    adapted = layers(loaded)
    pipeline.unload_lora_weights()
    plain = layers(load_pipeline(str(folder), "cpu", "float32", options))
    exact = layers(pipeline)
    assert np.abs(plain - exact).mean() < np.abs(adapted - plain).mean()


@pytest.mark.parametrize("how", ["model", "sequential", "group"])
def test_offloading_from_a_cpu_to_itself_is_refused(folder: Path, how: Any) -> None:
    with pytest.raises(VeraError, match=f"offload {how} moves weights from the CPU to a GPU"):
        load_pipeline(str(folder), "cpu", acceleration=Acceleration(offload=how))


@pytest.mark.parametrize("field", ["offload", "quantize", "cache"])
def test_unknown_choices(field: str) -> None:
    with pytest.raises(VeraError, match=f"{field} is one of none, .*, not 'all'"):
        Acceleration(**{field: "all"})
