"""Understands the process's secrets: the only door to encryption, keyed hashes and signatures."""

from __future__ import annotations

import hmac as hmac_module
import os
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from credithub.errors import ConfigurationError

NAMES = ("encryption.key", "hmac.key", "signing.key")
LENGTH = 32  # bytes of each secret
NONCE = 12  # bytes, as AES-GCM wants it
VERSION = b"\x01"  # first byte of everything encrypted: which key and cipher


@dataclass(slots=True)
class Vault:
    """Holds the three secrets of an installation. Opened once a process, never logged."""

    _encryption: AESGCM = field(repr=False)
    _hmac_key: bytes = field(repr=False)
    _signing: Ed25519PrivateKey = field(repr=False)

    @staticmethod
    def open(secrets_dir: str | Path) -> Vault:
        """Reads the secrets. Missing, short or sample ones are a ConfigurationError."""
        encryption, hmac_key, signing = (_read(Path(secrets_dir) / name) for name in NAMES)
        return Vault(AESGCM(encryption), hmac_key, Ed25519PrivateKey.from_private_bytes(signing))

    def encrypt(self, plain: bytes, context: bytes) -> bytes:
        """AES-256-GCM; `context` must be given again to decrypt."""
        nonce = os.urandom(NONCE)
        return VERSION + nonce + self._encryption.encrypt(nonce, plain, context)

    def decrypt(self, sealed: bytes, context: bytes) -> bytes:
        """Raises cryptography's InvalidTag when altered or of another context."""
        return self._encryption.decrypt(sealed[1 : 1 + NONCE], sealed[1 + NONCE :], context)

    def hmac(self, label: str, value: str) -> str:
        """64 hex digits; `label` keeps the uses of the key apart."""
        return hmac_module.digest(self._hmac_key, f"{label}\0{value}".encode(), "sha256").hex()

    def sign(self, content: bytes) -> bytes:
        """Ed25519, 64 bytes."""
        return self._signing.sign(content)

    def public_key(self) -> bytes:
        """32 raw bytes; what a supplier needs to verify receipts offline."""
        return self._signing.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def is_genuine(public_key: bytes, content: bytes, signature: bytes) -> bool:
    """Whether `signature` over `content` was made with this key's other half. Never raises for bad input."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def create_secrets(secrets_dir: str | Path) -> None:
    """Makes what is missing, readable by its owner alone. What exists stays."""
    folder = Path(secrets_dir)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in NAMES:
        if not (folder / name).exists():
            _write(folder / name, _fresh(name))


def _fresh(name: str) -> bytes:
    if name == "signing.key":
        return Ed25519PrivateKey.generate().private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    return os.urandom(LENGTH)


def _write(path: Path, secret: bytes) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(secret.hex())


def _read(path: Path) -> bytes:
    try:
        secret = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as problem:
        raise ConfigurationError(f"密钥不可读 / secret unreadable: {path.name}: {type(problem).__name__}") from None
    if len(secret) != LENGTH or len(set(secret)) < 8:  # all zeros, 0102…, "changeme": a sample, not a secret
        raise ConfigurationError(f"拒绝示例密钥 / a sample secret is refused: {path.name}")
    return secret
