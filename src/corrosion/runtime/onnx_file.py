"""Metadata and operators of an ONNX file, without the packages that know the format."""

from __future__ import annotations

from collections.abc import Iterator

from corrosion.runtime.metadata import KEY

# of onnx.proto: ModelProto.graph and .metadata_props, GraphProto.node, NodeProto.op_type,
# StringStringEntryProto.key and .value
_GRAPH, _METADATA, _NODE, _OPERATOR, _NAME, _VALUE = 7, 14, 1, 4, 1, 2
# kinds of fields in messages of Protocol Buffers, with the bytes of those of a fixed size
_NUMBER, _BYTES = 0, 2
_FIXED = {1: 8, 5: 4}


def metadata_of(content: bytes) -> str | None:
    """What `corrosion export` has written into an ONNX file.

    Args:
        content: bytes of the file.

    Returns:
        The metadata as text; None where it has none.

    Raises:
        ValueError: it is no ONNX file, or damaged.

    Example:
        >>> metadata_of(b"") is None
        True
        >>> metadata_of(b"no network")
        Traceback (most recent call last):
        ValueError: no message of Protocol Buffers
    """
    for number, entry in _fields(memoryview(content)):
        if number == _METADATA:
            said = {name: bytes(value).decode() for name, value in _fields(entry)}
            if said.get(_NAME) == KEY:
                return said.get(_VALUE)
    return None


def operators_of(content: bytes) -> set[str]:
    """The names of the operators of an ONNX file's graph, but for those of subgraphs.

    Args:
        content: bytes of the file.

    Raises:
        ValueError: it is no ONNX file, or damaged.
    """
    return {
        bytes(name).decode()
        for number, graph in _fields(memoryview(content))
        if number == _GRAPH
        for part, node in _fields(graph)
        if part == _NODE
        for field, name in _fields(node)
        if field == _OPERATOR
    }


def _fields(message: memoryview) -> Iterator[tuple[int, memoryview]]:
    """The fields of a message that hold bytes, by their number.

    Source: protobuf.dev/programming-guides/encoding.
    """
    at = 0
    while at < len(message):
        tag, at = _number(message, at)
        kind = tag & 7
        if kind == _BYTES:
            length, at = _number(message, at)
            yield tag >> 3, message[at : at + length]
            at += length
        elif kind == _NUMBER:
            _, at = _number(message, at)
        elif kind in _FIXED:
            at += _FIXED[kind]
        else:
            raise ValueError("no message of Protocol Buffers")
    if at > len(message):
        raise ValueError("the file is truncated")


def _number(message: memoryview, at: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = shift = 0
    while at < len(message):
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise ValueError("the file is truncated")
