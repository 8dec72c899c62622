"""The rules that a plan and its code must obey, whoever made them.

The writer checks them so that a mistake of the compiler shows at compile time; the reader because
it trusts no file. Rule ids as in docs/spec/artifact.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from baryon.codegen.artifact.errors import ArtifactError
from baryon.codegen.artifact.format import (
    CPU_FEATURES,
    DTYPES,
    IMAGE_PAGE,
    IMPORTS,
    MAX_ARENA_BYTES,
    MAX_ARGS,
    MAX_DATA_BYTES,
    MAX_DIMS,
    MAX_IMAGE_BYTES,
    MAX_SYMBOL,
    MAX_SYMBOLS,
)
from baryon.codegen.artifact.plan import (
    Code,
    Computed,
    Dim,
    Extent,
    Plan,
    Port,
    Storage,
    Symbol,
    TensorDesc,
)


def need(condition: bool, rule: str, message: str, where: str | None = None) -> None:
    """Raise ArtifactError with the rule's id unless the condition holds."""
    if not condition:
        raise ArtifactError(message, rule=rule, where=where)


def extent_of(tensor: TensorDesc, maxima: dict[str, int]) -> int:
    """Bytes from a tensor's first to behind its last element, with symbols at their maximum."""
    shape = [value_of(extent, maxima) for extent in tensor.shape]
    if 0 in shape:
        return 0
    if tensor.strides is None:
        last, step = 0, 1
        for size in reversed(shape):
            last, step = last + (size - 1) * step, step * size
    else:
        strides = [value_of(extent, maxima) for extent in tensor.strides]
        last = sum((size - 1) * stride for size, stride in zip(shape, strides, strict=True))
    return (1 + last) * tensor.itemsize


def value_of(extent: Extent, maxima: dict[str, int]) -> int:
    """The largest value of a dimension or stride."""
    return extent.factor * maxima[extent.symbol] if isinstance(extent, Dim) else extent


def maxima_of(plan: Plan) -> dict[str, int]:
    """The largest value of each symbol."""
    return {symbol.name: symbol.max for symbol in plan.symbols}


def check_plan(plan: Plan, image_bytes: int, weight_bytes: int) -> None:
    """Rules A11 to A25, A34 to A36. Raises ArtifactError."""
    need(plan.machine in IMAGE_PAGE, "A25", f"ELF machine {plan.machine}", "PLAN")
    for name, size in (("arena", plan.arena_bytes), ("scratch", plan.scratch_bytes)):
        need(0 <= size <= MAX_ARENA_BYTES, "A11", f"{name}_bytes is {size}", "PLAN")
    need(len(plan.symbols) <= MAX_SYMBOLS, "A14", f"{len(plan.symbols)} symbols", "PLAN")
    for symbol in plan.symbols:
        fits = 0 <= symbol.min <= symbol.max <= MAX_SYMBOL
        need(fits, "A14", f"range {symbol.min} to {symbol.max}", f"symbol {symbol.name}")
    for number, tensor in enumerate(plan.tensors):
        _check_tensor(plan, tensor, f"tensor {number}")
    _check_ports(plan, plan.inputs, Storage.INPUT, "input")
    _check_ports(plan, plan.outputs, Storage.OUTPUT, "output")
    _check_symbols_bound(plan)
    room = _storage_room(plan, weight_bytes)
    for number, tensor in enumerate(plan.tensors):
        end = tensor.byte_offset + byte_extent_of(tensor, plan)
        available = room.get((tensor.storage, tensor.index), -1)
        what = f"reaches byte {end} of {available} in {tensor.storage.name} {tensor.index}"
        need(end <= available, "A19", what, f"tensor {number}")
    _check_calls(plan, image_bytes)
    _check_computed(plan)


def byte_extent_of(tensor: TensorDesc, plan: Plan) -> int:
    """The stated extent, or exactly what the tensor touches."""
    if tensor.byte_extent is not None:
        return tensor.byte_extent
    return extent_of(tensor, maxima_of(plan))


