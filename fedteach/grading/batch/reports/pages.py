"""Pages that whoever opens them can trust: no script, nothing from elsewhere, and every text shown as it is.

Whatever a student has written arrives here as text. The templates escape it, control characters and those that turn
the direction of writing get a visible name, and the browser is told to run and to load nothing at all.
"""

import base64
import hashlib
import math
import time
from functools import cache
from typing import Any

from fedteach.grading.readable import readable


def render(template: str, **values: Any) -> str:
    """Return a page.

    Args:
        template: file in templates/.
        **values: what it shows.
    """
    style = _environment().get_template("style.css").render()
    return str(_environment().get_template(template).render(style=style, policy=_policy(style), **values))


def _policy(style: str) -> str:
    """Return a Content-Security-Policy under which this one style sheet counts, and nothing else does.

    Source: W3C, Content Security Policy Level 3, section 6.7.3.3 (hashes of inline elements).
    """
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; base-uri 'none'; form-action 'none'"


@cache
def _environment() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    environment = Environment(
        loader=PackageLoader("fedteach.grading.batch.reports", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: readable(value) if isinstance(value, str) and not isinstance(value, Markup) else value,
    )
    environment.filters["number"] = _number
    environment.filters["percent"] = _percent
    environment.filters["clock"] = _clock
    # The style is ours and holds no text of anybody's; escaped, its quotes would be others than its hash was taken of.
    environment.filters["ours"] = Markup
    return environment


def _number(value: float | None) -> str:
    return "" if value is None else f"{round(value, 2):g}"


def _percent(value: float) -> str:
    return "not known" if math.isnan(value) else f"{value:.0%}"


def _clock(seconds: float | None) -> str:
    return "not known" if seconds is None else time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime(seconds))
