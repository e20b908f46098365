import base64

import pytest

from pmpo.errors import ConfigurationError, InvalidInputError
from services.webhooks.rules import WebhookRules
from services.webhooks.secrets import read_secrets

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()


def test_secrets_are_read_in_order() -> None:
    other = "whsec_" + base64.b64encode(b"o" * 24).decode()
    assert read_secrets(f"{SECRET}, {other}") == (b"k" * 32, b"o" * 24)
    assert read_secrets(None) == ()


@pytest.mark.parametrize(
    "given", ["hunter2hunter2", SECRET.removeprefix("whsec_"), "whsec_", "whsec_%%%%", "whsec_c2hvcnQ="]
)
def test_a_secret_that_is_none_is_refused_and_not_repeated(given: str) -> None:
    with pytest.raises(ConfigurationError, match="PMPO_WEBHOOK_SECRET is not usable") as refused:
        read_secrets(given)
    assert "hunter2" not in refused.value.message
    assert SECRET[10:] not in refused.value.message


def test_a_webhook_without_a_secret_to_sign_with_is_refused() -> None:
    with pytest.raises(InvalidInputError, match=r"PMPO_WEBHOOK_SECRET is not set.* or `pmpo watch ID`"):
        WebhookRules().check("https://hooks.example.com")
    WebhookRules(can_sign=True).check("https://hooks.example.com")
