"""Text that cannot be read: the message, the line and column, and the caret under the place."""

from __future__ import annotations

import pytest

from baryon.ir import ParseError, parse_module

HEAD = "module {\n  func @main(%x: f32[2]) -> (y) {\n"
TAIL = "\n  }\n}\n"

CASES = {
    "character": ("    %y = np.abs(%x) ; : f32[2]", 21, "unexpected character ';'"),
    "undefined": ("    %y = np.abs(%z) : f32[2]", 18, "%z is used before it is defined"),
    "twice": ("    %x = np.abs(%x) : f32[2]", 6, "%x is defined twice"),
    "dtype": ("    %y = np.abs(%x) : float[2]", 23, "'float' is not an element type"),
    "dim": ("    %y = np.abs(%x) : f32[1.5]", 27, "expected a whole number but found '1.5'"),
    "negative": ("    %y = np.abs(%x) : f32[-1]", 27, "a dimension is not negative"),
    "bracket": ("    %y = np.abs(%x : f32[2]", 20, "expected ')' but found ':'"),
    "results": ("    %y, %z = np.abs(%x) : f32[2]", 32, "np.abs has 1 types for 2 results"),
    "attribute": ("    %y = np.abs(%x) {a=} : f32[2]", 24, "expected string or number"),
    "repeated": ("    %y = np.abs(%x) {a=1, a=2} : f32[2]", 27, "a is defined twice"),
    "string": ('    %y = np.abs(%x) {a="\\q"} : f32[2]', 24, "bad string"),
    "layout": ("    %y = np.abs(%x) : f32[2]{channels_last, step=3}", 45, "expected 'pitch'"),
    "location": ("    %y = np.abs(%x) : f32[2] @ net.py", 32, "expected string but found"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_error_in_an_op(name: str) -> None:
    line, column, message = CASES[name]
    with pytest.raises(ParseError) as caught:
        parse_module(HEAD + line + TAIL, source="net.ir")
    error = caught.value
    assert message in error.message
    assert error.where == f"net.ir:3:{column}", error.excerpt
    assert error.excerpt == f"  {line}\n  {' ' * (column - 1)}^"


@pytest.mark.parametrize(
    ("text", "where", "message"),
    [
        ("", "1:1", "expected 'module' but found 'end of text'"),
        ("module {", "1:9", "expected 'func' but found 'end of text'"),
        ("module {\n}\n}", "3:1", "expected end but found '}'"),
        ("module {\n symbol N in 1\n}", "3:1", "expected '..' but found '}'"),
        ("module {\n constant @c : f32[2] = (1.0)\n}", "2:29", "f32[2] has 2 elements, not 1"),
        ("module {\n constant @c : u8[1] = (300)\n}", "2:25", "does not fit u8"),
        ("module {\n constant @c : u8[1] = (1.5)\n}", "2:25", "does not fit u8"),
        ('module {\n constant @c : f32[1] = ("a")\n}', "2:26", "does not fit f32"),
        ("module {\n constant @c : f32[9] = splat((1, 2))\n}", "2:36", "does not fit f32"),
        ("module {\n constant @c : f32[N] = (1.0)\n}", "2:23", "symbolic"),
        ("module {\n constant @c : f32[99] = external\n}", "3:1", "constant @c is not given"),
        ("module {\n constant @c : i8[] = (1)\n constant @c : i8[] = (1)\n}", "3:12", "@c is"),
        ("module {\n func @f() -> () {}\n func @f() -> () {}\n}", "3:8", "@f is defined twice"),
        ("module {\n symbol N in 1..2\n symbol N in 1..2\n}", "3:9", "N is defined twice"),
    ],
)  # fmt: skip
def test_error_in_a_module(text: str, where: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse_module(text)
    assert message in caught.value.message
    assert caught.value.where == f"<text>:{where}"
