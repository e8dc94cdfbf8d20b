"""Instructions as the transformer reads them."""

import html
from collections.abc import Sequence
from typing import Any

import ftfy
import torch
from torch import Tensor


def clean_prompt(text: str) -> str:
    """`text` as Wan's prompts are cleaned: wrong decoding mended, HTML entities resolved twice, white space single.

    A plain prompt on one line stays as it is.
    """
    return " ".join(html.unescape(html.unescape(ftfy.fix_text(text))).split())


def encode_text(
    tokenizer: Any,
    text_encoder: Any,
    prompts: Sequence[str],
    max_sequence_length: int,
    device: torch.device | None = None,
) -> Tensor:
    """States [B, max_sequence_length, D] on `device`, of the cleaned prompts.

    None is the encoder's own device, which is not where it runs when its weights are offloaded.

    Longer prompts are cut; states beyond a prompt's end are zeros, as in Wan, since the transformer has no text mask.
    Only prompts of as many tokens are encoded together, without padding, so that the states of one depend on no other
    and a short one costs little. One without any token, which is the empty text of some tokenizers, is all zeros.
    """
    device = device or text_encoder.device
    alike: dict[int, list[tuple[int, Any]]] = {}
    for index, prompt in enumerate(prompts):
        tokens = tokenizer(clean_prompt(prompt), max_length=max_sequence_length, truncation=True, return_tensors="pt")
        alike.setdefault(tokens.input_ids.shape[1], []).append((index, tokens))
    states: list[Tensor] = [torch.zeros(0, text_encoder.config.hidden_size, device=device)] * len(prompts)
    for length, found in alike.items():
        if length:
            ids, mask = (torch.cat([tokens[name] for _, tokens in found]) for name in ("input_ids", "attention_mask"))
            encoded = text_encoder(ids.to(device), mask.to(device)).last_hidden_state
            for (index, _), one in zip(found, encoded, strict=True):
                states[index] = one
    return torch.stack([torch.nn.functional.pad(one, (0, 0, 0, max_sequence_length - len(one))) for one in states])
