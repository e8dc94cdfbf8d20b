import pytest
import torch

from vera.models import VeraTransformer3DModel
from vera.models.joint_attention import JointAttention
from vera.models.layer_tokens import MIN_TIME, coordinate_waves
from vera.models.transformer_vera import JointBlock


@pytest.mark.parametrize("size", [(1, 2, 2), (3, 4, 10), (2, 6, 2)])
@pytest.mark.parametrize("branches", [("edit", "alpha", "composite"), ("edit", "alpha"), ("edit",)])
@torch.no_grad()
def test_sample_has_the_shape_of_the_input(make_vera, make_inputs, size, branches):
    model = make_vera(branches=branches, text_branches=("edit",))
    inputs = make_inputs(batch=1, branches=len(branches), size=size, mask=True)
    sample = model(**inputs).sample
    assert sample.shape == inputs["hidden_states"].shape
    (as_tuple,) = model(**inputs, return_dict=False)
    assert torch.equal(as_tuple, sample)


@torch.no_grad()
def test_samples_of_a_batch_are_independent(make_vera, make_inputs):
    model, inputs = make_vera(), make_inputs(batch=3)
    sample = model(**inputs).sample
    for index in range(3):
        alone = model(**{name: x[index : index + 1] for name, x in inputs.items()}).sample
        torch.testing.assert_close(sample[index : index + 1], alone, atol=1e-5, rtol=0)


@torch.no_grad()
def test_tokens_of_all_branches_share_positions(make_vera, make_inputs):
    """Swapping two branches' weights and inputs swaps their outputs: the order of the branches has no meaning."""
    names = {"alpha": "composite", "composite": "alpha"}
    model, swapped = make_vera(zeros=True, text_branches=()), make_vera(zeros=True, text_branches=())
    renamed = {".".join(names.get(part, part) for part in key.split(".")): x for key, x in model.state_dict().items()}
    swapped.load_state_dict(renamed)
    inputs = make_inputs()
    order = [0, 2, 1]
    expected = model(**inputs).sample[:, order]
    inputs["hidden_states"] = inputs["hidden_states"][:, order]
    torch.testing.assert_close(swapped(**inputs).sample, expected, atol=1e-5, rtol=0)


@torch.no_grad()
def test_zero_mask_latent_is_no_mask(make_vera, make_inputs):
    model, inputs = make_vera(), make_inputs()
    mask = torch.randn_like(inputs["source"])
    without = model(**inputs).sample
    assert torch.equal(model(**inputs, mask=torch.zeros_like(mask)).sample, without)
    assert (model(**inputs, mask=mask).sample - without).abs().max() > 1e-3
    # One sample of the batch without a mask.
    mask[1] = 0
    torch.testing.assert_close(model(**inputs, mask=mask).sample[1], without[1], atol=1e-6, rtol=0)


@pytest.mark.parametrize("mask", [True, False])
@torch.no_grad()
def test_mask_and_source_reach_their_branches(make_vera, make_inputs, mask):
    model, inputs = make_vera(joint_attention=False), make_inputs()
    before = model(**inputs).sample
    if mask:
        after = model(**inputs, mask=torch.randn_like(inputs["source"])).sample
    else:
        after = model(**{**inputs, "source": inputs["source"] + 1}).sample
    moved = (after - before).abs().amax(dim=(0, 2, 3, 4, 5)) > 1e-4
    assert moved.tolist() == [False, mask, not mask]


@torch.no_grad()
def test_new_model_ignores_source_and_mask(make_vera, make_inputs):
    model, inputs = make_vera(zeros=True), make_inputs()
    before = model(**inputs).sample
    assert torch.equal(model(**{**inputs, "source": inputs["source"] * 3}, mask=inputs["source"]).sample, before)


def test_source_and_mask_learn_from_the_first_step(make_vera, make_inputs):
    model, inputs = make_vera(zeros=True), make_inputs(mask=True)
    model(**inputs).sample.square().mean().backward()
    for parameter in (model.source_embedding.weight, model.mask_embedding.weight, *model.layer_embedding.parameters()):
        assert parameter.grad.abs().max() > 0
    assert all(p.grad is not None for p in model.parameters()), "no unused parameters"


