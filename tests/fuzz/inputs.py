"""Inputs: what is right, with pieces replaced by what is not."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from hypothesis import strategies as st

ROWS = [{"input": f"We loved our days in {city}.", "target": city} for city in ("Rome", "Oslo", "Lima", "Bonn") * 5]
JOB: dict[str, Any] = {
    "name": "fuzzed",
    "prompt": "Reply with the city.",
    "dataset": {"train": ROWS},
    "fields": {"input": "input", "target": "target"},
    "objective": {"kind": "supervised", "normalize": "token_mean"},
    "optimizer": {"algorithm": "pmpo", "iterations": 2, "variants": 2, "hard_examples": 2, "patience": 2},
    "models": {"target": "default", "rewriter": "default"},
    "constraints": {"max_prompt_tokens": 200, "protect": ["city"], "anchors": [1]},
    "budget": {"scored_tokens": 5_000_000, "generated_tokens": 200_000, "seconds": 600.0},
    "metric": "exact_match",
    "max_answer_tokens": 16,
    "queue": "interactive",
    "seed": 0,
}
SCORE: dict[str, Any] = {
    "prompts": ["Reply with the city.", "{{input}} Which city?"],
    "examples": [{"input": "We loved Rome.", "target": "Rome"}, {"fields": {"input": "x"}, "targets": ["a", "b"]}],
    "answer_prefix": "",
    "end_of_turn": True,
    "chat_template_kwargs": {},
    "return_tokens": False,
}
MASKED: dict[str, Any] = {
    "prompt": "Be brief. Reply with the city.",
    "spans": [[0, 9], [10, 30]],
    "mode": "delete",
    "examples": [{"input": "We loved Rome.", "target": "Rome", "weight": 1.0}],
}
ANALYZE: dict[str, Any] = {
    "prompt": "Be brief. Reply with the city. Take your time.",
    "examples": [{"input": "We loved Rome.", "target": "Rome", "weight": 1.0}, {"input": "Oslo", "target": "Oslo"}],
    "mode": "delete",
    "max_units": 5,
    "protect": ["city"],
}
CHAT: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "user", "content": "hi"}],
    "n": 1,
    "temperature": 1.0,
    "top_p": 0.9,
    "max_tokens": 4,
    "seed": 1,
    "stop": ["x"],
}

AWKWARD_TEXTS = st.sampled_from(
    [
        "", " ", "\n", "\0", "\ud800", "\U0010ffff", "\u2028", "\u202e", "e\u0301" * 50,
        "{{input}}", "{{ input }}", "{{nope}}", "{{{{input}}}}", "{{input", "}}",
        "{% raw %}", "{{ ''.__class__ }}", "<|im_end|>", "<|im_start|>system\n", "<|endoftext|>",
        "<script>", "%s%n", "../../etc/passwd", "http://169.254.169.254/", "NaN", "null", "ds_" + "0" * 32,
        "a" * 5_000, "word " * 3_000, "é" * 1_500, "🧨" * 900,
    ]
)  # fmt: skip
TEXTS = st.one_of(AWKWARD_TEXTS, st.text(max_size=40), st.text(alphabet="{}<|>%\\\"'\n\t ai_", max_size=60))
NUMBERS = st.one_of(
    st.sampled_from(
        [
            0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63) - 1, 2**64, 10**30, 10**400, 1e308, -1e308, 5e-324, 0.1,
            float("nan"), float("inf"), float("-inf"),
        ]
    ),
    st.integers(-10, 300),
    st.floats(allow_nan=True, allow_infinity=True),
)  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), NUMBERS, TEXTS)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12) | AWKWARD_TEXTS, inner, max_size=4)
    ),
    max_leaves=12,
)


def paths_of(value: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where the pieces of a document are; of a list the first entries."""
    if at:
        yield at
    entries: list[tuple[str | int, Any]] = []
    if isinstance(value, dict):
        entries = list(value.items())
    elif isinstance(value, list):
        entries = list(enumerate(value[:3]))
    for key, inner in entries:
        yield from paths_of(inner, (*at, key))