def _check_tensor(plan: Plan, tensor: TensorDesc, where: str) -> None:
    need(tensor.dtype in DTYPES, "A17", f"unknown dtype {tensor.dtype}", where)
    need(len(tensor.shape) <= MAX_DIMS, "A16", f"{len(tensor.shape)} dimensions", where)
    strides = tensor.strides or ()
    need(tensor.strides is None or len(strides) == len(tensor.shape), "A16", "strides", where)
    maxima = maxima_of(plan)
    for extent in (*tensor.shape, *strides):
        need(_is_extent(extent, maxima), "A15", f"dimension {extent}", where)
    aligned = tensor.byte_offset >= 0 and tensor.byte_offset % tensor.itemsize == 0
    need(aligned, "A19", f"byte_offset {tensor.byte_offset} is not on an element", where)
    touched, extent_bytes = extent_of(tensor, maxima), byte_extent_of(tensor, plan)
    need(touched <= extent_bytes, "A18", f"touches {touched} of {extent_bytes} bytes", where)


def _is_extent(extent: Extent, maxima: dict[str, int]) -> bool:
    if isinstance(extent, Dim) and (extent.symbol not in maxima or extent.factor < 1):
        return False
    return 0 <= value_of(extent, maxima) < 1 << 63


def _check_ports(plan: Plan, ports: Sequence[Port], storage: Storage, what: str) -> None:
    names = [port.name for port in ports]
    need(all(names) and len(set(names)) == len(names), "A21", f"{what} names: {names}", "PLAN")
    for number, port in enumerate(ports):
        where = f"{what} '{port.name}'"
        need(0 <= port.tensor < len(plan.tensors), "A20", f"tensor {port.tensor}", where)
        tensor = plan.tensors[port.tensor]
        own = (tensor.storage, tensor.index, tensor.byte_offset) == (storage, number, 0)
        plain = tensor.strides is None
        exact = byte_extent_of(tensor, plan) == extent_of(tensor, maxima_of(plan))
        need(own and plain and exact, "A20", f"its tensor is {tensor}", where)
        if port.value is not None:
            _check_value(plan, port, storage, where)


def _check_value(plan: Plan, port: Port, storage: Storage, where: str) -> None:
    need(0 <= port.value < len(plan.tensors), "A37", f"value in tensor {port.value}", where)  # type: ignore[operator]
    value, own = plan.tensors[port.value], plan.tensors[port.tensor]  # type: ignore[index]
    alike = (value.dtype, value.shape, value.strides) == (own.dtype, own.shape, None)
    fits = storage is Storage.INPUT and value.storage is Storage.WEIGHTS and alike
    need(fits and all(isinstance(d, int) for d in own.shape), "A37", f"its value is {value}", where)


def _check_symbols_bound(plan: Plan) -> None:
    bound = {
        extent.symbol
        for port in plan.inputs
        for extent in plan.tensors[port.tensor].shape
        if isinstance(extent, Dim)
    }
    for symbol in plan.symbols:
        once = (symbol.name in bound) == (symbol.computed is None)
        what = "in no input's shape" if symbol.computed is None else "in an input's shape as well"
        need(once, "A22", what, f"symbol {symbol.name}")


def _check_computed(plan: Plan) -> None:
    """Rules A34 to A36: what calls count is counted once, inside its bound, before it is used."""
    maxima: dict[str, int] = {}
    ready = {s.name: -1 if s.computed is None else s.computed.call for s in plan.symbols}
    for symbol in plan.symbols:
        if symbol.computed is not None:
            _check_count(plan, symbol, symbol.computed, maxima, ready)
        maxima[symbol.name] = symbol.max
    for number, call in enumerate(plan.calls):
        tensors = (plan.tensors[arg] for arg in call.args)
        used = (d for t in tensors for d in (*t.shape, *(t.strides or ())) if isinstance(d, Dim))
        for dim in used:
            need(ready[dim.symbol] < number, "A36", f"uses {dim.symbol}", f"call {number}")


