"""What every request has: an id that makes it safe to repeat, and pages of lists."""

import base64
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import TypeVar

from google.protobuf.message import Message

from nextpoint_service.application.idempotency import Call
from nextpoint_service.application.ports import Page
from nextpoint_service.domain.errors import FieldViolation, InvalidRequest
from nextpoint_service.domain.limits import Limits
from nextpoint_service.domain.violations import Violations

_REQUEST_ID_CHARACTERS = 64
_DIGEST_BYTES = 16
_LAST_POSITION = 2**63 - 1
_PAGE_BYTES = 3 * 1024 * 1024
"""A page that would be larger is cut: clients take 4 MiB unless they are told otherwise."""
T = TypeVar("T")
M = TypeVar("M", bound=Message)


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

    def __init__(
        self, request: Message, size: int, token: str, limits: Limits, violations: Violations
    ) -> None:
        """Note what is wrong with the size and the token."""
        self._digest = _digest(request, "page_size", "page_token")
        if size < 0:
            violations.add("page_size", f"must be at least 0, got {size}")
        self._size = min(size or limits.default_page_size, limits.page_size)
        before = self._position(token)
        if token and before is None:
            violations.add("page_token", "is not the next_page_token of this query")
        # One more than asked for tells whether there is a next page.
        self.page = Page(self._size + 1, before)

    def cut(self, found: Sequence[tuple[int, T]], convert: Callable[[T], M]) -> tuple[list[M], str]:
        """Return what belongs on the page, and the token of the next one; empty at the end."""
        messages: list[M] = []
        size = 0
        position = 0
        for position_of_each, each in found[: self._size]:
            message = convert(each)
            size += message.ByteSize()
            if messages and size > _PAGE_BYTES:
                break
            messages.append(message)
            position = position_of_each
        token = self._token(position) if len(messages) < len(found) else ""
        return messages, token

    def _token(self, position: int) -> str:
        return base64.urlsafe_b64encode(self._digest + position.to_bytes(8, "big")).decode()

    def _position(self, token: str) -> int | None:
        """Return where the page of the token begins; None when it is not one of this query."""
        try:
            raw = base64.urlsafe_b64decode(token)
        except ValueError:
            return None
        position = int.from_bytes(raw[_DIGEST_BYTES:], "big")
        is_own = position <= _LAST_POSITION and token == self._token(position)
        return position if is_own else None


def _digest(request: Message, *without: str) -> bytes:
    copy = type(request)()
    copy.CopyFrom(request)
    for field in without:
        copy.ClearField(field)
    content = copy.SerializeToString(deterministic=True)
    return blake2b(
        request.DESCRIPTOR.name.encode() + b"\0" + content, digest_size=_DIGEST_BYTES
    ).digest()
