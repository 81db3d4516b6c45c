"""report.html: one file, complete, whatever the names in it."""

import base64
import dataclasses
import re

import numpy as np

from otolith.evaluate.clips import of_windows
from otolith.paths import MODELS
from otolith.report.training import training_report
from otolith.settings.spec import load


def report(classes=("background", "fire_alarm"), description="Hears alarms"):
    spec = load(MODELS / "fire_alarm")
    model = dataclasses.replace(spec.model, classes=list(classes), description=description)
    spec = dataclasses.replace(spec, model=model)
    n = len(classes)
    curve = [0.9, 0.5, 0.2]
    metrics = {
        "hash": "0123456789abcdef",
        "parameters": 14490,
        "macs": 93792,
        "weights_bytes": 15454,
        "arena_bytes": 2240,
        "windows": {"train": 80, "validate": 8, "test": 12},
        "float_accuracy": 0.98,
        "int8_accuracy": 0.975,
        "clip_accuracy": 0.97,
        "best_epoch": 2,
        "stopped": "",
        "quantisation": "ptq",
        "warnings": ["int8 costs 2.0 points"],
        "history": {key: curve for key in ("loss", "accuracy", "val_loss", "val_accuracy")},
    }
    rng = np.random.default_rng(1)
    examples = [rng.integers(0, 9000, (124, 129)).astype(np.int16) for _ in classes]
    scores = np.eye(n)[np.arange(5 * n) % n] * 0.9 + 0.05
    truth = np.where(np.arange(5 * n) < n, (np.arange(5 * n) + 1) % n, np.arange(5 * n) % n)
    judged = of_windows(classes, np.zeros(n), scores, truth, np.arange(5 * n))
    return training_report(spec, metrics, examples, judged)


def test_the_report_needs_no_other_file_and_no_network():
    page = report()
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    assert len(links) >= 4 and all(link.startswith("data:image/png;base64,") for link in links)
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    for link in links:
        picture = base64.b64decode(link.split(",", 1)[1], validate=True)
        assert picture.startswith(b"\x89PNG\r\n") and picture.endswith(b"IEND\xaeB`\x82")


def test_the_report_gives_the_figures():
    page = report()
    for text in ("97.50%", "98.00%", "97.00%", "14,490", "93,792", "2,240 bytes", "80, 8, 12"):
        assert text in page
    assert page.count("80.0%") >= 4  # 4 right of 5, precision and recall of two classes
    assert "int8 costs 2.0 points" in page and "2 of 3" in page


def test_names_are_text_not_markup():
    page = report(("<b>quiet</b>", "a & b"), "<script>alert(1)</script>")
    assert "<b>quiet" not in page and "<script" not in page
    assert "&lt;b&gt;quiet&lt;/b&gt;" in page and "a &amp; b" in page


def test_ten_classes_fit():
    page = report([f"class_{i}" for i in range(10)])
    assert all(f"class_{i}" in page for i in range(10))


def test_the_same_figures_give_the_same_bytes():
    assert report() == report()
