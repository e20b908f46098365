"""The SDK: the API's jobs from Python, blocking (``Client``) or with asyncio (``AsyncClient``)."""

from pmpo.client.calls import Retries
from pmpo.client.faces import AsyncClient, Client

__all__ = ["AsyncClient", "Client", "Retries"]
