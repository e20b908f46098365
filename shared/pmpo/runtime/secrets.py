"""What must never be written: the secrets of the settings, and whatever has the shape of one."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from urllib.parse import unquote, urlsplit, urlunsplit

from pmpo.runtime.endpoints import key_variables
from pmpo.runtime.settings import Settings

MASK = "***"
# A shorter one would take parts of ordinary words with it, and is no secret worth the name.
MIN_CHARACTERS = 6
_SHAPES = (
    (re.compile(r"pmpo_[0-9a-f]{12}_[0-9a-f]{64}"), MASK),
    (re.compile(r"(?i)\b(bearer|basic)(\s+)[\w.~+/=-]{6,}"), rf"\1\2{MASK}"),
    (re.compile(r"://[^/\s@\"'\\]+@"), f"://{MASK}@"),
)
Masking = Callable[[str], str]


def known_secrets(settings: Settings, environment: Mapping[str, str] | None = None) -> frozenset[str]:
    """The secrets of a process: settings that are not to be shown, keys of endpoints, the password of Redis."""
    given = os.environ if environment is None else environment
    hidden = [
        getattr(settings, name)
        for name, field in Settings.model_fields.items()
        if field.repr is False and name != "redis_url"  # of which the password alone is one
    ]
    keys = [given.get(name) for name in key_variables(settings.endpoints)]
    password = urlsplit(settings.redis_url or "").password or ""
    listed = [part.strip() for value in (*hidden, *keys) if value for part in (value, *value.split(","))]
    return frozenset({*listed, password, unquote(password)} - {""})


def masking(secrets: Iterable[str] = ()) -> Masking:
    """A function that takes these secrets, and whatever looks like one, out of a text."""
    found = sorted((each for each in secrets if len(each) >= MIN_CHARACTERS), key=len, reverse=True)
    escaped = {form for each in found for form in (each, each.replace("\\", "\\\\").replace('"', '\\"'))}
    known = re.compile("|".join(map(re.escape, sorted(escaped, key=len, reverse=True)))) if found else None

    def mask(text: str) -> str:
        if known is not None:
            text = known.sub(MASK, text)
        for shape, put in _SHAPES:
            text = shape.sub(put, text)
        return text

    return mask


def without_password(url: str) -> str:
    """An address to show: what stands before its host is masked."""
    parts = urlsplit(url)
    if "@" not in parts.netloc:
        return url
    return urlunsplit(parts._replace(netloc=f"{MASK}@{parts.netloc.rpartition('@')[2]}"))
