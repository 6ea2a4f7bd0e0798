"""S3 and what speaks its protocol, as a bucket."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from docpipe.bucket.disk import disk_errors
from docpipe.bucket.object_key import LeftOut, check_object_key
from docpipe.bucket.s3_errors import error_code, s3_errors
from docpipe.errors import BucketDenied, BucketUnavailable, ConfigurationError, DocumentRefused, Superseded
from docpipe.models import ObjectInfo
from docpipe.settings import Settings

_PART_BYTES = 64 * 1024 * 1024
"""Bytes asked for in one request: what a broken connection can cost."""

_LARGEST_COPY = 5 * 1024**3
"""Bytes that one request may copy; more is copied in parts, which know no condition on the target."""

_PAGE = 1_000
"""Keys in one answer to a listing; S3 gives no more."""

_ATTEMPTS = 3
"""Tries of one request, with growing pauses; what outlasts them is for the stage's own retries."""

_COPY_BYTES = 1024 * 1024
_clients = threading.Lock()


class S3Bucket:
    """The objects of one bucket, or those under a prefix of it: `s3://bucket/in` holds `in/a.pdf` as `a.pdf`.

    Identity is etag and size. The version stays empty: a listing does not tell it, and an identity that differs by
    the way an object was looked at would make every document look changed.
    """

    def __init__(self, name: str, prefix: str, settings: Settings) -> None:
        self._name = name
        self._prefix = f"{prefix.rstrip('/')}/" if prefix.strip("/") else ""
        self._settings = settings
        self._seen = False

    def __repr__(self) -> str:
        return f"S3Bucket(s3://{self._name}/{self._prefix})"

    def list(self, after: str = "", prefix: str = "") -> Iterator[ObjectInfo]:
        left_out = LeftOut(repr(self))
        start = {"StartAfter": self._prefix + after} if after else {}
        last = after
        with s3_errors(self._name):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._name, Prefix=self._prefix + prefix, PaginationConfig={"PageSize": _PAGE}, **start
            )
            for page in pages:
                for entry in page.get("Contents", ()):
                    info = self._info(entry["Key"].removeprefix(self._prefix), entry["Size"], entry)
                    if not info.key or (info.key.endswith("/") and info.size == 0):
                        # What consoles write to show an empty folder; nobody's document.
                        continue
                    if info.key <= last:
                        # Directory buckets do this. Compared with the ledger, it would read as thousands of deletions.
                        raise ConfigurationError(f"{self!r} does not list in order of its keys: use a general purpose bucket")
                    last = info.key
                    try:
                        check_object_key(info.key)
                    except DocumentRefused:
                        left_out.add(info.key)
                    else:
                        yield info
        left_out.log()

    def stat(self, key: str) -> ObjectInfo:
        check_object_key(key)
        with self._object_errors(key):
            answer = self._client.head_object(Bucket=self._name, Key=self._prefix + key)
        return self._info(key, answer["ContentLength"], answer)

    def read(self, key: str, start: int = 0, length: int | None = None) -> bytes:
        if length == 0:
            self.stat(key)
            return b""
        check_object_key(key)
        end = "" if length is None else start + length - 1
        part = {"Range": f"bytes={start}-{end}"} if start or length is not None else {}
        with self._object_errors(key):
            try:
                answer = self._client.get_object(Bucket=self._name, Key=self._prefix + key, **part)
            except ClientError as error:
                if error_code(error) != "InvalidRange":
                    raise
                return b""
            with contextlib.closing(answer["Body"]) as body:
                data: bytes = body.read()
        return data

    def download(self, key: str, path: Path) -> tuple[ObjectInfo, str]:
        check_object_key(key)
        with self._object_errors(key):
            head = self._client.head_object(Bucket=self._name, Key=self._prefix + key)
        info = self._info(key, head["ContentLength"], head)
        hasher = hashlib.sha256()
        with disk_errors(path):
            try:
                with path.open("wb") as target:
                    for start in range(0, info.size, _PART_BYTES):
                        for block in self._part(key, start, min(start + _PART_BYTES, info.size), head["ETag"]):
                            hasher.update(block)
                            target.write(block)
            except BaseException:
                path.unlink(missing_ok=True)
                raise
        return info, hasher.hexdigest()

    def write(self, key: str, data: bytes | Path) -> ObjectInfo:
        check_object_key(key)
        with self._object_errors(key, writing=True):
            if isinstance(data, bytes):
                answer = self._client.put_object(Bucket=self._name, Key=self._prefix + key, Body=data)
                return self._info(key, len(data), answer)
            with data.open("rb") as file:
                self._client.upload_fileobj(file, self._name, self._prefix + key)
        return self.stat(key)

    def copy(self, info: ObjectInfo, key: str) -> ObjectInfo | None:
        """Copy an object within the store.

        Stores that do not know the conditions are asked beforehand: on these, what is written in the instant between can be lost.
        """
        check_object_key(key)
        self._expect(info)
        if self._is_there(key):
            return None
        source, target = {"Bucket": self._name, "Key": self._prefix + info.key}, {"Bucket": self._name, "Key": self._prefix + key}
        condition = {"CopySourceIfMatch": f'"{info.etag}"'}
        try:
            with self._object_errors(key, writing=True):
                if info.size > _LARGEST_COPY:
                    self._client.copy(source, **target, ExtraArgs=condition)
                else:
                    _conditionally(partial(self._client.copy_object, CopySource=source, **target, **condition), IfNoneMatch="*")
        except Superseded:
            if self._is_there(key):
                return None
            raise
        return self.stat(key)

    def delete(self, key: str, only: ObjectInfo | None = None) -> None:
        check_object_key(key)
        if only is not None:
            if not self._is_there(key):
                return
            self._expect(only)
        condition = {"IfMatch": f'"{only.etag}"'} if only else {}
        with self._object_errors(key, writing=True):
            _conditionally(partial(self._client.delete_object, Bucket=self._name, Key=self._prefix + key), **condition)

    def _expect(self, info: ObjectInfo) -> None:
        if self.stat(info.key).identity != info.identity:
            raise Superseded(f"{info.key!r} is another object by now: the next look at the bucket takes the new one")

    def _is_there(self, key: str) -> bool:
        try:
            self.stat(key)
        except Superseded:
            return False
        return True

    def _part(self, key: str, start: int, end: int, etag: str) -> Iterator[bytes]:
        """Yield the bytes from `start` up to `end` of the object that has this etag, and of no other."""
        left = end - start
        with self._object_errors(key):
            answer = self._client.get_object(Bucket=self._name, Key=self._prefix + key, Range=f"bytes={start}-{end - 1}", IfMatch=etag)
            # Closed whatever happens: a body left unread keeps its connection from the pool.
            with contextlib.closing(answer["Body"]) as body:
                if answer["ContentLength"] == left and answer["ETag"] == etag:
                    for block in body.iter_chunks(_COPY_BYTES):
                        left -= len(block)
                        yield block
        if left:
            raise BucketUnavailable(
                f"The object store sent other bytes of {key!r} than were asked for: look at the store or what is before it"
            )

    @contextlib.contextmanager
    def _object_errors(self, key: str, *, writing: bool = False) -> Iterator[None]:
        """Like `s3_errors`, and tells apart what S3 does not: is it the object, or the whole bucket?"""
        try:
            with s3_errors(self._name, key):
                yield
        except Superseded:
            # The answer to HEAD is a bare 404, for a bucket that is missing as well.
            if not self._seen:
                self._probe()
            raise
        except BucketDenied as error:
            self._probe()
            if writing:
                raise
            # One forbidden object, by its own key or policy, is that document's trouble alone.
            raise DocumentRefused(f"{key!r} may not be read though the bucket may be listed: allow s3:GetObject and its key") from error

    def _probe(self) -> None:
        with s3_errors(self._name):
            self._client.list_objects_v2(Bucket=self._name, Prefix=self._prefix, MaxKeys=1)
        self._seen = True

    @property
    def _client(self) -> Any:
        settings = self._settings
        with _clients:
            return _client(
                settings.s3_endpoint,
                settings.s3_region,
                settings.s3_access_key.get_secret_value(),
                settings.s3_secret_key.get_secret_value(),
            )

    @staticmethod
    def _info(key: str, size: int, answer: dict[str, Any]) -> ObjectInfo:
        return ObjectInfo(key, size, answer["ETag"].strip('"'), "", answer.get("LastModified"))


