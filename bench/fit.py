"""What estimation costs: against theta-irt, mirt and girth on complete data, and alone on sparse.

The baselines run as their documentation shows; mirt gets 61 nodes, since its default of 21 is
inaccurate. What never lives here: fit statistics, linking.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from rich.table import Table
from scipy.special import expit, logsumexp

import calibration as cal
from bench.measure import cost, cost_of_one, into, median_seconds, peak_bytes, table
from bench.scenarios import Responses, responses

Parameter = npt.NDArray[np.float64]
Found = tuple[Parameter, Parameter, Parameter]  # a, b, c
# persons, items, model
COMPLETE = ((5_000, 50, "2pl"), (20_000, 100, "2pl"), (5_000, 50, "3pl"), (20_000, 100, "3pl"))


def run(*, quick: bool = False) -> list[Table]:
    """Ratios on complete data, the sizes of the platform, memory."""
    return [_ratios(quick=quick), _sizes(quick=quick), _memory(quick=quick)]


def fitted(
    data: Responses, model: str, priors: str | None = "default", *, se: bool = True
) -> cal.FitResult:
    """Calibrates without the node-doubling check that baselines lack."""
    return cal.fit(
        data.person,
        data.item,
        data.correct,
        model=model,
        D=1.0,
        priors=priors,
        min_n=0,
        item_count=data.a.size,
        person_count=data.persons,
        node_check=False,
        se=se,
    )


def _ratios(*, quick: bool) -> Table:
    made = table(
        "complete data, θ ~ N(0,1), D = 1, no standard errors; 2PL by maximum likelihood, 3PL with "
        "each program's default priors; the log-likelihood of what each found, at 201 nodes",
        "program", "persons × items", "seconds", "core s", "log-likelihood", "RMSE of a",
        "RMSE of b", "times the core time",
    )  # fmt: skip
    for persons, items, model in COMPLETE[:1] if quick else COMPLETE:
        data = responses(persons, items, guessing=model == "3pl")
        programs: list[tuple[str, Callable[[], Found], bool]] = [
            ("qbank", partial(_qbank, data, model), True),
            ("theta-irt", partial(_theta, data, model), True),
            ("mirt (PyPI), 61 nodes", partial(_mirt, data, model), False),
        ]
        if model == "2pl" and persons * items < 1_000_000:
            programs.append(("girth", partial(_girth, data), False))
        base = 0.0
        for name, work, compiles in programs:
            found: list[Found] = []
            call = into(found, work)
            # what is compiled at a first call is left out
            spent = cost(call, 3) if compiles else cost_of_one(call)
            base = base or spent.core_seconds
            a, b, c = found[-1]
            made.add_row(
                f"{name}, {model}", f"{persons:,} × {items}", f"{spent.seconds:.3f}",
                f"{spent.core_seconds:.3f}", f"{_log_likelihood(data, a, b, c):,.2f}",
                f"{_rmse(a, data.a):.4f}", f"{_rmse(b, data.b):.4f}",
                f"{spent.core_seconds / base:,.1f}",
            )  # fmt: skip
    return made


def _rmse(found: Parameter, truth: Parameter) -> float:
    return float(np.sqrt(np.mean((np.asarray(found) - truth) ** 2)))


def _log_likelihood(data: Responses, a: Parameter, b: Parameter, c: Parameter) -> float:
    """Marginal, under N(0,1) at 201 equally spaced nodes of ±6: one ruler for all programs."""
    nodes = np.linspace(-6, 6, 201)
    density = -0.5 * nodes**2
    p = c + (1 - c) * expit(a * (nodes[:, None] - b))
    right, wrong = np.log(p), np.log1p(-p)
    joint = data.matrix() @ (right - wrong).T + wrong.sum(axis=1)
    return float(logsumexp(joint + density - logsumexp(density), axis=1).sum())


def _qbank(data: Responses, model: str) -> Found:
    got = fitted(data, model, priors=None if model == "2pl" else "default", se=False)
    return got.a, got.b, got.c


def _theta(data: Responses, model: str) -> Found:
    import theta

    got = theta.fit(data.matrix(), model.upper())
    return np.asarray(got.a), np.asarray(got.b), np.asarray(got.c)


def _mirt(data: Responses, model: str) -> Found:
    from mirt import fit_mirt

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        named: Literal["2PL", "3PL"] = "2PL" if model == "2pl" else "3PL"
        got = fit_mirt(data.matrix(), model=named, n_quadpts=61, compute_standard_errors=False)
    parameters = {name: np.ravel(values) for name, values in got.model.parameters.items()}
    a = parameters["discrimination"]
    return a, parameters["difficulty"], parameters.get("guessing", np.zeros_like(a))


def _girth(data: Responses) -> Found:
    from girth import twopl_mml

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        got = twopl_mml(data.matrix().T)
    return got["Discrimination"], got["Difficulty"], np.zeros(data.a.size)


SIZES = (
    # persons, items, answers each (None: all), model
    (5_000, 100, None, "2pl"),
    (5_000, 100, None, "3pl"),
    (20_000, 300, None, "2pl"),
    (20_000, 1_000, 50, "2pl"),
    (250_000, 1_000, 40, "2pl"),
)


def _sizes(*, quick: bool) -> Table:
    made = table(
        "2PL and 3PL with standard errors and default priors, 61 nodes",
        "data", "answers", "seconds", "cycles", "ns per answer and cycle", "converged",
    )  # fmt: skip
    for persons, items, each, model in SIZES[:2] if quick else SIZES:
        data = responses(persons, items, each, guessing=model == "3pl")
        found: list[cal.FitResult] = []
        call = into(found, partial(fitted, data, model))
        seconds = median_seconds(call, 3 if data.item.size < 5_000_000 else 1)
        cycles = found[0].cycles
        shape = "complete" if each is None else f"{each} each"
        made.add_row(
            f"{persons:,} × {items:,} {shape}, {model}", f"{data.item.size:,}", f"{seconds:.3f}",
            str(cycles), f"{seconds / data.item.size / cycles * 1e9:.1f}",
            "yes" if found[0].converged else "no",
        )  # fmt: skip
    return made


def _memory(*, quick: bool) -> Table:
    made = table("peak resident memory of a process of its own", "what it does", "MB")
    code = "from bench.scenarios import responses\nfrom bench.fit import fitted\n"
    cases = SIZES[3:4] if quick else SIZES[3:]
    for persons, items, each, model in cases:
        draw = f"data = responses({persons}, {items}, {each})\n"
        made.add_row(f"draws {persons * each:,} answers", _megabytes(code + draw))
        made.add_row(
            "draws and calibrates them", _megabytes(f"{code}{draw}fitted(data, {model!r})\n")
        )
    return made


def _megabytes(code: str) -> str:
    return f"{peak_bytes(code) / 1e6:,.0f}"
