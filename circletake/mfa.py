"""Secrets of the second factor are encrypted at rest by `ENCRYPTION_KEYS`."""

from allauth.mfa.adapter import DefaultMFAAdapter
from cryptography.fernet import Fernet, MultiFernet
from django.conf import settings


class EncryptedSecrets(DefaultMFAAdapter):  # type: ignore[misc]
    """The first key encrypts, every key decrypts, so that keys can be changed one by one."""

    def encrypt(self, text: str) -> str:
        return self._box().encrypt(text.encode()).decode()

    def decrypt(self, encrypted_text: str) -> str:
        return self._box().decrypt(encrypted_text.encode()).decode()

    def _box(self) -> MultiFernet:
        return MultiFernet([Fernet(key) for key in settings.ENCRYPTION_KEYS])
