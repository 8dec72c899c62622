"""Requests that no good client sends: what is malformed, and what attacks on servers have sent."""

from __future__ import annotations

import gzip
import json
from typing import Any

from baryon.server.messages import message
from server.test_http import BODY, INFER, chunked, request

CHUNKED = "Transfer-Encoding: chunked"


def attack(path: str, document: object) -> bytes:
    """A request with a JSON body."""
    return request(json.dumps(document).encode(), path=path)


def tensor(**changes: object) -> dict[str, Any]:
    """A request of one tensor."""
    entry = {"name": "data", "datatype": "FP32", "shape": [2, 4], "data": [0.5] * 8}
    return {"inputs": [entry | changes]}


def raw_strings(data: bytes) -> bytes:
    """A request of strings in the binary form: each a length of four bytes, and so many bytes."""
    size = {"binary_data_size": len(data)}
    head = json.dumps(
        {"inputs": [{"name": "data", "datatype": "BYTES", "shape": [8], "parameters": size}]}
    )
    return request(head.encode() + data, f"Inference-Header-Content-Length: {len(head)}")


def infer(**changes: Any) -> bytes:
    """A gRPC call of one tensor, as bytes."""
    given = {"name": "data", "datatype": "FP32", "shape": [2, 4]} | changes
    fields = {"model_name": "affine", "inputs": [given], "raw_input_contents": [bytes(32)]}
    data: bytes = message("ModelInferRequest")(**fields).SerializeToString()
    return data


def frame(kind: int, flags: int, stream: int, payload: bytes = b"") -> bytes:
    """A frame of HTTP/2 (RFC 9113, section 4.1)."""
    return (
        len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload
    )


