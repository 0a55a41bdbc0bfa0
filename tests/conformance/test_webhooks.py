"""Check 155: a merge conflict is announced to whoever asked for it."""

import asyncio
import base64
import hmac
import json

import pytest
from tests.conformance.drivers import Raw
from tests.conformance.service import Service
from tests.conformance.stories import BIRTHDAY, conflicts, contradicted
from tests.receiving import receiving

from hitherto.models import WebhookEventType


@pytest.mark.check(155)
async def test_a_conflict_is_announced_by_a_webhook(service: Service, raw: Raw) -> None:
    with receiving(204) as receiver:
        made = service.admin.create_webhook(
            raw.credentials.project_id,
            receiver.address,
            event_types=[WebhookEventType.MERGE_CONFLICT_CREATED],
        )
        user = await contradicted(raw, BIRTHDAY)
        headers, body = await asyncio.to_thread(receiver.received.get, timeout=10)
    (conflict,) = await conflicts(raw, user)
    event = json.loads(body)
    assert sorted(event) == ["created_at", "data", "id", "project_id", "type"]
    assert event["type"] == "merge_conflict.created"
    assert event["project_id"] == raw.credentials.project_id
    assert event["data"] == conflict | {"custom_user_id": "alice"}
    assert event["data"]["clarifying_questions"]
    assert headers["webhook-id"] == event["id"]
    signed = f"{event['id']}.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(made.secret.removeprefix("whsec_"))
    signature = base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
    assert headers["webhook-signature"] == f"v1,{signature}"
