"""The dashboard: one page that brings everything with it, and a policy that lets nothing else in."""

import base64
import hashlib
import re
from functools import cache
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

router = APIRouter(include_in_schema=False)


@router.get("/")
async def dashboard() -> HTMLResponse:
    """Show the dashboard; what it shows takes a token, which stands in the address after the #."""
    page, policy = _dashboard()
    headers = {
        "Content-Security-Policy": policy,
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
        "Referrer-Policy": "no-referrer",
        "Cache-Control": "no-cache",
    }
    return HTMLResponse(page, headers=headers)


@cache
def _dashboard() -> tuple[str, str]:
    """Return the page, and the policy that allows its own style and script by their hashes, and nothing else."""
    page = (Path(__file__).parent / "dashboard.html").read_text(encoding="utf-8")
    rules = [
        "default-src 'none'",
        "connect-src 'self'",
        "img-src 'self' data:",
        f"style-src {_hash_of('style', page)}",
        f"script-src {_hash_of('script', page)}",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
    return page, "; ".join(rules)


def _hash_of(tag: str, page: str) -> str:
    (content,) = re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
    digest = hashlib.sha256(content.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"
