"""What licences allow, and which one holds for a sample that several of them touch."""

from collections.abc import Iterable
from dataclasses import dataclass

from vera.errors import VeraError


@dataclass(frozen=True)
class Terms:
    """What a licence allows (`commercial` use, `derivatives`) and asks for (`attribution`, `share_alike`)."""

    commercial: bool = True
    derivatives: bool = True
    attribution: bool = True
    share_alike: bool = False

    @property
    def strictness(self) -> tuple[bool, bool, bool, bool]:
        """What stricter terms have more of."""
        return not self.derivatives, not self.commercial, self.share_alike, self.attribution


FREE = Terms(attribution=False)
# By SPDX identifiers, in any version: the texts of the licences say so.
KNOWN = {
    "CC0": FREE,
    "PDM": FREE,
    "UNLICENSE": FREE,
    "OWN": FREE,  # footage of one's own
    "CC-BY": Terms(),
    "CC-BY-SA": Terms(share_alike=True),
    "CC-BY-NC": Terms(commercial=False),
    "CC-BY-NC-SA": Terms(commercial=False, share_alike=True),
    "CC-BY-ND": Terms(derivatives=False),
    "CC-BY-NC-ND": Terms(commercial=False, derivatives=False),
    "APACHE": Terms(),
    "MIT": Terms(),
    "BSD": Terms(),
    # Of models: S-Lab's forbids commercial use, Stability AI's allows it below a turnover and after registration, which
    # a build cannot know.
    "S-LAB": Terms(commercial=False),
    "STABILITY-COMMUNITY": Terms(commercial=False),
}


def terms_of(licence: str) -> Terms:
    """The terms of a licence by its SPDX identifier. VeraError for one that is not known."""
    name = licence.upper()
    while name and name not in KNOWN:
        name = name.rpartition("-")[0]  # a version, a number of clauses, a country
        if name == "CC":
            break
    if name not in KNOWN:
        raise VeraError(
            f"licence {licence!r:.80} is not known: give `terms` with commercial and derivatives, true or false, "
            f"or one of {', '.join(KNOWN)} with its version"
        )
    return KNOWN[name]


def strictest(licences: Iterable[tuple[str, Terms]]) -> tuple[str, Terms]:
    """The licence that a sample of all these carries, the strictest by name, and the terms of all together."""
    ordered = sorted(licences, key=lambda held: (held[1].strictness, held[0]))
    terms = [held for _, held in ordered]
    return ordered[-1][0], Terms(
        commercial=all(held.commercial for held in terms),
        derivatives=all(held.derivatives for held in terms),
        attribution=any(held.attribution for held in terms),
        share_alike=any(held.share_alike for held in terms),
    )


def exclude_each_other(licences: Iterable[tuple[str, Terms]]) -> bool:
    """Whether no sample may be made of all these: two want the whole under themselves, or one does and another asks for
    more than it allows."""
    held = dict(licences)
    alike = [name for name, terms in held.items() if terms.share_alike]
    return len(alike) > 1 or any(
        not terms.commercial and held[name].commercial for name in alike for terms in held.values()
    )
