"""firmware/<app>/app.json: what an app needs from the build.

    {
        "description": "What it does, in one line",
        "libraries": ["app", "listen"],
        "console": "board",
        "microphone": "board",
        "model": "listening"
    }

libraries: folders of lib/ whose headers the app includes. Their own dependencies come
from library.json. lib/board is always included.
console: "board" for the board's own (USB or UART), "usb" if the app needs USB.
microphone: "none", "board", or "usb" for an app that offers the microphone as a USB audio device.
model: "none"; "any" for an app that runs any network; "listening" for one that needs the model's
front end and has to keep up with the sound.
profile (default false): whether the network calls nn_profile after each operation.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

CHOICES = {
    "console": ("board", "usb"),
    "microphone": ("none", "board", "usb"),
    "model": ("none", "any", "listening"),
}


class AppError(Exception):
    """What is wrong with an app, in one line."""


@dataclass(frozen=True)
class App:
    """A checked app.json, and the name of its folder."""

    name: str
    description: str
    libraries: tuple[str, ...]
    console: str
    microphone: str
    model: str
    profile: bool = False


# A project's own program: only the board is there.
OWN = App("", "a program of the project's own", (), "board", "board", "none")


def _near(word: str, known: list[str]) -> str:
    close = difflib.get_close_matches(word, known, 1)
    return f": did you mean {close[0]}?" if close else f": it can be {', '.join(known)}"


def _checked(name: str, value: Any) -> Any:
    """The value of a key, or an AppError."""
    if name in CHOICES and value not in CHOICES[name]:
        raise AppError(f"{name} is {json.dumps(value)}: it can be {', '.join(CHOICES[name])}")
    if name == "description" and not isinstance(value, str):
        raise AppError(f"description is {json.dumps(value)}: write a text")
    if name == "profile" and not isinstance(value, bool):
        raise AppError(f"profile is {json.dumps(value)}: write true or false")
    if name == "libraries":
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise AppError("libraries is no list of names")
        return tuple(value)
    return value


def dependencies(root: Path, libraries: tuple[str, ...]) -> list[str]:
    """`libraries` and all they need, as folders of lib/.

    Raises:
        AppError: a name is not a folder of lib/.
    """
    about = {
        file.parent.name: json.loads(file.read_text())
        for file in sorted((root / "lib").glob("*/library.json"))
    }
    folders = {manifest["name"]: folder for folder, manifest in about.items()}
    found: list[str] = []
    waiting = list(libraries)
    while waiting:
        name = waiting.pop(0)
        if name not in about:
            raise AppError(f"libraries: there is no lib/{name}{_near(name, list(about))}")
        if name not in found:
            found.append(name)
            needs = about[name].get("dependencies", [])
            waiting += [folders[needed["name"]] for needed in needs]
    return found


def load(root: Path, name: str) -> App:
    """Read and check firmware/<name>/app.json below `root`.

    Raises:
        AppError: one line that says which file, what is wrong, and what it can be.
    """
    folder = root / "firmware" / name
    if not (folder / "main.c").exists():
        apps = sorted(file.parent.name for file in (root / "firmware").glob("*/main.c"))
        raise AppError(f"there is no firmware/{name}/main.c{_near(name, apps)}")
    file = folder / "app.json"
    where = f"firmware/{name}/app.json"
    try:
        about = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(about, dict):
            raise AppError("this is no JSON object")
        known = [field.name for field in fields(App) if field.name != "name"]
        for key in about:
            if key not in known:
                raise AppError(f"unknown key {json.dumps(key)}{_near(key, known)}")
        for key in known:
            if key not in about and key != "profile":
                raise AppError(f"{key} is missing")
        app = App(name, **{key: _checked(key, value) for key, value in about.items()})
        needed = dependencies(root, app.libraries)
        if app.model == "none" and "nn" in needed:
            raise AppError('model is "none", but its libraries need lib/nn')
        if app.model != "none" and "nn" not in needed:
            raise AppError(f'model is "{app.model}", but none of its libraries needs lib/nn')
        if app.microphone == "usb" and app.console != "usb":
            raise AppError('microphone is "usb": console must be "usb" too')
    except AppError as error:
        raise AppError(f"{where}: {error}") from error
    except json.JSONDecodeError as error:
        raise AppError(f"{where}:{error.lineno}: {error.msg}") from error
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else "this is no JSON text"
        raise AppError(f"{where}: {reason}") from error
    return app
