"""The form of an exam's settings, made from their declaration: one widget for each."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

import streamlit as st

from qbank.exams.settings import COLUMNS, PARTS, Setting, place, settings
from qbank_console.views import request_form


class NotJsonError(Exception):
    """A set of caps or weights is no JSON; the message says which and where."""


def changes(shown: Mapping[str, Any], own: Collection[str], key: str) -> dict[str, Any]:
    """Widgets for all settings, by part; gives what differs from what is shown.

    Args:
        shown: the settings as they hold, by part as the API has them.
        own: paths of those that the exam has a value of its own for.
        key: tells the widgets of one form from those of another.

    Raises:
        NotJsonError: a mapping cannot be read.
    """
    given: dict[str, Any] = {}
    for part in PARTS:
        held = shown[part.name] if part.name else shown
        with st.expander(part.title, expanded=not part.name):
            values = _part(list(settings(part)), held, key)
        if values and part.name:
            given[part.name] = values
        elif values:
            given |= values
    back = st.multiselect(
        "Back to the default",
        sorted(path for path in own if path not in COLUMNS),
        placeholder="settings that the exam has a value of its own for",
        key=f"back_{key}",
    )
    for setting in settings():
        if setting.path in back:
            place(given, setting, setting.default if setting.allows_none else None)
    return given


def _part(known: list[Setting], held: Mapping[str, Any], key: str) -> dict[str, Any]:
    given: dict[str, Any] = {}
    with st.grid("auto", min_column_width=220):
        for setting in known:
            current = held[setting.name]
            value = _value(setting, current, f"{setting.path}_{key}")
            if value is not None and value != current:
                given[setting.name] = value
    for setting in known:
        current = held[setting.name]
        if setting.allows_none and setting.name not in given:
            free = st.toggle(
                f"{setting.field.title}: any number",
                value=current is None,
                key=f"{setting.path}_none_{key}",
            )
            if free != (current is None):
                given[setting.name] = None if free else setting.default
    return given


def _value(setting: Setting, current: Any, key: str) -> Any:
    """What the person filled in; None where the widget was left as it was."""
    allowed, field = setting.allowed, setting.field
    label = str(field.title)
    if allowed.item is not None:
        words = list(allowed.item.words)
        return st.multiselect(label, words, default=current, help=field.description, key=key)
    if allowed.value is not None:
        text = st.text_input(
            label,
            placeholder=json.dumps(current) if current else f'{{"{allowed.key or "topic"}": …}}',
            help=f"{field.description} As JSON.",
            key=key,
        )
        try:
            return json.loads(text) if text.strip() else None
        except json.JSONDecodeError as error:
            raise NotJsonError(f"{label} is not JSON: {error.msg}") from error
    examples = field.examples or []
    if allowed.type is str and not allowed.words and len(examples) < 2:
        shown = current or next((f"e.g. {example}" for example in examples), "")
        return st.text_input(label, placeholder=shown, help=field.description, key=key) or None
    return request_form.widget(
        field,
        allowed,
        current,
        key,
        "any number" if setting.allows_none else "follows from the others",
    )
