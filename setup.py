"""Puts firmware, libraries, boards and models into the wheel, as otolith/home (otolith/paths.py).

pyproject.toml has all the rest. $OTOLITH_EXTRA names a folder whose tree is added to otolith/home:
libraries for this system (python -m otolith.features.prebuilt) and trained models. The wheel is
then for this system only.
"""

import os
import shutil
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

TOP = Path(__file__).resolve().parent
EXTRA = os.environ.get("OTOLITH_EXTRA")  # relative to this folder
# what MANIFEST.in puts into a source distribution, less what only developers need
HOME = (
    "LICENSE",
    "platformio.ini",
    "bench/results/tflm_baseline.json",
    "boards/*.json",
    "firmware/**/*",
    "lib/**/*",
    "models/**/spec.toml",
    "models/**/README.md",
    "models/environment/environment.tflite",
    "models/environment/metrics.json",
    "models/fire_alarm/fire_alarm.tflite",
    "models/fire_alarm/metrics.json",
    "models/hey_otto/hey_otto.tflite",
    "models/hey_otto/metrics.json",
    "models/keyword/keyword.tflite",
    "models/keyword/metrics.json",
    "models/on_off/on_off.tflite",
    "models/on_off/metrics.json",
    "models/smart_lock_small/smart_lock_small.tflite",
    "models/smart_lock_small/metrics.json",
    "models/base_word/**/*.weights.safetensors",
    "models/base_sound/*.weights.safetensors",
    "platform/**/*",
)


def home_files():
    """The files of this tree that belong into otolith/home, as paths below it."""
    for pattern in HOME:
        for path in sorted(TOP.glob(pattern)):
            if path.is_file() and "__pycache__" not in path.parts:
                yield path.relative_to(TOP)


class BuildWithHome(build_py):
    """Adds otolith/home. An editable installation uses the checkout instead."""

    def run(self):
        super().run()
        if self.editable_mode:
            return
        home = Path(self.build_lib) / "otolith" / "home"
        shutil.rmtree(home, ignore_errors=True)
        for name in home_files():
            (home / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(TOP / name, home / name)
        if EXTRA:
            shutil.copytree(TOP / EXTRA, home, dirs_exist_ok=True)


class WheelOfSystem(bdist_wheel):
    """With libraries for one system, the wheel is for every Python there, and not for others."""

    def get_tag(self):
        return super().get_tag() if self.root_is_pure else ("py3", "none", super().get_tag()[2])


class OfSystem(Distribution):
    """Whether the files go where a system's own files go (site-packages for most)."""

    def has_ext_modules(self):
        return bool(EXTRA)


setup(distclass=OfSystem, cmdclass={"build_py": BuildWithHome, "bdist_wheel": WheelOfSystem})
