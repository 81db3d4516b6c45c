"""Start and Sounds in the browser: folders elsewhere, dropped files, and all that a row can do."""

import base64
import io
import zipfile

import numpy as np
import pytest

from otolith.audio import RATE
from otolith.data import metadata
from otolith.errors import UserError
from otolith.studio.projects import Projects
from support.browser import NARROW, chromium, page_of, serious
from support.studio import wav

# A drop as the browser makes one: DataTransfer with File objects.
DROP = """([selector, files]) => {
  const data = new DataTransfer();
  for (const [name, text] of files) {
    const bytes = Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
    data.items.add(new File([bytes], name));
  }
  const at = document.querySelector(selector);
  for (const kind of ["dragover", "drop"])
    at.dispatchEvent(new DragEvent(kind, { dataTransfer: data, bubbles: true, cancelable: true }));
}"""


def tone(seconds=1.0, frequency=500.0, level=0.3):
    t = np.arange(round(seconds * RATE)) / RATE
    return level * np.sin(2 * np.pi * frequency * t)


@pytest.fixture(scope="module")
def heard(tmp_path_factory):
    """A browser whose microphone hears a tone of 800 Hz."""
    file = tmp_path_factory.mktemp("microphone") / "heard.wav"
    file.write_bytes(wav(tone(4, 800)))
    with chromium(file) as found:
        yield found


def test_a_project_elsewhere_is_opened_and_nothing_else(tmp_path):
    (tmp_path / "home" / "mine").mkdir(parents=True)
    away = tmp_path / "far away" / "bell!"
    away.mkdir(parents=True)
    (away / "spec.toml").write_text('[model]\nname = "bell"\nclasses = ["background", "ring"]\n')
    (tmp_path / "home" / "mine" / "spec.toml").write_text((away / "spec.toml").read_text())
    projects = Projects(tmp_path / "home")
    assert projects.open("mine") == "mine"
    name = projects.open(str(away))
    assert name == "bell" == projects.open("../far away/bell!/spec.toml")
    assert projects.find(name).folder == away and projects.names() == ["bell", "mine"]
    for wrong in ("", " ", "x\0y", "/nothing/there", str(tmp_path), "/dev/null", "~nobody/x"):
        with pytest.raises(UserError):
            projects.open(wrong)


@pytest.mark.slow
def test_files_folders_and_archives_are_dropped_and_tidied_up(studio, heard, tmp_path):
    away = tmp_path / "den"
    away.mkdir()
    (away / "spec.toml").write_text('[model]\nname = "den"\nclasses = ["background", "ring"]\n')
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("ring/z.wav", wav(tone(frequency=600)))
        file.writestr("background/z.wav", wav(tone(2, 300, 0.01)))
    folder = tmp_path / "takes" / "train"
    for label, frequency in (("ring", 700), ("background", 200)):
        (folder / label).mkdir(parents=True)
        (folder / label / "f.wav").write_bytes(wav(tone(frequency=frequency)))

    def drop(selector, *files):
        found = [[name, base64.b64encode(data).decode()] for name, data in files]
        page.evaluate(DROP, [selector, found])

    def rows():
        return metadata.load(away / "dataset").rows

    def clips(count):
        page.get_by_role("heading", name=f"{count} clips", exact=True).wait_for()
        assert len(rows()) == count

    for name in ("\ud800", "../..", "/etc"):  # through the page's own request
        assert studio.ask("POST", "/open", {"folder": name}).status == 400

    with page_of(heard, studio.link) as page:
        page.get_by_label("In another folder").fill("/nothing")
        page.keyboard.press("Enter")
        page.get_by_text("no such folder").wait_for()
        page.get_by_label("In another folder").fill(str(away))
        page.keyboard.press("Enter")
        page.get_by_text("No clips yet").wait_for()
        drop("main > div", ("notes.exe", b"MZ"))
        page.get_by_text("No sounds among these").wait_for()
        drop("main > div", ("x.wav", wav(tone())))
        page.get_by_text("drop them on its row").wait_for()
        drop(".class:nth-child(2)", ("a.wav", wav(tone(2))), ("quiet.wav", wav(tone(level=1e-4))))
        clips(2)
        drop("main > div", ("both.zip", packed.getvalue()))
        clips(4)
        page.get_by_label("Import a folder").set_input_files(folder.parent)
        clips(6)
        page.get_by_text("4 takes: 20 are a good start").first.wait_for()
        assert serious(page) == []

        # findings of the check, with a button, and undo
        page.get_by_role("button", name="remove the silent clips").click()
        clips(5)
        page.get_by_role("button", name="Undo").last.click()
        clips(6)
        page.get_by_role("button", name="remove the silent clips").click()
        clips(5)
        page.get_by_role("button", name="split", exact=True).first.click()
        page.get_by_text("Done: split").wait_for()
        page.locator(".clip", has_text="validate").first.wait_for()
        assert all(row.set for row in rows())

        # a row: play, trim, another label, redo, delete
        long = next(
            row.file for row in rows() if (away / "dataset" / row.file).stat().st_size > 64000
        )
        row = page.locator(f'.clip[data-file="{long}"]')
        row.get_by_role("button", name="Play").click()
        row.get_by_role("button", name="Stop").click()
        row.get_by_role("button", name="Trim").click()
        page.get_by_label("From, seconds").fill("0.5")
        page.get_by_label("To, seconds").fill("1.25")
        page.get_by_label("To, seconds").press("Tab")
        page.get_by_role("button", name="Keep this part").click()
        page.get_by_text("is 0.75 s now").wait_for()
        assert (away / "dataset" / long).stat().st_size == 44 + 2 * 0.75 * RATE
        before = {r.file for r in rows()}
        row.get_by_role("combobox").select_option("background")
        page.get_by_text("is background now").wait_for()
        (moved,) = {r.file for r in rows()} - before
        row = page.locator(f'.clip[data-file="{moved}"]')
        row.get_by_role("button", name="Redo").click()
        page.get_by_label("Who or what").fill("anna")
        page.get_by_role("button", name="Start", exact=True).click()
        page.get_by_text("A new take replaces").wait_for()
        assert moved not in {r.file for r in rows()} and len(rows()) == 5
        page.locator(".clip", has_text="anna").wait_for()
        page.locator(".clip").first.get_by_role("button", name="Delete").click()
        clips(4)
        page.get_by_role("button", name="Undo").last.click()
        clips(5)
        page.set_viewport_size(NARROW)
        page.reload()
        page.get_by_role("heading", name="5 clips", exact=True).wait_for()
        assert page.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        box = page.locator(".clip").first.get_by_role("combobox").bounding_box()
        assert box["width"] > 60 and serious(page) == []
