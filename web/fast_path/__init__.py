"""The way of an answer from memory to whoever sent the very same request before, past Flask."""

from web.fast_path.middleware import FastPath
from web.fast_path.offer import offer

__all__ = ["FastPath", "offer"]
