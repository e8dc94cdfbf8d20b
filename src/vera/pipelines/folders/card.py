"""The model card that a checkpoint travels with."""

from collections.abc import Mapping
from typing import Any

from huggingface_hub import ModelCard, ModelCardData

_TEMPLATE = """---
{{ card_data }}
---

# {{ name }}

A [Vera]({{ homepage }}) model: from a source video and an instruction it generates an edit layer, an alpha matte and a
composite, and lays edit and alpha over the untouched source. Where alpha is 0 the result is the source.

| | |
|---|---|
| network | `{{ network }}`, {{ parameters }} parameters{% if branches %}, branches {{ branches }}{% endif %} |
| size | {{ layers }} blocks, {{ width }} wide, {{ heads }} heads |
{% if base -%}
| started from | {{ base }} |
{% endif -%}
| sampling | {{ steps }} steps of `{{ scheduler }}`, shift {{ shift }}, guidance {{ guidance }} |
| frames | about {{ pixels }} pixels each, windows of {{ window }} that overlap by {{ overlap }} |
| text | {{ tokens }} tokens |

```python
from vera import edit

edit("clip.mp4", "add a red balloon", model="{{ name }}")
```

or, as a pipeline of diffusers:

```python
from vera.pipelines import VeraPipeline

pipeline = VeraPipeline.from_pretrained("{{ name }}")
layers = pipeline(video, "add a red balloon")  # video [frames, height, width, 3]; layers.edit, layers.alpha
```

The folder's own `pipeline.py` names that class, for code that knows diffusers only (vera must be installed):

```python
from diffusers import DiffusionPipeline
from huggingface_hub import snapshot_download

pipeline = DiffusionPipeline.from_pretrained(snapshot_download("{{ name }}"), trust_remote_code=True)
```

## Training

{% if recipe -%}
```yaml
{{ recipe }}
```
{%- else -%}
{{ training }}
{%- endif %}
"""

HOMEPAGE = "https://vera-layered-diffusion.github.io/"
UNTRAINED = (
    "Not trained yet: every branch predicts what the base model does. It is a start for training, not for editing."
)
UNKNOWN = "Say here what it was trained on, for how long, and what it cannot do."


def model_card(
    name: str,
    config: Mapping[str, Any],
    transformer: Any,
    scheduler: Mapping[str, Any],
    base: str | None = None,
    recipe: str | None = None,
    training: str = UNKNOWN,
) -> ModelCard:
    """A card filled in from a pipeline's `config`, its transformer (which may be without data) and scheduler config.

    `base` is the hub's name of the model it started from; `recipe` the YAML text it was trained by; `training` what to
    say without one.
    """
    sizes = transformer.config
    data = ModelCardData(
        license="apache-2.0",
        library_name="diffusers",
        pipeline_tag="video-to-video",
        tags=["video-editing", "layered", "alpha-matte", "vera"],
        base_model=base,
    )
    card: ModelCard = ModelCard.from_template(
        data,
        template_str=_TEMPLATE,
        name=name,
        homepage=HOMEPAGE,
        network=type(transformer).__name__,
        parameters=_count(transformer.num_parameters()),
        branches=", ".join(sizes.branches),
        layers=sizes.num_layers,
        width=sizes.num_attention_heads * sizes.attention_head_dim,
        heads=sizes.num_attention_heads,
        base=base,
        steps=config["num_inference_steps"],
        scheduler=scheduler["_class_name"],
        shift=scheduler.get("flow_shift", scheduler.get("shift")),
        guidance=config["guidance_scale"],
        pixels=f"{config['model_pixels']:,}",
        window=config["window_frames"],
        overlap=config["window_overlap"],
        tokens=config["max_sequence_length"],
        recipe=recipe,
        training=training,
    )
    return card


def _count(parameters: int) -> str:
    return f"{parameters / 1e9:.3f} B" if parameters >= 1e9 else f"{parameters / 1e6:.1f} M"
