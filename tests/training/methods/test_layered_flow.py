import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from tests.training.drawn import DrawnLayers, drawn_batch, flow_fields, open_drawn, write_recipe

from vera.errors import VeraError
from vera.models import VeraTransformer3DModel
from vera.models.pixels import to_network
from vera.pipelines import VeraPipeline
from vera.training import load_recipe
from vera.training.latents import LAYERS
from vera.training.methods import objective
from vera.training.methods.layered_flow import LayeredFlow
from vera.training.recipe import FlowObjective
from vera.training.run.loop import sample_seeds, train
from vera.training.text import TextStates

CPU = torch.device("cpu")


def quiet(line: str) -> None:
    pass


@pytest.fixture
def method(tmp_path: Path, tiny_model: Path) -> LayeredFlow:
    recipe = load_recipe(write_recipe(tmp_path, **flow_fields(tiny_model)))
    return LayeredFlow(recipe, [], CPU, contextlib.nullcontext)


def test_a_run_learns_and_leaves_a_transformer(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model) | {"steps": 80, "batch_size": 4, "learning_rate": 1e-2, "checkpoint_every": 80}
    train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
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
    card = (run / "ema" / "README.md").read_text()
    assert "learning_rate: 0.01" in card and "VeraTransformer3DModel" in card
    # Source, edit, alpha, composite, result; sampled and true.
    assert Image.open(run / "samples" / "step-00000080.png").size == (5 * 32, 2 * (32 + 14))


def test_latents_are_normalised_and_a_missing_mask_is_zeros(method: LayeredFlow) -> None:
    method.encoders.mean, method.encoders.std = method.encoders.mean + 0.5, method.encoders.std * 2
    batch = drawn_batch(3, 6)
    assert batch.has_mask.any() and not batch.has_mask.all()
    latents = method.encoders.encode(batch, LAYERS)
    alpha = method.encoders.vae.encode(to_network(batch.alpha)).latent_dist.mode()
    torch.testing.assert_close(latents.layers[:, 1], (alpha - 0.5) / 2)
    assert latents.source.shape == latents.mask.shape == latents.layers[:, 0].shape
    assert (latents.mask.flatten(1).abs().amax(1) > 0).tolist() == batch.has_mask.tolist()


def test_some_samples_lose_mask_or_text(method: LayeredFlow) -> None:
    latents = method.encoders.encode(drawn_batch(3, 3), LAYERS)
    empty = method.encoders.text([""])
    no_mask, no_text = torch.tensor([True, False, True]), torch.tensor([False, False, True])
    without = latents.without(no_mask, no_text, empty)
    assert not without.mask[no_mask].any()
    assert torch.equal(without.mask[1], latents.mask[1])
    assert torch.equal(without.text[:2], latents.text[:2])
    assert torch.equal(without.text[2], empty[0])


def test_the_loss_is_a_function_of_the_seeds(method: LayeredFlow) -> None:
    model = method.make_model(DrawnLayers())
    batch = drawn_batch(0, 4)
    losses = [method.loss(model, batch, sample_seeds(0, index, 0, 4))[0].item() for index in (5, 5, 6)]
    assert losses[0] == losses[1] != losses[2]


def test_outside_of_the_matte_errors_can_count_less(tmp_path: Path, tiny_model: Path, method: LayeredFlow) -> None:
    batch = drawn_batch(0, 4)
    layers = method.encoders.encode(batch, LAYERS).layers
    assert method._place_weights(layers, LAYERS) is None
    fields = flow_fields(tiny_model)
    fields["objective"]["outside_weight"] = 0.25
    recipe = load_recipe(write_recipe(tmp_path, **fields))
    focused = LayeredFlow(recipe, [], CPU, contextlib.nullcontext)
    weights = focused._place_weights(layers, LAYERS)
    assert weights is not None and set(weights[:, 0].unique().tolist()) == {0.25, 1.0}
    side = focused.encoders.vae.config.scale_factor_spatial
    seen = torch.nn.functional.max_pool2d(batch.alpha[:, :1].float(), side)[:, 0] > 0
    assert (weights[:, 0, 0, 0][seen] == 1).float().mean() > 0.95  # all but faint edges
    model = focused.make_model(DrawnLayers())
    seeds = sample_seeds(0, 0, 0, 4)
    assert focused.loss(model, batch, seeds)[0] != method.loss(model, batch, seeds)[0]


def test_a_model_without_matte_has_no_outside(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model) | {"variant": "v2v"}
    fields["objective"]["outside_weight"] = 0.25
    with pytest.raises(VeraError, match="outside_weight asks where the matte is 0"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)


