"""What kernels may take from the runtime."""

from __future__ import annotations

from dataclasses import dataclass

from baryon.codegen.artifact.format import IMPORT_FUNCTIONS, IMPORT_VARIABLES


@dataclass(frozen=True)
class Imports:
    """Names that the runtime defines.

    functions: called by kernels. variables: pointers to functions; the data part holds one of each
    that is used, and the loader fills it in.
    """

    functions: frozenset[str]
    variables: frozenset[str]


RUNTIME_IMPORTS = Imports(IMPORT_FUNCTIONS, IMPORT_VARIABLES)
