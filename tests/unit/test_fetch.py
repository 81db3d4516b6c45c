"""host data fetch, against a server on this machine with small archives of the real layouts."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import filelock
import numpy as np
import pytest
import soundfile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from otolith.data import check, clips, metadata
from otolith.data.fetch import download, mswc, piper, registry, run
from otolith.data.fetch.base import Archive, Wanted
from otolith.data.fetch.unpack import unpack
from otolith.errors import UserError
from support.dataset_files import host, tone
from support.file_server import file_server
from support.soak import depth


def sound(hertz, seconds=0.3, rate=16000, form="WAV", subtype="PCM_16", channels=1):
    """The bytes of a sound file."""
    x = tone(hertz, seconds, rate)
    made = io.BytesIO()
    soundfile.write(made, np.stack([x] * channels, -1), rate, format=form, subtype=subtype)
    return made.getvalue()


def tar(files):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return made.getvalue()


def zipped(files):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return made.getvalue()


def speech_commands():
    files, number = {}, 0
    for word in ("yes", "no"):
        for speaker in ("0a7c2a8d", "1b4c9b89", "2c6d3924", "3d53244b"):
            for take in range(2):
                number += 1
                files[f"./{word}/{speaker}_nohash_{take}.wav"] = sound(200 + 10 * number)
    files["./_background_noise_/pink_noise.wav"] = sound(90, 3)
    files["./validation_list.txt"] = b"".join(
        f"{w}/2c6d3924_nohash_{t}.wav\n".encode() for w in ("yes", "no") for t in range(2)
    )
    files["./testing_list.txt"] = b"".join(
        f"{w}/3d53244b_nohash_{t}.wav\n".encode() for w in ("yes", "no") for t in range(2)
    )
    files["./README.md"] = b"about"
    return tar(files)


def esc50():
    rows, files = ["filename,fold,target,category,esc10,src_file,take"], {}
    for fold in range(1, 6):
        for take in "A" if fold > 3 else "AB":
            name = f"{fold}-{1000 + fold}-{take}-0.wav"
            rows.append(f"{name},{fold},0,dog,True,{1000 + fold},{take}")
            hertz = 100 * fold + 7 * ord(take)
            files[f"ESC-50-master/audio/{name}"] = sound(hertz, rate=44100)
    files["ESC-50-master/meta/esc50.csv"] = "\n".join(rows).encode()
    files["ESC-50-master/README.md"] = b"about"
    return zipped(files)


def kitchen20():
    rows, files = [",category,fold,orig_idx,path,take,target,usr_id"], {}
    clips_ = [(f, s, t) for f in range(2) for s in ("158737", "M-Mixer.wav") for t in "AB"]
    for number, (fold, source, take) in enumerate(clips_):
        target = fold % 2
        name = f"audio/{fold}-{source}-{take}-{target}.wav"
        label = ("blender", "boiling-water")[target]
        rows.append(f"{number},{label},{fold},{number},{name},{take},{target},{source}")
        files[f"kitchen20-master/{name}"] = sound(150 + 11 * number)
    files["kitchen20-master/kitchen20.csv"] = "\n".join(rows).encode()
    return zipped(files)


def fsdd():
    names = [(d, s, t) for d in "07" for s in ("george", "theo") for t in (0, 7)]
    return tar(
        {
            f"fsdd-1.0.9/recordings/{d}_{s}_{t}.wav": sound(200 + 9 * n, rate=8000)
            for n, (d, s, t) in enumerate(names)
        }
    )


def audio_mnist():
    names = [(d, s, t) for d in "07" for s in ("01", "12") for t in (0, 7)]
    files = {
        f"AudioMNIST-master/data/{s}/{d}_{s}_{t}.wav": sound(200 + 9 * n, rate=48000)
        for n, (d, s, t) in enumerate(names)
    }
    about = {"01": {"accent": "german", "gender": "male"}, "12": {"gender": "female", "age": 26}}
    return zipped({**files, "AudioMNIST-master/data/audioMNIST_meta.txt": json.dumps(about)})


def librispeech():
    files = {
        "LibriSpeech/SPEAKERS.TXT": b"; comment\n14 | F | dev | 8 | A\n174 | M | dev | 8 | B\n"
    }
    for n, (speaker, chapter) in enumerate([("14", "208"), ("14", "212"), ("174", "50561")]):
        for take in range(2):
            name = (
                f"LibriSpeech/train-clean-5/{speaker}/{chapter}/{speaker}-{chapter}-{take:04}.flac"
            )
            files[name] = sound(200 + 20 * n + 7 * take, form="FLAC")
        files[f"LibriSpeech/train-clean-5/{speaker}/{chapter}/x.trans.txt"] = b"text"
    return tar(files)


def musan():
    return tar(
        {
            f"musan/{label}/{part}/{label}-{part}-{n:04}.wav": sound(100 + 13 * n + 5 * len(part))
            for label, part in (
                ("music", "fma"),
                ("noise", "free-sound"),
                ("speech", "librivox"),
            )
            for n in range(2)
        }
    )


def mit_ir():
    return zipped(
        {
            **{f"Audio/h{n:03}_Bedroom.wav": sound(300 + n, 0.1, 32000) for n in (1, 2)},
            "__MACOSX/Audio/._h001_Bedroom.wav": b"\0\5\26\7",
            "Audio/.DS_Store": b"x",
        }
    )


def mswc_archives():
    rows, files = ["SET,LINK,WORD,VALID,SPEAKER,GENDER"], {}
    people = (("TRAIN", "ann"), ("TRAIN", "bob"), ("DEV", "cleo"), ("TEST", "dan"))
    for number, (word, (chosen, who)) in enumerate(
        (word, person) for word in ("ja", "nein", "doch") for person in people
    ):
        link = f"{word}/common_voice_de_{number}.opus"
        rows.append(f"{chosen},{link},{word},{number != 5},{who},MALE")
        files[f"de/clips/{link}"] = sound(150 + 9 * number, 0.5, 48000, "OGG", "OPUS")
    rows.append("TEST,ja/common_voice_de_99.opus,ja,True,ann,MALE")  # a speaker of two sets
    files["de/clips/ja/common_voice_de_99.opus"] = sound(777, 0.5, 48000, "OGG", "OPUS")
    return tar({"de_splits.csv": "\n".join(rows).encode()}), tar(files)


ARCHIVES = {
    "speech-commands": speech_commands,
    "esc-50": esc50,
    "fsdd": fsdd,
    "librispeech-train-clean-5": librispeech,
    "musan": musan,
    "mit-ir": mit_ir,
    "kitchen20": kitchen20,
    "audio-mnist": audio_mnist,
}


@pytest.fixture
def served(monkeypatch, tmp_path):
    monkeypatch.setattr(download, "PAUSE_S", 0.01)
    monkeypatch.setattr(run, "DOWNLOADS", tmp_path / "downloads")
    with file_server() as server:
        yield server


def fetched(served, tmp_path, name, data=None, checksum=None, **options):
    """Fetch a data set of which the server has the archive `data`."""
    collection = registry.find(name)
    (archive,) = collection.files
    data = ARCHIVES[name]() if data is None else data
    served.files[f"/{archive.file}"] = data
    if checksum is None and archive.checksum:
        kind = archive.checksum.partition(":")[0]
        checksum = f"{kind}:{hashlib.new(kind, data).hexdigest()}"
    made = Archive(archive.file, (served.url(f"/{archive.file}"),), 0, checksum or "")
    collection.files = (made,)
    return run.fetch(
        collection, tmp_path / "to" / name, downloads=tmp_path / "downloads", **options
    )


def rows_of(folder):
    return metadata.load(folder).rows


def errors_of(folder):
    """What `host data check` calls an error."""
    read = clips.read_dataset(folder, clips.open_rows(folder), lambda: None)
    return [finding.text for finding in check.findings(folder, read) if finding.error]


def nothing_left(tmp_path, parts=0):
    """Neither a dataset nor a temporary folder is there; of downloads only `parts`."""
    left = [path for path in (tmp_path / "to").rglob("*")] if (tmp_path / "to").exists() else []
    there = [p for p in (tmp_path / "downloads").glob("*") if p.suffix not in (".etag", ".lock")]
    assert left == [] and len(there) == parts, (left, there)


@pytest.mark.parametrize(
    ("name", "count", "labels", "speakers"),
    [
        ("speech-commands", 19, {"yes", "no", "background"}, 4),
        ("esc-50", 8, {"dog"}, 0),
        ("fsdd", 8, {"0", "7"}, 2),
        ("librispeech-train-clean-5", 2, {"speech"}, 2),
        ("musan", 6, {"music", "noise", "speech"}, 0),
        ("kitchen20", 8, {"blender", "boiling-water"}, 0),
        ("audio-mnist", 8, {"0", "7"}, 2),
    ],
)
def test_each_lands_as_a_dataset_that_check_accepts(
    served, tmp_path, name, count, labels, speakers
):
    found = fetched(served, tmp_path, name)
    rows = rows_of(found.to)
    assert found.clips == len(rows) == count and found.left_out == []
    assert {row.label for row in rows} == labels
    assert len({row.speaker for row in rows if row.speaker}) == speakers
    assert all(row.source and row.set for row in rows)
    assert errors_of(found.to) == []
    about = json.loads((found.to / "source.json").read_text())
    data = served.files["/" + about["archives"][0]["file"]]
    assert about["archives"][0]["sha256"] == hashlib.sha256(data).hexdigest()
    assert [p for p in (tmp_path / "downloads").iterdir() if p.suffix != ".lock"] == []
    assert [path.name for path in (tmp_path / "to").iterdir()] == [name]


def test_sets_are_those_of_the_data_set(served, tmp_path):
    rows = rows_of(fetched(served, tmp_path, "speech-commands").to)
    sets = {row.speaker: row.set for row in rows if row.speaker}
    assert sets == {
        **dict.fromkeys(("0a7c2a8d", "1b4c9b89"), "train"),
        "2c6d3924": "validate",
        "3d53244b": "test",
    }
    rows = rows_of(fetched(served, tmp_path, "esc-50").to)
    folds = {(row.extra["fold"], row.source, row.set) for row in rows}
    sets = ("train", "train", "train", "validate", "test")
    assert folds == {(str(f), f"freesound-{1000 + f}", sets[f - 1]) for f in range(1, 6)}


def test_a_speaker_of_librispeech_is_one_stream(served, tmp_path):
    found = fetched(served, tmp_path, "librispeech-train-clean-5")
    by = {row.speaker: row for row in rows_of(found.to)}
    assert {name: row.extra["gender"] for name, row in by.items()} == {
        "librispeech-14": "F",
        "librispeech-174": "M",
    }
    lengths = [soundfile.info(found.to / by[name].file).frames for name in sorted(by)]
    assert lengths == [4 * 4800, 2 * 4800]
    pcm, _ = soundfile.read(found.to / by["librispeech-14"].file, dtype="int16")
    for at, hertz in enumerate((200, 207, 220, 227)):  # in the order of chapters and numbers
        spectrum = np.abs(np.fft.rfft(pcm[4800 * at : 4800 * (at + 1)]))
        assert abs(spectrum.argmax() / 0.3 - hertz) < 4


def test_impulse_responses_land_as_a_folder(served, tmp_path):
    found = fetched(served, tmp_path, "mit-ir")
    assert (found.clips, found.unpublished) == (2, ["mit-ir-survey.zip"])
    files = sorted(path.name for path in found.to.glob("*.wav"))
    assert files == ["h001_Bedroom.wav", "h002_Bedroom.wav"]
    assert soundfile.info(found.to / files[0]).samplerate == 16000


def test_words_of_a_language(served, tmp_path, monkeypatch):
    monkeypatch.setattr(mswc, "_HOSTS", (served.address,))
    splits, audio = mswc_archives()
    served.files |= {"/splits/de.tar.gz": splits, "/audio/de.tar.gz": audio}
    to, downloads = tmp_path / "to" / "mswc", tmp_path / "downloads"
    with pytest.raises(UserError, match=r"no word 'jaa' in de: near it: ja"):
        run.fetch(registry.find("mswc"), to, Wanted("de", ("jaa",)), downloads=downloads)
    assert [path for path, _ in served.asked] == ["/splits/de.tar.gz"]  # not the large one
    found = run.fetch(registry.find("mswc"), to, Wanted("de", ("ja", "nein")), downloads=downloads)
    rows = rows_of(to)
    assert {row.label for row in rows} == {"ja", "nein"}
    assert len(rows) == 5 + 3  # one of nein is not valid
    assert {(row.speaker, row.set) for row in rows} == {
        ("ann", "train"),
        ("bob", "train"),
        ("cleo", "validate"),
        ("dan", "test"),
    }
    assert found.mixed == 1 and errors_of(to) == []
    assert "common_voice_de_0" in {row.source for row in rows}
    with pytest.raises(UserError, match="needs --language and --words"):
        run.fetch(registry.find("mswc"), tmp_path / "x")
    with pytest.raises(UserError, match="fsdd takes no --words"):
        run.fetch(registry.find("fsdd"), tmp_path / "x", Wanted(words=("a",)))


def test_voices_of_piper(served, tmp_path, monkeypatch):
    files = {"en_US-joe-medium.onnx": b"weights", "en_US-joe-medium.onnx.json": b"{}"}
    index = {
        "en_US-joe-medium": {
            "files": {
                f"en/{name}": {"size_bytes": 2, "md5_digest": hashlib.md5(data).hexdigest()}
                for name, data in files.items()
            }
        }
    }
    served.files |= {f"/en/{name}": data for name, data in files.items()}
    served.files["/voices.json"] = json.dumps(index).encode()
    monkeypatch.setattr(piper, "_HOST", served.address)
    monkeypatch.setattr(
        piper, "_INDEX", Archive("voices.json", (served.url("/voices.json"),), packed=False)
    )
    monkeypatch.setattr(piper.PiperVoices, "home", tmp_path / "to" / "piper")
    with pytest.raises(UserError, match="no voice 'en_US-jo-medium': near it: en_US-joe-medium"):
        run.fetch(
            registry.find("piper"),
            wanted=Wanted(voices=("en_US-jo-medium",)),
            downloads=tmp_path / "downloads",
        )
    nothing_left(tmp_path)
    for _ in range(2):  # its folder may have voices already
        found = run.fetch(
            registry.find("piper"),
            wanted=Wanted(voices=("en_US-joe-medium",)),
            downloads=tmp_path / "downloads",
        )
        assert found.clips == 2
        there = {path.name: path.read_bytes() for path in found.to.glob("*.onnx*")}
        assert there == files
    served.files["/en/en_US-joe-medium.onnx"] = b"changed"
    with pytest.raises(UserError, match="its MD5 is not"):
        run.fetch(
            registry.find("piper"),
            wanted=Wanted(voices=("en_US-joe-medium",)),
            downloads=tmp_path / "downloads",
        )
    assert (found.to / "en_US-joe-medium.onnx").read_bytes() == b"weights"


def test_a_broken_download_goes_on_where_it_stopped(served, tmp_path):
    served.breaks["/musan.tar.gz"] = [3000, 0, 2000, 10, 1]
    found = fetched(served, tmp_path, "musan")
    assert found.clips == 6
    starts = [part for _, part in served.asked]
    assert starts == [
        None,
        "bytes=3000-",
        "bytes=3000-",
        "bytes=5000-",
        "bytes=5010-",
        "bytes=5011-",
    ]


def test_the_next_command_goes_on_where_the_last_one_stopped(served, tmp_path):
    data = fsdd()
    served.breaks["/free-spoken-digit-dataset-1.0.9.tar.gz"] = [2000, 0, 0, 0]
    with pytest.raises(UserError, match=r"are kept: run the same command again") as caught:
        fetched(served, tmp_path, "fsdd", data)
    assert "\n" not in caught.value.message
    nothing_left(tmp_path, parts=1)
    served.asked.clear()
    assert fetched(served, tmp_path, "fsdd", data).clips == 8
    assert served.asked == [("/free-spoken-digit-dataset-1.0.9.tar.gz", "bytes=2000-")]


def test_a_file_that_changed_meanwhile_is_sent_again(served, tmp_path):
    name = "/mit-ir-survey.zip"
    served.breaks[name] = [2000, 0, 0, 0]
    with pytest.raises(UserError):
        fetched(served, tmp_path, "mit-ir", zipped({"old.wav": sound(50, 1)}))
    assert fetched(served, tmp_path, "mit-ir").clips == 2


def test_a_server_without_ranges_sends_all_again(served, tmp_path):
    served.ranges = False
    served.breaks["/musan.tar.gz"] = [3000]
    assert fetched(served, tmp_path, "musan").clips == 6


def test_bad_archives_are_one_line_and_leave_nothing(served, tmp_path):
    link = tarfile.TarInfo("recordings/0_a_1.wav")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    linked = io.BytesIO()
    with tarfile.open(fileobj=linked, mode="w:gz") as archive:
        archive.addfile(link)
    good = fsdd()
    name = "recordings/0_a_1.wav"
    bad = {
        "damaged or cut short": good[: len(good) // 2],
        "a web page, not an archive": b"\n <!DOCTYPE html><html>quota exceeded</html>",
        "no .tar or .zip archive": b"just text",
        "../evil.wav in it leads out": tar({"../evil.wav": b"x"}),
        "/tmp/evil.wav in it leads out": tar({"/tmp/evil.wav": b"x"}),
        "is a link, not a file": linked.getvalue(),
        "is in it twice": _twice(name),
        "far larger unpacked": tar({name: bytes(80 << 20)}),
        "another archive": tar({"other/file.wav": b"x"}),
        "no clip could be read": tar({f"x/{name}": b"no sound"}),
    }
    for text, data in bad.items():
        with pytest.raises(UserError) as caught:
            fetched(served, tmp_path, "fsdd", data)
        assert ".fsdd-fetching" not in caught.value.message
        assert text in caught.value.message and "\n" not in caught.value.message
        nothing_left(tmp_path)
    assert not (tmp_path / "evil.wav").exists() and not Path("/tmp/evil.wav").exists()


def _twice(name):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as archive:
        for _ in range(2):
            archive.addfile(tarfile.TarInfo(name), io.BytesIO())
    return made.getvalue()


def test_hostile_zip_files(tmp_path):
    link = zipfile.ZipInfo("a.wav")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr(link, "/etc/passwd")
    for data, text in [
        (made.getvalue(), "is a link"),
        (zipped({"../a.wav": b"x"}), "leads out"),
        (zipped({"c:\\a.wav": b"x"}), "leads out"),
        (zipped({"a.wav": b"abc" * 999})[:-30], "archive"),
    ]:
        (tmp_path / "a.zip").write_bytes(data)
        (tmp_path / "to").mkdir(exist_ok=True)
        with pytest.raises(UserError, match=text):
            unpack(tmp_path / "a.zip", tmp_path / "to", lambda path: True)
        assert list((tmp_path / "to").iterdir()) == []


@settings(max_examples=depth(60, 2000), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 400), st.binary(max_size=40), st.booleans())
def test_any_damage_is_one_line(tmp_path_factory, at, damage, is_zip):
    """Whatever a damaged archive unpacks to, it stays in its folder, and errors are UserErrors."""
    folder = tmp_path_factory.mktemp("damaged")
    data = bytearray((zipped if is_zip else tar)({"a/b.wav": b"abc" * 50, "c.wav": b"d" * 99}))
    data[at : at + len(damage)] = damage
    (folder / "a").write_bytes(data)
    (folder / "to").mkdir()
    try:
        unpack(folder / "a", folder / "to", lambda path: True)
    except UserError as error:
        assert "\n" not in error.format_message()
    assert {path.name for path in folder.iterdir()} == {"a", "to"}


def test_servers_that_fail_are_one_line_and_leave_nothing(served, tmp_path):
    name = "/free-spoken-digit-dataset-1.0.9.tar.gz"
    with pytest.raises(UserError, match="its SHA256 is not 0000"):
        fetched(served, tmp_path, "fsdd", checksum="sha256:" + "0" * 64)
    nothing_left(tmp_path)
    served.pages.add(name)
    with pytest.raises(UserError, match="sends a web page, not the file"):
        fetched(served, tmp_path, "fsdd")
    served.pages.clear()
    served.status[name] = 404
    with pytest.raises(UserError, match=r"the server says 404 Not Found: try again later, or get"):
        fetched(served, tmp_path, "fsdd")
    served.status[name] = 503
    with pytest.raises(UserError, match="the server says 503"):
        fetched(served, tmp_path, "fsdd")
    assert len(served.asked) == 1 + 1 + 1 + download.TRIES  # only what may pass is tried again
    nothing_left(tmp_path)


def test_no_network(tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PAUSE_S", 0)
    collection = registry.find("fsdd")
    urls = ("http://127.0.0.1:9/a", "http://no.such.host.invalid/a")
    collection.files = (Archive("a.tar.gz", urls),)
    with pytest.raises(UserError) as caught:
        run.fetch(collection, tmp_path / "to" / "x", downloads=tmp_path / "downloads")
    assert caught.value.message == (
        "http://127.0.0.1:9/a: can't be reached (1 more addresses fail too): try again later, or "
        "get a.tar.gz elsewhere and give it with --from"
    )
    nothing_left(tmp_path)


def test_two_commands_do_not_download_one_file_together(served, tmp_path):
    (tmp_path / "downloads").mkdir()
    lock = filelock.FileLock(tmp_path / "downloads" / "musan.tar.gz.lock")
    with lock, pytest.raises(UserError, match=r"another command is downloading musan.tar.gz"):
        fetched(served, tmp_path, "musan")
    assert served.asked == []


def test_a_second_address_helps(served, tmp_path):
    collection = registry.find("musan")
    data = musan()
    served.files |= {"/old": b"another file", "/right": data}
    checksum = "sha256:" + hashlib.sha256(data).hexdigest()
    urls = (served.url("/gone"), served.url("/old"), served.url("/right"))
    collection.files = (Archive("musan.tar.gz", urls, 0, checksum),)
    found = run.fetch(collection, tmp_path / "to", downloads=tmp_path / "downloads")
    assert found.clips == 6


def test_an_archive_that_is_there_already(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "any-name.zip").write_bytes(kitchen20())
    done = host("fetch", "kitchen20", "--from", "any-name.zip", "--to", "kitchen")
    assert done.exit_code == 0, done.output
    assert "8 clips (0.00 h) in kitchen" in done.stdout
    assert "nobody publishes a checksum: its SHA-256" in done.stdout
    assert (tmp_path / "any-name.zip").exists()
    again = host("fetch", "kitchen20", "--from", "any-name.zip", "--to", "kitchen")
    assert again.exit_code == 1 and "kitchen is there already" in again.output
    checked = host("check", "--dataset", "kitchen")
    assert checked.exit_code == 0, checked.output
    wrong = host("fetch", "fsdd", "--from", "any-name.zip", "--to", "digits")
    assert "not the published free-spoken-digit-dataset-1.0.9.tar.gz" in wrong.output
    gone = host("fetch", "fsdd", "--from", "nowhere.zip", "--to", "digits")
    assert gone.exit_code == 1 and "nowhere.zip: no such file" in gone.output
    assert sorted(p.name for p in tmp_path.iterdir()) == ["any-name.zip", "kitchen"]


def test_the_list_says_where_each_checksum_is_from():
    done = host("fetch", "--list", "--json")
    assert done.exit_code == 0, done.output
    listed = {entry["name"]: entry for entry in json.loads(done.stdout)}
    assert set(listed) == set(registry.COLLECTIONS)
    lengths = {"sha256": 64, "md5": 32}
    for entry in listed.values():
        assert entry["licence"] and entry["page"].startswith("https://") and entry["about"]
        for archive in entry["archives"]:
            assert archive["addresses"] and archive["bytes"]
            kind, _, digest = archive["checksum"].partition(":")
            assert bool(digest) == bool(entry["checksums"])
            assert not digest or len(digest) == lengths[kind]
    plain = host("fetch", "--list")
    assert all(name in plain.stdout for name in registry.COLLECTIONS)
    assert "did you mean musan?" in host("fetch", "musa").output
    assert "name a data set" in host("fetch").output
