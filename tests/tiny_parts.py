"""Parts of tiny models of random weights, which several floors' tests put together."""

from collections.abc import Sequence
from typing import Any

from tokenizers import AddedToken, Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import PreTrainedTokenizerFast, UMT5Config, UMT5EncoderModel

WORDS = ("[PAD]", "[UNK]", "add", "a", "red", "balloon")
NETWORK = {"num_attention_heads": 2, "attention_head_dim": 12, "text_dim": 16, "freq_dim": 16, "ffn_dim": 32}


def tokenizer(words: Sequence[str] = WORDS, special: Sequence[str] = (), **options: Any) -> Any:
    """A tokenizer that knows these words, the `special` ones as single tokens; `options` are of its class."""
    numbers = {word: number for number, word in enumerate([*words, *special])}
    model = Tokenizer(WordLevel(numbers, unk_token="[UNK]"))
    model.pre_tokenizer = Whitespace()
    model.add_special_tokens([AddedToken(word, special=True) for word in special])
    return PreTrainedTokenizerFast(tokenizer_object=model, pad_token="[PAD]", unk_token="[UNK]", **options)


def umt5(words: Sequence[str] = WORDS) -> Any:
    config = UMT5Config(vocab_size=len(words), d_model=16, d_kv=8, d_ff=16, num_layers=1, num_heads=2)
    return UMT5EncoderModel(config).eval()
