"""What only a server can do to us."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from docpipe.bucket import Bucket, open_bucket, s3
from docpipe.errors import (
    BucketDenied,
    BucketFull,
    BucketMissing,
    BucketUnavailable,
    ConfigurationError,
    DocpipeError,
    DocumentRefused,
    PermanentError,
    Superseded,
)
from docpipe.settings import Settings
from tests.bucket.s3_buckets import create_bucket, s3_settings
from tests.servers import free_port

Answer = tuple[int, dict[str, str], bytes]


@contextlib.contextmanager
def _server(answer: Callable[[str, str], Answer]) -> Iterator[str]:
    """An S3 server that answers as the test wants; `answer` is called with method and path."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, headers, body = answer(self.command, self.path)
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | headers).items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
            self.close_connection = True

        do_GET = do_HEAD = do_PUT = do_DELETE = do_POST = _answer  # noqa: N815

        def log_message(self, *arguments: object) -> None:
            """Says nothing: tests read the answers."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _error(status: int, code: str, **headers: str) -> Answer:
    body = f"<Error><Code>{code}</Code><Message>private words of the server</Message></Error>".encode()
    return status, {"Content-Type": "application/xml"} | headers, body


def _listing(*keys: str) -> Answer:
    contents = "".join(f'<Contents><Key>{key}</Key><Size>1</Size><ETag>"e"</ETag></Contents>' for key in keys)
    return (
        200,
        {"Content-Type": "application/xml"},
        f"<ListBucketResult><IsTruncated>false</IsTruncated>{contents}</ListBucketResult>".encode(),
    )


@pytest.fixture
def opened(settings: Callable[..., Settings], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Bucket]:
    # The pauses between tries are boto3's; waiting for them would show nothing.
    monkeypatch.setattr(s3, "_ATTEMPTS", 1)

    def make(endpoint: str, url: str = "s3://bucket", **overrides: object) -> Bucket:
        return open_bucket(url, s3_settings(settings, endpoint, **overrides))

    return make


def test_a_missing_bucket_is_named(opened: Callable[..., Bucket], s3_endpoint: str, tmp_path: Path) -> None:
    bucket = opened(s3_endpoint, "s3://nobody-made-this")
    attempts: list[Callable[[], object]] = [
        lambda: list(bucket.list()),
        lambda: bucket.stat("a"),
        lambda: bucket.read("a"),
        lambda: bucket.download("a", tmp_path / "copy"),
        lambda: bucket.write("a", b"1"),
        lambda: bucket.delete("a"),
    ]
    for attempt in attempts:
        with pytest.raises(BucketMissing, match="'nobody-made-this'"):
            attempt()


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (_error(403, "InvalidAccessKeyId"), BucketDenied),
        (_error(403, "SignatureDoesNotMatch"), BucketDenied),
        (_error(403, "AccessDenied"), BucketDenied),
        (_error(401, "Unauthorized"), BucketDenied),
        (_error(404, "NoSuchBucket"), BucketMissing),
        (_error(503, "SlowDown"), BucketUnavailable),
        (_error(500, "InternalError"), BucketUnavailable),
        (_error(429, "TooManyRequests"), BucketUnavailable),
        (_error(502, "<html>"), BucketUnavailable),
        (_error(400, "AuthorizationHeaderMalformed"), ConfigurationError),
        (_error(507, "XMinioStorageFull"), BucketFull),
        (_error(400, "InvalidArgument"), PermanentError),
        ((200, {}, b"<html>not S3 at all"), BucketUnavailable),
    ],
)
def test_an_error_of_the_server_decides_what_happens(opened: Callable[..., Bucket], answer: Answer, expected: type[DocpipeError]) -> None:
    with _server(lambda method, path: answer) as endpoint:
        with pytest.raises(expected) as caught:
            list(opened(endpoint).list())
        assert type(caught.value) is expected
        for secret in ("test-access", "test-secret", "private words"):
            assert secret not in str(caught.value)
        with pytest.raises(DocpipeError):
            opened(endpoint).write("a", b"1")


def test_denied_names_the_variables_to_set(opened: Callable[..., Bucket]) -> None:
    with (
        _server(lambda method, path: _error(403, "AccessDenied")) as endpoint,
        pytest.raises(BucketDenied, match="S3_ACCESS_KEY and S3_SECRET_KEY"),
    ):
        opened(endpoint).stat("a")


def test_without_credentials_the_variables_are_named(
    opened: Callable[..., Bucket], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    bucket = opened("http://127.0.0.1:1", s3_access_key="", s3_secret_key="")
    with pytest.raises(BucketDenied, match="S3_ACCESS_KEY and S3_SECRET_KEY"):
        list(bucket.list())


@pytest.mark.parametrize(
    ("header", "low", "high"),
    [
        ("7", 7, 7),
        # Far off and always the same: a date of today would give the test another name in each process that collects it.
        ("Fri, 31 Dec 2999 23:59:59 GMT", 3600, 3600),
        ("-5", 0, 0),
        ("soon", None, None),
        ("inf", None, None),
        ("", None, None),
    ],
)
def test_the_server_says_how_long_to_wait(opened: Callable[..., Bucket], header: str, low: float | None, high: float | None) -> None:
    with (
        _server(lambda method, path: _error(503, "SlowDown", **{"Retry-After": header})) as endpoint,
        pytest.raises(BucketUnavailable) as caught,
    ):
        opened(endpoint).read("a")
    waited = caught.value.retry_after
    assert waited == low if waited is None or low is None or high is None else low <= waited <= high


def test_a_refused_connection_is_unavailable(opened: Callable[..., Bucket]) -> None:
    with pytest.raises(BucketUnavailable, match="check S3_ENDPOINT"):
        opened(f"http://127.0.0.1:{free_port()}").stat("a")


def test_an_endpoint_that_is_no_url_is_a_configuration_error(opened: Callable[..., Bucket]) -> None:
    with pytest.raises(ConfigurationError, match="S3_ENDPOINT"):
        opened("not a url").stat("a")


def test_a_bucket_name_that_cannot_be_is_a_configuration_error(opened: Callable[..., Bucket], s3_endpoint: str) -> None:
    with pytest.raises(ConfigurationError, match="DOCPIPE_BUCKET"):
        opened(s3_endpoint, "s3://bad name!").stat("a")


def test_one_forbidden_object_is_not_the_whole_bucket(opened: Callable[..., Bucket], tmp_path: Path) -> None:
    def answer(method: str, path: str) -> Answer:
        return _listing("a") if "list-type" in path else _error(403, "AccessDenied")

    with _server(answer) as endpoint:
        bucket = opened(endpoint)
        for attempt in (bucket.stat, bucket.read, lambda key: bucket.download(key, tmp_path / "copy")):
            with pytest.raises(DocumentRefused, match="s3:GetObject"):
                attempt("a")
        with pytest.raises(BucketDenied):
            bucket.write("a", b"1")


def test_an_archived_object_says_so(opened: Callable[..., Bucket]) -> None:
    with _server(lambda method, path: _error(403, "InvalidObjectState")) as endpoint, pytest.raises(DocumentRefused, match="archive"):
        opened(endpoint).read("a")


def test_a_listing_out_of_order_is_not_believed(opened: Callable[..., Bucket]) -> None:
    with _server(lambda method, path: _listing("b", "a")) as endpoint, pytest.raises(ConfigurationError, match="order of its keys"):
        list(opened(endpoint).list())


def test_keys_that_cannot_be_kept_are_left_out(opened: Callable[..., Bucket], caplog: pytest.LogCaptureFixture) -> None:
    with _server(lambda method, path: _listing("a", "b" * 1025, "c")) as endpoint:
        assert [info.key for info in opened(endpoint).list()] == ["a", "c"]
    assert "left out 1 names" in caplog.text


def test_what_consoles_show_as_folders_are_no_documents(
    opened: Callable[..., Bucket], settings: Callable[..., Settings], s3_endpoint: str
) -> None:
    name = create_bucket(s3_settings(settings, s3_endpoint))
    bucket = opened(s3_endpoint, f"s3://{name}")
    bucket.write("in/", b"")
    bucket.write("in/a", b"1")
    assert [info.key for info in bucket.list()] == ["in/a"]
    assert [info.key for info in opened(s3_endpoint, f"s3://{name}/in/").list()] == ["a"]


def test_a_listing_goes_over_many_pages(
    opened: Callable[..., Bucket], settings: Callable[..., Settings], s3_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(s3, "_PAGE", 10)
    name = create_bucket(s3_settings(settings, s3_endpoint))
    bucket = opened(s3_endpoint, f"s3://{name}")
    keys = [f"{number:04}" for number in range(35)]
    for key in keys:
        bucket.write(key, b"")
    assert [info.key for info in bucket.list()] == keys
    assert [info.key for info in bucket.list(after="0009")] == keys[10:]


def test_a_big_object_comes_in_parts(
    opened: Callable[..., Bucket], settings: Callable[..., Settings], s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened(s3_endpoint, f"s3://{create_bucket(s3_settings(settings, s3_endpoint))}")
    bucket.write("a", b"0123456789")
    for size in (1, 3, 5, 10, 11):
        monkeypatch.setattr(s3, "_PART_BYTES", size)
        assert bucket.download("a", tmp_path / "copy")[1] == hashlib.sha256(b"0123456789").hexdigest()
        assert (tmp_path / "copy").read_bytes() == b"0123456789"


def test_an_object_that_changes_between_parts_is_superseded(
    opened: Callable[..., Bucket], settings: Callable[..., Settings], s3_endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = opened(s3_endpoint, f"s3://{create_bucket(s3_settings(settings, s3_endpoint))}")
    bucket.write("a", b"0123456789")
    monkeypatch.setattr(s3, "_PART_BYTES", 5)
    part = s3.S3Bucket._part

    def replaced_meanwhile(self: s3.S3Bucket, key: str, start: int, end: int, etag: str) -> Iterator[bytes]:
        if start:
            bucket.write("a", b"9876543210")
        return part(self, key, start, end, etag)

    monkeypatch.setattr(s3.S3Bucket, "_part", replaced_meanwhile)
    with pytest.raises(Superseded, match="replaced or deleted"):
        bucket.download("a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


@pytest.mark.parametrize(
    "get",
    [
        (206, {"ETag": '"e"', "Content-Length": "10"}, b"01234"),
        (206, {"ETag": '"e"'}, b"01234"),
        (200, {"ETag": '"e"'}, b"01234567890123456789"),
        (206, {"ETag": '"other"'}, b"0123456789"),
    ],
)
def test_bytes_that_were_not_asked_for_are_not_believed(opened: Callable[..., Bucket], tmp_path: Path, get: Answer) -> None:
    head: Answer = (200, {"ETag": '"e"'}, b"0123456789")
    with _server(lambda method, path: head if method == "HEAD" else get) as endpoint, pytest.raises(BucketUnavailable):
        opened(endpoint).download("a", tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_keys_with_dots_stay_what_they_are(opened: Callable[..., Bucket], settings: Callable[..., Settings], s3_endpoint: str) -> None:
    bucket = opened(s3_endpoint, f"s3://{create_bucket(s3_settings(settings, s3_endpoint))}/in")
    bucket.write("a/../b", b"1")
    bucket.write("b", b"2")
    assert [info.key for info in bucket.list()] == ["a/../b", "b"]
    assert bucket.read("a/../b") == b"1"


def test_there_is_one_client_for_all(opened: Callable[..., Bucket]) -> None:
    one, other = opened("http://127.0.0.1:1"), opened("http://127.0.0.1:1", "s3://other")
    assert isinstance(one, s3.S3Bucket)
    assert isinstance(other, s3.S3Bucket)
    assert one._client is other._client


def test_secrets_do_not_show(opened: Callable[..., Bucket]) -> None:
    bucket = opened("http://127.0.0.1:1")
    assert "test-secret" not in repr(bucket)
    assert "test-secret" not in repr(vars(bucket))
