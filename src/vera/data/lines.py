"""Files of lines to which lines are added, and whose last one a kill may cut short."""

from pathlib import Path


def whole_lines(path: Path, mend: bool = True) -> list[str]:
    """The whole lines of a UTF-8 file, none if there is no file.

    With `mend` a last line that a kill cut short is taken off the file, so that the next one stands alone.
    """
    if not path.is_file():
        return []
    text = path.read_text(encoding="utf-8")
    whole = text[: text.rfind("\n") + 1]
    if mend and whole != text:
        path.write_text(whole, encoding="utf-8")
    return whole.splitlines()
