"""host compare: tables worked by hand, their wording, and two networks on real files."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from otolith.evaluate.compare import Versus, versus
from support.chain_model import METADATA, network
from support.evaluate_case import fill, host
from support.front_ends import with_metadata


def test_a_table_by_hand():
    a = np.array([1, 1, 1, 0, 0, 1, 1], bool)
    b = np.array([1, 0, 0, 1, 0, 1, 0], bool)
    found = versus(a, b)
    assert found == Versus(both=2, only_a=3, only_b=1, neither=1)
    assert found.p_value == 10 / 16  # 2 * (C(4,0) + C(4,1)) / 2^4
    assert not found.significant


@pytest.mark.parametrize(
    ("only_a", "only_b", "said"),
    [
        (0, 0, "no difference"),
        (0, 6, "B is better: alone right 6 times, the other 0 (p = 0.031)"),
        (9, 1, "A is better: alone right 9 times, the other 1 (p = 0.021)"),
        (0, 5, "not significant (p = 0.062): it may well be chance; they differ on 5 clips, fewer "
               "than 6 can't tell"),
        (8, 4, "not significant (p = 0.39): it may well be chance"),
    ],
)  # fmt: skip
def test_words(only_a, only_b, said):
    words = Versus(50, only_a, only_b, 3).words()
    assert said in words and words.endswith(said.split(";")[-1])


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=30))
def test_the_order_of_the_two_does_not_matter(pairs):
    a, b = (np.array([p[i] for p in pairs], bool) for i in (0, 1))
    one, other = versus(a, b), versus(b, a)
    assert one.both + one.only_a + one.only_b + one.neither == len(pairs)
    assert one.p_value == other.p_value and 0 < one.p_value <= 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return fill(tmp_path_factory.mktemp("compare"))


def test_the_better_one_is_named(folder):
    arguments = ("compare", folder / "deaf.tflite", folder / "good.tflite", "--data")
    result = host(*arguments, folder / "sounds", "--json")
    found = json.loads(result.stdout)
    assert result.exit_code == 0 and found["clips"] == 24
    assert (found["a"]["accuracy"], found["b"]["accuracy"]) == (0.5, 1.0)
    test = found["mcnemar"]
    assert [test[k] for k in ("both", "only_a", "only_b", "neither")] == [12, 0, 12, 0]
    assert test["p_value"] == 2 / 2**12 and test["significant"]
    assert (
        "B is better: alone right 12 times, the other 0"
        in host(*arguments, folder / "sounds").output
    )


def test_a_folder_stands_for_its_network(folder):
    result = host("compare", folder / "alone", folder / "good.tflite", "--data", folder / "sounds")
    assert result.exit_code == 0 and "B is better" in result.output


def test_one_output_or_two_is_the_same_to_it(folder):
    result = host(
        "compare", folder / "one.tflite", folder / "good.tflite", "--data", folder / "sounds"
    )
    assert result.exit_code == 0 and "no difference" in result.output


def test_other_classes_or_no_data_are_one_line(folder, tmp_path):
    other = tmp_path / "other.tflite"
    detect = {**METADATA["detect"], "thresholds": {"bark": 0.5}}
    changed = {**METADATA, "classes": ["background", "bark"], "detect": detect}
    other.write_bytes(with_metadata(network(2), changed))
    for arguments, said in (
        ((folder / "good.tflite", other, "--data", folder / "sounds"), "can't be compared"),
        ((folder / "good.tflite", folder / "deaf.tflite"), "no spec.toml beside it"),
        ((folder / "good.tflite", folder / "gone.tflite"), "no such file"),
        ((folder / "good.tflite", folder / "sounds"), "0 .tflite files"),
    ):
        result = host("compare", *arguments)
        assert result.exit_code == 1 and said in result.output
        assert len(result.output.splitlines()) == 1
