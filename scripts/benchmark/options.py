"""The command line of `scripts/bench`, and the cases that it names."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmark.case import Case, file_case, panel_case
from benchmark.engines import MODULES
from benchmark.networks import PANEL

EXAMPLES = """
scripts/bench                                  the panel at 1 and 2 threads, batch 1 and 8
scripts/bench --only resnet50 --batch 1        some of it
scripts/bench my.onnx                          networks of your own
scripts/bench --isa avx2                       AVX2 only, against OpenVINO limited to it
scripts/bench --precision int8                 what ONNX Runtime's quantizer makes of the panel
scripts/bench --limits                         what this machine can do
scripts/bench --profile bert_base              every kernel against those limits
scripts/bench --profile bert_base --threads 2 --batch 1 --roofline bert.svg
scripts/bench --kernels                        products and convolutions of the panel against them
scripts/bench --json out.json && scripts/bench --table out.json
"""


def parser() -> argparse.ArgumentParser:
    """All options."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Time baryon, ONNX Runtime and OpenVINO on the same networks, taking turns.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("models", nargs="*", type=Path, help="ONNX files (default: the panel)")
    add("--only", action="append", metavar="NAME", help="networks with NAME in their name")
    add("--threads", type=_numbers, default=(1, 2), help="such as 1,2 (default)")
    add("--batch", type=_numbers, default=(1, 8), help="of the panel, such as 1,8 (default)")
    add("--precision", choices=("fp32", "bf16", "int8"), default="fp32", help="of all engines")
    add("--isa", choices=("native", "avx2"), default="native", help="instructions of all engines")
    add("--rounds", type=int, default=7, help="bursts per engine at most (default 7)")
    add("--seconds", type=float, default=0.3, help="per burst (default 0.3)")
    add("--budget", type=float, default=8, help="seconds per row; 3 rounds always (default 8)")
    add("--engines", type=_words, default=tuple(MODULES)[:3], help="default: all, ours first")
    add("--json", type=Path, metavar="OUT", help="also write everything there")
    add("--limits", action="store_true", help="only measure the machine's limits")
    add("--profile", metavar="NETWORK", help="time every kernel of a network or an ONNX file")
    add("--roofline", action="append", type=Path, metavar="OUT", help="plot the profile: .svg .png")
    add("--kernels", action="store_true", help="all contractions of the panel against the FMA rate")
    add("--table", type=Path, metavar="JSON", help="write this result into the README's table")
    return parser


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(","))


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split(","))


def cases(options: argparse.Namespace) -> Iterator[Case]:
    """The networks to time, one after the other; the files of the panel are written on the way."""
    if options.models:
        yield from (file_case(model) for model in options.models)
        return
    for network in PANEL:
        if not options.only or any(name in network.name for name in options.only):
            yield from (
                panel_case(network.name, batch, options.precision) for batch in options.batch
            )


def find_case(name: str, batch: int) -> Case:
    """A network of the panel, or a file."""
    if name.endswith(".onnx"):
        return file_case(Path(name))
    try:
        return panel_case(name, batch)
    except KeyError:
        known = ", ".join(network.name for network in PANEL)
        sys.exit(f"error: there is no network {name}; there are {known}, and files NAME.onnx")
