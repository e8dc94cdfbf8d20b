"""Edit one clip with a LoRA at several strengths.

    python examples/lora.py CLIP "INSTRUCTION" LORA FOLDER [MODEL]

LORA is a file, a folder, a model of the hub or the preset nano-8-steps. `vera train` with a recipe that has `lora`
trains one (docs/training.md).
"""

import sys
from pathlib import Path

import vera


def compare(clip: str, instruction: str, lora: str, folder: str, model: str = "nano") -> list[Path]:
    """Write one result for each strength, with the same seed; 0 is the model without the LoRA."""
    results = []
    for strength in (0, 0.5, 1):
        out = Path(folder) / f"strength-{strength}{Path(clip).suffix}"
        vera.edit(clip, instruction, out=out, model=model, lora=[f"{lora}:{strength}"], seed=0)
        results.append(out)
    return results


if __name__ == "__main__":
    print(*compare(*sys.argv[1:]), sep="\n")
