"""The web pages and their assets as bytes, from one closed table: what is not in the table does not exist.

`page` and `asset` know no HTTP; api/ adds the headers. Content security policies stand here, beside the pages
that must run under them.
"""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from html import escape
from pathlib import Path
from types import MappingProxyType
from typing import Final

from gridgov.errors import NotFound
from gridgov.geo import Words
from maps import style
from maps.words import WORDS

ASSET_ROOT: Final = "/assets/"
WEB: Final = Path(__file__).resolve().parent / "web"

PAGES: Final = MappingProxyType({"index": "index.html", "report": "report.html", "sign-in": "sign-in.html"})
MEDIA_TYPES: Final = MappingProxyType(
    {
        ".css": "text/css; charset=utf-8",
        ".js": "text/javascript; charset=utf-8",
        ".svg": "image/svg+xml",
        ".png": "image/png",
        ".txt": "text/plain; charset=utf-8",
    }
)
_FOLDERS: Final = ("css", "js", "img", "vendor")
TOKENS: Final = "tokens.css"  # generated from gridgov.symbology

_COMMON: Final = "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
PAGE_POLICY: Final = (
    _COMMON
    + "script-src 'self'; style-src 'self'; connect-src 'self'; form-action 'self'; frame-ancestors 'self'"
)


def view_policy(nonce: str) -> str:
    """The content security policy of a folium view whose inline scripts and styles carry `nonce`."""
    return (
        _COMMON + f"script-src 'self' 'nonce-{nonce}'; style-src 'self' 'nonce-{nonce}'; connect-src 'self'; "
        "form-action 'none'; frame-ancestors 'self'"
    )


@lru_cache(maxsize=1)
def assets() -> MappingProxyType[str, Path | None]:
    """Every asset: name below /assets/ → file, None for the generated one. Read once."""
    found: dict[str, Path | None] = {TOKENS: None}
    for folder in _FOLDERS:
        for path in sorted((WEB / folder).rglob("*")):
            if path.is_file() and path.suffix in MEDIA_TYPES:
                found[path.relative_to(WEB).as_posix()] = path
    return MappingProxyType(found)


@lru_cache(maxsize=256)
def asset(name: str) -> tuple[bytes, str, str]:
    """Content, media type and ETag (strong, quoted) of an asset. Raises NotFound for any other name."""
    table = assets()
    if name not in table:
        raise NotFound(f"There is no file “{name:.80}” among the page assets.", asset=name[:200])
    path = table[name]
    content = style.tokens_css().encode() if path is None else path.read_bytes()
    return content, MEDIA_TYPES[Path(name).suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"'


@lru_cache(maxsize=8)
def page(name: str) -> bytes:
    """One of the pages index, report and sign-in, as UTF-8 HTML; the language is chosen in the browser.

    The page finds its zone by its own address: every link and request in it is relative. Raises NotFound.
    """
    if name not in PAGES:
        raise NotFound(f"There is no page “{name:.80}”; the pages are {', '.join(PAGES)}.", page=name[:200])
    return (WEB / PAGES[name]).read_bytes()


def problem_page(title: Words, detail: str, home: str) -> bytes:
    """What a person sees when an address cannot be shown, in both languages, as UTF-8 HTML without scripts.

    detail: what is wrong and what to do, in English, as the interface says it. home: the address of the first page.
    """
    link = f'<a class="button primary" href="{escape(home, quote=True)}">{WORDS["home"].zh} · {WORDS["home"].en}</a>'
    remedy = WORDS["problem.remedy"]
    return f"""<!DOCTYPE html>
<html lang="zh-CN">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title.zh)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/assets/tokens.css">
<link rel="stylesheet" href="/assets/css/site.css">
</head>
<body>
<main class="form-page narrow problem">
<h1>{escape(title.zh)}</h1>
<p class="lead">{remedy.zh}</p>
<h2 lang="en">{escape(title.en)}</h2>
<p lang="en">{escape(detail)} {remedy.en}</p>
<p>{link}</p>
</main>
</body>
</html>
""".encode()


def rooted(html: bytes, root: str) -> bytes:
    """A page whose links from the top of the host lead below `root` ("" or "/map"), where a proxy shows the service."""
    if not root:
        return html
    return re.sub(rb'((?:href|src|content)=")/(?!/)', rb"\1" + root.encode() + b"/", html)


def page_assets(name: str) -> list[str]:
    """The assets that a page's HTML names, for checks: each must be in the table."""
    return re.findall(r'(?:href|src)="/assets/([^"]+)"', page(name).decode())
