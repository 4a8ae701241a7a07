"""The key of the fingerprints: made once per deployment, kept encrypted, never in a template or a variable.

Envelope encryption: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html#enveloping
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from pushwarden.aws.state import State
from pushwarden.errors import PushwardenError

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

_SETTING: Final = "fingerprint-key"
_CONTEXT: Final = {"pushwarden": "fingerprint-key"}


def fingerprint_key(state: State, kms: KMSClient, key_id: str) -> bytes:
    """Return the deployment's fingerprint key (32 bytes), making it at the first call.

    Args:
        state: where the encrypted key is kept.
        kms: the client that encrypts and decrypts it.
        key_id: id or ARN of the customer-managed key.

    Raises:
        PushwardenError: the key was written and cannot be read back.
    """
    encrypted = state.setting(_SETTING)
    if encrypted is None:
        made = kms.generate_data_key_without_plaintext(KeyId=key_id, KeySpec="AES_256", EncryptionContext=_CONTEXT)
        # Two first calls at once may both make one; the first to write wins, and both read that one back.
        state.save_setting_once(_SETTING, made["CiphertextBlob"])
        encrypted = state.setting(_SETTING)
    if encrypted is None:
        raise PushwardenError(
            "the fingerprint key cannot be read back from the table; check the function's table rights"
        )
    return kms.decrypt(CiphertextBlob=bytes(encrypted), KeyId=key_id, EncryptionContext=_CONTEXT)["Plaintext"]
