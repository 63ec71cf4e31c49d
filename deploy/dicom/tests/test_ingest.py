"""What series are, by their descriptions as scanners and technicians write them."""

# ruff: noqa: ANN001, ANN201, D103

import sys
from importlib.machinery import SourceFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def ingest():
    loader = SourceFileLoader("ingest", str(Path(__file__).parents[1] / "ingest"))
    module = module_from_spec(spec_from_loader("ingest", loader))
    sys.modules["ingest"] = module
    loader.exec_module(module)
    return module


@pytest.mark.parametrize(
    ("description", "modality"),
    [
        ("AX T1 MPRAGE", "T1"),
        ("t1_mprage_sag_p2_iso", "T1"),
        ("SAG T1 BRAVO", "T1"),
        ("T1 without contrast", "T1"),
        ("AX T1 MPRAGE +C", "T1CE"),
        ("AX T1 POST GAD", "T1CE"),
        ("t1_mprage_sag_p2_iso_KM", "T1CE"),
        ("T1ce", "T1CE"),
        ("3D T1 with contrast", "T1CE"),
        ("POST T1 MPRAGE", "T1CE"),
        ("AX T2 TSE", "T2"),
        ("t2_tse_tra", "T2"),
        ("AX T2 FLAIR FS", "FLAIR"),
        ("Sag CUBE FLAIR", "FLAIR"),
        ("t2_tirm_tra_dark-fluid", "FLAIR"),
        ("3-plane localizer", None),
        ("ep2d_diff DWI b1000", None),
        ("AX SWAN", None),
        ("t1 dce perfusion", None),
        ("Report", None),
    ],
)
def test_a_series_is_what_its_description_says(ingest, description, modality):
    assert ingest.modality_of(description, ingest.RULES) == modality


def test_the_name_of_a_study_depends_on_the_key(ingest):
    name = ingest.pseudonym("1.2.3", b"k" * 16)
    assert name == ingest.pseudonym("1.2.3", b"k" * 16)
    assert name != ingest.pseudonym("1.2.3", b"l" * 16)
    assert name != ingest.pseudonym("1.2.4", b"k" * 16)
    assert "1.2.3" not in name


@pytest.mark.parametrize("rules", ["not JSON", '{"t1": "T1"}', '[["t1"]]', '[["(", "T1"]]', "[[1, null]]", "4", None])
def test_rules_that_are_none_end_it_with_one_line(ingest, tmp_path, rules):
    file = tmp_path / "rules.json"
    if rules is not None:
        file.write_text(rules)
    with pytest.raises(ingest.ProblemError) as problem:
        ingest.read_rules(file)
    assert problem.value.status == 2


def test_a_folder_that_cannot_be_written_ends_it_with_one_line(ingest, tmp_path, monkeypatch, capsys):
    studies = tmp_path / "studies"
    studies.write_text("a file where the folder should be")
    key = tmp_path / "key"
    key.write_text("k" * 16)
    series = ingest.Series("1.2.3", "T1", 1, 8, key)
    monkeypatch.setattr(ingest, "convert", lambda dicom, target: None)
    monkeypatch.setattr(ingest, "series_in", lambda folder, rules: [series])
    monkeypatch.setattr("sys.argv", ["ingest", "--studies", str(studies), "--key-file", str(key), str(tmp_path)])
    assert ingest.main() == 1
    assert capsys.readouterr().err == "ingest: cannot write below the folder of studies: Not a directory\n"
