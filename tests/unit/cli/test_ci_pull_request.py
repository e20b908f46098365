"""One comment on a pull request, written once and then updated; what stands in its way is a warning."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from pmpo.cli.ci_pull_request import NotPostedError, PullRequest, marker, shortened
from tests.unit.cli.github import NUMBER, REPOSITORY, TOKEN, GitHub, serving


@pytest.fixture
def github() -> Iterator[GitHub]:
    with serving() as running:
        yield running


@pytest.fixture
def pull(github: GitHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PullRequest:
    for name, value in {**github.settings(tmp_path), "GITHUB_TOKEN": TOKEN}.items():
        monkeypatch.setenv(name, value)
    return PullRequest.of_this_job()


def test_the_second_time_the_comment_is_updated(github: GitHub, pull: PullRequest) -> None:
    for number in range(230):
        github.add(f"remark {number}")
    assert pull.post("one", "pmpo.toml") == f"{github.url}/comment-231"
    assert pull.post("two", "pmpo.toml") == f"{github.url}/comment-231"
    assert pull.post("other", "apps/a/pmpo.toml") == f"{github.url}/comment-232"
    assert github.writes == ["POST", "PATCH", "POST"]
    assert github.comments[230]["body"] == f"{marker('pmpo.toml')}\ntwo"
    assert [comment["body"] for comment in github.comments[:230]] == [f"remark {number}" for number in range(230)]


def test_a_quoted_marker_is_no_comment_of_ours(github: GitHub, pull: PullRequest) -> None:
    github.add(f"> {marker('pmpo.toml')}\n> one")
    pull.post("one", "pmpo.toml")
    assert github.writes == ["POST"]


@pytest.mark.parametrize("name", ["a-->b", "--", 'x"y', "a\nb"])
def test_a_marker_is_one_comment_of_html(name: str) -> None:
    inside = marker(name).removeprefix("<!--").removesuffix("-->")
    assert "-" not in inside and ">" not in inside and "\n" not in inside


@pytest.mark.parametrize("status", [403, 404])
def test_a_token_that_may_not_write_is_told_with_the_remedy(github: GitHub, pull: PullRequest, status: int) -> None:
    github.status = status
    with pytest.raises(NotPostedError, match=rf"answered {status}: the token may not write .*pull-requests: write"):
        pull.post("one", "pmpo.toml")
    assert github.comments == []
    assert TOKEN not in repr(pull)


def test_other_troubles_are_told_too(github: GitHub, pull: PullRequest) -> None:
    github.status = 500
    with pytest.raises(NotPostedError, match="answered 500; run the job again"):
        pull.post("one", "pmpo.toml")
    gone = PullRequest("http://127.0.0.1:9", REPOSITORY, NUMBER, TOKEN)
    with pytest.raises(NotPostedError, match=r"GitHub at http://127\.0\.0\.1:9 did not answer"):
        gone.post("one", "pmpo.toml")


def test_where_there_is_no_pull_request_nothing_is_asked(
    pull: PullRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert pull.number == NUMBER
    monkeypatch.delenv("GITHUB_TOKEN")
    with pytest.raises(NotPostedError, match="there is no GITHUB_TOKEN"):
        PullRequest.of_this_job()
    for event in ({"push": 1}, {"pull_request": {}}, []):
        (tmp_path / "event.json").write_text(json.dumps(event), encoding="utf-8")
        with pytest.raises(NotPostedError, match="no GitHub job for a pull request"):
            PullRequest.of_this_job()
    monkeypatch.delenv("GITHUB_EVENT_PATH")
    with pytest.raises(NotPostedError, match="no GitHub job for a pull request"):
        PullRequest.of_this_job()


def test_a_long_comment_is_cut_before_a_prompt(github: GitHub, pull: PullRequest) -> None:
    part = "\n#### `city`\n\n```text\n" + "x " * 5_000 + "\n```\n"
    text = "### Prompts\n" + part * 10
    pull.post(text, "pmpo.toml")
    body = github.comments[0]["body"]
    assert body.count("```") == 2 * body.count("#### ") == 12, "no part is cut through"
    assert "the job's summary has all of it" in body
    assert shortened("short") == "short"
