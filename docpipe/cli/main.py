"""Puts the commands together and turns errors into a line of advice and an exit code.

Exit codes: 0 done; 1 the answer is no (differences found, a document failed, nothing matched); 2 wrong usage or
configuration; 3 something outside did not answer and may do so later.
"""

from __future__ import annotations

import sys

import typer

from docpipe.cli.add import add, remove
from docpipe.cli.check import check
from docpipe.cli.eval import evaluate
from docpipe.cli.index import index
from docpipe.cli.output import complain
from docpipe.cli.query import query
from docpipe.cli.reprocess import reprocess
from docpipe.cli.show import show
from docpipe.cli.status import status
from docpipe.cli.up import up
from docpipe.errors import DocpipeError, TransientError

app = typer.Typer(
    name="docpipe",
    help="Documents in a bucket become a searchable, provable index.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
for command in (up, add, remove, status, show, query, reprocess, check):
    app.command()(command)
app.command("eval")(evaluate)
app.add_typer(index, name="index")


def main() -> None:
    """Run the command line; known errors become one line on stderr."""
    try:
        app()
    except DocpipeError as error:
        complain(error)
        sys.exit(3 if isinstance(error, TransientError) else 2)
    except KeyboardInterrupt:
        sys.exit(130)
