"""Where objects are kept: a folder or S3, behind one small interface."""

from docpipe.bucket.bucket import Bucket, open_bucket

__all__ = ["Bucket", "open_bucket"]