GARBAGE = [
    (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200), [400]),  # TLS
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", [400]),
    (b"GET / HTTP/9.9\r\n\r\n", [400]),
    (b"GET / HTTP/1.1\nHost: x\n\n", [400]),
    (b"GET /\r\n\r\n", [400]),
    (b"\0" * 100, [400]),
    (b"GET / HTTP/1.1\r\nHost : x\r\n\r\n", [400]),
    (b"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", [400]),  # obsolete folding
    (b"GET / HTTP/1.1\r\nA: \0\r\n\r\n", [400]),
    (b"GET /\xff HTTP/1.1\r\n\r\n", [400]),
    (b"\r\n\r\n\r\n", []),
    (b"G", []),
    (b"GET / HTTP/1.1\r\nHost: x", []),
    (b"GET /" + b"a" * 20_000, [431]),
    (b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 4_000, [431]),
    (b"GET / HTTP/1.1\r\nCookie: " + b"a" * 2_000_000 + b"\r\n\r\n", [431]),
    (b"GET / HTTP/1.1\r\n" + b"a" * 20_000 + b": b\r\n\r\n", [431]),
    (request(b"", "Content-Length: 99999999999"), [413]),
    (request(b"", "Content-Length: 18446744073709551615"), [413]),
    (request(b"", "Content-Length: 18446744073709551616"), [400]),
    (request(b"", "Content-Length: -1"), [400]),
    (request(b"", "Content-Length: +5"), [400]),
    (request(b"", "Content-Length: 0x10"), [400]),
    (request(b"", "Content-Length: 5", "Content-Length: 6"), [400]),
    (request(BODY[:-3], f"Content-Length: {len(BODY)}"), []),  # half-sent
    (request(BODY[:9], f"Content-Length: {len(BODY)}"), []),
    (request(b"", "Content-Length: 60000000"), []),
    (request(b"0\r\n\r\n", "Transfer-Encoding: chunked", "Content-Length: 5"), [400]),
    (request(b"5\r\nhello0\r\n\r\n", "Transfer-Encoding: chunked"), [400]),
    (request(b"zz\r\n", "Transfer-Encoding: chunked"), [400]),
    (request(b"-1\r\n", "Transfer-Encoding: chunked"), [400]),
    (request(b"ffffffffffffffffff\r\n", "Transfer-Encoding: chunked"), [400]),
    (request(b"5\r\nhel", "Transfer-Encoding: chunked"), []),
    (request(b"1\r\na\r\n" * 200_000, "Transfer-Encoding: chunked"), [400]),
    (request(b"1;" + b"x" * 1_000_000, "Transfer-Encoding: chunked"), [400]),
    (request(b"", "Transfer-Encoding: gzip"), [400]),
    (request(b"", "Transfer-Encoding: chunked, identity"), [400]),
    (request(chunked(b"{}") + request(b"{}"), "Transfer-Encoding: chunked"), [400]),
    (request(b"", "Connection: Upgrade", "Upgrade: websocket", method="GET", path="/v2"), [200]),
    # what published attacks on inference servers did: paths, sizes, memory of others, nesting
    (attack("/v2/repository/models/..%2F..%2Fetc/load", {}), [404]),
    (attack("/v2/repository/models/affine/load", {"parameters": {"config": "{}"}}), [400]),
    (attack("/v2/repository/models/x/load", {"parameters": {"file:1/../../x": "aGk="}}), [400]),
    (attack("/v2/repository/models/%2Ftmp%2Fx/unload", {}), [404]),
    (attack("/v2/logging", {"log_file": "/root/.bashrc"}), [404]),
    (attack("/v2/trace/setting", {"trace_file": "/etc/cron.d/x"}), [404]),
    (attack("/v2/systemsharedmemory/region/a/register", {"key": "/x", "byte_size": 9}), [404]),
    (attack("/v2/cudasharedmemory/region/a/register", {"byte_size": 2**63}), [404]),
    (attack("/v2/systemsharedmemory/status", {}), [404]),
    (attack(INFER, tensor(parameters={"shared_memory_region": "a"})), [400]),
    (attack(INFER, tensor(parameters={"binary_data_size": 2**64})), [400]),
    (attack(INFER, tensor(parameters={"binary_data_size": -(2**63)})), [400]),
    (attack(INFER, tensor(shape=[2**63, 2])), [400]),
    (attack(INFER, tensor(shape=[1] * 100_000)), [400]),
    (attack(INFER, tensor(shape=[4611686018427387904, 4])), [400]),
    (attack(INFER, tensor(datatype="BYTES", data=["a" * 100_000] * 8)), [400]),
    (attack(INFER, tensor(name="a" * 1_000_000)), [400]),
    (attack(INFER, {"inputs": [{"name": "data"}] * 50_000}), [400]),
    (attack(INFER, tensor(data=["a" * 10_000] + [""] * 100_000)), [400]),
    (attack(INFER, {"inputs": [], "outputs": [{"name": str(n)} for n in range(9999)]}), [400]),
    (request(b"", "Inference-Header-Content-Length: 5", "Content-Length: 0"), [400]),
    (request(BODY, "Inference-Header-Content-Length: 99999999999999999999"), [400]),
    (request(BODY, "Content-Encoding: gzip"), [415]),
    (b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", [404]),
    (request(b"", method="GET", path="http://elsewhere.example/v2"), [404]),
    (attack(INFER, tensor(shape=[-2, -4])), [400]),
    (attack(INFER, tensor(shape=[2.0, 4])), [400]),
    (attack(INFER, tensor(shape=[True, 4])), [400]),
    (attack(INFER, tensor(shape=[10**9, 4])), [400]),  # a huge batch
    (attack(INFER, tensor(shape=[2**32 + 2, 4])), [400]),  # whose low bits are right
    (attack(INFER, tensor(shape=[10**400, 4])), [400]),
    (attack(INFER, tensor(data=[[[[0.5]]]])), [400]),
    (attack(INFER, tensor(data=[1e999] * 8)), [400]),
    (attack(INFER, tensor(parameters=[1])), [400]),
    (attack(INFER, tensor(parameters={"classification": 1000})), [400]),
    (attack(INFER, {"parameters": {"sequence_id": 1}} | tensor()), [400]),
    (attack(INFER, {"parameters": {"timeout": -1}} | tensor()), [400]),
    (attack(INFER, {"id": ["x"]} | tensor()), [400]),
    (attack(INFER, [tensor()]), [400]),
    (request(b"[" * 1_000_000), [400]),  # nesting: a JSON bomb
    (request(b'{"inputs":' * 100_000), [400]),
    (request(b'{"inputs":[NaN]}'), [400]),
    (request(b'"' + b"\\ud800" * 1000 + b'"'), [400]),
    (request(b"\xff\xfe" + BODY), [400]),
    (raw_strings(b"\xff\xff\xff\xff" + b"a" * 28), [400]),  # lengths of strings that overflow
    (raw_strings(b"\0\0\0\x80" * 8), [400]),
    (request(bytes(64), "Content-Encoding: deflate"), [415]),
    (request(gzip.compress(bytes(10_000_000)), "Content-Encoding: gzip"), [415]),  # a bomb
    (request(gzip.compress(BODY), "Content-Encoding: identity"), [400]),
    # smuggling: two readings of where a request ends
    (request(b"0\r\n\r\nGET /x HTTP/1.1\r\n\r\n", "Content-Length: 6", CHUNKED), [400]),
    (request(b"5\r\nhello\r\n0\r\n\r\n", CHUNKED, CHUNKED), [400]),
    (request(b"0\r\n\r\n", "Transfer-Encoding : chunked"), [400]),
    (request(b"0\r\n\r\n", "Transfer-Encoding: xchunked"), [400]),
    (request(b"0\r\n\r\n", "Transfer-Encoding:\x0bchunked"), [400]),
    (request(b"0x5\r\nhello\r\n0\r\n\r\n", CHUNKED), [400]),
    (request(b"5\nhello\n0\n\n", CHUNKED), [400]),
    (request(b"", "Content-Length: 1,1"), [400]),
    (request(b"", "Content-Length: 5\r\nContent-Length: 5", method="GET"), [400]),
    (request(b"", "Content-Length: \xb2"), [400]),
    (request(b"12345", "Content-Length: " + "0" * 5000 + "5"), [400]),
    # paths
    (attack("/v2/models/affine/versions/..%2F..%2F1/infer", tensor()), [404]),
    (attack("/v2/models/affine/versions/-1/infer", tensor()), [404]),
    (attack("/v2/models/affine/versions/" + "9" * 5000 + "/infer", tensor()), [404]),
    (attack("/v2/models/%2e%2e/infer", tensor()), [404]),
    (attack("/v2/models/affine%00.baryon/infer", tensor()), [404]),
    (attack("/v2/models/affine%0d%0aX: y/infer", tensor()), [400]),
    (attack("/v2/models/" + "a" * 12_000 + "/infer", tensor()), [404]),
    (attack("/v2/repository/models/.%2Faffine/unload", {}), [404]),
    (attack("/v2/repository/models/affine%2F1/load", {}), [404]),
]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0)
HEADS = b"\x83\x86\x84\x41\x01x"  # POST, http, /, authority x
RESETS = [frame(1, 4, n, HEADS) + frame(3, 0, n, b"\0\0\0\x08") for n in range(1, 4001, 2)]

