"""Whether this installation can start services."""

from __future__ import annotations

from importlib.util import find_spec

from pmpo.errors import ConfigurationError

HOW_TO_INSTALL = 'install it with `pip install ./shared ".[scorer]"` in the project\'s folder'


def require_server() -> None:
    """Raises: ConfigurationError: this installation cannot start services."""
    for module, what in (("services.stack", "pmpo-server"), ("torch", "pmpo-server's extra `scorer`")):
        try:
            is_there = find_spec(module) is not None
        except ModuleNotFoundError:
            is_there = False
        if not is_there:
            raise ConfigurationError(f"the services need {what}, which is not installed; {HOW_TO_INSTALL}")
