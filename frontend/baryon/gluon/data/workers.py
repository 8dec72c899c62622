"""Worker processes of a data loader.

They are forked, so that datasets may hold lambdas and open files. Each has a socket of its own: a
worker that dies blocks no one else. Batch number n goes to worker n modulo their number.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import queue
import signal
import threading
import traceback
import warnings
import weakref
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkProcess
from time import monotonic
from typing import Any, NamedTuple, NoReturn

from baryon.gluon.data.seeds import seed_batch
from baryon.gluon.data.transport import Packed, packed, receive, send
from baryon.ir import BaryonError

_CONTEXT = multiprocessing.get_context("fork")
Make = Callable[[Sequence[int]], Any]
"""Makes the batch of the samples with these numbers."""


class WorkerError(BaryonError, RuntimeError):
    """A worker of a data loader died, or took too long."""


class Task(NamedTuple):
    """A batch to make: samples, and the seeds of epoch and batch."""

    samples: Sequence[int]
    epoch: int
    batch: int


class _Failure(NamedTuple):
    error: Exception
    report: str


class Workers:
    """`count` processes that make batches; they end with this object or with this process."""

    def __init__(self, make: Make, count: int) -> None:
        self._processes: list[ForkProcess] = []
        self._sockets: list[Connection] = []
        for _ in range(count):
            self._start(make)
        self._next = 0
        self._owners: dict[int, int] = {}
        self._done: dict[int, Any] = {}
        self.close = weakref.finalize(self, _end, os.getpid(), self._processes, self._sockets)

    def _start(self, make: Make) -> None:
        ours, theirs = _CONTEXT.Pipe()
        self._sockets.append(ours)
        args = (make, theirs, os.getpid(), [*self._sockets])
        process = _CONTEXT.Process(target=_work, args=args, daemon=True)
        with warnings.catch_warnings():  # forking beside threads: the child needs none of them
            warnings.simplefilter("ignore", DeprecationWarning)
            process.start()
        theirs.close()
        self._processes.append(process)

    def submit(self, task: Task) -> int:
        """Hand a task to a worker; the ticket is for `take` or `forget`."""
        ticket, worker = self._next, self._next % len(self._sockets)
        self._next += 1
        self._owners[ticket] = worker
        try:
            self._sockets[worker].send((ticket, task))
        except OSError:
            self._died(worker)
        return ticket

    def take(self, ticket: int, timeout: float) -> Any:
        """The batch of a ticket. WorkerError after `timeout` seconds or if its worker died.

        An error of the dataset is raised again, with a note that has the worker's traceback.
        """
        end = monotonic() + timeout
        while ticket not in self._done:
            self._receive(self._owners[ticket], end - monotonic(), timeout)
        del self._owners[ticket]
        result = self._done.pop(ticket)
        if isinstance(result, _Failure):
            result.error.add_note(result.report)
            raise result.error
        return result

    def forget(self, tickets: Sequence[int]) -> None:
        """Drop the results of tickets that nobody will take."""
        for ticket in tickets:
            self._owners.pop(ticket, None)
            self._done.pop(ticket, None)

    def _receive(self, worker: int, seconds: float, timeout: float) -> None:
        socket = self._sockets[worker]
        if not wait([socket], max(seconds, 0)):
            raise WorkerError(
                f"worker {worker} of the data loader made no batch in {timeout:g} s",
                hint="raise DataLoader(timeout=...), make the dataset faster, or find where it "
                "waits with num_workers=0",
            )
        try:
            ticket, result = receive(socket)
        except (EOFError, OSError):
            self._died(worker)
        except BaseException:  # Ctrl-C in the middle of a message: the socket is of no use now
            self.close()
            raise
        if ticket in self._owners:
            self._done[ticket] = result

    def _died(self, worker: int) -> NoReturn:
        process = self._processes[worker]
        process.join(1)
        code = process.exitcode or 0
        how = f"by signal {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        self.close()
        raise WorkerError(
            f"worker {worker} of the data loader (process {process.pid}) ended {how}",
            hint="SIGKILL is often too little memory: use fewer workers, a smaller prefetch or "
            "batch; num_workers=0 shows errors of the dataset itself",
        ) from None


def _end(owner: int, processes: Sequence[ForkProcess], sockets: Sequence[Connection]) -> None:
    if os.getpid() != owner:  # a copy of the loader in a forked process: its workers are not ours
        return
    for socket in sockets:
        socket.close()
    for process in processes:
        process.terminate()
    for process in processes:
        process.join(5)


def _work(make: Make, socket: Connection, parent: int, inherited: Sequence[Connection]) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's, which ends the workers
    for other in inherited:  # else the sockets would stay open when the parent dies
        other.close()
    tasks: queue.SimpleQueue[tuple[int, Task] | None] = queue.SimpleQueue()
    # a reader of its own: the parent never waits in `send` for a worker that waits in `send`
    threading.Thread(target=_read, args=(socket, tasks), daemon=True).start()
    with contextlib.suppress(OSError):
        while (item := tasks.get()) is not None:
            ticket, task = item
            send(socket, _result(make, ticket, task), parent)


def _read(socket: Connection, tasks: queue.SimpleQueue[tuple[int, Task] | None]) -> None:
    with contextlib.suppress(EOFError, OSError):
        while True:
            tasks.put(socket.recv())
    tasks.put(None)


def _result(make: Make, ticket: int, task: Task) -> Packed:
    seed_batch(task.epoch, task.batch)
    try:
        return packed((ticket, make(task.samples)))
    except Exception as error:
        shown = ", ".join(map(str, task.samples[:8])) + (", ..." if len(task.samples) > 8 else "")
        report = f"in a worker of the data loader, samples {shown}:\n{traceback.format_exc()}"
        return packed((ticket, _Failure(_portable(error), report)))


def _portable(error: Exception) -> Exception:
    """The error, or one with its text if it does not survive the way to the parent."""
    try:
        pickle.loads(pickle.dumps(error))
    except Exception:
        return WorkerError(f"{type(error).__name__}: {error}")
    return error
