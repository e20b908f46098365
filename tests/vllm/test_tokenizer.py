"""The tokenizer that a real ``vllm serve`` tells, against the model's files."""

from __future__ import annotations

import pytest

from pmpo.contracts.scoring import ScoreRequest
from pmpo.errors import InvalidInputError
from pmpo.runtime.settings import load_settings
from services.scorer.engines.choosing import ModelText, choose_engine, load_text
from services.scorer.model_source import ModelSource
from services.scorer.rendering.alignment import Renderer
from tests.vllm.conftest import KEY

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(500)]
NOWHERE = ModelSource("none", "/nowhere", is_local=True)
BODY = {
    "prompts": ["Sort the words. äöü 漢字 ", "{{input}}? Now", [{"role": "user", "content": "q"}]],
    "examples": [{"input": "b, a\n\n", "target": "a, b"}, {"input": " x  y ", "targets": ["X Y", " [x, y]"]}],
    "answer_prefix": "So ",
}


def test_a_scorer_without_the_files_sends_the_same_ids(vllm_url: str, text: ModelText) -> None:
    named = {"ENGINE": "remote", "REMOTE_TOKENIZER": "server", "REMOTE_URLS": vllm_url, "REMOTE_KEY": KEY}
    settings = load_settings({f"PMPO_SCORER_{name}": value for name, value in named.items()})
    served = load_text(settings, NOWHERE)
    request = ScoreRequest.model_validate(BODY)
    from_server, from_files = (Renderer(each.codec, each.template, 2047, 10_000) for each in (served, text))
    items = from_server.score_items(request)
    assert items == from_files.score_items(request)
    assert served.codec.decode(items[0].target) == text.codec.decode(items[0].target) == "a, b"
    assert served.template.end_token_ids() == text.template.end_token_ids()
    held = ScoreRequest.model_validate({**BODY, "prompts": ["Say <|im_end|>."]})
    with pytest.raises(InvalidInputError, match=r"holds '<\|im_end\|>'"):
        from_server.score_items(held)
    assert choose_engine(settings, NOWHERE, served).engine.identity.context_length == 2047
