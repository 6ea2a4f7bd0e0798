"""The ledger as everybody uses it."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from docpipe.errors import ConfigurationError
from docpipe.ledger.alerts import Alerts
from docpipe.ledger.allowances import Allowances
from docpipe.ledger.attachments import Attachments
from docpipe.ledger.audit import Audit
from docpipe.ledger.batches import Batches
from docpipe.ledger.changes import Changes
from docpipe.ledger.counters import Counters
from docpipe.ledger.daily import Daily
from docpipe.ledger.database import Database
from docpipe.ledger.documents import Documents
from docpipe.ledger.gauges import Gauges
from docpipe.ledger.holds import Holds
from docpipe.ledger.leases import Leases
from docpipe.ledger.migration import migrate
from docpipe.ledger.quarantine import Quarantine
from docpipe.ledger.returns import Returns
from docpipe.ledger.sensing import Sensing
from docpipe.ledger.spending import Spending
from docpipe.ledger.stages import Stages
from docpipe.ledger.switches import Switches
from docpipe.ledger.totals import Totals


class Ledger(
    Sensing,
    Attachments,
    Documents,
    Batches,
    Returns,
    Holds,
    Stages,
    Leases,
    Allowances,
    Switches,
    Audit,
    Counters,
    Gauges,
    Spending,
    Alerts,
    Daily,
    Changes,
    Quarantine,
    Totals,
):
    """The one record of all documents; safe for many threads and many processes.

    Every method is one transaction, or reads in pages of one transaction each. Every method raises `TransientError`
    where the database does not answer or a lock is not let go in time, and `ConfigurationError` where it cannot be used.
    """

    @classmethod
    def open(cls, url: str, wait_seconds: float = 30.0) -> Self:
        """Open a ledger by its SQLAlchemy URL, and make or upgrade its tables.

        `wait_seconds` is how long a statement waits for a lock. Raises `LedgerTooNew` for a ledger of a newer version.
        """
        database = Database(url, wait_seconds)
        try:
            if database.path is not None:
                try:
                    database.path.parent.mkdir(parents=True, exist_ok=True)
                except OSError as error:
                    message = f"The ledger's folder cannot be made ({error.strerror}): check DOCPIPE_HOME and DOCPIPE_LEDGER"
                    raise ConfigurationError(message) from error
            migrate(database)
        except BaseException:
            database.engine.dispose()
            raise
        return cls(database)

    def close(self) -> None:
        """Close its connections; a ledger that is used again opens new ones."""
        self._database.engine.dispose()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()