FRAMES = [
    request(),
    b"\0" * 1000,
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
    PREFACE[:-9] + b"\xff" * 1000,
    PREFACE + b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",  # a frame of 16 MiB
    PREFACE + frame(4, 0, 0, b"\0\4\xff\xff\xff\xff"),  # a window that overflows
    PREFACE + frame(4, 0, 0) * 5000,
    PREFACE + frame(6, 0, 0, bytes(8)) * 5000,  # pings
    PREFACE + b"".join(RESETS),  # rapid reset, CVE-2023-44487
    PREFACE + frame(1, 0, 1, HEADS) + frame(9, 0, 1, b"\x40\x01a\x01b") * 5000,  # CVE-2024-27316
    PREFACE + frame(1, 4, 1, b"\x40\x7f" + b"\xff" * 9),  # a header whose length overflows
    PREFACE + frame(0, 0, 1, b"data of no stream"),
    PREFACE + frame(8, 0, 0, b"\0\0\0\0"),  # a window that grows by nothing
]

CALLS = [
    (b"", "NOT_FOUND"),
    (b"\xff" * 100, "INVALID_ARGUMENT"),
    (b"\x0a\xff\xff\xff\xff\x7f", "INVALID_ARGUMENT"),  # a name of 34 GB
    (b"\x0a\x02\xff\xfe", "INVALID_ARGUMENT"),  # which is no UTF-8
    (infer()[:-9], "INVALID_ARGUMENT"),
    (infer() + b"\x3a\x04", "INVALID_ARGUMENT"),
    (infer(shape=[-2, -4]), "INVALID_ARGUMENT"),
    (infer(shape=[2**62, 4]), "INVALID_ARGUMENT"),
    (infer(shape=[1] * 100_000), "INVALID_ARGUMENT"),
    (infer(datatype="BYTES"), "INVALID_ARGUMENT"),
    (infer(contents={"fp32_contents": [0.5] * 8}), "INVALID_ARGUMENT"),
    (infer(parameters={"shared_memory_region": {"string_param": "/x"}}), "INVALID_ARGUMENT"),
    (infer(name="x" * 1_000_000), "INVALID_ARGUMENT"),
    (infer() + b"\x0a\x06../../", "NOT_FOUND"),
    (infer() + b"\x12\x88\x27" + b"9" * 5000, "NOT_FOUND"),  # a version of 5000 digits
]
