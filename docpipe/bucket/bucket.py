"""What the pipeline asks of a store of objects, and how one is opened by its URL."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Protocol
from urllib.parse import unquote, urlsplit

from docpipe.errors import ConfigurationError
from docpipe.models import ObjectInfo
from docpipe.settings import Settings

_ADVICE = "set DOCPIPE_BUCKET and DOCPIPE_ARTIFACTS to file:///absolute/path or s3://bucket/prefix"


class Bucket(Protocol):
    """Objects by key; safe for many threads.

    Every method raises `BucketMissing`, `BucketDenied` or `BucketUnavailable` when the store itself is the trouble,
    and `Superseded` when the object is not there. A key is 1 to 1,024 bytes of UTF-8 without NUL; one that the store
    cannot hold raises `DocumentRefused`.
    """

    def list(self, after: str = "", prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield the objects with keys greater than `after` that start with `prefix`, in order of the UTF-8 bytes of the key.

        Streams, in memory that does not grow with the number of objects. Names that are not UTF-8, longer than
        1,024 bytes or that contain NUL are left out with one logged warning.
        """

    def stat(self, key: str) -> ObjectInfo:
        """Return what `list` would say about one object."""

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        """Return up to `length` bytes from `start` on; fewer, or none, where the object ends before."""

    def download(self, key: str, path: Path) -> tuple[ObjectInfo, str]:
        """Copy the object to `path` and return what was copied with its sha256 as 64 hex digits.

        The info belongs to exactly these bytes: an object that changes on the way raises `Superseded`. After an
        error nothing is left at `path`.
        """

    def write(self, key: str, data: bytes | Path) -> ObjectInfo:
        """Store bytes or the content of a file: readers see the old object or the new one, never a part.

        Raises `BucketFull` where there is no room.
        """

    def copy(self, info: ObjectInfo, key: str) -> ObjectInfo | None:
        """Copy an object, if it still is the one of `info`, to a key that is free; None where an object lies there already.

        An object that is another by now, or gone, raises `Superseded`.
        """

    def delete(self, key: str, only: ObjectInfo | None = None) -> None:
        """Remove an object; one that is not there is fine. With `only`, one that is another by now stays, and raises `Superseded`."""


def open_bucket(url: str, settings: Settings) -> Bucket:
    """Open `file:///path` or `s3://bucket/prefix`.

    A folder inside `settings.home` is made when it is not there. Any other must exist: an unmounted or misspelt
    folder must not pass for an empty bucket, or every document would count as deleted. Errors never repeat the URL, which may
    hold credentials by mistake.
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        raise ConfigurationError(f"what is set as a bucket is no URL: {_ADVICE}") from None
    if parts.scheme == "file":
        from docpipe.bucket.folder import FolderBucket

        path = Path(unquote(parts.path))
        if parts.netloc not in ("", "localhost") or not path.is_absolute():
            raise ConfigurationError(f"a file:// URL that names no folder on this machine: {_ADVICE}")
        if path.resolve().is_relative_to(settings.home):
            path.mkdir(parents=True, exist_ok=True)
        return FolderBucket(path)
    if parts.scheme == "s3":
        from docpipe.bucket.s3 import S3Bucket

        # Not the parsed path: a prefix may hold `?` and `#`.
        name, _, prefix = url.removeprefix("s3://").partition("/")
        if not name:
            raise ConfigurationError(f"an s3:// URL that names no bucket: {_ADVICE}")
        if "@" in name:
            raise ConfigurationError(
                f"an s3:// URL with credentials in it: {_ADVICE}, and DOCPIPE_S3_ACCESS_KEY and DOCPIPE_S3_SECRET_KEY to the credentials"
            )
        return S3Bucket(name, prefix, settings)
    # Without "//" what looks like a scheme may be the user name of credentials.
    found = f"{parts.scheme}:// is no kind of bucket" if parts.scheme and "://" in url else "what is set as a bucket has no scheme"
    raise ConfigurationError(f"{found}: {_ADVICE}")
