"""The command `baryon`: finds the command asked for, and turns errors into one line.

Where only the runtime is installed, its commands are those of the runtime.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import traceback
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TypeGuard

import click

from baryon.runtime import BaryonRuntimeError, __version__

if TYPE_CHECKING:
    from baryon.ir import BaryonError

# name: (module, one line of help); a command is imported when it runs, so that `baryon run` starts
# without the compiler
COMMANDS: Mapping[str, tuple[str, str]] = {
    "compile": ("baryon.cli.compile", "Turn a trained network into one native file."),
    "quantize": ("baryon.cli.quantize", "Turn a trained network into one INT8 file."),
    "convert": ("baryon.cli.convert", "Write a trained network as an ONNX file."),
    "run": ("baryon.cli.run", "Run a compiled network on arrays from files."),
    "serve": ("baryon.command.serve", "Answer requests over HTTP and gRPC."),
    "sign": ("baryon.command.sign", "Sign a compiled file."),
    "verify": ("baryon.command.verify", "Check that a compiled file is whole, and who signed it."),
    "inspect": ("baryon.cli.inspect", "Show what is inside a model or a compiled file."),
    "bench": ("baryon.cli.bench", "Time a compiled network."),
    "opt": ("baryon.cli.opt", "Run passes over IR text (for developers of passes)."),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a newcomer's work."""
        return [name for name in COMMANDS if _is_installed(name)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now; None for an unknown name."""
        if cmd_name not in COMMANDS:
            return None
        if not _is_installed(cmd_name):
            raise click.ClickException(f"{cmd_name} needs the compiler: pip install baryon")
        command = importlib.import_module(COMMANDS[cmd_name][0]).command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in `--help`, made without importing anything."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, COMMANDS[name][1]) for name in self.list_commands(ctx)])


def _is_installed(name: str) -> bool:
    """Whether the package is there that has the command: the one of the runtime always is."""
    package = COMMANDS[name][0].rpartition(".")[0]
    return importlib.util.find_spec(package) is not None


START = "compile model.onnx -o model.baryon" if _is_installed("compile") else "serve model.baryon"


@click.group(
    cls=LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=f"Start with:  baryon {START}",
)
@click.version_option(__version__, prog_name="baryon")
@click.option("-v", "--verbose", is_flag=True, help="On errors, show the IR around and the trace.")
@click.pass_context
def cli(context: click.Context, verbose: bool) -> None:
    """Compile trained networks to single native files, and run them."""
    context.obj = verbose


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 for success, 2 for bad use, 1 for a failure."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    sys.exit(_status(argv))


def _status(argv: Sequence[str]) -> int:
    verbose = bool({"-v", "--verbose"} & set(argv[:1]))
    try:
        status = cli.main([*argv], prog_name="baryon", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        return 0
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx is not None else "baryon"
        _fail(f"{' '.join(error.format_message().split())} Try: {command} --help", verbose=False)
        return 2
    except BrokenPipeError:  # the reader of a pipe has gone, as in `baryon inspect X | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except (click.Abort, KeyboardInterrupt):
        return _fail("interrupted", verbose=False)
    except Exception as error:
        return _fail(describe(error), verbose, error)
    return status if isinstance(status, int) else 0


def describe(error: Exception) -> str:
    """An error as one line."""
    if _is_designed(error):
        place = f" (at {error.where})" if error.where is not None else ""
        hint = f"; {error.hint}" if error.hint is not None else ""
        return " ".join(f"{error.message}{place}{hint}".split())
    if isinstance(error, BaryonRuntimeError):
        return " ".join(str(error).split())
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, MemoryError):
        return "not enough memory"
    if isinstance(error, OSError):
        name = f"{os.fsdecode(error.filename)}: " if error.filename is not None else ""
        return f"{name}{error.strerror or error}"
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return f"internal error, please report it: {text}"


def _is_designed(error: Exception) -> TypeGuard[BaryonError]:
    """Whether an error has a place and a hint: only the compiler raises such."""
    module = sys.modules.get("baryon.ir")
    return module is not None and isinstance(error, module.BaryonError)


def _fail(message: str, verbose: bool, error: Exception | None = None) -> int:
    print(f"baryon: error: {message}", file=sys.stderr)
    if verbose and error is not None:
        if _is_designed(error) and error.excerpt is not None:
            print(error.excerpt, file=sys.stderr)
        traceback.print_exception(error)
    return 1