@torch.no_grad()
def test_text_reaches_alpha_through_the_other_branches_only(make_vera, make_inputs):
    inputs = make_inputs()
    changed = {**inputs, "encoder_hidden_states": inputs["encoder_hidden_states"] + 1}
    for joint in (True, False):
        model = make_vera(joint_attention=joint)
        moved = (model(**inputs).sample - model(**changed).sample).abs().amax(dim=(0, 2, 3, 4, 5)) > 1e-4
        assert moved.tolist() == [True, joint, True]


def test_bfloat16_autocast_follows_float32(make_vera, make_inputs, recwarn):
    """Training under autocast takes the matrix-product attention; its gradients are the fused kernel's."""
    model, inputs = make_vera(), make_inputs(mask=True)
    model(**inputs).sample.square().mean().backward()
    expected = {name: p.grad.clone() for name, p in model.named_parameters()}
    model.zero_grad()
    with torch.autocast("cpu", torch.bfloat16):
        sample = model(**inputs).sample
    assert sample.dtype == torch.bfloat16
    sample.float().square().mean().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad.dtype == torch.float32
        error = (parameter.grad - expected[name]).norm() / expected[name].norm().clamp(min=1e-4)
        assert error < 0.1, name
    assert not [w for w in recwarn if "fused" in str(w.message)]


@torch.no_grad()
def test_model_in_bfloat16_runs(make_vera, make_inputs):
    inputs = {name: x.bfloat16() for name, x in make_inputs().items()}
    sample = make_vera().bfloat16()(**inputs).sample
    expected = make_vera()(**{name: x.float() for name, x in inputs.items()}).sample
    assert sample.dtype == torch.bfloat16
    assert (sample - expected).norm() / expected.norm() < 0.1


def test_every_layer_runs_as_one_block_and_one_joint_attention(make_vera, make_inputs, monkeypatch):
    calls = []
    for cls in (JointBlock, JointAttention):
        forward = cls.forward
        monkeypatch.setattr(
            cls, "forward", lambda self, *args, _forward=forward: calls.append(type(self)) or _forward(self, *args)
        )
    make_vera(num_layers=3)(**make_inputs())
    assert calls == [JointBlock, JointAttention] * 3


def test_unknown_text_branch_is_refused(tiny_config):
    with pytest.raises(ValueError, match="text_branches"):
        VeraTransformer3DModel(**tiny_config, text_branches=("edit", "matte"))
    with pytest.raises(ValueError, match="qk_norm"):
        VeraTransformer3DModel(**tiny_config, qk_norm="layer_norm")
    with pytest.raises(ValueError, match="prediction_type"):
        VeraTransformer3DModel(**tiny_config, prediction_type="epsilon")


@pytest.mark.parametrize("time", [1000.0, 300.0, 50.0])
@torch.no_grad()
def test_a_velocity_leads_to_the_predicted_sample(make_vera, make_inputs, time):
    inputs = make_inputs() | {"timestep": torch.full((1,), time)}
    predicted = make_vera()(**inputs).sample  # what the blocks answer is the same, its meaning differs
    velocity = make_vera(prediction_type="sample")(**inputs).sample
    torch.testing.assert_close(inputs["hidden_states"] - time / 1000 * velocity, predicted, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_almost_clean_samples_have_a_velocity(make_vera, make_inputs):
    inputs = make_inputs() | {"timestep": torch.zeros(1)}
    predicted = make_vera()(**inputs).sample
    velocity = make_vera(prediction_type="sample")(**inputs).sample
    torch.testing.assert_close(velocity, (inputs["hidden_states"] - predicted) / MIN_TIME)


@torch.no_grad()
def test_coordinates_tell_where_a_token_lies(make_vera, make_inputs):
    plain, told = make_vera(), make_vera(frame_coordinates=True)
    assert told.load_state_dict(plain.state_dict(), strict=False).missing_keys == ["coordinate_embedding.weight"]
    inputs = make_inputs()
    kept = told.coordinate_embedding.weight.clone()
    told.coordinate_embedding.weight.zero_()
    assert torch.equal(told(**inputs).sample, plain(**inputs).sample)
    told.coordinate_embedding.weight.copy_(kept)
    assert not torch.allclose(told(**inputs).sample, plain(**inputs).sample, atol=1e-2)


def test_coordinates_are_shares_of_the_frame():
    small, large = coordinate_waves(3, 5), coordinate_waves(9, 15)
    torch.testing.assert_close(large[1::3, 1::3], small)
    assert (small[:, 0, 8:] != small[:, -1, 8:]).any()  # left and right
    assert torch.equal(small[:, 0, :8], small[:, -1, :8])  # of one height
