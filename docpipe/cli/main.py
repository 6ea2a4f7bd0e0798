"""Puts the commands together and turns errors into a line of advice and an exit code.

Exit codes: 0 done; 1 the answer is no (differences found, a document failed, nothing matched); 2 wrong usage or
configuration; 3 something outside did not answer and may do so later.
"""

from __future__ import annotations

import getpass
import os
import sys
from contextlib import suppress

import typer

from docpipe.cli.add import add, remove
from docpipe.cli.alerts import alerts
from docpipe.cli.audit import audit
from docpipe.cli.batches import batches
from docpipe.cli.cancel import cancel, resume
from docpipe.cli.check import check
from docpipe.cli.clean import clean
from docpipe.cli.cost import cost
from docpipe.cli.eval import evaluate
from docpipe.cli.index import index
from docpipe.cli.monitor import monitor
from docpipe.cli.output import complain
from docpipe.cli.quarantine import quarantine
from docpipe.cli.query import query
from docpipe.cli.reprocess import reprocess
from docpipe.cli.settings import settings
from docpipe.cli.show import show
from docpipe.cli.status import status
from docpipe.cli.up import up
from docpipe.cli.worker import pools, worker
from docpipe.errors import ConfigurationError, DocpipeError, TransientError
from docpipe.ledger.actor import acting
from docpipe.logs import set_up_logs
from docpipe.settings import load_settings

app = typer.Typer(
    name="docpipe",
    help="Documents in a bucket become a searchable, provable index.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (
    up,
    add,
    remove,
    status,
    show,
    query,
    reprocess,
    check,
    batches,
    cancel,
    resume,
    worker,
    pools,
    monitor,
    audit,
    clean,
    cost,
    settings,
):
    app.command()(command)
app.command("eval")(evaluate)
app.add_typer(index, name="index")
app.add_typer(alerts, name="alerts")
app.add_typer(quarantine, name="quarantine")


def main() -> None:
    """Run the command line; known errors become one line on stderr."""
    # Wrong settings are told by the command itself: some, such as --help, need none.
    with suppress(ConfigurationError):
        set_up_logs(load_settings(), text_level="warning")
    try:
        with acting(f"cli:{_user()}"):
            app()
    except DocpipeError as error:
        complain(error)
        sys.exit(3 if isinstance(error, TransientError) else 2)
    except KeyboardInterrupt:
        sys.exit(130)


def _user() -> str:
    """For the audit trail; a container's user often has a number and no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
