"""The requests of the Start and Sounds pages, against the commands' own readers of the files."""

import asyncio
import io
import os
import signal
import subprocess
import sys
import time
import wave
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.data import metadata
from otolith.features import extract
from otolith.settings.spec import load
from otolith.studio import jobs
from support.studio import wav


def tone(seconds, frequency=440.0, level=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return (level * 32767 * np.sin(2 * np.pi * frequency * t)).astype(np.int16)


@pytest.fixture(scope="module")
def project(studio):
    """A project made as the Start page makes it."""
    made = studio.post("/projects", {"name": "door", "hear": "ring, knock", "kind": "sound"})
    assert made["classes"] == ["background", "ring", "knock"]
    assert load(studio.home / "door").deploy.board == "pico"
    return "door"


def uploaded(studio, project, files, label=""):
    upload = studio.post(f"/p/{project}/uploads")["upload"]
    for name, data in files.items():
        answer = studio.ask("PUT", f"/p/{project}/uploads/{upload}/{name}", data)
        assert answer.status == 200, answer.data
    return studio.post(f"/p/{project}/import", {"upload": upload, "label": label})


def test_the_start_page_tells_all_problems_of_a_wish_and_lists_ready_models(studio):
    answer = studio.ask("POST", "/projects", {"name": "a b", "hear": "", "board": "none"})
    assert answer.status == 400 and "3 problems" in answer.json()["error"]
    start = studio.get("/start")
    assert {"name": "ready.fire_alarm"}.items() <= {
        "name": next(r["name"] for r in start["ready"] if r["name"] == "ready.fire_alarm")
    }.items()
    assert {b["id"] for b in start["boards"]} >= {"pico", "nrf52840_dk"}
    for name in ("../out", "/tmp/out", "x/../../out"):
        assert studio.ask("POST", "/projects", {"name": name, "hear": "a"}).status == 400


def test_imports_become_clips_and_what_no_decoder_reads_is_told(studio, project):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("knock/loud.wav", wav(tone(0.5, 900)))
        file.writestr("background/room.wav", wav(tone(2, 100, 0.02)))
    files = {
        "ring/one.wav": wav(tone(0.5, 500)),
        "ring/two.flac": wav(tone(0.7, 600), 48000),
        "ring/broken.mp3": b"ID3" + bytes(500),
        "more.zip": packed.getvalue(),
    }
    job = studio.job(project, uploaded(studio, project, files))
    assert job["state"] == "done", job
    result = job["result"]
    assert (result["clips"], result["labels"]) == (4, ["background", "knock", "ring"])
    assert len(result["problems"]) == 1 and "broken.mp3" in result["problems"][0]
    listing = studio.get(f"/p/{project}/clips")
    counts = {c["label"]: c["clips"] for c in listing["classes"]}
    assert counts == {"background": 1, "ring": 2, "knock": 1}
    assert "18 takes of " in listing["hint"]
    assert "2 takes: 20 are a good start" in [c["hint"] for c in listing["classes"]]
    assert not list((studio.home / "door" / ".studio" / "uploads").iterdir())


def test_an_archive_that_leads_out_imports_nothing(studio, project):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("../../../evil.wav", wav(tone(0.5)))
    job = studio.job(project, uploaded(studio, project, {"bad.zip": packed.getvalue()}, "ring"))
    assert job["state"] == "failed" and "evil.wav" in job["message"]
    assert not list(studio.home.rglob("evil.wav")) and not list(studio.home.parent.glob("evil*"))


@pytest.mark.parametrize(
    "name", ["../x.wav", "%2e%2e/x.wav", "/etc/x.wav", ".hidden.wav", "a/.b/x.wav", "x.exe", "x"]
)
def test_uploads_stay_in_their_folder_and_have_a_kind(studio, project, name):
    upload = studio.post(f"/p/{project}/uploads")["upload"]
    answer = studio.ask("PUT", f"/p/{project}/uploads/{upload}/{name}", b"RIFF")
    assert answer.status in (400, 404)
    assert studio.ask("PUT", f"/p/{project}/uploads/..%2f/x.wav", b"R").status in (400, 404)


def test_uploads_are_limited_in_size(studio, project):
    upload = studio.post(f"/p/{project}/uploads")["upload"]
    headers = {**studio.headers(), "Content-Length": str(2 << 30)}
    target = f"/api/p/{project}/uploads/{upload}/x.wav"
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", studio.port, timeout=20)
    connection.putrequest("PUT", target, skip_host=True)
    for header, value in headers.items():
        connection.putheader(header, value)
    connection.endheaders()
    assert connection.getresponse().status == 413  # before a byte of it is sent
    connection.close()


@pytest.mark.parametrize(
    "file",
    ["../spec.toml", "/etc/passwd", "ring/../../spec.toml", "", ".", "no.wav", "x%00.wav", "%ff"],
)
def test_sounds_come_from_the_dataset_alone(studio, project, file):
    for what in ("sound", "picture"):
        answer = studio.ask("GET", f"/p/{project}/{what}?file={file}")
        assert answer.status == 400 and b"toml" not in answer.data.replace(b"spec.toml", b"")


def test_links_do_not_lead_out_of_the_dataset(studio, project, tmp_path):
    (tmp_path / "secret.wav").write_bytes(wav(tone(0.2)))
    dataset = studio.home / "door" / "dataset"
    (dataset / "link.wav").symlink_to(tmp_path / "secret.wav")
    (dataset / "links").symlink_to(tmp_path)
    for file in ("link.wav", "links/secret.wav"):
        assert studio.ask("GET", f"/p/{project}/sound?file={file}").status == 400
    (dataset / "link.wav").unlink()
    (dataset / "links").unlink()


def test_the_picture_is_what_the_chip_computes(studio, project):
    file = next(c["file"] for c in studio.get(f"/p/{project}/clips")["clips"])
    data = studio.ask("GET", f"/p/{project}/picture?file={file}").data
    frames, bands = np.frombuffer(data[:4], "<u2")
    drawn = np.frombuffer(data[4:], np.uint8).reshape(frames, bands)
    with wave.open(str(studio.home / "door" / "dataset" / file)) as opened:
        pcm = np.frombuffer(opened.readframes(1 << 24), "<i2").astype(np.int16)
    values = extract(pcm, load(studio.home / "door").features).astype(int)
    assert values.shape == drawn.shape
    # the same order, in 256 steps
    assert ((values - values.min()) * 255 // (values.max() - values.min()) == drawn).all()
    few = studio.ask("GET", f"/p/{project}/picture?file={file}&columns=7").data
    assert np.frombuffer(few[:4], "<u2").tolist() == [7, bands]


def test_cut_relabel_remove_and_undo(studio, project):
    at = f"/p/{project}"

    def rows():
        return metadata.load(studio.home / "door" / "dataset").by_file()

    before = rows()
    file = next(name for name, row in before.items() if row.label == "background")
    path = studio.home / "door" / "dataset" / file
    whole = path.read_bytes()
    assert studio.ask("POST", at + "/cut", {"file": file, "start": 1, "stop": 1.01}).status == 400
    undo = studio.post(at + "/cut", {"file": file, "start": 0.5, "stop": 1.5})["undo"]
    with wave.open(str(path)) as opened:
        assert opened.getnframes() == RATE
    studio.post(at + "/undo", {"id": undo})
    assert path.read_bytes() == whole
    assert studio.post(at + "/relabel", {"files": [file], "label": "ring"})["moved"] == 1
    new = next(name for name in rows() if name not in before)
    assert rows()[new].label == "ring" and not path.exists()
    undo = studio.post(at + "/remove", {"files": [new]})["undo"]
    assert new not in rows()
    studio.post(at + "/undo", {"id": undo})
    assert rows()[new].label == "ring"
    assert (studio.home / "door" / "dataset" / new).read_bytes() == whole
    assert studio.ask("POST", at + "/undo", {"id": undo}).status == 400
    assert studio.ask("POST", at + "/undo", {"id": "../../x"}).status == 400
    assert studio.ask("POST", at + "/remove", {"files": ["../spec.toml"]}).status == 400
    studio.post(at + "/relabel", {"files": [new], "label": "background"})


def test_findings_are_those_of_the_check_and_the_button_fixes_them(studio, project):
    at = f"/p/{project}"
    silent = uploaded(studio, project, {"quiet.wav": wav(tone(1, 300, 0.0001))}, "ring")
    assert studio.job(project, silent)["state"] == "done"
    found = {a["finding"]["kind"]: a for a in studio.get(at + "/findings")}
    assert "quiet" in found["silence"]["finding"]["files"][0]
    assert found["silence"]["fix"] == "remove the silent clips" and not found["few"]["fix"]
    undo = studio.post(at + "/fix", {"kind": "silence"})["undo"]
    assert "silence" not in {a["finding"]["kind"] for a in studio.get(at + "/findings")}
    studio.post(at + "/undo", {"id": undo})
    studio.post(at + "/fix", {"kind": "silence"})
    assert studio.ask("POST", at + "/fix", {"kind": "few"}).status == 400


def test_a_job_is_stopped_killed_and_remembered(studio, project):
    at = f"/p/{project}/jobs"
    many = {f"a/{n}.wav": wav(tone(3, 300 + n)) for n in range(60)}
    job = uploaded(studio, project, many, "knock")
    assert studio.ask("POST", f"/p/{project}/import", {"upload": "00", "label": ""}).status == 400
    stopped = studio.post(f"{at}/{job['id']}/stop")
    assert studio.job(project, stopped)["state"] in ("stopped", "done")
    events = studio.ask("GET", f"{at}/{job['id']}/events")
    lines = events.data.decode().split("\n\n")
    assert '"kind": "end"' in lines[-2]
    seen = {**studio.headers(), "Last-Event-ID": str(len(lines) - 2)}
    again = studio.raw("GET", f"/api{at}/{job['id']}/events", seen)
    assert again.data.count(b"data:") == 1  # a page that comes back gets what it has not seen

    job = uploaded(studio, project, many, "knock")
    pid = studio.home / "door" / ".studio" / "jobs" / job["id"] / "pid"
    end = time.monotonic() + 20
    while not pid.exists() and time.monotonic() < end:
        time.sleep(0.02)
    os.killpg(int(pid.read_text()), signal.SIGKILL)
    died = studio.job(project, job)
    assert died["state"] in ("died", "done")
    assert studio.ask("GET", f"{at}/{job['id']}/log").status == 200
    for wrong in ("..", "x/../..", "nothing"):
        assert studio.ask("GET", f"{at}/{wrong}/events").status in (400, 404)
    for row in metadata.load(studio.home / "door" / "dataset").rows:
        assert (studio.home / "door" / "dataset" / row.file).exists()


def test_a_job_that_ends_slowly_is_killed_only_when_it_is_silent(tmp_path, monkeypatch):
    monkeypatch.setattr(jobs, "KILL_S", 0.8)
    (tmp_path / "events.jsonl").touch()
    program = (
        "import time, filelock; lock = filelock.FileLock('alive'); lock.acquire()\n"
        "print('on', flush=True)\n"
        "for _ in range(8): time.sleep(0.2); open('events.jsonl', 'a').write('{}')\n"
        "print('kept', flush=True); time.sleep(30)"
    )
    command = [sys.executable, "-c", program]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=pipe, text=True, start_new_session=True
    ) as process:
        assert process.stdout.readline() == "on\n"

        async def watch():
            jobs._kill(tmp_path, process.pid)
            await asyncio.to_thread(process.wait, 20)

        # in a thread of its own: a browser of another test may have left a loop in this one
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, watch()).result(timeout=60)
        assert process.stdout.read() == "kept\n" and process.returncode == -signal.SIGKILL


