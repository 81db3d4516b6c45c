"""host sweep: search spaces, limits, and workers that join, leave and die."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from otolith.cli import main
from otolith.compile import schedule_model
from otolith.errors import UserError
from otolith.paths import MODELS
from otolith.settings.spec import load
from otolith.settings.toml import read_document
from otolith.sweep import limits, results
from otolith.sweep.cli import join
from otolith.sweep.journal import drop_half_line
from otolith.sweep.keep import folder_of, kept, tidy
from otolith.sweep.limits import over
from otolith.sweep.space import Choice, Range, Space, load_space
from otolith.sweep.storage import open_storage, shown
from otolith.sweep.worker import REASON, Worker, counts
from support import small_models
from support.full_disk import full_disk
from support.small_training import few_text

SPEC = MODELS / "fire_alarm" / "spec.toml"
TABLES = read_document(SPEC).tables
RATE = "train.learning_rate"


def space_of(tmp_path, text):
    file = tmp_path / "sweep.toml"
    file.write_text(text)
    return load_space(SPEC, file)


def small(given=None):
    """A space with one setting. Each test defines what training does."""
    return Space(TABLES, "spec", {RATE: Range(1e-4, 1e-2, True)}, dict(given or {}))


# ---- spaces ----


def test_a_space_is_read_and_makes_specs(tmp_path):
    space = space_of(
        tmp_path,
        '[space]\n"train.learning_rate" = { low = 1e-4, high = 1e-2, log = true }\n'
        '"train.epochs" = { low = 10, high = 30, step = 10 }\n'
        '"model.architecture" = ["alarm_cnn", "esc_cnn"]\n[limits]\nram = 40000\n'
        'board = "sparkfun_micromod_rp2040"\n'
        '[search]\ntrials = 9\nseed = 0\nmetric = "validation_accuracy"\n',
    )
    assert space.varied[RATE] == Range(1e-4, 1e-2, True)
    assert space.varied["model.architecture"] == Choice(("alarm_cnn", "esc_cnn"))
    assert space.limits == {"ram": 40000} and space.board == "sparkfun_micromod_rp2040"
    assert space.search == {"trials": 9, "seed": 0}
    spec = space.spec({RATE: 0.005, "train.epochs": 20, "model.architecture": "esc_cnn"})
    assert (spec.train.learning_rate, spec.train.epochs) == (0.005, 20)
    assert spec.model.architecture == "esc_cnn"
    assert load(SPEC).train.learning_rate == 0.002  # the file was not changed


def test_without_a_file_the_usual_settings_vary():
    assert set(load_space(SPEC, None).varied) == {RATE, "train.dropout", "train.batch"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[space]\n"train.learning_rat" = [0.1]', "did you mean learning_rate"),
        ('[space]\n"train.learning_rate" = { low = 1, high = 0.1 }', "low below high"),
        (
            '[space]\n"train.learning_rate" = { low = 0.1, high = 0.2, lag = true }',
            "did you mean lo",
        ),
        ('[space]\n"train.learning_rate" = { low = 0, high = 0.2, log = true }', "above 0"),
        ('[space]\n"train.learning_rate" = { low = 0.1, high = 5 }', "between 0 and 1"),
        ('[space]\n"train.epochs" = { low = 1, high = 9, step = 1.5 }', "step must be one"),
        ('[space]\n"train.epochs" = []', "different words or numbers"),
        ('[space]\n"train.epochs" = 3', "must be a list of choices"),
        ("[space]\nepochs = [3]", 'write "section.key"'),
        ('[space]\n"model.architecture" = [1]', "must be text"),
        ('[space]\n"model.name.x" = [1]', "name is no section"),
        ('[spice]\n"train.epochs" = [3]', "did you mean space"),
        ("[space]", "names nothing to vary"),
        ('[space]\n"train.epochs" = [3]\n[limits]\nflas = 3', "did you mean flash"),
        ('[space]\n"train.epochs" = [3]\n[limits]\nram = -3', "above 0"),
        ("[space", "not TOML"),
        (
            '[space]\n"model.architecture" = ["esc_cn"]',
            "no architecture 'esc_cn': did you mean esc",
        ),
        ('[space]\n"train.epochs" = [3]\n[limits]\nboard = "pica"', "did you mean pico"),
        ('[space]\n"train.epochs" = [3]\n[limits]\nboard = 3', "no board 3"),
        ('[space]\n"train.epochs" = [3]\n[search]\ntrails = 3', "did you mean trials"),
        ('[space]\n"train.epochs" = [3]\n[search]\ntrials = 0', "must be 1 to"),
        ('[space]\n"train.epochs" = [3]\n[search]\nepochs = true', "must be int"),
        ('[space]\n"train.epochs" = [3]\n[search]\nmetric = "clip_accuracy"', "the test set"),
    ],
)
def test_a_bad_space_is_one_line_with_the_key(tmp_path, text, said):
    with pytest.raises(UserError, match=said) as error:
        space_of(tmp_path, text)
    assert "\n" not in error.value.message


def test_latency_is_limited_where_it_can_be_measured(monkeypatch):
    limits.check_board("pico", True, "--board")
    monkeypatch.setattr("otolith.summarize.profile.VIRTUAL", "another family")
    limits.check_board("pico", False, "--board")
    with pytest.raises(UserError, match=r"^--board: latency_ms: no virtual board 'pico'"):
        limits.check_board("pico", True, "--board")


def test_found_settings_are_lines_for_a_spec():
    text = results.settings(
        {RATE: 0.00123456789, "model.architecture": "esc_cnn", "train.epochs": 3}
    )
    assert text == (
        '[train]\nlearning_rate = 0.00123457\nepochs = 3\n\n[model]\narchitecture = "esc_cnn"\n'
    )


def test_passwords_are_not_shown():
    assert shown("postgresql://me:secret@lab/sweeps") == "postgresql://me:***@lab/sweeps"
    for url, package in (
        ("postgresql://me:secret@lab/sweeps", r"psycopg\[binary\]"),
        ("postgresql+psycopg2://me:secret@lab/sweeps", "psycopg2-binary"),
        ("mysql://me:secret@lab/sweeps", "mysqlclient"),
    ):
        with pytest.raises(UserError, match=f"needs a driver: pip install {package}$") as error:
            open_storage(url)
        assert "secret" not in error.value.message
    with pytest.raises(UserError, match="sqlite:///FILE"):
        open_storage("sweeps.db")


# ---- one worker ----


@pytest.fixture(params=["sqlite", "journal"])
def url(tmp_path, request):
    return f"{request.param}:///{tmp_path / 'sweep.store'}"


def work(url, trials, train, given=None, needs=lambda *_: {}, **options):
    study = join(url, "sweep", small(given), 1)
    Worker(study, small(given), trials, needs, train, **options).run()
    return study


def test_the_best_of_all_trials_is_found_and_another_call_adds_the_missing_ones(url):
    def train(spec, number):
        return 1 - abs(spec.train.learning_rate - 0.003) * 100

    assert len(work(url, 3, train).trials) == 3
    study = work(url, 12, train)
    assert sum(map(counts, study.trials)) == 12
    best = results.best_first(study)[0]
    assert best.value == max(t.value for t in study.trials)
    assert abs(best.params[RATE] - 0.003) < 0.003


def test_one_worker_alone_draws_the_same_again(tmp_path):
    drawn = []
    for name in ("a", "b"):
        study = work(f"sqlite:///{tmp_path / name}", 4, lambda spec, n: spec.train.learning_rate)
        drawn.append([t.params[RATE] for t in study.trials])
    assert drawn[0] == drawn[1] and len(set(drawn[0])) == 4


def test_what_exceeds_a_limit_is_not_trained(url):
    def needs(spec, limits, board):
        return {"ram": 50_000 if spec.train.learning_rate > 0.001 else 30_000}

    trained = []

    def train(spec, number):
        trained.append(spec.train.learning_rate)
        return 0.5

    study = work(url, 10, train, {"ram": 40_000}, needs)
    assert trained and max(trained) <= 0.001
    too_large = [t for t in study.trials if t.value is None]
    assert len(too_large) + len(trained) == 10 and too_large
    assert results.words(too_large[0]) == "10,000 bytes of RAM too much"
    assert over({"ram": 5.0}, {"ram": 5, "flash": 1}) == {}


def test_an_error_ends_its_trial_and_no_other(url):
    def train(spec, number):
        if number == 1:
            raise UserError("training diverged in epoch 1")
        return 0.5

    study = work(url, 3, train)  # one finished trial has a result
    assert [t.value for t in study.trials] == [0.5, None, 0.5, 0.5]
    assert study.trials[1].user_attrs[REASON] == "training diverged in epoch 1"


def test_any_error_of_training_ends_its_trial_only(url):
    def train(spec, number):
        if number == 0:
            raise MemoryError("no 8 GB\nfor this")
        return 0.5

    assert results.words(work(url, 1, train).trials[0]) == "MemoryError: no 8 GB"


def test_a_sweep_in_which_all_fails_ends_and_goes_on_once_that_is_mended(url):
    def train(spec, number):
        raise UserError("no such folder: sounds")

    with pytest.raises(UserError, match="5 trials in a row failed, the last: no such folder"):
        work(url, 20, train)
    study = work(url, 3, lambda *_: 0.5)
    assert [t.value for t in study.trials] == [None] * 5 + [0.5] * 3


def test_workers_that_join_at_once_draw_differently(url):
    studies = [join(url, "sweep", small(), 1) for _ in range(4)]
    trials = [study.ask() for study in studies]
    assert len({small().draw(trial)[RATE] for trial in trials}) == 4


def taken_over(url, number):
    """What another worker does with a trial whose worker shows no sign of life."""
    other = Worker(join(url, "sweep", small(), 1), small(), 9, None, None, grace=0.0)
    other._running()
    assert other.study.trials[number].state.name == "FAIL"


@pytest.mark.parametrize("then", [0.9, UserError("late"), KeyboardInterrupt()])
def test_a_worker_that_wakes_up_after_its_trial_was_taken_over_works_on(url, then):
    ends = []

    def train(spec, number):
        if number == 0:
            taken_over(url, 0)
            if not isinstance(then, float):
                raise then
            return then
        return 0.5

    try:
        work(url, 2, train, told=lambda trial: ends.append(results.words(trial)))
        assert ends == ["taken over", "50.0%", "50.0%"]
    except KeyboardInterrupt:
        assert isinstance(then, KeyboardInterrupt)
        work(url, 2, train)
    trials = join(url, "sweep", small(), 1).trials
    assert [t.value for t in trials] == [None, 0.5, 0.5]
    assert trials[1].params == trials[0].params


class Killed(BaseException):
    """Simulates SIGKILL: the worker reports nothing."""


def test_settings_that_kill_do_not_kill_all_workers(url):
    deadly = []

    def train(spec, number):
        deadly[1:] = []
        deadly.append(spec.train.learning_rate)
        if spec.train.learning_rate == deadly[0]:
            raise Killed
        return 0.5

    for deaths in (1, 2, 3):
        with pytest.raises(Killed):
            work(url, 1, train, grace=0.1)
        assert len([t for t in join(url, "sweep", small(), 1).trials if t.params]) == deaths
    study = work(url, 2, train, grace=0.1)
    assert [t.value for t in study.trials] == [None] * 3 + [0.5] * 2
    assert results.words(study.trials[2]).startswith("3 workers died of it")


def test_half_a_line_in_a_journal_is_dropped(tmp_path):
    url, file = f"journal:///{tmp_path / 'log'}", tmp_path / "log"
    work(url, 2, lambda *_: 0.5)
    whole = file.read_bytes()
    for half in (b"{", b'{"op_code":4,' + b"x" * 9000, whole.splitlines()[-1]):
        with file.open("ab") as out:
            out.write(half)
        drop_half_line(file)
        assert file.read_bytes() == whole
    with file.open("ab") as out:
        out.write(b'{"op_code":4,')
    assert sum(map(counts, work(url, 5, lambda *_: 0.5).trials)) == 5
    assert file.read_bytes().startswith(whole)
    file.write_bytes(b"{")
    drop_half_line(file)
    assert file.read_bytes() == b""


# ---- what stays ----


def test_only_the_best_network_stays(tmp_path, url):
    study, out = join(url, "sweep", small(), 1), tmp_path / "out"

    def began():
        trial = study.ask()
        small().draw(trial)
        folder = folder_of(out, trial.number)
        folder.mkdir(parents=True)
        (folder / "net").write_text(str(trial.number))
        return trial

    def network():
        return (out / "best" / "net").read_text()

    assert kept(out) is None
    trials = [began() for _ in range(4)]
    study.tell(trials[1], 0.5)
    tidy(out, study)
    assert network() == "1" and kept(out) == 1
    assert sorted(p.name for p in out.glob("trial_*")) == ["trial_0", "trial_2", "trial_3"]
    study.tell(trials[2], 0.4)
    tidy(out, study)
    assert network() == "1" and not folder_of(out, 2).exists()
    # two results arrived before the clean-up; the worker of the better one was then killed
    study.tell(trials[3], 0.7)
    study.tell(trials[0], 0.6)
    tidy(out, study)
    assert network() == "3" and not list(out.glob("trial_*"))
    # the best trial was trained on another machine
    elsewhere = study.ask()
    study.tell(elsewhere, 0.9)
    tidy(out, study)
    assert network() == "3" and kept(out) != results.best_first(study)[0].number


def test_latency_is_measured_once_for_networks_of_the_same_shapes(tmp_path, monkeypatch):
    built = []
    slid = schedule_model(small_models.sliding(), "slid")
    whole = replace(slid, analysis=replace(slid.analysis, stream=None))
    monkeypatch.setattr(limits, "_CACHE", tmp_path)
    monkeypatch.setattr("otolith.firmware.build.build", lambda env, _: SimpleNamespace(uf2=env))
    monkeypatch.setattr(
        "otolith.summarize.profile.profile_image",
        lambda image, *_: SimpleNamespace(ms_a_hop=float(built.append(image) or len(built))),
    )
    assert limits._latency(b"", whole, "pico") == 1
    assert limits._latency(b"other weights", whole, "pico") == 1
    assert limits._latency(b"", replace(whole, weights=6), "pico") == 2
    assert limits._latency(b"", whole, "sparkfun_micromod_rp2040") == 3
    monkeypatch.setattr(limits, "_sources", lambda: "faster kernels")
    assert limits._latency(b"", whole, "pico") == 4
    assert limits._latency(b"", slid, "pico") == 5  # other steps, so a new measurement
    assert built == ["pico-bench"] * 2 + ["sparkfun_micromod_rp2040-bench"] + ["pico-bench"] * 2


def test_ctrl_c_queues_the_trial_again(url):
    def stopped(spec, number):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        work(url, 2, stopped)
    study = work(url, 2, lambda spec, number: 0.5)
    assert sum(map(counts, study.trials)) == 2
    assert study.trials[1].params == study.trials[0].params


def test_a_sweep_of_other_settings_is_not_joined(url):
    work(url, 1, lambda *_: 0.5)
    with pytest.raises(UserError, match="another spec, space"):
        join(url, "sweep", small({"ram": 5}), 1)
    with pytest.raises(UserError, match="or epochs"):
        join(url, "sweep", small(), 1, epochs=3)


# ---- a full disk ----


@pytest.mark.parametrize(("kind", "room"), [("sqlite", 1_000), ("journal", 0)])
def test_a_full_disk_is_one_line_and_the_sweep_goes_on_later(tmp_path, monkeypatch, kind, room):
    """At the start, and in the middle: with `room` more bytes for each file."""
    (tmp_path / "spec.toml").write_text(SPEC.read_text())
    url = f"{kind}:///{tmp_path / 'store'}"
    command = ["sweep", str(tmp_path), "--storage", url, "--trials"]
    monkeypatch.setattr("otolith.sweep.cli._trainer", lambda *_: lambda spec, number: 0.5)
    monkeypatch.setattr("otolith.sweep.cli.network.needs", lambda *_, **__: {})

    def values():
        space = load_space(tmp_path / "spec.toml", None)
        return [t.value for t in join(url, "fire_alarm", space, 1).trials if counts(t)]

    if room:
        assert CliRunner().invoke(main, [*command, "2"]).exit_code == 0
        room += (tmp_path / "store").stat().st_size
    before = [p for p in (tmp_path / "out").rglob("*") if p.is_file()]
    with full_disk(room):
        done = CliRunner().invoke(main, [*command, "60"])
    assert isinstance(done.exception, SystemExit) and done.exit_code == 1, done.output
    assert len([x for x in done.output.splitlines() if x.startswith("Error:")]) == 1
    assert not list((tmp_path / "out").rglob(".*"))
    for path in before:  # the report may be new, but it is whole
        assert path.suffix != ".html" or path.read_text().endswith("</html>\n")
    if room:
        assert len(before) >= 2 and values()[:2] == [0.5, 0.5]
    assert CliRunner().invoke(main, [*command, "4"]).exit_code == 0
    assert len(values()) >= 4


# ---- several ----

WORKER = """
import sys, time
from pathlib import Path
from test_sweep import join, small
from otolith.sweep.worker import Worker
url, log, slow = sys.argv[1:]
def train(spec, number):
    with Path(log).open("a") as out:
        out.write(f"{number}\\n")
    time.sleep(600 if slow == "stuck" and number > 1 else 0.1)
    return 0.5
