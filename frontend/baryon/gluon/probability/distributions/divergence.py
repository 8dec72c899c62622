"""The Kullback-Leibler divergence, in closed form where there is one, and by sampling."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from baryon import np
from baryon.gluon.probability.distributions.closed_forms import CLOSED_FORMS
from baryon.gluon.probability.distributions.distribution import Distribution
from baryon.gluon.probability.distributions.utils import as_size

Form = Callable[[Any, Any], Any]
_FORMS: dict[tuple[type[Distribution], type[Distribution]], Form] = dict(CLOSED_FORMS)


def register_kl(
    typeP: type[Distribution],  # noqa: N803
    typeQ: type[Distribution],  # noqa: N803
) -> Callable[[Form], Form]:
    """A decorator: the function computes the divergence of two kinds of distributions."""

    def register(form: Form) -> Form:
        _FORMS[typeP, typeQ] = form
        return form

    return register


def kl_divergence(p: Distribution, q: Distribution) -> Any:
    """KL(p || q) for each element of the batch; NotImplementedError without a closed form."""
    for kind_p in type(p).__mro__:
        for kind_q in type(q).__mro__:
            form = _FORMS.get((kind_p, kind_q))
            if form is not None:
                return form(p, q)
    raise NotImplementedError(
        f"no closed form of KL({type(p).__name__} || {type(q).__name__}) is known: add one with "
        "register_kl, or use empirical_kl"
    )


def empirical_kl(p: Distribution, q: Distribution, n_samples: Any = 1) -> Any:
    """KL(p || q) estimated from `n_samples` samples of p."""
    samples = p.sample_n(n_samples)
    difference = p.log_prob(samples) - q.log_prob(samples)
    return np.mean(difference, tuple(range(len(as_size(n_samples)))))
