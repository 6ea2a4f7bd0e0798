"""Every error the pipeline raises on purpose, and what is done about each.

    DocpipeError
    ├── TransientError            retried inside the stage, then failed
    │   ├── BucketUnavailable         the object store did not answer
    │   ├── EmbedderUnavailable       the embedding provider did not answer, or asks to slow down
    │   ├── IndexUnavailable          the vector index did not answer
    │   │   └── IndexLocked               another process owns the embedded index
    │   └── WorkerLost                a worker process died without a verdict
    ├── PermanentError            never retried: the same input fails the same way
    │   ├── DocumentRefused           not admitted: no work was begun
    │   ├── ParseFailed               no reader could make sense of the bytes
    │   ├── LimitExceeded             too slow, too large or too much memory
    │   ├── EmbeddingInvalid          a vector is missing, not finite or of another dimension
    │   ├── QueryInvalid              a search that no index could answer
    │   ├── GoldenSetInvalid          questions and judgements that cannot be read
    │   ├── QuarantineRefused         a document that cannot be released, dropped or shown
    │   └── DocumentUnknown           no document has this name
    ├── BudgetSpent               the provider's daily budget is used up: waits for the next day
    ├── RunStopped                the run was cancelled or is out of time: what is left waits for another
    ├── Superseded                the object changed or went away: the next sensor tick decides
    ├── ArtifactDamaged           an artifact is half-written: it is made again
    └── ConfigurationError        nothing can run until a person changes a setting
        ├── BucketMissing
        ├── BucketDenied
        ├── BucketFull                the store has no room for what is written
        ├── IndexFull                 the disk has no room for the vector index
        ├── IndexTooNew               written by a newer version of the product
        ├── LedgerTooNew              written by a newer version of the product
        ├── PriceMissing              the price table does not have the model of a provider
        ├── AlertRulesInvalid         alert rules that cannot be read, or ask for what is not measured
        └── ModelMissing

The class decides the policy (retry, fail, leave to the sensor, stop the run); the message says what to do.
"""

from __future__ import annotations

from datetime import datetime


class DocpipeError(Exception):
    """Base of every error that the pipeline raises on purpose."""


class TransientError(DocpipeError):
    """May succeed when tried again; `retry_after` is what the other side asked for, in seconds."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class BucketUnavailable(TransientError):
    """The object store did not answer, or answered that it cannot serve now."""


class EmbedderUnavailable(TransientError):
    """The embedding provider did not answer, answered nonsense, or asked to slow down."""


class IndexUnavailable(TransientError):
    """The vector index did not answer, or answered that it cannot serve now."""


class IndexLocked(IndexUnavailable):
    """Another live process owns the embedded index."""


class WorkerLost(TransientError):
    """A worker process died without saying why (killed from outside, for example)."""


class PermanentError(DocpipeError):
    """The same input would fail the same way again."""


class DocumentRefused(PermanentError):
    """The file was not admitted, and no work was begun on it."""


class ParseFailed(PermanentError):
    """No reader could make sense of the bytes."""


class LimitExceeded(PermanentError):
    """A limit on time, memory, pages or output size stopped the work."""


class EmbeddingInvalid(PermanentError):
    """A vector is missing, not finite, zero, or not of the model's dimension."""


class QueryInvalid(PermanentError):
    """A search asks for nothing, or for what cannot be answered."""


class GoldenSetInvalid(PermanentError):
    """Questions and judgements that cannot be read, or do not belong together."""


class QuarantineRefused(PermanentError):
    """A document that cannot be released from quarantine, or dropped, as things stand."""


class DocumentUnknown(PermanentError):
    """No document has this name or partition key."""


class BudgetSpent(DocpipeError):
    """The daily budget of a provider is used up; the document waits, and no attempt is counted."""

    def __init__(self, message: str, not_before: datetime) -> None:
        super().__init__(message)
        self.not_before = not_before


class RunStopped(DocpipeError):
    """The run was cancelled or is out of time; documents that it did not finish wait for another."""


class Superseded(DocpipeError):
    """The object was replaced or deleted since it was listed; the next sensor tick takes the new one."""


class ArtifactDamaged(DocpipeError):
    """An artifact's bytes are not what was written; it is treated as missing and made again."""


class ConfigurationError(DocpipeError):
    """Nothing can run until a setting, a credential or a file outside the bucket is changed."""


class BucketMissing(ConfigurationError):
    """The bucket does not exist."""


class BucketDenied(ConfigurationError):
    """The bucket's credentials are wrong or lack a permission."""


class BucketFull(ConfigurationError):
    """There is no room left where the bucket or a working copy is kept."""


class IndexFull(ConfigurationError):
    """The disk that holds the vector index has no room left."""


class IndexTooNew(ConfigurationError):
    """The index was written by a newer version of the product."""


class LedgerTooNew(ConfigurationError):
    """The ledger was written by a newer version of the product."""


class PriceMissing(ConfigurationError):
    """The price table does not have the model of a provider that is paid."""


class AlertRulesInvalid(ConfigurationError):
    """Alert rules that cannot be read, or ask for what is not measured."""


class ModelMissing(ConfigurationError):
    """A model's files are missing or damaged."""
