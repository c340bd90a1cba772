"""Inverts the conditions of the gates one by one and asks whether their direct tests notice.

    python -m tests.orchestration.audits.mutation      # prints what survived, as JSON

Cosmic Ray's operators make the mutants. They live in memory alone, a forked process each: its own
runner writes them into the checkout, where other tests would import them.
"""

from __future__ import annotations

import ast
import difflib
import gc
import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.orchestration.audits.test_publication import FORBIDDEN

ROOT = Path(__file__).resolve().parents[3]
ENGINE = "qbank_orchestration.engine"
TESTS = {
    "audit": ("test_exposure_audit.py", "test_publication.py"),
    "audit_parameters": ("test_parameter_audit.py", "test_publication.py"),
    "finding": ("test_finding.py", "test_publication.py"),
    "freshness": ("test_freshness.py",),
    "publication": ("test_publication.py",),
}
"""The module of the engine, and the tests that hold its conditions."""
ALWAYS_PASS = ("test_publication.py",)
"""The tests that notice a gate that lets everything pass, by what reaches the bank."""

# each comparison inverted, and moved to the other side of its limit
_COMPARISONS = {
    "Lt": ("GtE", "LtE"),
    "LtE": ("Gt", "Lt"),
    "Gt": ("LtE", "GtE"),
    "GtE": ("Lt", "Gt"),
    "Eq": ("NotEq",),
    "NotEq": ("Eq",),
    "Is": ("IsNot",),
    "IsNot": ("Is",),
}
OPERATORS = (
    *(
        f"core/ReplaceComparisonOperator_{found}_{put}"
        for found, others in _COMPARISONS.items()
        for put in others
    ),
    "core/AddNot",
    "core/ReplaceUnaryOperator_Delete_Not",
    "core/ReplaceAndWithOr",
    "core/ReplaceOrWithAnd",
    "core/ReplaceTrueWithFalse",
    "core/ReplaceFalseWithTrue",
    "core/NumberReplacer",
)
NO_CONDITIONS = ("strict=True", "frozen=True", "kw_only=True")
"""Arguments that guard against our own mistakes in writing, and decide nothing about a proposal."""


@dataclass(frozen=True)
class Mutant:
    """One change of one module.

    Attributes:
        line: as it reads after the change.
        source: of the whole module.
    """

    module: str
    line: str
    source: str

    def __str__(self) -> str:
        return f"{self.module}: {self.line}"


def mutants(module: str) -> Iterator[Mutant]:
    """Every mutant of a module of the engine."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator

    code = _code(module)
    for name in OPERATORS:
        operator = get_operator(name)()
        occurrence = 0
        while (source := mutate_code(code, operator, occurrence)) is not None:
            occurrence += 1
            if any(source.count(word) != code.count(word) for word in NO_CONDITIONS):
                continue
            yield Mutant(module, _changed(code, source), source)


def unchanged(module: str) -> Mutant:
    """The module as it is: its tests must pass, or no mutant's death would say anything."""
    return Mutant(module, "unchanged", _code(module))


def let_through(module: str) -> Iterator[Mutant]:
    """A mutant for each gate that blocks: it always passes."""
    code = _code(module)
    blocking = {check for checks in FORBIDDEN.values() for check in checks}
    for node in ast.parse(code).body:
        if isinstance(node, ast.FunctionDef) and (gate := node.name) in blocking:
            source = (
                f"{code}\n_honest = {gate}\n"
                f"def {gate}(*given):\n"
                "    from dataclasses import replace\n"
                "    return replace(_honest(*given), passed=True)\n"
            )
            yield Mutant(module, f"{gate} always passes", source)


def survives(mutant: Mutant, tests: Sequence[str]) -> bool:
    """Whether the tests pass with the mutant in place of its module."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = _run(mutant, tests)
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status) == 0


def _run(mutant: Mutant, tests: Sequence[str]) -> int:
    silence = os.open(os.devnull, os.O_WRONLY)
    os.dup2(silence, 1)
    os.dup2(silence, 2)
    for name in [name for name in sys.modules if name.startswith((ENGINE, "tests."))]:
        del sys.modules[name]
    sys.meta_path.insert(0, _InMemory(f"{ENGINE}.{mutant.module}", mutant.source))
    here = Path(__file__).parent
    return int(
        pytest.main(
            ["-x", "-q", "-c", os.devnull, f"--rootdir={ROOT}", "--import-mode=importlib"]
            # nobody reads why a test fails, and hundreds of mutants each start anew
            + ["--assert=plain", "--tb=no", "--noconftest"]
            + [f"-pno:{name}" for name in ("cacheprovider", "unraisableexception", "logging")]
            + ["-p", "tests.orchestration.audits.bank", "-p", "tests.orchestration.audits.given"]
            + [str(here / test) for test in tests]
        )
    )


class _InMemory(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds one module, with a source of its own."""

    def __init__(self, name: str, source: str) -> None:
        self._name, self._source = name, source

    def find_spec(self, fullname, path, target=None):
        if fullname != self._name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def exec_module(self, module):
        exec(compile(self._source, f"<mutant of {self._name}>", "exec"), module.__dict__)  # noqa: S102


def _code(module: str) -> str:
    return (ROOT / ENGINE.replace(".", "/") / f"{module}.py").read_text()


def _changed(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), n=0, lineterm="")
    put = [line[1:].strip() for line in lines if line.startswith("+") and line[:3] != "+++"]
    return " ".join(put)


def main() -> None:
    """Prints how many mutants there were and which survived; the environment names a database."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    # once for all children
    import qbank_orchestration.assets.reestimation  # noqa: F401

    gc.freeze()

    tried, survived = 0, []
    for module, tests in TESTS.items():
        if not survives(unchanged(module), tests):
            raise SystemExit(f"{', '.join(tests)} fail without any mutant")
        given = [(mutant, tests) for mutant in mutants(module)]
        if module.startswith("audit"):
            given += [(mutant, ALWAYS_PASS) for mutant in let_through(module)]
        for mutant, held_by in given:
            tried += 1
            if survives(mutant, held_by):
                survived.append(str(mutant))
    print(json.dumps({"tried": tried, "survived": sorted(survived)}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
