"""What `vera edit` and `vera composite` say of the master that they wrote."""

from typing import TYPE_CHECKING

from vera.cli.terminal import complain, say

if TYPE_CHECKING:
    from vera.layers.masters import Master


def print_master(master: "Master") -> None:
    """The file, what of the source it keeps, and on stderr why it is not the master that was asked for."""
    if master.notice is not None:
        complain(f"vera: notice: {master.notice}")
    say(f"result   {master.path}")
    if master.kind == "smart":
        say(f"kept     {master.kept:,} of {master.packets:,} packets are the source's own")
