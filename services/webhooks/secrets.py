"""The secrets of ``PMPO_WEBHOOK_SECRET``, in the form of the Standard Webhooks specification."""

from __future__ import annotations

import base64
import binascii

from pmpo.errors import ConfigurationError

VARIABLE = "PMPO_WEBHOOK_SECRET"
PREFIX = "whsec_"
FEWEST_BYTES = 24
MOST_BYTES = 64
HOW_TO_MAKE = "python3 -c \"import base64,os; print('whsec_'+base64.b64encode(os.urandom(32)).decode())\""


def read_secrets(given: str | None) -> tuple[bytes, ...]:
    """The keys to sign with, the first one first; none when the setting is not set.

    Raises:
        ConfigurationError: a secret that is none; it is not repeated in the message.
    """
    return tuple(_key(each.strip()) for each in (given or "").split(",") if each.strip())


def _key(secret: str) -> bytes:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if not secret.startswith(PREFIX) or not FEWEST_BYTES <= len(key) <= MOST_BYTES:
        raise ConfigurationError(
            f"{VARIABLE} is not usable: a secret is {PREFIX} and the base64 of {FEWEST_BYTES} to {MOST_BYTES} random "
            f"bytes; make one with: {HOW_TO_MAKE}"
        )
    return key
