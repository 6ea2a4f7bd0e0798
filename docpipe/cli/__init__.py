"""The command line `docpipe`."""

from docpipe.cli.main import main

__all__ = ["main"]
