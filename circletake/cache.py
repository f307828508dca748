"""The cache in Redis, which may be away: then nothing is found and nothing kept, and every page works on.

What lies in it is worth seconds (who looks at a request, how often a token called), never state.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, TypeVar

from django.core.cache.backends.redis import RedisCache
from redis.exceptions import RedisError

REST_SECONDS = 5.0
"""How long a Redis that failed is left alone, so that a page with many questions waits for one."""

Value = TypeVar("Value")


class PassableRedis(RedisCache):
    """As Django's; a Redis that is away is an empty cache."""

    _away_until = 0.0

    def _tried(self, work: Callable[[], Value], otherwise: Value) -> Value:
        if time.monotonic() < PassableRedis._away_until:
            return otherwise
        try:
            return work()
        except (RedisError, OSError):
            PassableRedis._away_until = time.monotonic() + REST_SECONDS
            return otherwise

    def add(self, *args: Any, **options: Any) -> bool:
        return bool(self._tried(lambda: super(PassableRedis, self).add(*args, **options), True))

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        return self._tried(lambda: super(PassableRedis, self).get(key, default, version), default)

    def set(self, *args: Any, **options: Any) -> None:
        self._tried(lambda: super(PassableRedis, self).set(*args, **options), None)

    def touch(self, *args: Any, **options: Any) -> bool:
        return bool(self._tried(lambda: super(PassableRedis, self).touch(*args, **options), False))

    def delete(self, *args: Any, **options: Any) -> bool:
        return bool(self._tried(lambda: super(PassableRedis, self).delete(*args, **options), False))

    def get_many(self, *args: Any, **options: Any) -> dict[Any, Any]:
        return self._tried(lambda: super(PassableRedis, self).get_many(*args, **options), {})

    def set_many(self, *args: Any, **options: Any) -> list[Any]:
        return self._tried(lambda: super(PassableRedis, self).set_many(*args, **options), [])

    def delete_many(self, *args: Any, **options: Any) -> None:
        self._tried(lambda: super(PassableRedis, self).delete_many(*args, **options), None)

    def has_key(self, *args: Any, **options: Any) -> bool:
        return bool(self._tried(lambda: super(PassableRedis, self).has_key(*args, **options), False))

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        return self._tried(lambda: super(PassableRedis, self).incr(key, delta, version), delta)

    def clear(self) -> None:
        self._tried(lambda: super(PassableRedis, self).clear(), None)
