"""A person without a mouse: goes from control to control with Tab, and must see where they are.

What never lives here: what is expected of a page.
"""

from __future__ import annotations

from playwright.sync_api import Locator, Page

_MOST_TABS = 60
_AROUND_PX = 8
_IS_FOCUSED = "(element) => element === document.activeElement"


def tab_to(page: Page, control: Locator) -> None:
    """Presses Tab until the control has the focus, and looks whether that can be seen.

    Raises:
        AssertionError: it is not reached, or looks as it does without the focus.
    """
    control.wait_for(state="attached")
    for _ in range(_MOST_TABS):
        page.keyboard.press("Tab")
        if control.evaluate(_IS_FOCUSED):
            break
    else:
        raise AssertionError(f"{control} is not reached in {_MOST_TABS} times Tab")
    with_focus = _picture(page, control)
    control.evaluate("(element) => element.blur()")
    without = _picture(page, control)
    control.evaluate("(element) => element.focus({ focusVisible: true })")
    assert with_focus != without, f"nobody sees that {control} has the focus"


def _picture(page: Page, control: Locator) -> bytes:
    # what a person sees of a radio button is its label: the input itself has no size
    shown = control.locator("xpath=ancestor-or-self::*[self::label or self::button][1]")
    box = (shown if shown.count() else control).bounding_box()
    assert box is not None
    page.wait_for_timeout(250)  # colours change slowly
    return page.screenshot(
        clip={
            "x": max(0, box["x"] - _AROUND_PX),
            "y": max(0, box["y"] - _AROUND_PX),
            "width": box["width"] + 2 * _AROUND_PX,
            "height": box["height"] + 2 * _AROUND_PX,
        },
        animations="disabled",
        caret="hide",
    )