def _replaced(document: Any, path: tuple[str | int, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    holder = changed
    for key in path[:-1]:
        try:
            holder = holder[key]
        except (KeyError, IndexError, TypeError):
            return changed
    with suppress(KeyError, IndexError, TypeError):
        holder[path[-1]] = value
    return changed


@st.composite
def changed(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    """The document with one to three of its pieces replaced, taken away or added to."""
    made: Any = document
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(sorted(paths_of(document), key=str)))
        what = draw(st.sampled_from(["replace", "replace", "replace", "add", "remove"]))
        if what == "replace":
            made = _replaced(made, path, draw(VALUES))
        elif what == "add":
            made = _replaced(made, (*path[:-1], draw(st.text(max_size=12))), draw(VALUES))
        elif isinstance(made, dict):
            made = {key: value for key, value in made.items() if key != path[0]}
    return made


def as_json(document: Any) -> bytes:
    """JSON as a careless client writes it: NaN, Infinity and halves of surrogate pairs are kept."""
    return json.dumps(document).encode()


BOMBS = st.sampled_from(
    [
        b"[" * 50_000,
        b'{"a":' * 20_000,
        b"[" * 900 + b"]" * 900,
        b'{"prompt": ' + b"[" * 400 + b"]" * 400 + b"}",
        b'{"seed": ' + b"9" * 5_000 + b"}",
        b'{"seed": -' + b"9" * 4_000 + b".0e99999}",
        b'{"seed": 1e999999999}',
        b'{"prompt": "\\ud800"}',
        b'{"prompt": "\xff\xfe"}',
        b"\xef\xbb\xbf{}",
        b"{}{}",
        b"null",
        b"[]",
        b'""',
        b"",
        b"\0",
        b"NaN",
    ]
)


def bodies(document: dict[str, Any]) -> st.SearchStrategy[bytes]:
    """Bodies: a changed document, any JSON, bytes with pieces cut out or put in, and bombs."""
    right = as_json(document)

    @st.composite
    def torn(draw: st.DrawFn) -> bytes:
        start = draw(st.integers(0, len(right)))
        return right[:start] + draw(st.binary(max_size=8)) + right[start + draw(st.integers(0, 30)) :]

    return st.one_of(changed(document).map(as_json), changed(document).map(as_json), VALUES.map(as_json), torn(), BOMBS)


_ROW = st.dictionaries(st.sampled_from(["input", "target", "x", ""]) | TEXTS, VALUES, max_size=4)
_LINE = st.one_of(
    _ROW.map(as_json), VALUES.map(as_json), st.binary(max_size=40), BOMBS, st.sampled_from([b"", b" ", b"\r", b"{}"])
)
JSON_LINES = st.lists(_LINE, max_size=12).map(b"\n".join)
_CELL = st.one_of(TEXTS, st.sampled_from(['"', '""', '"a\nb"', ",", ";", "\t", "input", "target", "'"]))
CSV = st.one_of(
    st.lists(st.lists(_CELL, max_size=5).map(",".join), max_size=12).map(
        lambda lines: ("input,target\n" + "\n".join(lines)).encode("utf-8", "surrogatepass")
    ),
    st.lists(st.lists(_CELL, max_size=5).map(",".join), max_size=8).map(
        lambda lines: "\r\n".join(lines).encode("utf-8", "surrogatepass")
    ),
    st.binary(max_size=200),
)
YAML = st.one_of(
    changed(JOB).map(as_json),
    st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.binary(max_size=80),
    st.sampled_from(
        [
            b"a: &a [*a, *a]\n",
            b"a: &a {b: *a}\n",
            b"prompt: !!python/object/apply:os.system [ls]\n",
            b"? [a, b]\n: c\n",
            b"prompt: 2020-01-01\n",
            b"prompt: x\nprompt: y\n",
            b"{" * 3_000,
            b"- " * 3_000,
            b"x: 0x" + b"f" * 6_000,
            b"x: 1:1:1:1:1\n",
            b"a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
            b"d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: [*d,*d,*d,*d,*d,*d,*d,*d,*d]\n",
            b"\tname: x\n",
            b"%YAML 9.9\n---\n",
        ]
    ),
)
