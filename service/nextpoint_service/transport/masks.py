"""Which fields of an update count."""

from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message

_NEVER_CHANGED = {"experiment_id", "observation_id", "request_id", "update_mask"}


def fields_to_change(request: Message, mask: FieldMask) -> frozenset[str]:
    """Return the fields that the mask names; without a mask those that are set."""
    if mask.paths:
        return frozenset(mask.paths)
    present = {descriptor.name for descriptor, _ in request.ListFields()}
    return frozenset(present - _NEVER_CHANGED)
