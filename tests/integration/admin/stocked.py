"""A stage with more content than fits on each of the managers' pages."""

from dataclasses import dataclass
from datetime import timedelta

from chalicelib.accounts.api_keys import create_key
from chalicelib.admin.views import REGISTERED
from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.segments import SegmentBody
from chalicelib.clock import now
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.model import UserBody
from chalicelib.reasons import SuppressionReason
from chalicelib.stage.app import Stage
from chalicelib.storage.media import Made
from chalicelib.storage.new_links import Link

_TAG = '{{ user.name | "friend of cinema" }}'
_DOCUMENT = {
    "version": 1,
    "subject": f"Tonight, {_TAG}",
    "preheader": "Three films",
    "blocks": [
        {"kind": "heading", "text": "Tonight"},
        {"kind": "text", "text": f"Hello, {_TAG}!", "show_if": "user.name"},
        {"kind": "picture", "url": "https://kino.example/p.png", "alt": "A hall", "width": 300},
        {"kind": "columns", "columns": [[{"kind": "button", "label": "Go", "url": "https://cinema.example"}]] * 2},
        {"kind": "films", "films": [{"title": "Solaris", "year": "1972"}, {"title": "Mirror"}], "per_row": 2},
        {"kind": "event", "title": "Premiere", "starts_at": "2026-12-24T19:00:00+03:00"},
        {"kind": "html", "html": "<p>Ours</p>"},
    ],
}
LETTER = {
    "title": "The premiere",
    "category": "marketing",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {},
    "documents": {"en": _DOCUMENT, "ru": _DOCUMENT},
}
CODE = "AAAAAAAAAAAAAAAAAAAAAA"


@dataclass(frozen=True)
class Stock:
    """Ids, by the section of the page that shows them."""

    ids: dict[str, str]

    def pages(self) -> list[str]:
        """Every page's address."""
        return list(self.addresses().values())

    def addresses(self) -> dict[str, str]:
        """By route."""
        return {route.path: self._address(route.path) for route in REGISTERED if route.method == "GET"}

    def _address(self, path: str) -> str:
        section = path.removeprefix("/admin").partition("/")[2].partition("/")[0]
        for name in ("{id}", "{name}", "{queue}", "{key}", "{code}", "{event}"):
            path = path.replace(name, self.ids.get(section, name))
        return path


def stocked() -> Stock:
    """Fills the stage."""
    Stage.own().directory.put("anna", UserBody(email="anna@viewers.example", name="Anna", locale="ru"))
    campaigns = [make_campaign(n) for n in range(14)]
    notifications = [_notification() for _ in range(25)]
    _links(campaigns[0])
    for n in range(60):
        Stage.own().suppressions.add("email", f"u{n}@viewers.example", reason=SuppressionReason.BOUNCE)
    audiences = [Stage.own().lists.add(f"List {n}", by="test").list_id for n in range(22)]
    _load(audiences[0])
    Stage.own().template_changes.add("premiere", LETTER, by="test")
    segments = [_segment(n, campaigns[0]) for n in range(22)]
    pictures = [_picture(n) for n in range(30)]
    create_key("shop", ["users:read"])
    ids = {
        "campaigns": campaigns[0],
        "notifications": notifications[0],
        "lists": audiences[0],
        "segments": segments[0],
        "users": "anna",
        "event-rules": "user.registered",
        "links": CODE,
        "dead-letters": "retry",
        "templates": "premiere",
        "managers": "boss",
        "media": pictures[0],
    }
    return Stock(ids)


def _load(list_id: str) -> None:
    """More people than a page shows, and lines that were left out."""
    rows = [f"u{n}@viewers.example;Anna {n};{n % 9}" if n % 5 else f"nobody {n};;" for n in range(400)]
    Stage.own().uploads.put(list_id, "\n".join(["Почта;Имя;Зал", *rows]).encode())
    Stage.own().list_loader.load(list_id)


def _segment(n: int, campaign_id: str) -> str:
    """The id of one that asks about everything."""
    about = [
        {"attribute": "locale", "op": "equals", "value": "ru"},
        {"any": [{"attribute": "birthday", "op": "anniversary"}, {"attribute": "films", "op": "after", "value": 3}]},
        {"not": {"attribute": campaign_id, "op": "opened_campaign", "value": 30}},
        {"not": {"attribute": "any", "op": "got_letter", "value": 7}},
    ]
    body = SegmentBody.model_validate({"name": f"Segment {n}", "rule": {"all": about}})
    return Stage.own().segments.add(body.fields(), by="test").id


def _picture(n: int) -> str:
    """The id of one that is ready; every fifth is not described yet."""
    rows, picture_id = Stage.own().media_rows, f"{n:032x}"
    alt = {"en": f"Poster {n}", "ru": f"Постер {n}"} if n % 5 else {}
    rows.add(picture_id, title=f"poster-{n}.png", alt=alt, kind="png", by="test")
    rows.finish(picture_id, Made("png", "image/png", 600, 400, 40_000, 1200, 800, 90_000))
    return picture_id


def make_campaign(n: int) -> str:
    """The id of a running one."""
    context = {"headline": "Half price", "text": "All films.", "url": "https://cinema.example/p"}
    spec = {"name": f"Campaign {n}", "template": "promo", "audience": {"everyone": True}, "context": context}
    head = Stage.own().campaign_commands.draft(Campaign.model_validate(spec), by="test")
    Stage.own().campaign_commands.start(head.id, by="test")
    return head.id


def _notification() -> str:
    context = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
    body = {"template": "password-reset", "recipients": [{"user_id": "anna"}], "context": context}
    return Stage.own().accept.accept(NotificationRequest.model_validate(body), caller="test", key=None)[0].id


def _links(campaign_id: str) -> None:
    codes = [CODE, *(f"{n:022}" for n in range(30))]
    Stage.own().links.write(
        [
            Link(
                code=code,
                kind="short",
                user_id="anna",
                email=None,
                redirect_url="https://cinema.example/films",
                notification_id="n",
                channel="email",
                campaign_id=campaign_id,
                valid_until=now() + timedelta(days=30),
            )
            for code in codes
        ]
    )
