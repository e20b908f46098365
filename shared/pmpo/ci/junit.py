"""Standings as JUnit XML, which every CI service shows as test results."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from pmpo.ci import words
from pmpo.ci.standing import Standing

# What XML 1.0 cannot hold, escaped or not.
_FORBIDDEN = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(standings: Sequence[Standing]) -> str:
    """One test case a prompt; a failure says why, and what was measured stands in the case's output."""
    failed = sum(not standing.passes for standing in standings)
    counts = {"tests": str(len(standings)), "failures": str(failed), "errors": "0"}
    suites = ElementTree.Element("testsuites", counts)
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "pmpo ci", **counts})
    for standing in standings:
        place = {"classname": "pmpo.ci", "name": standing.name, "file": _clean(standing.file)}
        case = ElementTree.SubElement(suite, "testcase", place)
        reasons = words.reasons(standing)
        if reasons:
            about = {"message": _clean(reasons[0]), "type": words.state(standing).replace(" ", "_")}
            ElementTree.SubElement(case, "failure", about).text = _clean("\n".join(reasons))
        evidence = words.evidence(standing)
        if evidence:
            ElementTree.SubElement(case, "system-out").text = _clean(evidence)
    ElementTree.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suites, encoding="unicode") + "\n"


def _clean(text: str) -> str:
    return _FORBIDDEN.sub("\ufffd", text)
