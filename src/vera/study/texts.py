"""The words that raters read, as the researcher gives them."""

from pathlib import Path
from urllib.parse import urlsplit

from msgspec.structs import replace

from vera.errors import VeraError
from vera.files import read_text
from vera.study.study import Texts

LONGEST = 20_000  # letters of a consent


def read_texts(title: str | None, consent: Path | None, contact: str, completion: str) -> Texts:
    """Take the texts that are given and the usual ones for all others. VeraError for an empty one or a wrong URL."""
    texts = Texts(contact=contact, completion=completion)
    if title is not None:
        texts = replace(texts, title=title.strip())
    if consent is not None:
        texts = replace(texts, consent=read_text(consent, LONGEST).strip())
    if not texts.title or not texts.consent:
        raise VeraError("a study has a title and a consent text, which are not empty")
    if completion and (urlsplit(completion).scheme != "https" or not urlsplit(completion).hostname):
        raise VeraError(f"--completion: is an address that begins with https://, not {completion!a:.80}")
    return texts
