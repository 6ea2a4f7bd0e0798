"""What an error of S3 means for the pipeline.

Messages carry the error's code, never the server's text: nobody knows what a server puts there.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    ProfileNotFound,
    UnknownSignatureVersionError,
)

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

_CREDENTIALS = "S3_ACCESS_KEY and S3_SECRET_KEY (or the machine's own role or profile)"
_GONE = ("NoSuchKey", "NoSuchVersion", "NotFound", "404", "PreconditionFailed", "412", "ConditionalRequestConflict")
_ELSEWHERE = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301", "307")
_BUSY = ("SlowDown", "RequestTimeout", "Throttling", "ThrottlingException", "RequestLimitExceeded", "TooManyRequests", "OperationAborted")
_FULL = ("XMinioStorageFull", "QuotaExceeded", "XMinioAdminBucketQuotaExceeded", "InsufficientCapacity", "507")
_LONGEST_WAIT_SECONDS = 3600.0


@contextlib.contextmanager
def s3_errors(bucket: str, key: str | None = None) -> Iterator[None]:
    """Turn what boto3 raises into the error of the bucket that decides what happens next."""
    try:
        yield
    except ClientError as error:
        raise _answered(error.response, bucket, key) from error
    except (NoCredentialsError, PartialCredentialsError, ProfileNotFound) as error:
        raise BucketDenied(f"There are no credentials for bucket {bucket!r}: set {_CREDENTIALS}") from error
    except (ParamValidationError, UnknownSignatureVersionError) as error:
        raise ConfigurationError(f"Bucket {bucket!r} cannot be asked for ({type(error).__name__}): check DOCPIPE_BUCKET") from error
    except BotoCoreError as error:
        advice = "check S3_ENDPOINT and the network, or try again later"
        raise BucketUnavailable(f"The object store of bucket {bucket!r} did not answer ({type(error).__name__}): {advice}") from error


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _answered(response: dict[str, Any], bucket: str, key: str | None) -> DocpipeError:
    code = str(response.get("Error", {}).get("Code", ""))[:60]
    metadata = response.get("ResponseMetadata", {})
    status = int(metadata.get("HTTPStatusCode", 0))
    what = f"bucket {bucket!r}" if key is None else f"{key!r} in bucket {bucket!r}"
    if code == "NoSuchBucket" or (key is None and code in ("404", "NotFound")):
        return BucketMissing(f"There is no bucket {bucket!r} (or no server for it): create it, or check DOCPIPE_BUCKET and S3_ENDPOINT")
    if code in _GONE or status in (404, 412):
        return Superseded(f"{what} was replaced or deleted: the next look at the bucket takes note")
    if code == "InvalidObjectState":
        return DocumentRefused(f"{what} is archived: restore it from the archive, then upload it again")
    if code in _FULL or status == 507:
        return BucketFull(f"There is no room in bucket {bucket!r} ({code}): free space, or raise the quota, and run again")
    if code in _BUSY or status == 429 or status >= 500:
        return BucketUnavailable(f"The object store cannot serve {what} now ({code or status}): try again later", _retry_after(metadata))
    if code in _ELSEWHERE or status in (301, 307):
        return ConfigurationError(f"Bucket {bucket!r} lies in another region ({code}): set DOCPIPE_S3_REGION to that region")
    if status in (401, 403):
        return BucketDenied(f"Access to {what} was denied ({code}): check {_CREDENTIALS}, their permissions and this machine's clock")
    return PermanentError(f"The object store refused the request for {what} ({code or status})")


def _retry_after(metadata: dict[str, Any]) -> float | None:
    """Seconds from the header, which holds seconds or a date; None where it holds neither."""
    text = str(metadata.get("HTTPHeaders", {}).get("retry-after", ""))
    try:
        seconds = float(text)
    except ValueError:
        try:
            date = parsedate_to_datetime(text)
        except ValueError:
            return None
        seconds = (date.replace(tzinfo=date.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
    return min(max(seconds, 0.0), _LONGEST_WAIT_SECONDS) if math.isfinite(seconds) else None
