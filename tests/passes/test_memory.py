"""Memory plans of small functions, and the arena's placement on its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from baryon.passes import MemoryPlan, Storage, plan_memory, run_pipeline
from baryon.passes.arena import Block, peak, place
from baryon.passes.memory import ALIGNMENT
from passes.support import module_of

HEADER = "symbol N in 1..8 constant @w : f32[4,4,1,1] = splat(0.5)"
TYPE = "f32[N,4,5,5]"
CONV = '%w = ir.constant() {name="w"} : f32[4,4,1,1]\n'
BYTES = 8 * 4 * 5 * 5 * 4


def planned(
    body: str, outputs: str = "%y", *, in_place: bool = True, fuse: str = "fuse"
) -> dict[str, object]:
    names = outputs.replace("%", "")
    text = f"module {{ {HEADER} func @main(%x: {TYPE}) -> ({names}) {{"
    module = module_of(f"{text} {CONV} {body} ir.return({outputs}) }} }}")
    run_pipeline(module, f"layout,{fuse},place-concat")
    plan = plan_memory(module, in_place=in_place)
    return {"plan": plan, "module": module} | {v.name: p for v, p in plan.placements.items()}


def conv(name: str, source: str) -> str:
    return f"%{name} = npx.convolution(%{source}, %w) {{kernel=(1, 1)}} : {TYPE}\n"


def plan_of(found: dict[str, object]) -> MemoryPlan:
    plan = found["plan"]
    assert isinstance(plan, MemoryPlan)
    return plan


def test_one_kernel_needs_no_arena() -> None:
    plan = plan_of(planned(f"%y = npx.relu(%x) : {TYPE}"))
    assert plan.arena_bytes == 0
    assert {p.storage for p in plan.placements.values()} <= {
        Storage.INPUT, Storage.OUTPUT, Storage.WEIGHTS,
    }  # fmt: skip


def test_sizes_hold_at_the_largest_batch_and_two_blocks_serve_a_chain() -> None:
    body = conv("a", "x") + conv("b", "a") + conv("c", "b") + conv("y", "c")
    plan = plan_of(planned(body))
    assert plan.arena_bytes == plan.lower_bound == 2 * BYTES
    offsets = [p.offset for p in plan.placements.values() if p.storage is Storage.ARENA]
    assert all(o % ALIGNMENT == 0 for o in offsets)


def test_an_element_wise_result_overwrites_an_operand_that_dies() -> None:
    body = conv("a", "x") + f"%r = npx.relu(%a) : {TYPE}\n" + conv("y", "r")
    alone = "fuse{max-ops=1}"
    found = planned(body, fuse=alone)
    assert found["a"] == found["r"]
    apart = planned(body, fuse=alone, in_place=False)
    assert apart["a"] != apart["r"]
    alive = planned(body + f"%z = np.add(%y, %a) : {TYPE}\n", "%z", fuse=alone)
    assert alive["a"] != alive["r"]


def test_a_residual_is_not_overwritten() -> None:
    """The convolution would read what it wrote, where its tiles overlap."""
    add = f"%s = np.add(%b, %a) : {TYPE}\n"
    used = f"%a2 = npx.pooling(%a) {{kernel=(1, 1)}} : {TYPE}\n"
    alive = conv("a", "x") + used + conv("b", "a2") + add + conv("y", "s")
    assert plan_of(planned(alive)).arena_bytes == 3 * BYTES


def test_two_outputs_have_memory_of_their_own() -> None:
    view = "%z = np.reshape(%y) {newshape=(-2, 100)} : f32[N,100]\n"
    plan = plan_of(planned(f"%y = npx.relu(%x) : {TYPE}\n{view}", "%y, %z, %x"))
    outputs = {p.index for p in plan.placements.values() if p.storage is Storage.OUTPUT}
    assert outputs == {0, 1, 2}


def test_parts_of_a_concatenation_lie_in_it() -> None:
    found = planned(
        conv("a", "x")
        + f"%b = npx.pooling(%a) {{kernel=(1, 1)}} : {TYPE}\n"
        + "%ab = np.concatenate(%a, %b) {axis=1} : f32[N,8,5,5]\n"
        + "%y = npx.pooling(%ab) {global_pool=True} : f32[N,8,1,1]"
    )
    a, b, ab = found["a"], found["b"], found["ab"]
    assert a == ab
    assert b.root is ab.root  # type: ignore[attr-defined]
    assert b.offset == ab.offset + 4 * 4  # type: ignore[attr-defined]


BLOCKS = st.lists(
    st.tuples(st.integers(0, 9), st.integers(0, 20), st.integers(0, 8)).map(
        lambda t: Block(64 * t[0], t[1], t[1] + t[2])
    ),
    max_size=30,
)


@given(BLOCKS)
def test_blocks_in_use_at_once_do_not_overlap(blocks: list[Block]) -> None:
    offsets = place(blocks)
    for a in blocks:
        for b in blocks:
            apart = offsets[a] + a.size <= offsets[b] or offsets[b] + b.size <= offsets[a]
            assert a is b or not a.meets(b) or apart or 0 in (a.size, b.size)
    total = max((offsets[b] + b.size for b in blocks), default=0)
    assert peak(blocks) <= total <= sum(b.size for b in blocks)
