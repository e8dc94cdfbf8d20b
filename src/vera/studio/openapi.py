"""The API's description and its types, for the page: `python -m vera.studio.openapi web/shared` writes them."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from vera.errors import VeraError
from vera.service.access import Access
from vera.studio.app import open_studio, studio_app
from vera.whole import write_text

GENERATE = ("npx", "--no-install", "openapi-typescript", "--default-non-nullable=false")


def describe_api() -> str:
    """Return the studio's OpenAPI 3.1 as JSON text, the same for every workspace."""
    with tempfile.TemporaryDirectory() as folder:
        app = studio_app(open_studio(Path(folder)), Access())
        described = app.openapi()
    described["info"]["version"] = "1"  # of the API: the package's own would change it with every release
    return json.dumps(described, indent=1) + "\n"


def typescript(described: Path) -> str:
    """Return the types of a description, by openapi-typescript in `web/`. Raises VeraError where that is missing."""
    try:
        done = subprocess.run(
            [*GENERATE, str(described.resolve())], cwd=described.parent, capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError) as error:
        raise VeraError(f"openapi-typescript cannot be run ({error}); run `npm ci` in web/") from None
    return done.stdout


def main(folder: Path) -> None:
    """Write `openapi.json` and `api.d.ts` into a folder below `web/`."""
    write_text(folder / "openapi.json", describe_api())
    write_text(folder / "api.d.ts", typescript(folder / "openapi.json"))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
