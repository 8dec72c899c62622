"""What to measure next: problems by their share of the time, candidates by kind and forecast."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from baryon.codegen.group import Group
from baryon.codegen.kernels import candidates
from baryon.codegen.kernels.candidate import Candidate
from baryon.codegen.targets import Target
from baryon.codegen.tuning import Choices, Machine, problem_of

PROMISING = 0.6
"""Candidates that the model thinks slower than the best one by this factor are not measured."""
MOST = 32
"""Candidates that are measured for one problem at most."""
LEAST_SHARE = 0.003
"""Problems with less of a network's time are left alone."""


@dataclass
class Problem:
    """Equal groups of a network, and what is known of their candidates.

    groups: their numbers. untuned: the candidate that the cost model chose. queue: those still to
    be measured. ratios: time over that of `untuned`. wins: those that were faster beyond noise.
    """

    text: str
    groups: Sequence[int]
    untuned: str
    queue: list[str]
    share: float = 0.0
    ratios: dict[str, float] = field(default_factory=dict)
    wins: set[str] = field(default_factory=set)

    @property
    def best(self) -> str | None:
        """The fastest of those that won; None if the untuned one is best."""
        return min(self.wins, key=lambda name: self.ratios[name], default=None)

    @property
    def worth(self) -> float:
        """What to measure first: much time, and few candidates measured yet."""
        return self.share / (1 + len(self.ratios))


def problems_of(
    groups: Sequence[Group], target: Target, machine: Machine, choices: Choices
) -> list[Problem]:
    """The problems of a network that have a choice.

    What is known to be best comes first; what else was measured before is not measured again.
    """
    places: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        places.setdefault(problem_of(group), []).append(number)
    found = []
    for text, numbers in places.items():
        offers = candidates(groups[numbers[0]], target)
        if len(offers) > 1:
            known = choices.found.get((machine, text))
            queue = _queue(offers, known.ratios if known else {}, known.name if known else "")
            found.append(Problem(text, numbers, offers[0].name, queue))
    return found


def next_wave(problems: Iterable[Problem], most: int) -> dict[str, str]:
    """For at most so many problems the candidate to measure next; taken from their queues."""
    waiting = [p for p in problems if p.queue and p.share >= LEAST_SHARE]
    chosen = sorted(waiting, key=lambda p: -p.worth)[:most]
    return {p.text: p.queue.pop(0) for p in chosen}


def _queue(offers: Sequence[Candidate], known: Mapping[str, float], best: str) -> list[str]:
    """Names in the order of measuring: the best of each sort, then the rest, as forecast."""
    limit = PROMISING * offers[0].efficiency
    promising = [c for c in offers[1:] if c.efficiency >= limit]
    first_of: dict[str, Candidate] = {}
    for candidate in promising:
        first_of.setdefault(candidate.sort, candidate)
    ordered = [*first_of.values(), *(c for c in promising if c is not first_of[c.sort])]
    names = [c.name for c in ordered if c.name not in known][:MOST]
    again = best != offers[0].name and any(c.name == best for c in offers)
    return [best, *names] if again else names
