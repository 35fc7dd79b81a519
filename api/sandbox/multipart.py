"""Bodies of `multipart/form-data`, as SDKs send files. https://www.rfc-editor.org/rfc/rfc7578"""

from __future__ import annotations

from email.message import Message
from typing import Any

from api.sandbox.errors import StripeError
from api.sandbox.resources.files import Upload

MEDIA_TYPE = b"multipart/form-data"


def parse(body: bytes, content_type: bytes) -> dict[str, Any]:
    """Texts by their names; what has a file name is an `Upload`. Raises StripeError for what is none."""
    boundary = _header(content_type).get_param("boundary", "")
    if not boundary or not isinstance(boundary, str):
        raise _malformed()
    parts = (b"\r\n" + body).split(b"\r\n--" + boundary.encode("latin-1"))
    if len(parts) < 2 or not parts[-1].startswith(b"--"):  # noqa: PLR2004  before the first, and the last
        raise _malformed()
    return dict(_part(part) for part in parts[1:-1])


def _part(part: bytes) -> tuple[str, Any]:
    head, separator, content = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
    if not separator:
        raise _malformed()
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-disposition":
            return _named(_header(value.strip(), "content-disposition"), content)
    raise _malformed()


def _named(disposition: Message, content: bytes) -> tuple[str, Any]:
    name = disposition.get_param("name", "", "content-disposition")
    filename = disposition.get_param("filename", None, "content-disposition")
    if not isinstance(name, str) or not name:
        raise _malformed()
    if filename is not None:
        return name, Upload(filename=str(filename), content=content)
    return name, content.decode("utf-8", "replace")


def _header(value: bytes, name: str = "content-type") -> Message:
    message = Message()
    message[name] = value.decode("latin-1")
    return message


def _malformed() -> StripeError:
    return StripeError("Invalid request: the body is no multipart/form-data.", saved=False)
