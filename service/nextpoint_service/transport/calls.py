"""What every request has: an id that makes it safe to repeat, and pages of lists."""

import base64
import binascii
from collections.abc import Sequence
from hashlib import blake2b
from typing import TypeVar

from google.protobuf.message import Message

from nextpoint_service.application.idempotency import Call
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.limits import Limits

_REQUEST_ID_CHARACTERS = 64
_DIGEST_BYTES = 16
T = TypeVar("T")


def call_from_proto(request: Message, request_id: str) -> Call:
    """Return the identity of a call that changes something."""
    printable = request_id.isascii() and request_id.isprintable()
    if len(request_id) > _REQUEST_ID_CHARACTERS or not printable:
        limit = f"must be at most {_REQUEST_ID_CHARACTERS} characters of printable ASCII"
        raise InvalidRequest([FieldViolation("request_id", limit)])
    return Call(
        request.DESCRIPTOR.name.removesuffix("Request"), request_id, _digest(request, "request_id")
    )


class Paging:
    """Reads the page that a request asks for and writes the token of the next one.

    A token is the position of the last thing on a page and a digest of the query, so that it does
    not serve another query.
    """

    def __init__(self, request: Message, size: int, token: str, limits: Limits) -> None:
        self._digest = _digest(request, "page_size", "page_token")
        if size < 0:
            raise InvalidRequest([FieldViolation("page_size", f"must be at least 0, got {size}")])
        self._size = min(size or limits.default_page_size, limits.page_size)
        before = self._position(token) if token else None
        # One more than asked for tells whether there is a next page.
        self.page = Page(self._size + 1, before)

    def cut(self, found: Sequence[tuple[int, T]]) -> tuple[list[T], str]:
        """Return what belongs on the page, and the token of the next one; empty at the end."""
        shown = found[: self._size]
        token = self._token(shown[-1][0]) if len(found) > self._size else ""
        return [each for _, each in shown], token

    def _token(self, position: int) -> str:
        return base64.urlsafe_b64encode(self._digest + position.to_bytes(8, "big")).decode()

    def _position(self, token: str) -> int:
        try:
            raw = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError):
            raw = b""
        if len(raw) != _DIGEST_BYTES + 8 or raw[:_DIGEST_BYTES] != self._digest:
            message = "is not the next_page_token of this query"
            raise InvalidRequest([FieldViolation("page_token", message)])
        return int.from_bytes(raw[_DIGEST_BYTES:], "big")


def _digest(request: Message, *without: str) -> bytes:
    copy = type(request)()
    copy.CopyFrom(request)
    for field in without:
        copy.ClearField(field)
    content = copy.SerializeToString(deterministic=True)
    return blake2b(
        request.DESCRIPTOR.name.encode() + b"\0" + content, digest_size=_DIGEST_BYTES
    ).digest()
