"""An import-linter contract that is closed by default: what a room may import, after the table in the architecture.

import-linter's own ``forbidden`` lists what is refused, so a new package would be open to everyone, and it stops when
a listed module does not exist yet. Here a row lists what is allowed; the standard library always is, unless refused.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

ROOTS = ("pmpo", "services")


class MayImport(Contract):
    """One row of the table.

    Options:
        modules: the rooms that the row is about, each with everything below it. A room may always import itself.
        except_modules: what below them has a row of its own.
        allowed: modules and third-party packages, each with everything below it.
        refused: exceptions to ``allowed`` and to the standard library. ``x <- y`` refuses x to what is below y only.
    """

    modules: Any = fields.ListField(subfield=fields.StringField())
    except_modules: Any = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    allowed: Any = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    refused: Any = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Look at every direct import of the row's modules. A row about modules that do not exist yet is kept."""
        broken = [
            (importer, imported, graph.get_import_details(importer=importer, imported=imported))
            for importer, room in self._covered(graph.modules)
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if not self._is_allowed(importer, room, imported)
        ]
        return ContractCheck(kept=not broken, metadata={"broken": broken})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """One line for each import that the row does not allow."""
        for importer, imported, details in check.metadata["broken"]:
            lines = ", ".join(str(detail["line_number"]) for detail in details)
            output.print_error(f"{importer} may not import {imported} (l.{lines})")

    def _covered(self, names: Iterable[str]) -> Iterator[tuple[str, str]]:
        for name in sorted(names):
            room = _first_above(name, self.modules)
            if room and not _first_above(name, self.except_modules):
                yield name, room

    def _is_allowed(self, importer: str, room: str, imported: str) -> bool:
        for rule in self.refused:
            target, _, only_for = rule.partition(" <- ")
            if _first_above(imported, [target]) and (not only_for or _first_above(importer, [only_for])):
                return False
        if imported in ROOTS or imported.partition(".")[0] in sys.stdlib_module_names:
            return True
        return bool(_first_above(imported, [room, *self.allowed]))


def _first_above(name: str, packages: Sequence[str]) -> str | None:
    """The first of ``packages`` that is ``name`` or holds it."""
    return next((package for package in packages if name == package or name.startswith(f"{package}.")), None)
