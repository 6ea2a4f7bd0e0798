"""Parses every document of the bucket and kills itself before its attachments are settled: `python -m tests.end_to_end.killed_mail`.

The argument is the point to die at: `stored`, when the artifact is in the store and the ledger does not know of it yet;
`completed`, when the ledger knows of the artifact and nobody looked at its attachments; `registered`, when these are
registered and the document is still due.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from docpipe.artifacts import ArtifactStore
from docpipe.attachments import look_at_attachments
from docpipe.ledger import Ledger
from docpipe.models import StageName
from docpipe.pipeline import Pipeline
from docpipe.reconcile import reconcile
from docpipe.settings import load_settings


def main() -> None:
    pipeline = Pipeline(load_settings())
    dying, method = {"stored": (ArtifactStore, "save"), "completed": (Ledger, "complete"), "registered": (Ledger, "register")}[sys.argv[1]]
    reconcile(pipeline.bucket, pipeline.ledger, pipeline.settings)
    stock = getattr(dying, method)

    def dies(*arguments: object, **named: object) -> None:
        stock(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    setattr(dying, method, dies)
    list(pipeline.run(StageName.PARSED_PAGES, [document.key for document in pipeline.ledger.all_documents()], "killed"))
    look_at_attachments(pipeline.ledger, pipeline.artifacts, pipeline.settings, time.monotonic() + 60)


if __name__ == "__main__":
    main()
