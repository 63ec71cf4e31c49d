from __future__ import annotations

import os
import subprocess
import sys


def telemetry_switch(**environment: str) -> str:
    clean = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY"}
    program = "import cloe, os; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    done = subprocess.run(
        [sys.executable, "-c", program], env={**clean, **environment}, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_should_keep_onnx_runtime_silent_when_the_package_is_imported():
    assert telemetry_switch() == "1"


def test_should_respect_the_environment_when_someone_decided_otherwise():
    assert telemetry_switch(ORT_DISABLE_TELEMETRY="0") == "0"
