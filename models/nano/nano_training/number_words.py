"""Numbers in English words."""

from __future__ import annotations

_SMALL = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
).split()
_TENS = "zero ten twenty thirty forty fifty sixty seventy eighty ninety".split()


def number_in_words(value: int) -> str:
    """A number from 0 to 9,999, as in ``two thousand forty-two``.

    Raises:
        ValueError: the number is outside that range.
    """
    if not 0 <= value <= 9999:
        raise ValueError(f"numbers from 0 to 9999 have words here, not {value}")
    if value < 20:
        return _SMALL[value]
    if value < 100:
        tens, rest = divmod(value, 10)
        return _TENS[tens] + (f"-{_SMALL[rest]}" if rest else "")
    size, name = (1000, "thousand") if value >= 1000 else (100, "hundred")
    head, rest = divmod(value, size)
    return f"{_SMALL[head]} {name}" + (f" {number_in_words(rest)}" if rest else "")
