"""The comment of `pmpo ci` on a pull request of GitHub: one, which is updated rather than repeated."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pmpo.errors import PmpoError

if TYPE_CHECKING:
    import httpx

MAX_CHARACTERS = 65_000  # GitHub takes 65,536
PAGE_SIZE = 100
TIMEOUT_S = 30.0
_REFUSED = (401, 403, 404)


class NotPostedError(PmpoError):
    """There is no comment; the message says why, and what to do. Nothing else is wrong."""

    code = "not_posted"


@dataclass(frozen=True, slots=True)
class PullRequest:
    """Where a comment goes.

    Attributes:
        api_url: of GitHub's API.
        repository: owner and name.
        number: of the pull request.
        token: may write to pull requests; not in ``repr``.
    """

    api_url: str
    repository: str
    number: int
    token: str

    def __repr__(self) -> str:
        """Without the token."""
        return f"PullRequest({self.repository!r}, {self.number})"

    @classmethod
    def of_this_job(cls) -> PullRequest:
        """The pull request that a GitHub job runs for. Raises NotPostedError: there is none, or no token."""
        event = os.environ.get("GITHUB_EVENT_PATH", "")
        repository = os.environ.get("GITHUB_REPOSITORY", "")
        token = os.environ.get("GITHUB_TOKEN", "")
        number = _number_in(Path(event)) if event else None
        if number is None or not repository:
            raise NotPostedError("this is no GitHub job for a pull request, so there is none to comment on")
        if not token:
            raise NotPostedError("there is no GITHUB_TOKEN; hand the job's token over, such as ${{ github.token }}")
        return cls(os.environ.get("GITHUB_API_URL") or "https://api.github.com", repository, number, token)

    def post(self, text: str, name: str) -> str:
        """Write ``text`` as the comment of that ``name``, or in the place of what it held; its address.

        Raises:
            NotPostedError: GitHub refuses it or does not answer.
        """
        import httpx

        headers = {"authorization": f"Bearer {self.token}", "accept": "application/vnd.github+json"}
        mark = marker(name)
        body = {"body": f"{mark}\n{shortened(text)}"}
        repository = f"/repos/{self.repository}"
        listing = f"{repository}/issues/{self.number}/comments"
        try:
            with httpx.Client(base_url=self.api_url, headers=headers, timeout=TIMEOUT_S) as client:
                known = self._find(client, listing, mark)
                if known is None:
                    answer = client.post(listing, json=body)
                else:
                    answer = client.patch(f"{repository}/issues/comments/{known}", json=body)
                return str(_checked(answer).get("html_url", ""))
        except httpx.HTTPError as error:
            raise NotPostedError(f"GitHub at {self.api_url} did not answer ({error}); run the job again") from None

    def _find(self, client: httpx.Client, listing: str, mark: str) -> int | None:
        page = 1
        while True:
            found = _checked(client.get(listing, params={"per_page": PAGE_SIZE, "page": page}))
            for comment in found:
                if str(comment.get("body") or "").startswith(mark):
                    return int(comment["id"])
            if len(found) < PAGE_SIZE:
                return None
            page += 1


def marker(name: str) -> str:
    """The first line of a comment, which nobody sees."""
    return f"<!-- pmpo ci: {json.dumps(name).replace('-', '_').replace('>', '_')} -->"


def shortened(text: str) -> str:
    """``text`` as far as GitHub takes it, cut before a prompt's part."""
    if len(text) <= MAX_CHARACTERS:
        return text
    end = max(text.rfind("\n#### ", 0, MAX_CHARACTERS), 0) or MAX_CHARACTERS
    return f"{text[:end]}\n\nThe rest is too long for a comment; the job's summary has all of it.\n"


def _number_in(event: Path) -> int | None:
    try:
        found = json.loads(event.read_text(encoding="utf-8"))["pull_request"]["number"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, int) else None


def _checked(answer: httpx.Response) -> Any:
    if answer.status_code in _REFUSED:
        raise NotPostedError(
            f"GitHub answered {answer.status_code}: the token may not write to this pull request; give the job "
            "`permissions: {pull-requests: write}` (a pull request from a fork has no such token)"
        )
    if answer.is_error or answer.is_redirect:
        raise NotPostedError(f"GitHub answered {answer.status_code}; run the job again")
    try:
        return answer.json()
    except ValueError:
        raise NotPostedError("GitHub's answer is no JSON; see whether GITHUB_API_URL is its API") from None
