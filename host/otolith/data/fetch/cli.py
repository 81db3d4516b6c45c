"""`host data fetch`: downloads public data sets and makes datasets of them."""

from __future__ import annotations

import json
from pathlib import Path

import click

from otolith.data.fetch.base import DATASET, Wanted
from otolith.data.fetch.registry import COLLECTIONS, find
from otolith.data.fetch.run import ABOUT, Fetched, folder_for
from otolith.data.fetch.run import fetch as run
from otolith.errors import UserError, shown
from otolith.progress import remark


def listing() -> list[dict[str, object]]:
    """All data sets, for scripts."""
    return [
        {
            "name": name,
            "about": found.about,
            "makes": found.makes,
            "licence": found.licence,
            "page": found.page,
            "options": [f"--{option}" for option in found.options],
            "bytes": sum(archive.size for archive in found.files) or None,
            "checksums": found.source or None,
            "archives": [
                {"file": a.file, "addresses": a.urls, "bytes": a.size, "checksum": a.checksum}
                for a in found.files
            ],
        }
        for name in COLLECTIONS
        for found in [find(name)]
    ]


def _show_list() -> None:
    """Print a line or two for each data set."""
    for name in COLLECTIONS:
        found = find(name)
        size = _bytes(sum(archive.size for archive in found.files))
        checksum = "" if found.source else "; no published checksum"
        click.echo(f"{name:26} {size:>7}  {found.about}")
        click.echo(f"{'':36}{found.licence}{checksum}")


def _bytes(size: int) -> str:
    if not size:
        return "-"
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@click.command(
    epilog="""\b
Examples:
  host data fetch --list
  host data fetch speech-commands
  host data fetch musan --from musan.tar.gz --to noises
  host data fetch mswc --language de --words ja --words nein"""
)
@click.argument("name", required=False)
@click.option("--list", "listed", is_flag=True, help="List all data sets.")
@click.option(
    "--to", type=click.Path(path_type=Path), help="Folder of the dataset.  [datasets/NAME]"
)
@click.option(
    "--from",
    "files",
    type=click.Path(path_type=Path),
    multiple=True,
    help="An archive on this computer, or a folder with several. Nothing is downloaded.",
)
@click.option("--language", default="", help="Language of mswc: en, de, ...")
@click.option("--words", multiple=True, help="A word of mswc. Give it once a word, or with commas.")
@click.option("--voices", multiple=True, help="A voice of piper. Give it once a voice.")
@click.option("--keep", is_flag=True, help="Keep the downloaded archives.")
@click.option("--json", "as_json", is_flag=True, help="Print the list or the result as JSON.")
def fetch(
    name: str | None,
    listed: bool,
    to: Path | None,
    files: tuple[Path, ...],
    language: str,
    words: tuple[str, ...],
    voices: tuple[str, ...],
    keep: bool,
    as_json: bool,
) -> None:
    """Download a public data set and make a dataset of it.

    Labels, speakers, sources and sets are those of the data set. A download that breaks off is
    kept: the same command goes on with it. A published checksum is compared. Without one, the
    SHA-256 of the first download is written to source.json in the dataset.
    """
    if listed:
        if as_json:
            click.echo(json.dumps(listing(), indent=2))
        else:
            _show_list()
        return
    if name is None:
        raise UserError("name a data set: host data fetch --list shows all")
    collection = find(name)
    wanted = Wanted(language, _split(words), _split(voices))
    if not as_json:
        where = to or folder_for(collection, wanted)
        remark(f"{name} ({collection.licence}): to {shown(where)}")
    found = run(collection, to, wanted, files, keep)
    if as_json:
        click.echo(json.dumps(_result(found), indent=2))
        return
    if collection.makes == DATASET:
        click.echo(f"{found.clips} clips ({found.seconds / 3600:.2f} h) in {shown(found.to)}")
    else:
        click.echo(f"{found.clips} files in {shown(found.to)}")
    if found.left_out:
        click.echo(f"{len(found.left_out)} files were left out")
    if found.mixed:
        click.echo(f"{found.mixed} speakers or recordings were in several published sets: moved")
    for file in found.unpublished:
        click.echo(
            f"{shown(file)}: nobody publishes a checksum: its SHA-256 {found.sha256[file]} is "
            f"recorded in {ABOUT}"
        )


def _split(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values of an option that is given several times or with commas, each once."""
    parts = [part.strip() for value in values for part in value.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))


def _result(found: Fetched) -> dict[str, object]:
    return {
        "name": found.name,
        "folder": str(found.to),
        "clips": found.clips,
        "seconds": round(found.seconds, 3),
        "left_out": found.left_out,
        "moved": found.mixed,
        "sha256": found.sha256,
        "without_checksum": found.unpublished,
    }
