"""``pmpo env``: the settings as they are read here."""

from __future__ import annotations

import platform
import re
from typing import Any

from rich.text import Text

from pmpo import __version__
from pmpo.cli.console import print_json, shown, stdout_console
from pmpo.cli.options import AsJson
from pmpo.cli.tables import plain_table
from pmpo.runtime.settings import PREFIX, Settings, load_settings

HIDDEN = "(set, not shown)"
_PASSWORD = re.compile(r"(?<=://)\S*@")


def env(as_json: AsJson = False) -> None:
    """Show every setting with its value and where that comes from; keys and passwords are not shown."""
    settings = load_settings()
    rows = [_setting(name, getattr(settings, name), settings) for name in Settings.model_fields]
    if as_json:
        print_json({"version": __version__, "python": platform.python_version(), "settings": rows})
        return
    console = stdout_console()
    console.print(f"pmpo {__version__}, Python {platform.python_version()}")
    if not console.is_terminal:  # a line each, whatever its length
        for row in rows:
            origin = "" if row["is_set"] else "  # default"
            console.print(Text(f"{row['name']}={_shown(row)}{origin}"), soft_wrap=True)
        return
    table = plain_table()
    for column in ("setting", "value", "from"):
        table.add_column(column, overflow="fold")
    for row in rows:
        style = "" if row["is_set"] else "dim"
        origin = "environment" if row["is_set"] else ""
        table.add_row(Text(row["name"], style=style), Text(_shown(row) or "-", style=style), origin)
    console.print(table)


def _shown(row: dict[str, Any]) -> str:
    return "" if row["value"] is None else shown(str(row["value"]))


def _setting(name: str, value: Any, settings: Settings) -> dict[str, Any]:
    field = Settings.model_fields[name]
    is_set = name in settings.model_fields_set
    if value and (field.repr is False or name == "endpoints"):  # a table may hold keys in its addresses
        value = HIDDEN
    elif isinstance(value, str):
        value = _PASSWORD.sub("***@", value)
    return {"name": f"{PREFIX}{name.upper()}", "value": value, "is_set": is_set, "meaning": field.description}
