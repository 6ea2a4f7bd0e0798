"""What the product says about its work, line by line, for people and for programs."""

from docpipe.logs.log_context import log_context
from docpipe.logs.setup import set_up_logs

__all__ = ["log_context", "set_up_logs"]
