"""
SHA-256 as Python itself has it: `hashlib` would load OpenSSL for it, 4 MB of a recorder that has 16.

The module has another name since Python 3.12; builds that leave it out have `hashlib`.
"""

from importlib import import_module


def hexdigest(content: bytes) -> str:
    for name in ("_sha2", "_sha256", "hashlib"):
        try:
            return str(import_module(name).sha256(content).hexdigest())
        except ImportError:
            continue
    raise AssertionError("Python has no SHA-256")
