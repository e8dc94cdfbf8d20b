from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from tests.training.drawn import flow_fields, open_drawn, write_recipe

from vera.errors import VeraError
from vera.models import AutoencoderPatch3D
from vera.models.baselines import VARIANTS
from vera.pipelines import VeraPipeline
from vera.training.methods.distillation import guided, mean_velocity, step_times
from vera.training.recipe import Distillation
from vera.training.run.loop import train


def test_steps_are_the_pipeline_s(tiny_model: Path) -> None:
    pipeline = VeraPipeline.from_pretrained(tiny_model)
    shift = float(pipeline.scheduler.config.shift)
    goal = Distillation(teacher="", guidance=1.0, steps=4, teacher_steps=3)
    spans = step_times(torch.arange(4) / 4 + 0.1, goal, shift)
    student, teacher = (pipeline.set_timesteps(count).clone() / 1000 for count in (4, 12))
    torch.testing.assert_close(spans[0], student)
    torch.testing.assert_close(spans[:-1].T.flatten(), teacher)
    torch.testing.assert_close(spans[-1, :-1], spans[0, 1:])
    assert spans[-1, -1] == 0


def test_a_student_that_has_learnt_lands_where_its_guided_teacher_does(tiny_model: Path) -> None:
    """To the pipeline, `mean_velocity` at a step's time is a network of few steps without guidance."""
    pipeline = VeraPipeline.from_pretrained(tiny_model)
    pipeline.set_progress_bar_config(disable=True)
    goal = Distillation(teacher="", guidance=3.0, steps=4, teacher_steps=3)
    source = torch.randn(1, 8, 2, 4, 4)
    text, negative = pipeline.encode_prompt("add a red balloon", "")
    noise = pipeline.prepare_latents(source, torch.Generator().manual_seed(0))
    expected = pipeline(
        prompt_embeds=text,
        negative_prompt_embeds=negative,
        source_latents=source,
        latents=noise,
        num_inference_steps=12,
        guidance_scale=3.0,
        output_type="latent",
    ).frames

    network = pipeline.transformer

    def predict(states: torch.Tensor, x: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        sample: torch.Tensor = network(x, times * 1000, states, source).sample
        return sample

    teach = guided(lambda x, t: predict(text, x, t), lambda x, t: predict(negative, x, t), goal.guidance)
    x = noise
    for step in range(goal.steps):
        spans = step_times(torch.tensor([step / goal.steps + 0.01]), goal, float(pipeline.scheduler.config.shift))
        x = x + (spans[-1] - spans[0]) * mean_velocity(teach, x, spans)
    torch.testing.assert_close(x, expected, rtol=1e-4, atol=1e-4)


def test_a_run_draws_near_its_teacher(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {
        "shift": 1.0,
        "distillation": {"teacher": str(tiny_model), "guidance": 2.0, "steps": 2, "teacher_steps": 2},
    }
    config: dict[str, Any] = VeraPipeline.from_pretrained(tiny_model).transformer.config
    names = ("num_attention_heads", "attention_head_dim", "freq_dim", "ffn_dim", "num_layers", "patch_size")
    fields["model"] = {name: config[name] if name != "patch_size" else list(config[name]) for name in names}
    fields |= {"learning_rate": 5e-3, "batch_size": 8, "log_every": 20, "steps": 60, "checkpoint_every": 60}
    lines: list[str] = []
    train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=lines.append)
    losses = [float(line.split("loss ")[1].split()[0]) for line in lines if "/60" in line]
    assert losses[-1] < 0.7 * losses[0]
    weights = load_file(tmp_path / "run/ema/transformer/diffusion_pytorch_model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in weights.values())


def test_a_missing_teacher_is_named(tmp_path: Path, tiny_model: Path) -> None:
    fields = flow_fields(tiny_model)
    fields["objective"] |= {"distillation": {"teacher": "nowhere", "guidance": 2.0}}
    with pytest.raises(VeraError, match=r"objective: no pipeline .* in nowhere"):
        train(write_recipe(tmp_path, **fields), open_data=open_drawn, report=lambda line: None)
    assert not (tmp_path / "run").exists()


TINY = {"in_channels": 8, "out_channels": 8, "text_dim": 16}
ORDER = {"branches": ["alpha", "edit", "composite"], "text_branches": ["edit", "composite"]}
FEWER = {"branches": ["edit", "alpha"], "text_branches": ["edit"]}


def taught(fields: dict[str, Any], teacher: Path) -> dict[str, Any]:
    goal = {"teacher": str(teacher), "guidance": 2.0, "steps": 2, "teacher_steps": 2}
    return fields | {"steps": 2, "objective": fields["objective"] | {"distillation": goal}}


def run(folder: Path, fields: dict[str, Any]) -> None:
    train(write_recipe(folder, **fields), open_data=open_drawn, report=lambda line: None)


@pytest.mark.parametrize(
    ("variant", "other", "named"),
    [
        ("mot", ORDER, "branches"),
        ("mot", FEWER, "branches"),
        ("v2v", {}, "branches"),
        ("mot", {"in_channels": 4, "out_channels": 4}, "in_channels"),
        ("mot", {"text_dim": 8}, "text_dim"),
    ],
)
def test_a_teacher_of_other_layers_or_widths_is_refused(
    tmp_path: Path, tiny_model: Path, variant: str, other: dict[str, Any], named: str
) -> None:
    fields = flow_fields(tiny_model)
    network = VARIANTS[variant]
    network.model(**network.config(fields["model"] | TINY | other)).save_pretrained(tmp_path / "other/transformer")
    with pytest.raises(VeraError, match=f"^objective: distillation: the teacher's {named} .* are not the model's.*$"):
        run(tmp_path, taught(fields, tmp_path / "other"))
    assert not (tmp_path / "run").exists()
    # A run that goes on has its model from the checkpoint.
    run(tmp_path, fields | {"steps": 1})
    with pytest.raises(VeraError, match=f"the teacher's {named}"):
        run(tmp_path, taught(fields, tmp_path / "other"))


def test_a_teacher_of_other_latents_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/transformer").symlink_to(tiny_model / "transformer")
    autoencoder = AutoencoderPatch3D(z_dim=8, width=8, num_blocks=1, latents_std=[3.0] * 8)
    autoencoder.save_pretrained(tmp_path / "other/vae")
    with pytest.raises(VeraError, match="has another autoencoder"):
        run(tmp_path, taught(flow_fields(tiny_model), tmp_path / "other"))
