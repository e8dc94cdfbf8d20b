import contextlib
import json
from pathlib import Path

import pytest
import torch
from PIL import Image
from tests.training.drawn import DrawnLayers, flow_fields, write_recipe

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.training import load_recipe
from vera.training.batches import collate, network_view
from vera.training.layered_flow import LayeredFlow
from vera.training.loop import step_generator, train
from vera.training.text import TextStates, load_text_encoder

CPU = torch.device("cpu")


def quiet(line: str) -> None:
    pass


@pytest.fixture
def method(tmp_path: Path, tiny_model: Path) -> LayeredFlow:
    recipe = load_recipe(write_recipe(tmp_path, **flow_fields(tiny_model)))
    return LayeredFlow(recipe, [], CPU, contextlib.nullcontext)


def test_a_run_learns_and_leaves_a_transformer(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model) | {"steps": 80, "batch_size": 4, "learning_rate": 1e-2, "checkpoint_every": 80}
    train(write_recipe(tmp_path, **fields), make_source=DrawnLayers, report=quiet)
    run = tmp_path / "run"
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    held_out = [row for row in rows if "held_out/loss" in row]
    assert [row["step"] for row in held_out] == [0, 80]
    assert held_out[1]["held_out/loss"] < 0.8 * held_out[0]["held_out/loss"]
    step = next(row for row in rows if row["step"] == 40)
    assert {"loss", "edit", "alpha", "composite", "learning_rate", "gradient_norm", "samples_per_second"} < set(step)
    assert any(name.startswith("quarter_") for name in step)

    transformer = VeraTransformer3DModel.from_pretrained(run / "ema" / "transformer")
    assert (transformer.config.in_channels, transformer.config.text_dim) == (8, 16)  # from the frozen networks
    # Source, edit, alpha, composite, result; sampled and true.
    assert Image.open(run / "samples" / "step-00000080.png").size == (5 * 32, 2 * (32 + 14))


def test_latents_are_normalised_and_a_missing_mask_is_zeros(method: LayeredFlow) -> None:
    method.mean, method.std = method.mean + 0.5, method.std * 2
    batch = collate(DrawnLayers().batch(3, 6))
    assert batch.has_mask.any() and not batch.has_mask.all()
    layers, source, mask = method.encode(batch, torch.zeros(6, dtype=torch.bool))
    alpha = method.vae.encode(network_view(batch.alpha)).latent_dist.mode()
    torch.testing.assert_close(layers[:, 1], (alpha - 0.5) / 2)
    assert source.shape == mask.shape == layers[:, 0].shape
    assert (mask.flatten(1).abs().amax(1) > 0).tolist() == batch.has_mask.tolist()
    _, _, dropped = method.encode(batch, torch.ones(6, dtype=torch.bool))
    assert not dropped.any()


def test_the_loss_is_a_function_of_its_generator(method: LayeredFlow) -> None:
    model = method.make_model(DrawnLayers())
    batch = collate(DrawnLayers().batch(0, 4))
    losses = [method.loss(model, batch, step_generator(0, index, CPU))[0].item() for index in (5, 5, 6)]
    assert losses[0] == losses[1] != losses[2]


def test_dropped_instructions_are_the_empty_text(method: LayeredFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    encode = method.text
    monkeypatch.setattr(method, "text", lambda prompts: (seen.extend(prompts), encode(prompts))[1])
    model = method.make_model(DrawnLayers())
    batch = collate(DrawnLayers().batch(0, 40))
    method.loss(model, batch, step_generator(0, 0, CPU))
    empty = [text == "" for text in seen]
    assert 0 < sum(empty) < 15
    assert all(text in ("", original) for text, original in zip(seen, batch.instructions, strict=True))


def test_text_states_end_in_zeros_and_do_not_depend_on_neighbours(tiny_model: Path) -> None:
    tokenizer, text_encoder = load_text_encoder(str(tiny_model))
    states = TextStates(tokenizer, text_encoder, 6)(["add a red balloon", "add", "add  a red\nballoon"])
    assert states.shape == (3, 6, 16)
    assert states[0, :4].abs().amin(1).min() >= 0 and not states[0, 4:].any() and states[0, 3].any()
    assert states[1, 0].any() and not states[1, 1:].any()
    assert torch.equal(states[0], states[2])
    alone = TextStates(tokenizer, text_encoder, 6)(["add"])
    assert torch.equal(alone[0], states[1])


def test_training_and_sampling_read_instructions_alike(tiny_model: Path) -> None:
    from vera.pipelines import VeraPipeline

    pipeline = VeraPipeline.from_pretrained(tiny_model)
    expected, _ = pipeline.encode_prompt("add a red balloon", do_classifier_free_guidance=False)
    states = TextStates(pipeline.tokenizer, pipeline.text_encoder, 16)(["add a red balloon"])
    torch.testing.assert_close(states, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.parametrize("part", ["autoencoder", "text_encoder"])
def test_a_missing_network_is_named(tmp_path: Path, tiny_model: Path, part: str) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {part: str(tmp_path / "nowhere")}
    with pytest.raises(VeraError, match=r"objective: no .* in .*nowhere"):
        train(write_recipe(tmp_path, **fields), make_source=DrawnLayers, report=quiet)
    assert not (tmp_path / "run").exists()
