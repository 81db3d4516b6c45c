"""Links that work both in the repository and on the site.

Pages link to files beside them and to sources, such as `../lib/nn/src/nn.h`. On the site a link to
a source leads to the repository's web page.
"""

from __future__ import annotations

import posixpath
import re

from otolith.paths import ROOT

REPOSITORY = "https://github.com/otolith/otolith"
# File of the repository -> page of the site that is made from it.
FROM_FILES = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
}
_CODE = re.compile(r"(```.*?```|^(?: {4,}|\t).*?$|`[^`\n]*`)", re.S | re.M)
_LINK = re.compile(r"(?<=\]\()([^)\s#]+)(#[^)\s]*)?(?=\))")


class BrokenLink(Exception):
    """A link leads nowhere."""


def on_site(target: str, file: str, page: str) -> str:
    """Where a link leads on the site.

    Args:
        target: The link as written, without its anchor.
        file: The file that contains it, relative to the repository.
        page: The page that is made from the file, relative to the site.

    Returns:
        A link relative to the page, or an address.

    Raises:
        BrokenLink: There is no such file.
    """
    if re.match(r"[a-z]+:", target):
        return target
    found = posixpath.normpath(posixpath.join(posixpath.dirname(file), target))
    here = posixpath.dirname(page)
    if found in FROM_FILES:
        return posixpath.relpath(FROM_FILES[found], here or ".")
    if found.startswith("docs/"):
        return posixpath.relpath(found[len("docs/") :], here or ".")
    path = ROOT / found
    if found.startswith("..") or not path.exists():
        raise BrokenLink(f"{file}: {target}: no such file")
    return f"{REPOSITORY}/{'tree' if path.is_dir() else 'blob'}/main/{found}"


def rewrite(text: str, file: str, page: str) -> str:
    """A page's Markdown with its links as the site needs them. Code stays as it is."""
    parts = _CODE.split(text)

    def link(match: re.Match[str]) -> str:
        return on_site(match[1], file, page) + (match[2] or "")

    parts[::2] = [_LINK.sub(link, part) for part in parts[::2]]
    return "".join(parts)
