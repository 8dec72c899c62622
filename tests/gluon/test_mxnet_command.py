"""`python -m baryon.mxnet`: scripts written for MXNet 2."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import baryon as mx
from baryon.mxnet.names import ABSENT, ELSEWHERE, MODULES, NAMES


def run(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Status, standard output and standard error of the command."""
    done = subprocess.run(
        [sys.executable, "-m", "baryon.mxnet", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout, done.stderr


def script(folder: Path, text: str) -> Path:
    path = folder / "script.py"
    path.write_text(text)
    return path


IMPORTS = """
import sys
import numpy
import mxnet as mx
import mxnet.gluon.nn as layers
from mxnet import autograd, context, gluon, init, np, npx
from mxnet.base import MXNetError
from mxnet.gluon import Trainer, nn
from mxnet.gluon.block import HybridBlock
from mxnet.gluon.nn.basic_layers import Dense
from mxnet.util import use_np

npx.set_np()
assert nn is layers is gluon.nn and nn.Dense is Dense
assert issubclass(MXNetError, Exception) and mx.MXNetError is MXNetError
assert mx.np is np and mx.init is init and mx.cpu() == context.cpu()
assert type(numpy.ones(2)) is numpy.ndarray and not isinstance(np.ones(2), numpy.ndarray)
assert mx.__version__.startswith("2.")
assert not hasattr(mx, "no_such_name")


@use_np
class Net(HybridBlock):
    def __init__(self):
        super().__init__()
        self.dense = nn.Dense(2)

    def forward(self, x):
        return npx.relu(self.dense(x))


net = Net()
net.initialize(mx.init.Xavier(), device=mx.cpu())
net.hybridize()
trainer = Trainer(net.collect_params(), "sgd", {"learning_rate": 0.1})
with autograd.record():
    loss = net(np.ones((4, 3))).sum()
loss.backward()
trainer.step(4)
print(__name__, sys.argv[1:])
sys.exit(7)
"""


def test_a_script_runs_with_its_arguments_and_its_status(tmp_path: Path) -> None:
    status, out, error = run(str(script(tmp_path, IMPORTS)), "--lr", "0.1", cwd=tmp_path)
    assert (status, out) == (7, "__main__ ['--lr', '0.1']\n"), error


def test_modules_run_and_find_their_neighbours(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("import mxnet as mx\nvalue = mx.np.ones((2,)).sum()\n")
    script(tmp_path, "import helper\nprint(helper.value.item())\n")
    assert run("script.py", cwd=tmp_path)[:2] == (0, "2.0\n")
    assert run("-m", "script", cwd=tmp_path)[:2] == (0, "2.0\n")


def test_processes_of_a_script_have_mxnet_too(tmp_path: Path) -> None:
    (tmp_path / "child.py").write_text("import mxnet as mx\nprint(mx.np.ones((3,)).sum().item())\n")
    script(tmp_path, "import subprocess, sys\nsubprocess.run([sys.executable, 'child.py'])\n")
    assert run("script.py", cwd=tmp_path)[:2] == (0, "3.0\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [((), "no script is given"), (("missing.py",), "no script 'missing.py'"), (("-x",), "usage")],
)
def test_wrong_usage_has_status_2_and_no_traceback(
    tmp_path: Path, arguments: tuple[str, ...], message: str
) -> None:
    status, out, error = run(*arguments, cwd=tmp_path)
    assert (status, out) == (2, "")
    assert message in error
    assert "Traceback" not in error


def test_help_is_no_error(tmp_path: Path) -> None:
    assert run("--help", cwd=tmp_path)[0] == 0


def test_errors_show_the_script_alone(tmp_path: Path) -> None:
    path = script(tmp_path, "import mxnet as mx\n\nx = mx.nd.concat(1, 2)\n")
    status, _, error = run(str(path), cwd=tmp_path)
    assert status == 1
    assert 'script.py", line 3, in <module>' in error
    assert "use mx.np.concatenate([a, b, c], axis=1)" in error
    assert "runner.py" not in error
    assert "removed.py" not in error
    path.write_text("import mxnet\n1 / 0\n")
    status, _, error = run(str(path), cwd=tmp_path)
    assert status == 1
    assert error.startswith('Traceback (most recent call last):\n  File "')
    assert "runpy" not in error
    assert error.endswith("ZeroDivisionError: division by zero\n")


REMOVED = {
    "mx.nd.NDArray": "mx.np.ndarray",
    "mx.nd.exp": "mx.np.exp",
    "mx.nd.topk": "mx.npx.topk",
    "mx.nd.FullyConnected": "mx.npx.fully_connected",
    "mx.nd.random.uniform": "mx.np.random.uniform(low, high, size=...)",
    "mx.nd.contrib.foreach": "mx.npx.foreach",
    "mx.sym.Variable": "HybridBlock.forward",
    "mx.symbol.Convolution": "mx.npx.convolution",
    "mx.mod.Module": "gluon.Trainer",
    "mx.metric.Accuracy": "mx.gluon.metric.Accuracy",
    "mx.model.FeedForward": "gluon.HybridBlock",
    "mx.monitor.Monitor": "register_op_hook",
    "mx.rnn.LSTMCell": "mx.gluon.rnn.LSTMCell",
}


def test_removed_names_say_what_replaced_them(tmp_path: Path) -> None:
    lines = [f"said(lambda: {name})" for name in REMOVED]
    lines += [
        "try:\n    from mxnet.nd import SliceChannel\nexcept ImportError as e:\n    print(e)",
        "try:\n    import mxnet.onnx\nexcept ImportError as e:\n    print(e)",
        "try:\n    import mxnet.no_such\nexcept ImportError as e:\n    print(e)",
        "try:\n    mx.gluon.ParameterDict\nexcept AttributeError as e:\n    print(e)",
    ]
    head = (
        "import mxnet as mx, mxnet.ndarray\nfrom mxnet import nd\n"
        "def said(f):\n"
        "    try:\n        f()\n"
        "    except AttributeError as e:\n        print(str(e).replace('\\n', ' '))\n"
    )
    status, out, error = run(str(script(tmp_path, head + "\n".join(lines))), cwd=tmp_path)
    assert status == 0, error
    found = out.splitlines()
    for (name, use), line in zip(REMOVED.items(), found, strict=False):
        assert name in line
        assert use in line
        assert "script.py:" in line
    assert "use mx.npx.slice_channel" in out
    assert "baryon has no mxnet.onnx" in out
    assert "baryon has no mxnet.no_such" in out
    assert "collect_params() returns a dictionary" in out


def test_mxnet_itself_is_not_replaced_once_it_is_there(tmp_path: Path) -> None:
    (tmp_path / "mxnet.py").write_text("real = True\n")
    path = script(
        tmp_path,
        "import mxnet, baryon.mxnet\n"
        "try:\n    baryon.mxnet.install()\n"
        "except ImportError as e:\n    print(mxnet.real, e)\n",
    )
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("True mxnet is imported already (from ")


def test_installing_twice_changes_nothing(tmp_path: Path) -> None:
    text = (
        "import baryon.mxnet as b, sys\nb.install(); b.install()\nimport mxnet\nb.install()\n"
        "print(sum(type(f).__name__ == 'Finder' and 'baryon' in type(f).__module__"
        " for f in sys.meta_path))\n"
    )
    done = subprocess.run(
        [sys.executable, script(tmp_path, text)], capture_output=True, text=True, check=True
    )
    assert done.stdout == "1\n"


def test_the_tables_do_not_contradict_each_other() -> None:
    assert not set(MODULES) & set(ELSEWHERE)
    assert not set(MODULES) & set(ABSENT)
    assert set(NAMES) <= set(MODULES)


def test_legacy_names_of_baryon_itself_say_what_replaced_them() -> None:
    with pytest.raises(AttributeError, match=r"use mx\.np\.ones"):
        mx.nd.ones((2, 2))
    with pytest.raises(AttributeError, match="cannot be loaded"):
        mx.library