def send(socket, pcm, at=0, gap=0):
    for start in range(0, len(pcm), 800):
        block = pcm[start : start + 800]
        socket.send(np.uint32(at + start + gap).tobytes() + block.astype("<i2").tobytes())
    return at + len(pcm)


def test_takes_are_recorded_judged_and_kept_by_the_recorders_own_rules(studio, project):
    socket = studio.socket(f"/p/{project}/record")
    socket.send({"label": "ring", "count": 2, "seconds": 0.5, "countdown": 0.1, "device": "Mic"})
    clipped = np.clip(tone(2, 700, 1.0).astype(int) * 3, -32768, 32767).astype(np.int16)
    good = tone(6, 700)
    at = send(socket, np.concatenate([tone(0.35, 700), clipped[: RATE // 2]]))
    send(socket, good, at)
    takes, kinds = [], set()
    while (event := socket.receive()) is not None:
        kinds.add(event["kind"])
        if event["kind"] == "take":
            takes.append(event)
        if event["kind"] == "end":
            assert event["kept"] == 2
            break
    assert kinds == {"heading", "level", "take", "end"}
    assert [t["kept"] for t in takes] == [False, True, True]
    assert takes[0]["reason"].startswith("clipped")
    file = studio.home / "door" / "dataset" / takes[1]["file"]
    with wave.open(str(file)) as opened:
        heard = np.frombuffer(opened.readframes(RATE), "<i2")
    assert len(heard) == RATE // 2
    loudest = np.abs(np.fft.rfft(heard)).argmax() * RATE / len(heard)
    assert abs(loudest - 700) < 3
    row = metadata.load(studio.home / "door" / "dataset").by_file()[takes[1]["file"]]
    assert (row.label, row.device) == ("ring", "Mic")


def test_lost_samples_and_a_page_that_goes_away_leave_no_broken_take(studio, project):
    before = len(studio.get(f"/p/{project}/clips")["clips"])
    socket = studio.socket(f"/p/{project}/record")
    socket.send({"label": "ring", "seconds": 0.5, "countdown": 0.0})
    at = send(socket, tone(0.5))
    send(socket, tone(0.4), at, gap=500)
    while (event := socket.receive()) and event["kind"] != "take":
        pass
    assert event["reason"] == "500 samples were lost on the way"
    socket.close()
    for wish in ({"label": "../x"}, {"label": "x", "seconds": 1e9}, {"nothing": 1}, []):
        socket = studio.socket(f"/p/{project}/record")
        socket.send(wish)
        assert socket.receive()["kind"] == "error"
        socket.close()
    assert len(studio.get(f"/p/{project}/clips")["clips"]) == before
    end = time.monotonic() + 20  # the server ends a recording after the page has gone
    while left := list((studio.home / "door" / "dataset").rglob(".unfinished*")):
        assert time.monotonic() < end, left
        time.sleep(0.05)


def test_what_can_not_be_done_yet_is_said_with_what_to_do(studio, project):
    socket = studio.socket(f"/p/{project}/live")
    said = socket.receive()
    assert said["kind"] == "error" and "Train page" in said["text"]
    socket.close()
    wishes = {
        f"/p/{project}/judge": {"set": "all"},
        f"/p/{project}/flash": {"port": "/dev/null"},
        "/p/ready.fire_alarm/train": {},
        "/p/ready.fire_alarm/remove": {"files": []},
        "/p/nothing/train": {},
    }
    for path, wish in wishes.items():
        answer = studio.ask("POST", path, wish)
        assert answer.status == 400 and ": " in answer.json()["error"], path
    board = studio.get(f"/p/{project}/board")
    assert board["id"] == "pico" and board["flash"] > board["ram"] > 0
    assert studio.get(f"/p/{project}/runs") == []
