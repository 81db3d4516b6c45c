"""report.html is one self-contained file, whatever names it contains."""

import base64
import dataclasses
import re

import numpy as np

from otolith.evaluate.clips import of_windows, summary
from otolith.report.results import Baseline, Example, Metrics, Training
from otolith.report.training import training_report


def report(classes=("background", "fire_alarm"), description="Hears alarms"):
    n = len(classes)
    curve = [0.9, 0.5, 0.2]
    metrics = Metrics(
        model="fire_alarm",
        hash="0123456789abcdef",
        data="synthesised sounds",
        parameters=14490,
        macs=93792,
        weights_bytes=15454,
        arena_bytes=2240,
        windows={"train": 80, "validate": 8, "test": 12},
        validation_accuracy=0.98,
        float_accuracy=0.98,
        int8_accuracy=0.975,
        clip_accuracy=0.97,
        float_clip_accuracy=0.97,
        baseline=Baseline(classes[0], 0.51),
        confusion=[[1]],
        history={key: curve for key in ("loss", "accuracy", "val_loss", "val_accuracy")},
        best_epoch=2,
        stopped="",
        quantisation="ptq",
        seconds=1.0,
        warnings=["int8 costs 2.0 points"],
    )
    rng = np.random.default_rng(1)
    examples = [Example(c, rng.integers(0, 9000, (124, 129)).astype(np.int16)) for c in classes]
    scores = np.eye(n)[np.arange(5 * n) % n] * 0.9 + 0.05
    truth = np.where(np.arange(5 * n) < n, (np.arange(5 * n) + 1) % n, np.arange(5 * n) % n)
    judged = of_windows(classes, np.zeros(n), scores, truth, np.arange(5 * n))
    figures = dataclasses.replace(summary(judged), audio={0: b"fLaC first"})
    return training_report(
        Training("fire_alarm", description, metrics, figures, examples, 1.0, 8.0)
    )


def test_the_report_needs_no_other_file_and_no_network():
    page = report()
    links = re.findall(r"""(?:src|href)\s*=\s*["']([^"']*)["']""", page)
    sounds = [link for link in links if link.startswith("data:audio/flac;base64,")]
    assert [base64.b64decode(s.split(",", 1)[1]) for s in sounds] == [b"fLaC first"]
    links = [link for link in links if link not in sounds]
    assert len(links) >= 4 and all(link.startswith("data:image/png;base64,") for link in links)
    assert not re.search(r"https?://|<script|<link|@import|url\(", page)
    for link in links:
        picture = base64.b64decode(link.split(",", 1)[1], validate=True)
        assert picture.startswith(b"\x89PNG\r\n") and picture.endswith(b"IEND\xaeB`\x82")


def test_the_report_gives_the_figures():
    page = report()
    for text in (
        "97.50%",
        "98.00%",
        "97.00%",
        "14,490",
        "93,792",
        "2,240 bytes",
        "80, 8, 12",
        "51.00%",
    ):
        assert text in page
    assert page.count("80.0%") >= 4  # 4 of 5 right; precision and recall of two classes
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
