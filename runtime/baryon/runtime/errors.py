"""What can go wrong when an artifact is loaded or run."""

from __future__ import annotations


class BaryonRuntimeError(Exception):
    """Any error of the runtime. The message says what was wrong and what was expected."""


class ArtifactError(BaryonRuntimeError, ValueError):
    """The file is not an artifact, has another format version, or is damaged."""


class SignatureError(BaryonRuntimeError):
    """The artifact is not signed by a key that is required, or this machine cannot tell."""


class InputError(BaryonRuntimeError, ValueError):
    """An input's name, dtype, shape or memory is not what the network takes."""


class UnsupportedCpuError(BaryonRuntimeError):
    """The CPU lacks instructions that the artifact's code needs; the message names them."""


class KernelError(BaryonRuntimeError):
    """Compiled code reported an error: a bug in the compiler, or an artifact of mixed parts."""
