"""The server engine: a Qdrant server or cluster of 1.17 or newer, through its client.

Every document has a *head* (see `head`): one point without vectors that says which writing of the document is believed.
Changing a head is one atomic request, so it is what makes a new version visible, and what takes a removed one away.
"""

from docpipe.index.server.catalog import ServerCatalog
from docpipe.index.server.reader import ServerReader
from docpipe.index.server.writer import ServerWriter

TIMEOUT_SECONDS = 60

__all__ = ["TIMEOUT_SECONDS", "ServerCatalog", "ServerReader", "ServerWriter"]
