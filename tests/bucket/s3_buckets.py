"""Fresh buckets on the S3 server of the tests."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import boto3

from docpipe.settings import Settings


def s3_settings(settings: Callable[..., Settings], endpoint: str, **overrides: object) -> Settings:
    return settings(**{"s3_endpoint": endpoint, "s3_access_key": "test-access", "s3_secret_key": "test-secret"} | overrides)


def create_bucket(settings: Settings) -> str:
    """Make a bucket of its own for a test, and return its name."""
    name = f"docpipe-{uuid.uuid4().hex}"
    client = boto3.session.Session().client(
        "s3",
        endpoint_url=settings.s3_endpoint,
        region_name=settings.s3_region,
        aws_access_key_id=settings.s3_access_key.get_secret_value(),
        aws_secret_access_key=settings.s3_secret_key.get_secret_value(),
    )
    client.create_bucket(Bucket=name)
    client.close()
    return name
