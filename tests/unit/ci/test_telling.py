"""Markdown and JUnit XML: all that a reader needs, and nothing that a prompt's text could break."""

from __future__ import annotations

from xml.etree import ElementTree

from pmpo.ci.junit import junit_xml
from pmpo.ci.markdown import MAX_DIFF_CHARACTERS, Unit, comment
from pmpo.ci.standing import Change, Standing, with_measurement
from tests.unit.ci.world import NANO, locked, measured, standing

MODELS = {"default": NANO}


def worse(text: str = "Name it.") -> Standing:
    edited = standing(text=text, changes=(Change("prompt", "the prompt was edited"),))
    return with_measurement(edited, measured(*[0.4] * 8), MODELS, seed=0)


def test_the_table_has_before_and_after_and_the_interval() -> None:
    lines = comment([standing(name="calm"), worse()], {}).splitlines()
    assert lines[0] == "### Prompts: 1 of 2 need attention"
    assert "| `calm` | ✅ unchanged | 0.100 | 0.100 | – | – |" in lines
    assert "| `city` | ❌ worse | 0.100 | 0.400 | +0.300 | +0.300 to +0.300 |" in lines
    assert "Losses in nats per token; lower is better." in lines


def test_details_hold_reasons_diff_and_units() -> None:
    text = comment([worse()], {"city": [Unit("Name it.", 0.25)]}, left_over=["gone"])
    assert "- it got worse: the loss rose by 0.300 nats per token" in text
    assert "- the lock is stale: the prompt was edited" in text
    assert "Name [-the city-]{+it+}." in text
    assert "| `Name it.` | +0.250 |" in text
    assert "In the lock and not in `pmpo.toml`: gone. A refresh removes them." in text


def test_nothing_is_said_of_prompts_that_did_not_change() -> None:
    assert "####" not in comment([standing()], {})
    assert comment([standing()], {}).startswith("### Prompts: 1 of 1 pass\n")


def test_a_prompt_cannot_leave_its_block() -> None:
    text = comment([worse("````\n</details> | @all")], {"city": [Unit("a | `b`\nc", 0.1)]})
    assert "`````text\n" in text and text.count("`````") == 2
    assert "| `` a \\| `b` c `` | +0.100 |" in text


def test_a_long_diff_is_cut_and_says_so() -> None:
    text = comment([worse("word " * 10_000)], {})
    assert len(text) < MAX_DIFF_CHARACTERS + 2_000
    assert "more characters)" in text


def test_junit_counts_failures_and_keeps_texts_legal() -> None:
    bad = worse()
    bad = Standing(**{**{name: getattr(bad, name) for name in bad.__slots__}, "file": "a\x00<b>.txt"})
    suites = ElementTree.fromstring(junit_xml([standing(name="calm"), bad]))
    suite = suites[0]
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
    calm, failed = suite
    assert len(calm) == 0
    assert failed.get("file") == "a\ufffd<b>.txt"
    failure = failed.find("failure")
    assert failure is not None and failure.get("type") == "worse"
    assert failure.text is not None and "the prompt was edited" in failure.text


def test_what_scoring_found_is_in_the_output_of_a_case_that_does_not_fail_for_it() -> None:
    better = with_measurement(standing(locked=locked()), measured(*[0.0] * 8), MODELS, seed=0)
    case = ElementTree.fromstring(junit_xml([better]))[0][0]
    assert case.find("failure") is None
    assert "it got better: the loss fell by 0.100" in str(case.findtext("system-out"))
