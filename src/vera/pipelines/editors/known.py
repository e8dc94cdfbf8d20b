"""Editors and Vera models that people can name: short names, sizes and licences, as their makers publish them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class KnownModel:
    """A model of the hub.

    Args:
        short: what `--model` takes for it.
        name: owner/name on the hub.
        pipeline: the class that runs it, where model_index.json says another or is not fetched yet.
        network, text: parameters of its network and of its text encoder, in billions.
        license: as its page names it; `noncommercial` says what that forbids.
        tasks: what it is good for.
        lora: what must be named by `--lora` beside it.
    """

    short: str
    name: str
    pipeline: str
    network: float
    text: float
    license: str
    tasks: str
    noncommercial: bool = False
    lora: str = ""

    @property
    def weights(self) -> float:
        """Bytes of all weights in bfloat16."""
        return (self.network + self.text) * 2e9

    @property
    def largest(self) -> float:
        """Bytes of the largest part in bfloat16: what a GPU holds of the weights with `--offload model`."""
        return max(self.network, self.text) * 2e9


# Parameters of Wan's, Lucy's, ChronoEdit's, Qwen's and LTX-2's networks and of UMT5 are counted from configurations by
# diffusers' classes, without data (docs/editors.md); of FLUX.2, Gemma and Qwen-VL they are those in their names.
KNOWN: tuple[KnownModel, ...] = (
    KnownModel(
        "lucy", "decart-ai/Lucy-Edit-Dev", "LucyEditPipeline", 5.0, 5.7,
        "lucy-edit-dev-model-non-commercial-license-v1.0", "any edit by an instruction", noncommercial=True,
    ),
    KnownModel(
        "vace-1.3b", "Wan-AI/Wan2.1-VACE-1.3B-diffusers", "WanVACEPipeline", 2.2, 5.7,
        "apache-2.0", "backgrounds and objects by a mask and a description",
    ),
    KnownModel(
        "vace-14b", "Wan-AI/Wan2.1-VACE-14B-diffusers", "WanVACEPipeline", 17.3, 5.7,
        "apache-2.0", "backgrounds and objects by a mask and a description",
    ),
    KnownModel(
        "wan-1.3b", "Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "WanPipeline", 1.4, 5.7,
        "apache-2.0", "the whole picture by a description",
    ),
    KnownModel(
        "wan-14b", "Wan-AI/Wan2.1-T2V-14B-Diffusers", "WanPipeline", 14.3, 5.7,
        "apache-2.0", "the whole picture by a description",
    ),
    KnownModel(
        "ltx-2", "Lightricks/LTX-2", "LTX2Pipeline", 18.9, 12.0,
        "ltx-2-community-license", "what its in-context LoRA was trained on", lora="an in-context LoRA",
    ),
    KnownModel(
        "klein-4b", "black-forest-labs/FLUX.2-klein-4B", "Flux2KleinPipeline", 4.0, 4.0,
        "apache-2.0", "any edit of one frame, carried along",
    ),
    KnownModel(
        "klein-9b", "black-forest-labs/FLUX.2-klein-9B", "Flux2KleinPipeline", 9.0, 8.0,
        "flux-non-commercial-license", "any edit of one frame, carried along", noncommercial=True,
    ),
    KnownModel(
        "qwen-edit", "Qwen/Qwen-Image-Edit", "QwenImageEditPipeline", 20.4, 7.0,
        "apache-2.0", "any edit of one frame, carried along",
    ),
    KnownModel(
        "qwen-edit-2509", "Qwen/Qwen-Image-Edit-2509", "QwenImageEditPlusPipeline", 20.4, 7.0,
        "apache-2.0", "any edit of one frame, carried along",
    ),
    KnownModel(
        "chronoedit", "nvidia/ChronoEdit-14B-Diffusers", "ChronoEditPipeline", 16.4, 5.7,
        "apache-2.0", "any edit of one frame, carried along",
    ),
)  # fmt: skip


def find_known(name: str) -> KnownModel | None:
    """The known model of this short name or name of the hub."""
    plain = name.removeprefix("hf:")
    return next((model for model in KNOWN if plain in (model.short, model.name)), None)
