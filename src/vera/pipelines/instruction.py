"""A look at an instruction before it costs anything."""

import re
import warnings

from vera.errors import VeraError

_REQUEST = re.compile(r"(please )?(add|insert|place|put|make|change|turn|replace|set|remove|delete|swap|give)\b")
# Words of English instructions that are rare as words of other languages. One of them is enough.
_ENGLISH = """
add insert place put make let create draw show give replace change turn set remove swap fill cover move
the this that with into onto and of from at behind beside beneath under above over near next around between
left right center centre middle top bottom corner front background foreground scene side
is are there it its his her their my as like to by for new moving
red blue green yellow white black orange purple pink brown grey gray golden big small large tiny
"""


def check_instruction(text: str) -> str:
    """`text` on one line. VeraError if it is empty; a warning if it seems not to be English, the models' language."""
    text = " ".join(text.split())
    if re.search("[\ud800-\udfff]", text):
        raise VeraError("the instruction holds bytes that are no text in UTF-8: type it again")
    if not text:
        raise VeraError("the instruction is empty: say what to add or replace, such as 'add a red balloon'")
    if not is_english(text):
        warnings.warn("the instruction does not seem to be English; the model may not understand it", stacklevel=3)
    return text


def is_request(text: str) -> bool:
    """Whether a text asks for a change, in English, rather than describes a picture."""
    return _REQUEST.match(text.lower()) is not None


def is_english(text: str) -> bool:
    """Whether most letters are ASCII and at least one word is a common one of English instructions."""
    letters = [letter for letter in text if letter.isalpha()]
    if sum(letter.isascii() for letter in letters) * 2 < len(letters) or not letters:
        return False
    return not set(_ENGLISH.split()).isdisjoint(re.findall(r"[^\W\d_]+", text.lower()))
