"""Masked losses are the scores of the masked prompts, in one batch."""

from __future__ import annotations

from typing import Any

import httpx
import numpy as np
import pytest

from pmpo.contracts.scoring import MaskedLossesResponse

MASKED: dict[str, Any] = {
    "prompt": "Be brief. Be kind.",
    "spans": [[0, 9], [9, 18]],
    "examples": [{"input": "hi", "target": "yo"}, {"input": "bye", "target": "so long", "weight": 3.0}],
}


async def test_masked_losses_equal_the_scores_of_the_masked_prompts(client: httpx.AsyncClient) -> None:
    answer = MaskedLossesResponse.model_validate((await client.post("/v1/masked-losses", json=MASKED)).json())
    prompts = ["Be brief. Be kind.", "Be kind.", "Be brief."]
    scored = (await client.post("/v1/score", json={"prompts": prompts, "examples": MASKED["examples"]})).json()
    losses = -np.array(scored["log_likelihoods"]) / np.array(scored["num_tokens"])
    assert answer.baseline == pytest.approx(losses[0].tolist(), abs=1e-5)
    assert np.array(answer.masked) == pytest.approx(losses[1:], abs=1e-5)
    assert answer.delta == pytest.approx(((losses[1:] - losses[0]) @ np.array([0.25, 0.75])).tolist(), abs=1e-5)
    assert answer.num_tokens == scored["num_tokens"][0]
    assert answer.scored_tokens == scored["scored_tokens"]
    assert answer.computed_tokens < answer.scored_tokens  # one planned batch: what the variants share is run once
    assert scored["computed_tokens"] == 0  # and it is remembered


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"spans": []}, "invalid_input", "spans: give at least one"),
        ({"spans": [[3, 3]]}, "invalid_input", r"spans.0: \[3, 3\] is no part of the prompt, which has 18 characters"),
        ({"spans": [[0, 2], [4, 19]]}, "invalid_input", r"spans.1: \[4, 19\]"),
        ({"prompt": "Say {{input}}", "spans": [[0, 5]]}, "invalid_input", "holds the placeholder {{input}}"),
        ({"examples": [{"input": "a", "targets": ["b"]}]}, "invalid_input", "examples.0: .* one 'target'"),
        ({"examples": [{"input": "a", "target": "b", "weight": 0}]}, "invalid_input", "every 'weight' is 0"),
        ({"examples": []}, "invalid_input", "examples: give at least one"),
        (
            {"examples": [{"input": "a" * 210, "target": "b"}], "spans": [[9, 18]]},
            "too_long",
            "^the prompt with example 0 is 2.. tokens",
        ),
        ({"prompt": [{"role": "user", "content": "q"}]}, "invalid_input", "prompt"),
    ],
)
async def test_bad_masks_are_told_in_the_words_of_the_request(
    client: httpx.AsyncClient, changes: dict[str, Any], code: str, words: str
) -> None:
    response = await client.post("/v1/masked-losses", json={**MASKED, **changes})
    assert (response.status_code, response.json()["code"]) == (422, code)
    assert pytest.raises(AssertionError, match=words).matches(AssertionError(response.json()["detail"]))
