"""Licences add up to the strictest."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vera.construction.licences import KNOWN, Terms, exclude_each_other, strictest, terms_of
from vera.errors import VeraError

NAMES = sorted(KNOWN)


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("CC-BY-4.0", Terms()),
        ("cc-by-nc-sa-3.0", Terms(commercial=False, share_alike=True)),
        ("CC0-1.0", Terms(attribution=False)),
        ("Apache-2.0", Terms()),
        ("BSD-3-Clause", Terms()),
        ("CC-BY-NC-ND-4.0", Terms(commercial=False, derivatives=False)),
    ],
)
def test_identifiers_in_any_version(name: str, terms: Terms) -> None:
    assert terms_of(name) == terms


@pytest.mark.parametrize("name", ["S-Lab-1.0", "STABILITY-COMMUNITY"])
def test_licences_of_models_that_a_build_may_not_sell(name: str) -> None:
    assert not terms_of(name).commercial and terms_of(name).derivatives


@pytest.mark.parametrize("name", ["", "CC", "MINE", "CC-XX", "S-Laboratory", "-"])
def test_unknown_names_are_refused(name: str) -> None:
    with pytest.raises(VeraError, match="is not known: give `terms`"):
        terms_of(name)


@given(st.lists(st.sampled_from(NAMES), min_size=1))
def test_the_whole_allows_what_all_allow(names: list[str]) -> None:
    held = [(name, KNOWN[name]) for name in names]
    name, terms = strictest(held)
    assert name in names
    assert terms.commercial == all(KNOWN[name].commercial for name in names)
    assert terms.derivatives == all(KNOWN[name].derivatives for name in names)
    assert terms.attribution == any(KNOWN[name].attribution for name in names)
    assert all(KNOWN[other].strictness <= KNOWN[name].strictness for other in names)
    assert strictest(reversed(held)) == (name, terms)


def test_share_alike_allows_nothing_stricter_beside_it() -> None:
    held = {name: terms for name, terms in KNOWN.items() if terms.derivatives}
    excluded = {
        tuple(sorted(pair))
        for pair in itertools.combinations(held, 2)
        if exclude_each_other((n, held[n]) for n in pair)
    }
    assert ("CC-BY-NC", "CC-BY-SA") in excluded
    assert ("CC-BY-NC-SA", "CC-BY-SA") in excluded
    assert ("CC-BY", "CC-BY-SA") not in excluded
    assert ("CC-BY-NC", "CC-BY-NC-SA") not in excluded
