"""A pipeline's text encoder at work: instructions to the states that the transformer reads."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from vera.errors import VeraError
from vera.pipelines.sampling.checks import check_embeds, check_repeats, check_texts, check_tokens
from vera.pipelines.sampling.text import clean_prompt, encode_text


class Texts:
    """Mixin of a pipeline that has `tokenizer` and `text_encoder`, or None of both."""

    tokenizer: Any
    text_encoder: Any
    transformer: Any
    config: Any
    _execution_device: Any

    def check_text(self, text: str, name: str, max_sequence_length: int) -> None:
        """Raise VeraError if the text has more tokens, special ones included, than the transformer reads."""
        self._check_text_encoder(name)
        tokens = len(self.tokenizer(clean_prompt(text), truncation=False, verbose=False).input_ids)
        if tokens > max_sequence_length:
            raise VeraError(f"the {name} is {tokens} tokens long, the model reads {max_sequence_length}: shorten it")

    def _check_text_encoder(self, name: str) -> None:
        if self.tokenizer is None or self.text_encoder is None:
            embeds = "negative_prompt_embeds, or guidance_scale=1" if name == "negative prompt" else "prompt_embeds"
            raise VeraError(f"this pipeline has no text encoder and tokenizer for the {name}: give {embeds}")

    def encode_prompt(
        self,
        prompt: str | Sequence[str] | None,
        negative_prompt: str | Sequence[str] | None = None,
        do_classifier_free_guidance: bool = True,
        num_videos_per_prompt: int = 1,
        prompt_embeds: Tensor | None = None,
        negative_prompt_embeds: Tensor | None = None,
        max_sequence_length: int | None = None,
        device: torch.device | None = None,
        dtype: torch.dtype | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        r"""Encode the texts to states [B, max_sequence_length, text_dim] in the transformer's dtype.

        States beyond the end of a text are zeros, as in Wan: the transformer has no text mask.

        Args:
            prompt, negative_prompt: a text or a list of them; the model's own negative prompt if None.
            do_classifier_free_guidance: whether the negative prompt is wanted.
            num_videos_per_prompt: how often each is repeated; a single negative prompt first serves all prompts.
            prompt_embeds, negative_prompt_embeds: states that stand in for the texts.

        Returns:
            States of the prompts and of the negative prompts, None of these without guidance. VeraError for what is no
            text, for a text together with its states, and for numbers that cannot be.
        """
        width = getattr(getattr(self.transformer, "config", None), "text_dim", None)
        check_embeds(prompt_embeds, negative_prompt_embeds, width)
        prompts, negatives = check_texts(prompt, negative_prompt, prompt_embeds, negative_prompt_embeds)
        check_repeats(num_videos_per_prompt)
        length = self.config.max_sequence_length if max_sequence_length is None else max_sequence_length
        check_tokens(length)
        if self.transformer is None:
            self._check_text_encoder("instruction")
        device = device or self._execution_device
        dtype = dtype or (self.text_encoder if self.transformer is None else self.transformer).dtype

        def encode(texts: list[str], name: str) -> Tensor:
            self._check_text_encoder(name)
            return encode_text(self.tokenizer, self.text_encoder, texts, length, self._execution_device)

        if prompt_embeds is None:
            prompt_embeds = encode(prompts, "instruction")
        if do_classifier_free_guidance and negative_prompt_embeds is None:
            negative_prompt_embeds = encode(negatives or [self.config.negative_prompt], "negative prompt")
        if negative_prompt_embeds is not None and len(negative_prompt_embeds) == 1:
            negative_prompt_embeds = negative_prompt_embeds.expand(len(prompt_embeds), -1, -1)
        positive, negative = (
            None if states is None else states.to(device, dtype).repeat_interleave(num_videos_per_prompt, dim=0)
            for states in (prompt_embeds, negative_prompt_embeds)
        )
        assert positive is not None
        return positive, negative
