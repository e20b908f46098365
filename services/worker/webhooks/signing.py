"""The headers of the Standard Webhooks specification (github.com/standard-webhooks, version 1.0)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence


def signed_headers(message_id: str, timestamp: int, body: bytes, secrets: Sequence[bytes]) -> dict[str, str]:
    """The three headers that tell a receiver who sent a body and when.

    A signature is ``v1,`` and the base64 of HMAC-SHA256 over ``<id>.<timestamp>.<body>``; with several secrets there is
    one of each, with spaces between, so that a receiver may know either while the secret is changed.

    Args:
        message_id: the same for every try.
        timestamp: seconds since the epoch, of this try.
        body: what is sent, byte for byte.
        secrets: the keys; at least one.
    """
    content = f"{message_id}.{timestamp}.".encode() + body
    digests = [hmac.new(secret, content, hashlib.sha256).digest() for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": " ".join(f"v1,{base64.b64encode(digest).decode()}" for digest in digests),
    }
