"""How many files a reader meets who follows one instant e-mail from its acceptance to `delivered`, everything warm.

The modules beside the rooms (clock, text, logging …) are not counted, nor is what happens inside the renderer.
"""

import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from chalicelib.clock import now
from chalicelib.deliveries import OWN, DeliveryKey
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.conftest import Pump, moto_of
from tests.ledgers import event_tags
from tests.processes import compose

ROOT = Path(__file__).parents[2]
MOST_FILES, MOST_FILES_OF_DELIVER = 53, 36
_DOORS = ("chalicelib/rendering/render.py", "chalicelib/rendering/template_store.py")  # of the renderer


def files_run_by(work: Callable[[], object]) -> set[str]:
    """The files of ours that have a function called, in whichever thread."""
    seen: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            seen.add(frame.f_code.co_filename)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        work()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    relative = {Path(one).relative_to(ROOT).as_posix() for one in seen if one.startswith(f"{ROOT}/")}
    return {
        one for one in relative if one.startswith("functions/") or (one.startswith("chalicelib/") and is_counted(one))
    }


def is_counted(path: str) -> bool:
    """Whether it is in a room of its own, and no part of the renderer behind its door."""
    if path.startswith("chalicelib/rendering/"):
        return path in _DOORS
    return path.startswith("functions/") or path.count("/") > 1


def accept() -> str:
    context = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
    body = {"template": "promo", "recipients": [{"user_id": "u-1"}], "context": context}
    [accepted] = Stage.own().accept.accept(NotificationRequest.model_validate(body), caller="shop", key=None)
    return accepted.id


def tell_delivered(pump: Pump, notification_id: str) -> None:
    sent = moto_of("sesv2").core_backend.sent_messages[-1]
    event = {
        "eventType": "Delivery",
        "mail": {
            "messageId": sent.id,
            "destination": ["anna@example.com"],
            "tags": event_tags(DeliveryKey(notification_id, "email", OWN)),
        },
        "delivery": {"timestamp": "2026-11-22T12:00:03.000Z", "recipients": ["anna@example.com"]},
    }
    pump.put("feedback", json.dumps(event))


def stages(pump: Pump) -> dict[str, set[str]]:
    """The files of each stage."""
    ids: list[str] = []
    files = {
        "accept": files_run_by(lambda: ids.append(accept())),
        "enrich": files_run_by(lambda: pump.run("enrich-instant")),
        "deliver": files_run_by(lambda: pump.run("deliver-email")),
    }
    tell_delivered(pump, ids[0])
    files["feedback"] = files_run_by(lambda: pump.run("feedback"))
    assert Stage.own().history.notification(ids[0])["status"] == "delivered"
    return files


def test_one_notification_stays_within_so_many_files(pump: Pump) -> None:
    at = now()
    compose(clock=lambda: at, monotonic=lambda: 0.0)  # nothing that is known grows old, however slow the machine
    Stage.own().directory.put("u-1", UserBody(email="anna@example.com", name="Anna", locale="en"))
    stages(pump)  # warms up

    way = stages(pump)

    whole = set[str]().union(*way.values())
    assert len(way["deliver"]) <= MOST_FILES_OF_DELIVER, sorted(way["deliver"])
    assert len(whole) <= MOST_FILES, sorted(whole)
