"""The form of a request, made from its declaration: one widget for each parameter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import streamlit as st
from pydantic.fields import FieldInfo

from qbank.requests import Allowed, Request, Unit, marker

_LARGEST = 2**53 - 1  # what a browser's number holds


def parameters(
    request: type[Request], own: Mapping[str, Any], key: str, *, otherwise: str = "from the input"
) -> dict[str, Any]:
    """Widgets for all but mappings; gives what the person filled in.

    Args:
        request: whose parameters they are.
        own: the request as it is filled where nothing is given; stands in the empty widgets.
        key: tells the widgets of one form from those of another.
        otherwise: stands there where ``own`` has no value.
    """
    given: dict[str, Any] = {}
    with st.grid("auto", min_column_width=190):
        for name, field in request.parameters():
            allowed = Allowed.of(field.rebuild_annotation())
            if allowed.value is None:
                given[name] = widget(field, allowed, own.get(name), f"{name}_{key}", otherwise)
    return {name: value for name, value in given.items() if value is not None}


def widget(field: FieldInfo, allowed: Allowed, own: Any, key: str, otherwise: str) -> Any:
    """The widget of a parameter that is no list and no mapping.

    Args:
        field: its declaration.
        allowed: what it may be.
        own: what holds where it is left empty.
        key: of the widget.
        otherwise: stands there where ``own`` is None.
    """
    label = str(field.title)
    if allowed.type is bool:
        return st.toggle(label, value=bool(own), help=field.description, key=key)
    if allowed.type is str:
        return st.selectbox(
            label,
            allowed.words or field.examples or (),
            index=None,
            placeholder=otherwise if own is None else str(own),
            accept_new_options=not allowed.words,
            help=_help(field, allowed),
            key=key,
        )
    number = allowed.type
    unit = marker(field, Unit)
    step = number(unit.step) if unit else number(1)
    low = number(allowed.low or 0)
    return st.number_input(
        label,
        min_value=low + step if allowed.above else low,
        max_value=min(number(allowed.high or _LARGEST), number(_LARGEST)),
        value=None,
        step=step,
        placeholder=otherwise if own is None else f"{own:,}",
        help=_help(field, allowed),
        key=key,
    )


def _help(field: FieldInfo, allowed: Allowed) -> str:
    unit = marker(field, Unit)
    numbers = f" {str(allowed).capitalize()}" if allowed.interval else ""
    counted = f" ({unit.name})" if unit and numbers else ""
    stop = "." if numbers else ""
    return f"{field.description}{numbers}{counted}{stop} Left empty: what stands there in grey."
