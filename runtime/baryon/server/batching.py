"""From requests to runs: a queue, batches, and threads that run the network.

The queue lives in the event loop, so it needs no lock. An instance is a thread that takes a batch,
runs it in the C++ runtime without the GIL, and hands the result back. All instances share one
executable, that is, one set of weights. While all are busy requests gather, and the next batch
takes as many of them as fit.

Two switches of threads cost a request 0.1 to 0.3 ms. A batch that is known to take less than that
runs in the event loop.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from queue import SimpleQueue

import numpy as np

from baryon.runtime import Executable
from baryon.server.errors import ServerError, Status
from baryon.server.signature import Array
from baryon.server.statistics import Statistics

QUICK = 100_000
"""Nanoseconds: what runs in so little time is not worth a switch of threads."""

_KNOWN = 256


@dataclass(frozen=True)
class Plan:
    """How requests become runs. rows: of a batch at most; 1 where requests are not joined.

    delay: seconds that a request waits for others while an instance is idle. queue: how many may
    wait. instances: runs at the same time.
    """

    rows: int
    delay: float
    queue: int
    instances: int


@dataclass(eq=False, slots=True)
class Job:
    """One request. kind: what must be equal for two to be joined: all sizes but the first.

    seconds: that it may take. arrival, started: of `time.perf_counter`, for the loop's own clock
    counts milliseconds.
    """

    inputs: list[Array]
    rows: int
    kind: object
    seconds: float
    result: asyncio.Future[list[Array]]
    arrival: float = field(default_factory=time.perf_counter)
    started: float = 0.0


@dataclass(eq=False, slots=True)
class Batch:
    """Jobs that are run together, and what came of it; times in nanoseconds.

    rows: of all jobs. size: what the time of a run depends on.
    """

    jobs: list[Job]
    rows: int = field(init=False)
    size: object = field(init=False)
    outputs: list[Array] = field(default_factory=list)
    error: Exception | None = None
    join_time: int = 0
    run_time: int = 0

    def __post_init__(self) -> None:
        self.rows = sum(job.rows for job in self.jobs)
        self.size = self.rows, self.jobs[0].kind


class Scheduler:
    """Runs jobs on an executable. Only the loop's thread may call its methods."""

    def __init__(self, executable: Executable, plan: Plan, statistics: Statistics) -> None:
        self._executable = executable
        self._plan = plan
        self._statistics = statistics
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Job] = deque()
        self._work: SimpleQueue[Batch | None] = SimpleQueue()
        self._idle = plan.instances
        self._timer: asyncio.TimerHandle | None = None
        self._is_hurried = False
        self._closing: asyncio.Future[None] | None = None
        self._times: dict[object, int] = {}
        for number in range(plan.instances):
            name = f"baryon-instance-{number}"
            threading.Thread(target=self._instance, name=name, daemon=True).start()

    @property
    def waiting(self) -> int:
        """Jobs that no instance has taken yet."""
        return len(self._waiting)

    @property
    def busy(self) -> int:
        """Instances at work."""
        return self._plan.instances - self._idle

    async def run(
        self, inputs: list[Array], rows: int, kind: object, seconds: float
    ) -> list[Array]:
        """The outputs, within so many seconds. Inputs have been checked. Raises ServerError."""
        self._statistics.last = time.time_ns() // 1_000_000
        if self._is_full():
            self._statistics.refused += 1
            raise ServerError(
                f"{self.waiting} requests wait for this model, which is its limit: try again later",
                Status.BUSY,
            )
        job = Job(inputs, rows, kind, seconds, self._loop.create_future())
        self._waiting.append(job)
        self._dispatch()
        if job.result.done():  # it was quick
            return job.result.result()
        timer = self._loop.call_later(seconds, self._expire, job)
        try:
            return await job.result
        finally:
            timer.cancel()

    def hurry(self) -> None:
        """Let no job wait for others any more."""
        self._is_hurried = True
        self._dispatch()

    async def close(self) -> None:
        """Finish all jobs, then end the threads. No job may come after."""
        self._closing = self._loop.create_future()
        self.hurry()
        await self._closing
        for _ in range(self._plan.instances):
            self._work.put(None)

    def _is_full(self) -> bool:
        if self.waiting >= self._plan.queue:
            self._waiting = deque(job for job in self._waiting if not job.result.done())
        return self.waiting >= self._plan.queue

    def _expire(self, job: Job) -> None:
        if not job.result.done():
            where = "while it ran" if job.started else "before it ran"
            self._statistics.expired += 1
            self._fail(job, f"the limit of {job.seconds:g} s passed {where}", Status.TIMEOUT)
            self._dispatch()  # one less may be none

    def _dispatch(self) -> None:
        """Run what is quick, and give other batches to idle instances."""
        while self._idle and (batch := self._next_batch()):
            if self._times.get(batch.size, QUICK) < QUICK:
                self._execute(batch)
                self._settle(batch)
            else:
                self._idle -= 1
                self._work.put(batch)
        if self._closing and not self._closing.done() and not self._waiting and not self.busy:
            self._closing.set_result(None)

    def _next_batch(self) -> Batch | None:
        """The oldest job and those that fit with it; None while there is none, or it may wait."""
        waiting = self._waiting
        while waiting and waiting[0].result.done():  # expired, or its client has gone
            waiting.popleft()
        if not waiting:
            return None
        now = time.perf_counter()
        jobs, rows = self._fitting(waiting[0])
        remaining = waiting[0].arrival + self._plan.delay - now
        if rows < self._plan.rows and remaining > 0 and not self._is_hurried:
            self._wake_in(remaining)
            return None
        for job in jobs:
            job.started = now
        if len(jobs) == 1:
            waiting.popleft()
        else:
            self._waiting = deque(job for job in waiting if not job.started)
        return Batch(jobs)

    def _fitting(self, first: Job) -> tuple[list[Job], int]:
        if self._plan.rows <= first.rows:
            return [first], self._plan.rows
        jobs: list[Job] = []
        rows = 0
        for job in self._waiting:
            if job.kind == first.kind and not job.result.done():
                if rows + job.rows > self._plan.rows:
                    return jobs, self._plan.rows  # later ones do not overtake it
                jobs.append(job)
                rows += job.rows
        return jobs, rows

    def _wake_in(self, seconds: float) -> None:
        if self._timer is None:
            self._timer = self._loop.call_later(seconds, self._wake)

    def _wake(self) -> None:
        self._timer = None
        self._dispatch()

    def _instance(self) -> None:
        """An instance's thread."""
        while (batch := self._work.get()) is not None:
            self._execute(batch)
            try:
                self._loop.call_soon_threadsafe(self._finished, batch)
            except RuntimeError:  # the loop was closed without waiting: nobody waits for results
                return
            del batch  # its arrays must not live until the next one comes

    def _execute(self, batch: Batch) -> None:
        start = time.perf_counter_ns()
        inputs = batch.jobs[0].inputs
        try:
            if len(batch.jobs) > 1:
                parts = zip(*(job.inputs for job in batch.jobs), strict=True)
                inputs = [np.concatenate(part) for part in parts]
            batch.join_time = time.perf_counter_ns() - start
            batch.outputs = self._executable(*inputs)
        except Exception as error:
            batch.error = error
        batch.run_time = time.perf_counter_ns() - start - batch.join_time

    def _finished(self, batch: Batch) -> None:
        """An instance is done."""
        self._idle += 1
        self._dispatch()  # before anything else: the instance should not wait for bookkeeping
        self._settle(batch)

    def _settle(self, batch: Batch) -> None:
        """Give the jobs their results, and remember how long they took."""
        if len(self._times) >= _KNOWN:
            self._times.clear()
        known = self._times.get(batch.size, batch.run_time)
        self._times[batch.size] = min(batch.run_time, 2 * known)  # once is an interruption
        if batch.error is not None:
            for job in batch.jobs:
                self._fail(job, f"the network failed: {batch.error}", Status.INTERNAL)
            return
        self._count(batch)
        first = 0
        for job in batch.jobs:
            if not job.result.done():
                parts = batch.outputs
                if len(batch.jobs) > 1:
                    parts = [array[first : first + job.rows] for array in parts]
                job.result.set_result(parts)
                self._succeed(job)
            first += job.rows

    def _count(self, batch: Batch) -> None:
        statistics, rows = self._statistics, batch.rows
        statistics.executions += 1
        statistics.rows += rows
        statistics.batches[rows] += 1
        statistics.batch_times[rows] += batch.run_time
        statistics.join.add(batch.join_time, len(batch.jobs))
        statistics.run.add(batch.run_time, len(batch.jobs))

    def _succeed(self, job: Job) -> None:
        seconds = time.perf_counter() - job.arrival
        self._statistics.queue.add(_nanoseconds(job.started - job.arrival))
        self._statistics.success.add(_nanoseconds(seconds))
        self._statistics.latency.add(seconds)

    def _fail(self, job: Job, message: str, status: Status) -> None:
        if not job.result.done():
            job.result.set_exception(ServerError(message, status))
            self._statistics.fail.add(_nanoseconds(time.perf_counter() - job.arrival))


def _nanoseconds(seconds: float) -> int:
    return int(seconds * 1e9)
