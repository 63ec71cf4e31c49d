from __future__ import annotations

import json

import pytest
import torch

from cloe.cli.main import main
from cloe.specification import BRAIN_GLIOMA, subsets


def test_should_time_every_subset_when_a_bundle_is_given(tiny_bundle_folder, tmp_path, capsys):
    out = tmp_path / "speed.json"
    assert main(["speed", str(tiny_bundle_folder), "--runs", "1", "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    names = ["+".join(BRAIN_GLIOMA.modalities[m] for m in subset) for subset in subsets(4)]
    assert list(content["windowMs"]) == names
    assert all(milliseconds > 0.0 for milliseconds in content["windowMs"].values())
    assert content["pytorch"] == torch.__version__
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_should_refuse_when_the_device_is_unknown(tiny_bundle_folder, capsys):
    assert main(["speed", str(tiny_bundle_folder), "--device", "auto"]) == 1
    assert "allowed are cpu and cuda:N" in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_should_refuse_when_there_is_no_such_device(tiny_bundle_folder, capsys):
    assert main(["speed", str(tiny_bundle_folder), "--device", "cuda:0"]) == 1
    assert "CUDA" in capsys.readouterr().err


def test_should_refuse_when_nothing_would_be_run(tiny_bundle_folder, capsys):
    assert main(["speed", str(tiny_bundle_folder), "--runs", "0"]) == 1
    assert "--runs" in capsys.readouterr().err
