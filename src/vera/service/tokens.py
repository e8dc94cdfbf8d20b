"""The token that a server and its programs share, as the command line names it."""

from pathlib import Path

from vera.errors import VeraError
from vera.files import read_text

LOCAL = ("127.0.0.1", "localhost", "::1")
SHORTEST = 16  # characters


def read_token(path: Path) -> str:
    """Read the token of a file, one line. Raises VeraError if others may read it, or it is short enough to guess."""
    token = read_text(path, limit=4096).strip()
    if path.stat().st_mode & 0o077:
        raise VeraError(f"{path}: others can read it; chmod 600 {path}")
    if len(token) < SHORTEST or not token.isascii() or not token.isprintable() or " " in token:
        raise VeraError(f"{path}: holds no token, one line of {SHORTEST} or more letters and digits; write one")
    return token


def check_host(host: str, token_file: Path | None) -> None:
    """Raise VeraError if others could reach `host` and there is no token of the user's own."""
    if host not in LOCAL and token_file is None:
        raise VeraError(f"--host {host}: others can reach it; name a file with a token as well: --token-file FILE")
