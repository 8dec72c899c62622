"""The cheapest way to split a graph in two: a minimum cut by augmenting paths.

Made for graphs of which most nodes are on a given side already, as in choosing layouts; the rest is
small, so breadth-first augmentation (Edmonds-Karp) is fast enough.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Hashable
from itertools import pairwise

Node = Hashable
SOURCE, SINK = "source", "sink"
INFINITE = 1 << 62


class Cut:
    """Directed edges with capacities between `SOURCE`, `SINK` and other nodes."""

    def __init__(self) -> None:
        self.capacity: dict[Node, dict[Node, int]] = defaultdict(dict)

    def edge(self, a: Node, b: Node, capacity: int) -> None:
        """Add an edge: `capacity` is paid if `a` ends on the source side and `b` does not."""
        if a == b or capacity == 0:
            return
        self.capacity[a][b] = self.capacity[a].get(b, 0) + capacity
        self.capacity[b].setdefault(a, 0)

    def sink_side(self) -> set[Node]:
        """The nodes on the sink's side of a minimum cut: as few as possible."""
        while path := self._path():
            self._augment(path)
        found: set[Node] = {SINK}
        queue: deque[Node] = deque([SINK])
        while queue:
            node = queue.popleft()
            new = {n for n in self.capacity[node] if self.capacity[n][node]} - found
            found |= new
            queue.extend(new)
        return found

    def _reach(self) -> dict[Node, Node]:
        """Nodes to which more can flow from the source, each with the node before it."""
        before: dict[Node, Node] = {SOURCE: SOURCE}
        queue: deque[Node] = deque([SOURCE])
        while queue and SINK not in before:
            node = queue.popleft()
            new = [n for n, left in self.capacity[node].items() if left and n not in before]
            before.update(dict.fromkeys(new, node))
            queue.extend(new)
        return before

    def _path(self) -> list[Node]:
        before = self._reach()
        if SINK not in before:
            return []
        path: list[Node] = [SINK]
        while path[-1] != SOURCE:
            path.append(before[path[-1]])
        return path[::-1]

    def _augment(self, path: list[Node]) -> None:
        steps = list(pairwise(path))
        flow = min(self.capacity[a][b] for a, b in steps)
        for a, b in steps:
            self.capacity[a][b] -= flow
            self.capacity[b][a] += flow
