"""What the clients of the soak write: reports with contacts, moved pins, ended issues, parcels, publications."""

from __future__ import annotations

import io
import random
import uuid
from collections import Counter
from collections.abc import Mapping
from typing import Any, Protocol

from PIL import Image

from tests.soak.clients import Answer, Connection, Stopped, Violation
from tests.soak.journal import Content, Journal
from tests.soak.zone import COLUMNS, ROWS, SOUTH, STEP, TILE, WEST, publication, square, title_of

CATEGORIES = ("fire_lane", "weeds", "gas")
_ABANDONED = 0.1  # of the writes whose answer was lost are never asked about again


class Writer(Protocol):
    """One kind of client."""

    def act(self) -> None:
        """Write once and note it."""


class Records:
    """Writes of records of one kind, each known by its id, one at a time."""

    kind = ""

    def __init__(self, connection: Connection, journal: Journal, seed: str, told: Counter[str]) -> None:
        self.connection = connection
        self.journal = journal
        self.random = random.Random(seed)  # noqa: S311  the same run again from the same seed
        self.told = told
        self.known: dict[str, tuple[int, Content]] = {}

    def write(
        self,
        request: tuple[str, str],
        identifier: str,
        version: int,
        content: Content,
        body: Mapping[str, Any] | None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer | None:
        """Note, send until it is settled, note again. None: the answer was lost and nobody asked again."""
        self.journal.sent(self.kind, identifier, version, content)
        self.known.pop(identifier, None)
        tries = 1 if self.random.random() < _ABANDONED else 1_000
        try:
            answer = self.connection.ask(*request, body, headers, tries=tries)
        except Stopped:
            if tries == 1:
                self.told["abandoned"] += 1
                return None
            raise
        if answer.status in (409, 412) and answer.repeated and version > 1:
            answer = self.look(identifier)  # it had happened, and its answer was lost
        if answer.status not in (200, 201) or answer.version != version:
            raise Violation(
                f"{request} answered {answer.status} {answer.headers.get('etag')} for {version}: {answer.body}"
            )
        self.journal.kept(self.kind, identifier, version, answer.revision, answer.code)
        self.told["acknowledged"] += 1
        if not content["ended"]:
            self.known[identifier] = (version, content)
        return answer

    def look(self, identifier: str) -> Answer:
        """The record as it is."""
        return self.connection.ask("GET", f"/api/{self.kind}/{identifier}")

    def some(self) -> tuple[str, int, Content]:
        """One of the own records that are not ended."""
        identifier = self.random.choice(list(self.known))
        return identifier, *self.known[identifier]

    def new_id(self) -> str:
        """An id as a client makes it."""
        return str(uuid.UUID(int=self.random.getrandbits(128), version=4))

    def end(self) -> None:
        """End one of the own records."""
        identifier, version, content = self.some()
        one = f"/api/{self.kind}/{identifier}"
        match = {"If-Match": f'"{version}"'}
        self.write(("DELETE", one), identifier, version + 1, {**content, "ended": True}, None, match)


class Issues(Records):
    """Reports by staff and by strangers, some sent twice; moves; ends."""

    kind = "issues"

    def act(self) -> None:
        """See Writer."""
        chance = self.random.random()
        if len(self.known) < 3 or chance < 0.45:
            self.report()
        elif chance < 0.65:
            self.move()
        elif chance < 0.72:
            self.add_photo()
        else:
            self.end()

    def report(self) -> None:
        """Report an issue with words and a contact; one in six is sent once more, as a phone does."""
        identifier = self.new_id()
        lon, lat = self.place()
        told = {
            "text": f"情况 {identifier}",
            "name": f"人 {identifier[:8]}",
            "phone": f"1{identifier[-12:-2]}",
        }
        content = {"lon": lon, "lat": lat, "category": self.random.choice(CATEGORIES), "ended": False, **told}
        body = {
            "id": identifier,
            "category": content["category"],
            "text": told["text"],
            "lon": lon,
            "lat": lat,
            "contact": {"name": told["name"], "phone": told["phone"]},
        }
        headers = {"X-Device-Token": f"phone {identifier}"} if self.random.random() < 0.3 else {}
        answer = self.write(("POST", "/api/issues"), identifier, 1, content, body, headers)
        if answer is not None and answer.status == 200 and not answer.repeated:
            raise Violation(f"a first report of {identifier} was taken for a repeat")
        if answer is not None and self.random.random() < 0.17:
            again = self.connection.ask("POST", "/api/issues", body, headers)
            self.told["repeats"] += 1
            if again.status != 200 or again.body["issue"]["code"] != answer.body["issue"]["code"]:
                raise Violation(f"a repeat of {identifier} answered {again.status}: {again.body}")

    def move(self) -> None:
        """Move a pin."""
        identifier, version, content = self.some()
        lon, lat = self.place()
        match = {"If-Match": f'"{version}"'}
        one = ("POST", f"/api/issues/{identifier}/move")
        moved = {**content, "lon": lon, "lat": lat}
        self.write(one, identifier, version + 1, moved, {"lon": lon, "lat": lat}, match)

    def add_photo(self) -> None:
        """Add a photo to one of the own issues."""
        identifier, own = self.some()[0], self.new_id()
        self.journal.sent("attachments", own, 1, {"record": identifier})
        body, headers = photo_form(own)
        answer = self.connection.ask("POST", f"/api/issues/{identifier}/attachments", body, headers)
        if answer.status not in (200, 201) or answer.body["id"] != own:
            raise Violation(f"photo {own} of {identifier} answered {answer.status}: {answer.body}")
        self.journal.kept("attachments", own, 1, None)
        self.told["acknowledged"] += 1

    def place(self) -> tuple[float, float]:
        """A place in the areas, or a little outside them."""
        lon = WEST + self.random.uniform(-0.1, 1.1) * COLUMNS * TILE
        lat = SOUTH + self.random.uniform(-0.1, 1.1) * (ROWS + 1) * TILE
        return round(lon, 7), round(lat, 7)


class Parcels(Records):
    """Parcels made, redrawn and ended."""

    kind = "parcels"

    def act(self) -> None:
        """See Writer."""
        chance = self.random.random()
        if len(self.known) < 3 or chance < 0.4:
            self.create()
        elif chance < 0.85:
            self.redraw()
        else:
            self.end()

    def create(self) -> None:
        """Make a parcel."""
        identifier = self.new_id()
        content: Content = {
            "code": f"DK-{identifier[:13]}",
            "side": self.random.randint(1, 9),
            "ended": False,
        }
        body = {
            "id": identifier,
            "code": content["code"],
            "name_zh": "地块",
            "stage": "reserved",
            "land_scheme": "ydyh-2023",
            "land_code": "1001",
            "geometry": parcel_shape(identifier, content["side"]),
        }
        self.write(("POST", "/api/parcels"), identifier, 1, content, body)

    def redraw(self) -> None:
        """Give a parcel another boundary, which keeps the old one as an edition."""
        identifier, version, content = self.some()
        side = self.random.choice([each for each in range(1, 10) if each != content["side"]])
        body = {"geometry": parcel_shape(identifier, side)}
        match = {"If-Match": f'"{version}"'}
        one = ("PATCH", f"/api/parcels/{identifier}")
        self.write(one, identifier, version + 1, {**content, "side": side}, body, match)


def photo_form(identifier: str) -> tuple[bytes, dict[str, str]]:
    """A small photo, different for each id, as a form with its id; and the headers of the form."""
    colour = tuple(int(identifier[start : start + 2], 16) for start in (0, 2, 4))
    picture = io.BytesIO()
    Image.new("RGB", (64, 48), colour).save(picture, "PNG")
    edge = f"edge-{identifier}"
    part = f'--{edge}\r\nContent-Disposition: form-data; name="{{}}"{{}}\r\n\r\n'
    start = part.format("id", "") + identifier + "\r\n" + part.format("file", '; filename="photo.png"')
    body = start.encode() + picture.getvalue() + f"\r\n--{edge}--\r\n".encode()
    return body, {"Content-Type": f"multipart/form-data; boundary={edge}"}


def parcel_shape(identifier: str, side: int) -> dict[str, Any]:
    """The boundary of a parcel: its place comes from its id, its size is `side` ten-thousandths of a degree."""
    place = int(identifier[:8], 16)
    return square(WEST + (place % 38) * STEP, SOUTH + (place // 38 % 38) * STEP, side * STEP / 10)


class Publications:
    """Publishes every area anew, one edition set after another."""

    def __init__(self, connection: Connection, journal: Journal, told: Counter[str]) -> None:
        self.connection = connection
        self.journal = journal
        self.told = told
        self.number = 0

    def act(self) -> None:
        """See Writer. Sent again after a lost answer, a publication that happened changes nothing."""
        number = self.number + 1
        self.journal.sent("publications", title_of(number), number, {"number": number})
        answer = self.connection.ask("POST", "/api/areas/publish", publication(number))
        done = answer.repeated and (
            answer.status == 404 or (answer.status == 200 and answer.body["edition_set"] == 0)
        )
        if not done and (answer.status not in (200, 201) or answer.body["edition_set"] != number):
            raise Violation(f"publication {number} answered {answer.status}: {answer.body}")
        self.journal.kept("publications", title_of(number), number, None if done else answer.revision)
        self.told["acknowledged"] += 1
        self.number = number
