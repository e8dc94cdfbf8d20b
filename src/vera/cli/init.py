"""`vera init`."""

from pathlib import Path
from typing import Literal

from vera.cli.progress import progress_bar
from vera.cli.terminal import say


def init(
    *,
    base: str,
    out: Path,
    variant: str = "mot",
    recipe: Path | None = None,
    dtype: Literal["float32", "bfloat16", "float16"] | None = None,
    config: str | None = None,
) -> None:
    """Make an untrained Vera model from a Wan2.1 text-to-video model.

    Parameters
    ----------
    base
        Wan2.1 model: a folder in diffusers' or the original layout, a name on the hub such as
        Wan-AI/Wan2.1-T2V-1.3B-Diffusers, or a .safetensors file of the transformer alone.
    out
        New folder for the model.
    variant
        Architecture: mot, dense, v2v, v2v_concat, vace or t2v.
    recipe
        Training recipe whose variant and model config are used, in place of --variant.
    dtype
        Number format of the transformer's weights. Default: as in the base.
    config
        Model config that the base must fit: vera-1.3b, vera-14b, or a folder with such a config. Default: by the
        base's size.
    """
    import torch

    from vera.pipelines.init import init_pipeline
    from vera.training import load_recipe

    model = None
    if recipe is not None:
        chosen = load_recipe(recipe)
        variant, model = chosen.variant, chosen.model
    weights = None if dtype is None else getattr(torch, dtype)
    with progress_bar() as report:
        done = init_pipeline(base, out, variant, weights, config, progress=report, model_config=model)
    say(f"model    {done.out} ({', '.join(done.parts)})")
    say(f"network  {done.transformer}, {done.parameters / 1e9:.3f} B parameters, not trained yet")
