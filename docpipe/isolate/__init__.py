"""Work on hostile input in killable processes with limits on time, memory and output."""

from docpipe.isolate.pool import WorkerPool
from docpipe.isolate.task import Answer, Dropped, Result, Task

__all__ = ["Answer", "Dropped", "Result", "Task", "WorkerPool"]