@pytest.mark.faults
def test_a_model_of_branches_that_count_nothing_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    """Others than the model's had a weight: each loss was NaN, and the run was said to diverge."""
    fields = flow_fields(tiny_model) | {"variant": "v2v"}
    fields["objective"]["weights"] = {"composite": 0}
    with pytest.raises(VeraError, match="weights: those of composite are all 0"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    assert not (tmp_path / "run").exists()


def test_channels_count_as_in_pixels_where_the_recipe_says_so(
    tmp_path: Path, tiny_model: Path, method: LayeredFlow
) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {"by_variance": ["alpha"], "outside_weight": 0.25}
    weighed = LayeredFlow(load_recipe(write_recipe(tmp_path, **fields)), [], CPU, contextlib.nullcontext)
    layers = weighed.encoders.encode(drawn_batch(0, 4), LAYERS).layers
    assert method._weights(layers, LAYERS) is None
    weights, places = weighed._weights(layers, LAYERS), weighed._place_weights(layers, LAYERS)
    assert weights is not None and places is not None
    std = torch.tensor(weighed.encoders.vae.config.latents_std)
    assert torch.equal(weights[:, 1], std.square().reshape(1, -1, 1, 1, 1).expand_as(layers[:, 1]))
    assert torch.equal(weights[:, [0, 2]], places[:, [0, 2]].expand_as(layers[:, [0, 2]]))


def test_a_model_without_a_branch_cannot_weigh_it(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model) | {"variant": "v2v"}
    fields["objective"]["by_variance"] = ["alpha"]
    with pytest.raises(VeraError, match="by_variance: this model has no branch alpha"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)


def test_a_run_that_goes_on_weighs_no_branch_that_its_model_has_not(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model) | {"variant": "v2v", "steps": 1}
    train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    fields["objective"]["outside_weight"] = 0.25
    with pytest.raises(VeraError, match="outside_weight asks where the matte is 0"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)


def test_a_sample_s_randomness_does_not_depend_on_its_batch() -> None:
    goal = FlowObjective(autoencoder="", mask_drop=0.5, instruction_drop=0.2)
    seeds = sample_seeds(0, 3, 0, 400)
    assert sample_seeds(0, 3, 100, 10) == seeds[100:110]
    together, alone = (objective.draw(part, (2, 4), goal, CPU) for part in (seeds, seeds[7:8]))
    assert torch.equal(together.noise[7], alone.noise[0])
    assert torch.equal(together.times[7], alone.times[0])
    assert together.no_mask[7] == alone.no_mask[0]
    assert len(set(together.times.tolist())) == 400
    assert together.no_mask.float().mean().item() == pytest.approx(0.5, abs=0.1)
    assert together.no_text.float().mean().item() == pytest.approx(0.2, abs=0.08)


def test_text_states_end_in_zeros_and_do_not_depend_on_neighbours(tiny_model: Path) -> None:
    texts = TextStates(str(tiny_model), 6, CPU)
    states = texts(["add a red balloon", "add", "add  a red\nballoon"])
    assert states.shape == (3, 6, 16)
    assert states[0, :4].abs().amin(1).min() >= 0 and not states[0, 4:].any() and states[0, 3].any()
    assert states[1, 0].any() and not states[1, 1:].any()
    assert torch.equal(states[0], states[2])
    alone = TextStates(str(tiny_model), 6, CPU)(["add"])
    assert torch.equal(alone[0], states[1])


def test_training_and_sampling_read_instructions_alike(tiny_model: Path) -> None:
    from vera.pipelines import VeraPipeline

    pipeline = VeraPipeline.from_pretrained(tiny_model)
    expected, _ = pipeline.encode_prompt("add a red balloon", do_classifier_free_guidance=False)
    states = TextStates(str(tiny_model), 16, CPU)(["add a red balloon"])
    torch.testing.assert_close(states, expected, atol=2e-3, rtol=2e-3)


@pytest.mark.faults
@pytest.mark.parametrize("branches", [["edit"], ["alpha"], ["composite", "alpha"], ["edit", "alpha", "matte"]])
def test_branches_that_make_no_edit_are_refused(tmp_path: Path, tiny_model: Path, branches: list[str]) -> None:
    fields = flow_fields(tiny_model)
    path = write_recipe(tmp_path, **fields | {"model": fields["model"] | {"branches": branches, "text_branches": []}})
    with pytest.raises(VeraError, match="model: branches are edit and alpha, perhaps composite, or composite alone"):
        train(path, open_data=open_drawn)


@pytest.mark.parametrize("part", ["autoencoder", "text_encoder"])
def test_a_missing_network_is_named(tmp_path: Path, tiny_model: Path, part: str) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {part: str(tmp_path / "nowhere")}
    with pytest.raises(VeraError, match=r"objective: no .* in .*nowhere"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=quiet)
    assert not (tmp_path / "run").exists()


@pytest.mark.faults
@pytest.mark.parametrize(
    ("model", "words"),
    [
        ({"patch_size": [1, 3, 1]}, "do not divide latents"),
        ({"text_dim": 24}, "texts 24 wide"),
        ({"in_channels": 4, "out_channels": 4}, "takes 4 channels"),
        ({"attention_head_dim": 9}, "model: "),
    ],
)
def test_a_network_that_is_not_for_the_data_is_told_in_one_line(
    tmp_path: Path, tiny_model: Path, model: dict[str, Any], words: str
) -> None:
    fields = flow_fields(tiny_model)
    fields["model"] |= model
    with pytest.raises(VeraError, match=words):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=lambda line: None)


@pytest.mark.faults
def test_a_run_needs_no_held_out_samples(tmp_path: Path, tiny_model: Path) -> None:
    recipe = write_recipe(tmp_path, **flow_fields(tiny_model), steps=1, sampling={"count": 0, "steps": 1})
    train(recipe, open_data=open_drawn, report=lambda line: None)
    assert (tmp_path / "run" / "ema").is_dir()


@pytest.mark.parametrize(("sampling", "shift"), [({}, 3.0), ({"shift": 40}, 40.0)])
def test_a_pipeline_samples_with_the_recipe_s_shift(
    tmp_path: Path, tiny_model: Path, sampling: dict[str, Any], shift: float
) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {"shift": 3.0}
    recipe = write_recipe(tmp_path, **fields, steps=1, sampling={"count": 0, "steps": 1} | sampling)
    train(recipe, open_data=open_drawn, report=lambda line: None)
    assert VeraPipeline.from_pretrained(tmp_path / "run" / "ema").scheduler.config.shift == shift
