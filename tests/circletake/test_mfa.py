"""What is stored of a second factor cannot be read without the keys."""

from typing import Any

import pytest
from cryptography.fernet import Fernet, InvalidToken

from circletake.mfa import EncryptedSecrets


def test_a_secret_comes_back_and_is_not_stored_as_it_is() -> None:
    stored = EncryptedSecrets().encrypt("JBSWY3DPEHPK3PXP")
    assert "JBSWY3DPEHPK3PXP" not in stored
    assert EncryptedSecrets().decrypt(stored) == "JBSWY3DPEHPK3PXP"


def test_an_older_key_still_decrypts_and_a_removed_one_does_not(settings: Any) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    stored = EncryptedSecrets().encrypt("secret")
    settings.ENCRYPTION_KEYS = [new, old]
    assert EncryptedSecrets().decrypt(stored) == "secret"
    settings.ENCRYPTION_KEYS = [new]
    with pytest.raises(InvalidToken):
        EncryptedSecrets().decrypt(stored)