space = small()
Worker(join(url, "sweep", space, 1), space, 12, lambda *_: {}, train, grace=2).run()
"""


def started(url, log, how):
    here = Path(__file__).parent
    paths = os.pathsep.join([str(here), str(here.parent)])
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, url, log, how],
        env={**os.environ, "PYTHONPATH": paths},
        stderr=subprocess.PIPE,
    )


@pytest.mark.slow
def test_a_killed_workers_trial_is_taken_over_and_no_finished_one_is_lost(tmp_path, url):
    doomed = started(url, tmp_path / "doomed.log", "stuck")
    log = tmp_path / "doomed.log"
    deadline = time.monotonic() + 60
    while not log.exists() or int(log.read_text().split()[-1] or 0) < 2:
        assert doomed.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)
    study = join(url, "sweep", small(), 1)
    before = {t.number: t.value for t in study.trials if t.value is not None}
    stuck = int(log.read_text().split()[-1])
    others = [started(url, tmp_path / f"{n}.log", "") for n in range(2)]
    time.sleep(3)  # longer than the grace period: a living worker's trial is left alone
    assert study.trials[stuck].state.name == "RUNNING"
    doomed.send_signal(signal.SIGKILL)
    for other in others:
        assert other.wait(90) == 0, other.stderr.read().decode()
    trials = join(url, "sweep", small(), 1).trials
    assert sum(map(counts, trials)) == 12
    assert before and all(trials[number].value == value for number, value in before.items())
    assert trials[stuck].user_attrs["lost"]
    (again,) = [t for t in trials if t.user_attrs.get("again") == stuck]
    assert again.params == trials[stuck].params and again.value == 0.5
    assert all((tmp_path / f"{n}.log").exists() for n in range(2))  # both workers took part


@pytest.mark.slow
def test_the_command_trains_and_leaves_the_best_network(tmp_path):
    (tmp_path / "spec.toml").write_text(few_text(SPEC.read_text()))
    (tmp_path / "sweep.toml").write_text(
        '[space]\n"model.architecture" = ["alarm_cnn", "strided_cnn"]\n'
        '"train.learning_rate" = { low = 1e-3, high = 1e-2, log = true }\n'
    )
    options = ["--trials", "2", "--epochs", "1", "--ram", "36000", "--json"]
    done = CliRunner().invoke(main, ["sweep", str(tmp_path), *options])
    assert done.exit_code == 0, done.output
    said = json.loads(done.stdout)
    out = tmp_path / "out" / "sweep"
    metrics = json.loads((out / "best" / "metrics.json").read_text())
    assert metrics["validation_accuracy"] == said["validation_accuracy"]
    assert said["finished"] == 2 and kept(out) == said["trial"]
    assert read_document(out / "best.toml").tables["model"]["architecture"] in (
        "alarm_cnn",
        "strided_cnn",
    )
    assert "accuracy by setting" in (out / "report.html").read_text()
    assert not list(out.glob("trial_*"))
    # the arena of strided_cnn exceeds the limit
    trials = join(f"sqlite:///{out / 'sweep.db'}", "fire_alarm", load_with(tmp_path), 1, 1).trials
    for trial in trials:
        assert (trial.value is None) == (trial.params["model.architecture"] == "strided_cnn")


def load_with(folder):
    space = load_space(folder / "spec.toml", folder / "sweep.toml")
    space.limits["ram"] = 36000
    return space