def _check_count(
    plan: Plan, symbol: Symbol, computed: Computed, before: dict[str, int], ready: dict[str, int]
) -> None:
    where, most = f"symbol {symbol.name}", computed.most
    known = _is_extent(most, before) and (symbol.min, symbol.max) == (0, value_of(most, before))
    need(known, "A34", f"0 to {symbol.max}, at most {most}", where)
    need(0 <= computed.call < len(plan.calls), "A35", f"call {computed.call}", where)
    early = not isinstance(most, Dim) or ready[most.symbol] < computed.call
    need(early, "A34", f"{most} is not known before", where)
    argument = computed.tensor in plan.calls[computed.call].args
    need(argument, "A35", f"tensor {computed.tensor} is no argument", where)
    tensor = plan.tensors[computed.tensor]
    count = tensor.dtype == "int64" and tensor.shape in ((), (1,)) and tensor.strides is None
    written = tensor.storage in (Storage.OUTPUT, Storage.ARENA)
    need(count and written, "A35", f"its count is {tensor}", where)


def _storage_room(plan: Plan, weight_bytes: int) -> dict[tuple[Storage, int], int]:
    """Bytes by storage and index."""
    room = {(Storage.ARENA, 0): plan.arena_bytes, (Storage.WEIGHTS, 0): weight_bytes}
    for storage, ports in ((Storage.INPUT, plan.inputs), (Storage.OUTPUT, plan.outputs)):
        for number, port in enumerate(ports):
            room[storage, number] = byte_extent_of(plan.tensors[port.tensor], plan)
    return room


def _check_calls(plan: Plan, image_bytes: int) -> None:
    for kernel in plan.kernels:
        inside = 0 <= kernel.entry < image_bytes
        need(inside, "A24", f"entry {kernel.entry} of {image_bytes}", f"kernel {kernel.name}")
    for number, call in enumerate(plan.calls):
        where = f"call {number}"
        need(0 <= call.kernel < len(plan.kernels), "A23", f"kernel {call.kernel}", where)
        need(1 <= len(call.args) <= MAX_ARGS, "A23", f"{len(call.args)} arguments", where)
        known = all(0 <= arg < len(plan.tensors) for arg in call.args)
        need(known, "A23", f"arguments {call.args}", where)


def check_names(plans: Sequence[Plan]) -> None:
    """Rule A31. Raises ArtifactError."""
    names = [plan.name for plan in plans]
    need(all(names) and len(set(names)) == len(names), "A31", f"variants are called {names}")


def check_features(features: Iterable[str]) -> None:
    """Only for writers: a reader takes an unknown feature as one that the CPU does not have."""
    unknown = sorted(set(features) - CPU_FEATURES)
    if unknown:
        raise ArtifactError(
            f"CPU features that the runtime does not know: {', '.join(unknown)}",
            hint="leave out features that imply no instructions, or extend docs/spec/artifact.md",
        )


def check_code(code: Code, machine: int, place: int = 0) -> None:
    """Rules A26 to A30, for an image at that place in the file. Raises ArtifactError."""
    size, page = len(code.image), IMAGE_PAGE[machine]
    whole = (size | place) % page == 0 and 0 < size <= MAX_IMAGE_BYTES
    need(whole, "A26", f"image of {size} bytes at {place}", "CODE")
    need(0 <= code.data_bytes <= MAX_DATA_BYTES, "A27", f"{code.data_bytes} bytes", "CODE")
    for number, slot in enumerate(code.slots):
        where = f"slot {number}"
        inside = 0 <= slot.data_offset <= code.data_bytes - 8 and slot.data_offset % 8 == 0
        need(inside, "A28", f"offset {slot.data_offset} of {code.data_bytes}", where)
        if slot.symbol is None:
            fits = 0 <= slot.address <= size + code.data_bytes
            need(fits, "A29", f"address {slot.address}", where)
        else:
            need(slot.symbol in IMPORTS, "A30", f"unknown import '{slot.symbol}'", where)
