import base64
import hashlib
import hmac
import ipaddress
import json

import httpx
import pytest

from pmpo.contracts.jobs import JobFailure, JobView, SplitSizes
from services.webhooks.addresses import Address
from services.webhooks.targets import WebhookTargets
from services.worker.webhooks.connecting import resolve
from services.worker.webhooks.message import message_body, message_id
from services.worker.webhooks.sender import MAX_ANSWER_BYTES, Sent, WebhookSender
from services.worker.webhooks.signing import signed_headers
from tests.webhook_receiver import Receiver, serving

SECRETS = (b"n" * 32, b"o" * 32)
LOOPBACK = WebhookTargets.read("127.0.0.0/8")


def _sender(targets: WebhookTargets = LOOPBACK, *, deadline_s: float = 10.0, resolving=resolve) -> WebhookSender:  # type: ignore[no-untyped-def]
    return WebhookSender(targets, SECRETS, httpx.create_ssl_context(), deadline_s=deadline_s, resolving=resolving)


async def test_a_signed_body_arrives_and_is_verified() -> None:
    with serving(Receiver()) as receiver:
        sent = await _sender().send(f"{receiver.url}?a=b%20c", "msg_1", b'{"x":1}')
    assert sent == Sent("delivered")
    (taken,) = receiver.taken
    assert taken.path == "/hook?a=b%20c"
    assert taken.headers["host"] == f"127.0.0.1:{receiver.port}"
    assert taken.headers["content-type"] == "application/json"
    assert taken.headers["webhook-id"] == "msg_1"
    content = f"msg_1.{taken.headers['webhook-timestamp']}.".encode() + taken.body
    wanted = [f"v1,{base64.b64encode(hmac.digest(secret, content, hashlib.sha256)).decode()}" for secret in SECRETS]
    assert taken.headers["webhook-signature"].split() == wanted


def test_the_example_of_the_specification_gets_its_signature() -> None:
    secret = base64.b64decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    headers = signed_headers("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, b'{"test": 2432232314}', [secret])
    assert headers["webhook-signature"] == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@pytest.mark.parametrize(
    ("status", "outcome", "says"),
    [(204, "delivered", ""), (302, "failed", "redirects are not followed"), (410, "refused", "wants no more")]
    + [(status, "failed", f"it answered {status}") for status in (400, 404, 429, 500, 503)],
)
async def test_what_a_status_means(status: int, outcome: str, says: str) -> None:
    elsewhere = Receiver()
    with serving(elsewhere), serving(Receiver(statuses=[status])) as receiver:
        receiver.headers = {"location": elsewhere.url, "retry-after": "7"}
        sent = await _sender().send(receiver.url, "msg_1", b"{}")
    assert sent.outcome == outcome
    assert says in sent.detail
    assert sent.retry_after_s == (7.0 if outcome == "failed" else 0.0)
    assert elsewhere.taken == []


async def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with serving(Receiver(answer=b"x" * (40 * MAX_ANSWER_BYTES))) as receiver:
        assert await _sender().send(receiver.url, "msg_1", b"{}") == Sent("delivered")


async def test_a_silent_receiver_is_left_at_the_deadline() -> None:
    with serving(Receiver(is_silent=True)) as receiver:
        sent = await _sender(deadline_s=0.3).send(receiver.url, "msg_1", b"{}")
        receiver.released.set()
    assert (sent.outcome, sent.detail) == ("failed", "it did not answer within 0.3 s")


async def test_nobody_there_and_no_such_name_may_be_tried_again() -> None:
    with serving(Receiver()) as receiver:
        url = receiver.url
    assert (await _sender().send(url, "msg_1", b"{}")).outcome == "failed"
    nowhere = WebhookTargets.read("nowhere.invalid")
    sent = await _sender(nowhere).send("http://nowhere.invalid/", "msg_1", b"{}")
    assert (sent.outcome, sent.detail) == ("failed", "it cannot be reached: its name cannot be resolved")


@pytest.mark.parametrize("name", ["rebound.example.com", "localtest.example.com"])
async def test_a_name_that_leads_inside_is_refused_on_connect(name: str) -> None:
    async def inside(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("93.184.216.34"), ipaddress.ip_address("127.0.0.1")]

    with serving(Receiver()) as receiver:
        sender = _sender(WebhookTargets(), resolving=inside)
        sent = await sender.send(f"https://{name}:{receiver.port}/", "msg_1", b"{}")
    assert sent.outcome == "refused"
    assert "127.0.0.1" not in sent.detail
    assert receiver.taken == []


async def test_a_name_that_changes_after_the_check_is_not_looked_up_again() -> None:
    """Allowed at first, inside at every later look-up: the first call goes to what was checked, the next is refused."""
    asked = 0

    async def rebinding(_host: str, _port: int) -> list[Address]:
        nonlocal asked
        asked += 1
        return [ipaddress.ip_address("127.0.0.1" if asked == 1 else "127.0.0.2")]

    class Once(WebhookTargets):
        def check_url(self, url: str) -> None:
            """The name is resolved first."""

    with serving(Receiver()) as receiver:
        sender = _sender(Once(networks=WebhookTargets.read("127.0.0.1").networks), resolving=rebinding)
        url = f"http://hooks.example.com:{receiver.port}/x"
        assert (await sender.send(url, "msg_1", b"{}")).outcome == "delivered"
        assert asked == 1
        assert (await sender.send(url, "msg_1", b"{}")).outcome == "refused"
    assert [taken.headers["host"] for taken in receiver.taken] == [f"hooks.example.com:{receiver.port}"]


async def test_the_first_address_that_takes_a_connection_is_called() -> None:
    async def several(_host: str, _port: int) -> list[Address]:
        return [ipaddress.ip_address("127.0.0.9"), ipaddress.ip_address("127.0.0.1")]

    with serving(Receiver()) as receiver:
        targets = WebhookTargets.read("hooks.internal")
        sent = await _sender(targets, resolving=several).send(f"http://hooks.internal:{receiver.port}/", "m", b"{}")
    assert sent == Sent("delivered")


async def test_without_a_secret_nothing_is_sent_unsigned() -> None:
    with serving(Receiver()) as receiver:
        sent = await WebhookSender(LOOPBACK, (), httpx.create_ssl_context()).send(receiver.url, "msg_1", b"{}")
    assert (sent.outcome, receiver.taken) == ("failed", [])
    assert "PMPO_WEBHOOK_SECRET is not set" in sent.detail


def test_a_message_tells_the_end_and_nothing_of_the_data() -> None:
    job = JobView(
        id="j1",
        name="cities",
        kind="optimize",
        state="failed",
        created_at=0.0,
        updated_at=1.5,
        splits=SplitSizes(train=1, validation=1, test=1),
        best_prompt="secret prompt",
        stop_reason="failed",
        failure=JobFailure(code="too_long", message="row 'secret' is too long"),
    )
    body = message_body(job, "default")
    assert b"secret" not in body
    assert message_id("j1") == "msg_j1"
    assert json.loads(body) == {
        "type": "job.failed",
        "timestamp": "1970-01-01T00:00:01.500Z",
        "data": {
            "id": "j1",
            "name": "cities",
            "kind": "optimize",
            "project": "default",
            "state": "failed",
            "verdict": None,
            "stop_reason": "failed",
            "failure_code": "too_long",
            "created_at": "1970-01-01T00:00:00.000Z",
            "ended_at": "1970-01-01T00:00:01.500Z",
        },
    }
