"""The terms of a job: what was stored is what is read, and nothing else is taken for it."""

from __future__ import annotations

import pytest

from pmpo.errors import JournalMismatchError
from pmpo.optim.types import Prices
from pmpo.runs.terms import JobTerms, decode_terms, encode_terms


@pytest.mark.parametrize(
    "terms",
    [
        JobTerms(),
        JobTerms(
            prices=Prices(scored=0.1, rewriting=1 / 3, answering_prompt=1e-9),
            target_arguments={"small": {"enable_thinking": False, "level": 1, "share": 1.0, "style": "1", "x": None}},
            rewriter_arguments={"thinking": True},
        ),
    ],
)
def test_terms_read_back_to_the_last_bit_and_type(terms: JobTerms) -> None:
    read = decode_terms(encode_terms(terms))
    assert repr(read) == repr(terms)


@pytest.mark.parametrize("raw", [b"", b"{}x", b"[]", b'{"price": 3}', b'{"prices": {"scored": "cheap"}}'])
def test_other_bytes_are_refused_with_a_remedy(raw: bytes) -> None:
    with pytest.raises(JournalMismatchError, match=r"written by another version of the program: .* submit it again"):
        decode_terms(raw)