def _conditionally(request: Callable[..., Any], **condition: str) -> None:
    """Ask with a condition; without it where the store does not know any."""
    try:
        request(**condition)
    except ClientError as error:
        if not condition or error_code(error) != "NotImplemented":
            raise
        request()


@lru_cache(maxsize=8)
def _client(endpoint: str, region: str, access_key: str, secret_key: str) -> Any:
    """One client a process for each account: making one takes a tenth of a second, and it is safe for many threads."""
    # Other makers' servers often lack the newer checksums and host names of their own for each bucket.
    custom = {"request_checksum_calculation": "when_required", "response_checksum_validation": "when_required"} if endpoint else {}
    config = Config(
        connect_timeout=5,
        read_timeout=30,
        retries={"mode": "standard", "max_attempts": _ATTEMPTS},
        max_pool_connections=32,
        s3={"addressing_style": "path" if endpoint else "auto"},
        **custom,
    )
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=endpoint or None,
            region_name=region,
            aws_access_key_id=access_key or None,
            aws_secret_access_key=secret_key or None,
            config=config,
        )
    except (ValueError, BotoCoreError) as error:
        raise ConfigurationError(
            f"No S3 client can be made ({type(error).__name__}): check S3_ENDPOINT, DOCPIPE_S3_REGION and the keys"
        ) from error
