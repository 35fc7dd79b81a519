"""Signed statements of where history ended, to be kept elsewhere.

A chain alone cannot show that its tail was cut: what is left is a shorter, consistent chain. A
checkpoint kept outside the database can.
"""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from psycopg import Connection

from ledger.errors import ChainBroken, OperatorError
from ledger.message import Instant
from ledger.private_files import make_file
from ledger.store import chain

_FORMAT = "liberation.checkpoint.v1"


class CheckpointError(OperatorError):
    """The checkpoint itself cannot be trusted or read; it says nothing about the ledger."""

    code = "checkpoint"


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is signed: the ledger had exactly this history at this time."""

    format: str = _FORMAT
    ledger_id: str
    position: int
    hash: str
    """Hexadecimal, of the event at `position`."""
    at: Instant


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`signature` is base64 Ed25519 over the statement's JSON with sorted keys and no white space."""

    statement: Statement
    public_key: str
    """Base64, 32 bytes; compare it with the one that you were given, or pass that to `check`."""
    signature: str


def _signed_bytes(statement: Statement) -> bytes:
    return msgspec.json.encode(statement, order="sorted")


def sign(head: chain.Head, at: datetime, key: Ed25519PrivateKey) -> Checkpoint:
    """Sign a head that `chain.verify` has just returned."""
    statement = Statement(ledger_id=head.ledger_id, position=head.position, hash=head.hash.hex(), at=at)
    public = key.public_key().public_bytes_raw()
    return Checkpoint(
        statement=statement,
        public_key=base64.b64encode(public).decode(),
        signature=base64.b64encode(key.sign(_signed_bytes(statement))).decode(),
    )


def read(file: Path) -> Checkpoint:
    """Raises `CheckpointError` for what is no checkpoint."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Checkpoint)
    except OSError as error:
        raise CheckpointError(f"{file} cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise CheckpointError(f"{file} is no checkpoint: {error}") from error


def check(conn: Connection[Any], checkpoint: Checkpoint, trusted: bytes | None = None) -> None:
    """The ledger still has the history that the checkpoint states.

    `trusted` is the public key (32 bytes) that must have signed it; without one the checkpoint's own
    is used, which shows damage but not forgery. Raises `CheckpointError` for a bad signature or
    another ledger's checkpoint, `ChainBroken` when history was cut or replaced.
    """
    statement = checkpoint.statement
    _check_signature(checkpoint, trusted)
    head = chain.read_head(conn)
    if head.ledger_id != statement.ledger_id:
        raise CheckpointError(
            f"the checkpoint is of ledger {statement.ledger_id}, this one is {head.ledger_id}"
        )
    stored = (
        chain.genesis(head.ledger_id) if statement.position == 0 else chain.hash_at(conn, statement.position)
    )
    if stored is None:
        raise ChainBroken(
            head.position + 1,
            f"the tail was cut: the checkpoint of {statement.at.isoformat()} knows position "
            f"{statement.position}, the ledger ends at {head.position}",
        )
    if stored.hex() != statement.hash:
        raise ChainBroken(
            statement.position,
            f"history was replaced: position {statement.position} is not the one "
            f"that was signed on {statement.at.isoformat()}",
        )


def _check_signature(checkpoint: Checkpoint, trusted: bytes | None) -> None:
    try:
        own = base64.b64decode(checkpoint.public_key, validate=True)
        if trusted is not None and trusted != own:
            raise CheckpointError("the checkpoint was signed with another key than the one given")
        signature = base64.b64decode(checkpoint.signature, validate=True)
        Ed25519PublicKey.from_public_bytes(own).verify(signature, _signed_bytes(checkpoint.statement))
    except (InvalidSignature, ValueError) as error:
        raise CheckpointError("the checkpoint's signature is wrong: it was changed after signing") from error


def load_or_make_key(file: Path) -> Ed25519PrivateKey:
    """The signing key in `file` (PEM, PKCS 8), made on first use and readable by its owner alone."""
    if not file.exists():
        made = Ed25519PrivateKey.generate().private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        make_file(file, made)
    key = serialization.load_pem_private_key(file.read_bytes(), password=None)
    if not isinstance(key, Ed25519PrivateKey):
        raise CheckpointError(f"{file} holds no Ed25519 private key")
    return key


def load_public_key(file: Path) -> bytes:
    """32 bytes from a PEM file, of a public key or of the private one."""
    try:
        pem = file.read_bytes()
        key: Any = (
            serialization.load_pem_private_key(pem, password=None).public_key()
            if b"PRIVATE" in pem
            else serialization.load_pem_public_key(pem)
        )
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{file} holds no key that can be read: {error}") from error
    if not isinstance(key, Ed25519PublicKey):
        raise CheckpointError(f"{file} holds no Ed25519 key")
    return key.public_bytes_raw()
