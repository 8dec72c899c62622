"""`Trainer`: one step of an optimizer for the parameters of a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from baryon import kvstore as stores
from baryon import optimizer as optimizers
from baryon.array import ndarray
from baryon.atomic import replace_file
from baryon.gluon.errors import ParameterError, here
from baryon.gluon.parameter import Parameter
from baryon.ir import BaryonError


class StaleGradientError(BaryonError, UserWarning):
    """No backward pass has written the gradient of a parameter since the last step."""


class TrainerError(BaryonError, RuntimeError):
    """A trainer was used in a way that its key-value store does not allow."""


class Trainer:
    """Updates parameters after each backward pass: `trainer.step(batch_size)`.

    params: a dict (`net.collect_params()`, taken in the order of its names) or a list of
    parameters; shared ones count once. optimizer: a name, with `optimizer_params`, or an Optimizer.
    kvstore: a name ("device" and "local" mean: none is needed), a KVStoreBase, through which
    gradients are added up, or None. update_on_kvstore: let the store's optimizer update.
    compression_params are refused: nothing is sent.
    """

    def __init__(
        self,
        params: Mapping[str, Parameter] | Sequence[Parameter],
        optimizer: str | optimizers.Optimizer,
        optimizer_params: Mapping[str, Any] | None = None,
        kvstore: str | stores.KVStoreBase | None = "device",
        compression_params: Mapping[str, Any] | None = None,
        update_on_kvstore: bool | None = None,
    ) -> None:
        self._names, self._params = _unique(params)
        self._optimizer = _made(optimizer, dict(optimizer_params or {}))
        self._optimizer.param_dict = dict(enumerate(self._params))
        self._scale = self._optimizer.rescale_grad
        self._updater = optimizers.get_updater(self._optimizer)
        self._kvstore = _store(kvstore, compression_params)
        self._update_on_kvstore = self._asked(bool(update_on_kvstore))
        self._in_store: set[int] = set()
        self._seen: dict[int, tuple[list[int], int]] = {}
        self._amp_loss_scaler: Any = None
        self._amp_original_scale = self._scale
        for i, parameter in enumerate(self._params):
            parameter._set_trainer(self)
            if parameter.is_initialized and parameter.grad_req != "null":
                self._note(i, parameter)

    def _asked(self, update_on_kvstore: bool) -> bool:
        if not update_on_kvstore or self._kvstore is None:
            return False
        if not self._kvstore.is_capable("optimizer"):
            raise TrainerError(
                f"the store {self._kvstore.type!r} cannot update parameters", where=here(),
                hint="leave update_on_kvstore=True out",
            )  # fmt: skip
        self._kvstore.set_optimizer(self._optimizer)
        return True

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer."""
        return self._optimizer

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return self._optimizer.learning_rate

    def set_learning_rate(self, lr: float) -> None:
        """Set the learning rate; UserWarning is raised where a schedule decides it."""
        self._optimizer.set_learning_rate(lr)

    @property
    def amp_loss_scale(self) -> float:
        """The factor of `amp.scale_loss`; 1 without `amp.init_trainer`."""
        return 1.0 if self._amp_loss_scaler is None else float(self._amp_loss_scaler.loss_scale)

    def step(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """`allreduce_grads` and `update`: gradients are divided by `batch_size`.

        Raises StaleGradientError if a parameter has had no backward pass since the last step;
        ignore_stale_grad: leave such parameters as they are.
        """
        self._optimizer.rescale_grad = self._scale / batch_size
        if self._update_on_kvstore:
            self._update(ignore_stale_grad)
            return
        self._reduce()
        self._update(ignore_stale_grad)

    def allreduce_grads(self) -> None:
        """Add up the gradients of all who train together: to clip them before `update`."""
        self._refuse_in_store("allreduce_grads")
        self._reduce()

    def update(self, batch_size: float, ignore_stale_grad: bool = False) -> None:
        """Update the parameters, after `allreduce_grads`; see `step`."""
        self._refuse_in_store("update")
        self._optimizer.rescale_grad = self._scale / batch_size
        self._update(ignore_stale_grad)

    def save_states(self, fname: str | Path) -> None:
        """Write the optimizer's states and counts to a file, all or nothing."""
        if self._update_on_kvstore and self._kvstore is not None:
            self._kvstore.save_optimizer_states(fname, dump_optimizer=True)
            return
        data = self._updater.get_states(dump_optimizer=True)
        replace_file(fname, lambda file: file.write(data))

    def load_states(self, fname: str | Path) -> None:
        """Go on from what `save_states` wrote, by an optimizer of the same class."""
        if self._update_on_kvstore and self._kvstore is not None:
            self._kvstore.load_optimizer_states(fname)
            return
        self._updater.set_states(Path(fname).read_bytes())

    def _trained(self) -> list[tuple[int, Parameter]]:
        return [(i, p) for i, p in enumerate(self._params) if p.grad_req != "null"]

    def _reduce(self) -> None:
        if self._kvstore is None:
            return
        self._broadcast()
        for i, parameter in self._trained():
            self._kvstore.pushpull(i, parameter.list_grad(), priority=-i)

    def _broadcast(self) -> None:
        """Give the store the first values of parameters that it does not have yet."""
        assert self._kvstore is not None
        for i, parameter in enumerate(self._params):
            if i not in self._in_store:
                values = parameter.list_data()
                self._kvstore.broadcast(i, values[0], values)
                self._in_store.add(i)

    def _update(self, ignore_stale_grad: bool) -> None:
        if self._amp_loss_scaler is not None and self._amp_loss_scaler.has_overflow(self._params):
            return
        fresh = [(i, p) for i, p in self._trained() if self._is_fresh(i, p, ignore_stale_grad)]
        if self._update_on_kvstore and self._kvstore is not None:
            self._broadcast()
            for i, p in fresh:
                self._kvstore.pushpull(i, p.list_grad(), out=p.list_data(), priority=-i)
        elif fresh:
            self._updater([i for i, _ in fresh], [p.grad() for _, p in fresh], _data(fresh))
        for i, p in fresh:
            self._note(i, p)

    def _is_fresh(self, i: int, parameter: Parameter, ignore: bool) -> bool:
        counter = parameter.grad().writes()
        seen = self._seen.get(i)
        if seen is None or seen[0] is not counter or seen[1] != counter[0]:
            return True
        if ignore:
            return False
        raise StaleGradientError(
            f"no backward pass since the last step has written the gradient of {self._names[i]!r}",
            where=here(),
            hint="does the loss depend on it? If it need not, give step(..., "
            "ignore_stale_grad=True), or set its grad_req to 'null'",
        )

    def _note(self, i: int, parameter: Parameter) -> None:
        counter = parameter.grad().writes()
        self._seen[i] = counter, counter[0]

    def _refuse_in_store(self, what: str) -> None:
        if self._update_on_kvstore:
            raise TrainerError(
                f"{what}() while the key-value store updates the parameters", where=here(),
                hint="call step(), or make the Trainer with update_on_kvstore=False",
            )  # fmt: skip


def _data(parameters: Sequence[tuple[int, Parameter]]) -> list[ndarray]:
    return [p.data() for _, p in parameters]


def _unique(
    params: Mapping[str, Parameter] | Sequence[Parameter],
) -> tuple[list[str], list[Parameter]]:
    if isinstance(params, Mapping):
        named = sorted(params.items())
    elif isinstance(params, list | tuple):
        named = [(getattr(p, "name", ""), p) for p in params]
    else:
        raise ParameterError(
            f"a Trainer trains a dict or list of parameters, not {type(params).__name__}",
            where=here(), hint="give net.collect_params()",
        )  # fmt: skip
    unique: dict[int, tuple[str, Parameter]] = {}
    for name, parameter in named:
        if not isinstance(parameter, Parameter):
            raise ParameterError(f"{parameter!r} is not a Parameter", where=here(),
                                 hint="give net.collect_params()")  # fmt: skip
        unique.setdefault(id(parameter), (name, parameter))
    return [n for n, _ in unique.values()], [p for _, p in unique.values()]


def _made(
    optimizer: str | optimizers.Optimizer, arguments: Mapping[str, Any]
) -> optimizers.Optimizer:
    if not isinstance(optimizer, optimizers.Optimizer):
        return optimizers.create(optimizer, **arguments)
    if arguments:
        raise TrainerError(
            f"optimizer_params for an optimizer that is made already: {sorted(arguments)}",
            where=here(), hint="give them to the optimizer",
        )  # fmt: skip
    return optimizer


def _store(
    kvstore: str | stores.KVStoreBase | None, compression: Mapping[str, Any] | None
) -> stores.KVStoreBase | None:
    """The store to use; None for names of stores of one process, which have nothing to do."""
    store = stores.create(kvstore) if isinstance(kvstore, str) else kvstore
    if compression is not None:
        (store if isinstance(store, stores.KVStore) else stores.KVStore()).set_gradient_compression(
            compression
        )
    return None if isinstance(kvstore, str) and type(store) is stores.KVStore else store
