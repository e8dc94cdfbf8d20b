"""What every variant has in common with the Wan that it was made of, and the variants with each other."""

import pytest
import torch

from vera.models.baselines import VARIANTS

SEPARATE = {"joint_attention": False, "text_branches": ["edit", "alpha", "composite"]}


def wan_sample(wan, inputs, index):
    return wan(inputs["hidden_states"][:, index], inputs["timestep"], inputs["encoder_hidden_states"]).sample


@pytest.mark.parametrize(
    ("variant", "config"),
    [("v2v", {}), ("v2v_concat", {}), ("vace", {"num_layers": 4}), ("t2v", {}), ("mot", SEPARATE)],
    ids=["v2v", "v2v_concat", "vace", "t2v", "mot-separate"],
)
@torch.no_grad()
def test_new_variant_is_wan_exactly(tiny_config, make_wan, from_wan, make_inputs, variant, config):
    tiny_config |= {"num_layers": config.get("num_layers", 2)}
    wan = make_wan()
    model = from_wan(variant, wan, **config)
    branches = len(model.config.branches)
    inputs = make_inputs(branches=branches, mask=True)
    sample = model(**inputs).sample
    assert sample.shape == inputs["hidden_states"].shape
    for index in range(branches):
        assert torch.equal(sample[:, index], wan_sample(wan, inputs, index))


@pytest.mark.parametrize(
    ("variant", "config"),
    [
        ("dense", {}),
        ("mot", {"text_branches": ["edit", "alpha", "composite"]}),
        ("mot", {"branches": ["edit", "alpha"], "text_branches": ["edit", "alpha"]}),
    ],
    ids=["dense", "mot-alpha-text", "mot-no-composite"],
)
@torch.no_grad()
def test_equal_layers_are_wan(make_wan, from_wan, make_inputs, variant, config):
    # Softmax over copies of the keys is softmax over one; float64 shows that nothing else differs.
    wan = make_wan().double()
    model = from_wan(variant, wan, **config)
    inputs = {name: x.double() for name, x in make_inputs(branches=len(model.config.branches), mask=True).items()}
    inputs["hidden_states"][:] = inputs["hidden_states"][:, :1].clone()
    sample = model(**inputs).sample
    expected = wan_sample(wan, inputs, 0)
    for index in range(len(model.config.branches)):
        torch.testing.assert_close(sample[:, index], expected, atol=1e-12, rtol=0)


def test_adding_the_source_is_concatenating_it(make_variant, make_inputs):
    """A convolution over concatenated channels is the sum of two: the same function, and the same gradients."""
    added, concatenated = make_variant("v2v"), make_variant("v2v_concat")
    patches = ("patch_embedding.composite.weight", "source_embedding.weight", "mask_embedding.weight")
    weights = added.state_dict()
    renamed = {"patch_embedding.weight": torch.cat([weights[key] for key in patches], dim=1)}
    renamed |= {
        key.replace("experts.composite.", "").replace("output_head.composite.", "").replace("composite.", ""): tensor
        for key, tensor in weights.items()
        if key not in patches
    }
    concatenated.load_state_dict(renamed)
    inputs = make_inputs(branches=1, mask=True)

    samples = [model(**inputs).sample for model in (added, concatenated)]
    torch.testing.assert_close(samples[0], samples[1], atol=1e-6, rtol=1e-6)
    assert added.num_parameters() == concatenated.num_parameters()

    for sample in samples:
        sample.square().mean().backward()
    by_name = dict(added.named_parameters())
    expected = torch.cat([by_name[key].grad for key in patches], dim=1)
    torch.testing.assert_close(concatenated.patch_embedding.weight.grad, expected, atol=1e-6, rtol=1e-5)


@torch.no_grad()
def test_dense_tells_layers_apart_by_their_embeddings_alone(make_wan, from_wan, make_inputs):
    model, inputs = from_wan("dense", make_wan()), make_inputs()
    order = [2, 0, 1]
    swapped = {**inputs, "hidden_states": inputs["hidden_states"][:, order]}
    torch.testing.assert_close(model(**swapped).sample, model(**inputs).sample[:, order], atol=1e-5, rtol=0)
    model.layer_embedding.alpha.normal_()
    difference = (model(**swapped).sample - model(**inputs).sample[:, order]).abs()
    assert difference.amax() > 1e-3


@torch.no_grad()
def test_text_reaches_alpha_directly_only_where_it_is_named(make_variant, make_inputs):
    inputs = make_inputs()
    changed = {**inputs, "encoder_hidden_states": inputs["encoder_hidden_states"] + 1}
    for text_branches in (["edit", "composite"], ["edit", "alpha", "composite"]):
        model = make_variant("mot", text_branches=text_branches, joint_attention=False)
        moved = (model(**inputs).sample - model(**changed).sample).abs().amax(dim=(0, 2, 3, 4, 5)) > 1e-4
        assert moved.tolist() == [True, "alpha" in text_branches, True]


@torch.no_grad()
def test_without_composite_source_and_mask_go_to_alpha(make_variant, make_inputs):
    model, inputs = make_variant("mot", branches=["edit", "alpha"], joint_attention=False), make_inputs(branches=2)
    before = model(**inputs).sample
    for changed in ({"source": inputs["source"] + 1}, {"mask": inputs["source"]}):
        moved = (model(**{**inputs, **changed}).sample - before).abs().amax(dim=(0, 2, 3, 4, 5)) > 1e-4
        assert moved.tolist() == [False, True]


def test_config_of_a_variant_names_what_its_class_must_know():
    assert VARIANTS["v2v"].config({"num_layers": 2}) == {
        "num_layers": 2,
        "branches": ["composite"],
        "text_branches": ["composite"],
    }
    assert VARIANTS["mot"].config({}) == {}
    assert VARIANTS["mot"].config({"branches": ["edit", "alpha"]})["text_branches"] == ["edit"]
    named = {"branches": ["edit", "alpha"], "text_branches": ["edit", "alpha"]}
    assert VARIANTS["mot"].config(named) == named


@pytest.mark.parametrize(("variant", "millions"), [("mot", 3922), ("dense", 1419), ("v2v", 1419), ("vace", 2154)])
def test_parameters_at_full_size(variant, millions):
    with torch.device("meta"):
        model = VARIANTS[variant].model(**VARIANTS[variant].config({}))
    assert model.num_parameters() / 1e6 == pytest.approx(millions, rel=1e-3)
