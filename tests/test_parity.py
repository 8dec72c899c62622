"""The table of MXNet 2's names is current, and every absent name has a reason."""

from __future__ import annotations

from parity_names.__main__ import TABLE, sections, table

COMPLETE = (
    "gluon.nn", "gluon.rnn", "gluon.loss", "gluon.metric", "optimizer", "lr_scheduler", "init",
)  # fmt: skip
MOSTLY = 0.97


def test_the_page_is_current() -> None:
    assert TABLE.read_text(encoding="utf-8") == table(sections()), "run scripts/parity"


def test_absent_names_have_reasons() -> None:
    absent = {f"{s.module}.{n}": why for s in sections() for n, why in s.absent.items()}
    assert not [name for name, why in absent.items() if why == "NOT REVIEWED"]


def test_how_much_is_there() -> None:
    for module in ("np", "npx"):
        own = [s for s in sections() if s.module.split(".")[0] == module]
        absent = sum(len(s.absent) for s in own)
        assert absent < (1 - MOSTLY) * sum(len(s.names) for s in own)
    assert not [(s.module, s.absent) for s in sections() if s.module in COMPLETE and s.absent]
