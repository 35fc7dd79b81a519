"""Secrets of endpoints, and signatures by them, as Standard Webhooks has both.
https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md

A secret is derived from a key of the service, the endpoint's id and the secret's number. So it is kept
nowhere, and is the same after a restore.
"""

from __future__ import annotations

import hmac
import secrets
from base64 import b64encode
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cached_property
from hashlib import sha256

import structlog

from api.http.problems import ApiError
from api.redaction import protect
from api.settings import Settings
from ledger.endpoints.state import SecretName
from ledger.private_files import make_file

PREFIX = "whsec_"
KEY_FILE = "webhook-key"
"""In the data directory, where no keys are set."""
_KEY_ID_DIGITS = 16

log = structlog.get_logger()


class WebhookKeysUnavailable(ApiError):
    """The service has no key to derive the secrets of webhook endpoints from, or lacks the one of this
    secret.
    """

    code = "webhook_keys_unavailable"
    remedy = "Tell who runs the service: LIBERATION_WEBHOOK_KEYS names the keys, the newest first."
    passing = True


class EndpointSecrets:
    """Of all endpoints. A key is made when it is first needed, for development alone."""

    def __init__(self, settings: Settings) -> None:
        self._given = settings.webhook_keys
        self._path = settings.data_dir / KEY_FILE
        self._makes = not settings.live

    @property
    def key_id(self) -> str:
        """Of the key of new secrets. Raises `WebhookKeysUnavailable`."""
        return next(iter(self._keys))

    def secret(self, endpoint_id: str, name: SecretName) -> str:
        """Begins with `whsec_`. Raises `WebhookKeysUnavailable`."""
        return PREFIX + b64encode(self._derived(endpoint_id, name)).decode()

    def signatures(
        self, endpoint_id: str, names: Sequence[SecretName], message_id: str, at: datetime, body: bytes
    ) -> str:
        """The value of `webhook-signature`: one for each name, over the bytes that are sent."""
        content = b"%s.%d.%s" % (message_id.encode(), int(at.timestamp()), body)
        return " ".join(
            "v1," + b64encode(hmac.digest(self._derived(endpoint_id, name), content, "sha256")).decode()
            for name in names
        )

    def _derived(self, endpoint_id: str, name: SecretName) -> bytes:
        key = self._keys.get(name.key_id)
        if key is None:
            raise WebhookKeysUnavailable(
                f"The key {name.key_id} of this endpoint's secret is not known here."
            )
        return hmac.digest(
            key, f"liberation.endpoint-secret.v1\0{endpoint_id}\0{name.serial}".encode(), "sha256"
        )

    @cached_property
    def _keys(self) -> Mapping[str, bytes]:
        keys = [each.encode() for each in self._given] or [self._kept()]
        return {key_id_of(key): key for key in keys}

    def _kept(self) -> bytes:
        if not self._makes:
            raise WebhookKeysUnavailable("LIBERATION_WEBHOOK_KEYS is not set.")
        try:
            make_file(self._path, secrets.token_urlsafe(32).encode())
            key = self._path.read_bytes().strip()
        except OSError as error:
            log.warning("webhook_key_not_read", error=type(error).__name__)
            raise WebhookKeysUnavailable("The service's key for webhooks cannot be read.") from None
        protect([key.decode("ascii", "replace")])
        return key


def key_id_of(key: bytes) -> str:
    return sha256(b"liberation.webhook-key.v1\0" + key).hexdigest()[:_KEY_ID_DIGITS]
