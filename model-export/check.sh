#!/bin/sh
# Format, lint and tests of the Python package, and lint of the examples for users, in a virtual environment of its own under target/.
# Run by `mvn verify`; may be run by hand. The environment is kept while requirements.txt is unchanged.
set -eu

cd "$(dirname "$0")"
python="${PYTHON:-python3}"
environment=target/venv
stamp="$environment/.requirements"
wanted="$("$python" -c 'import hashlib, pathlib, sys; print(sys.version_info[:2], hashlib.sha256(pathlib.Path("requirements.txt").read_bytes()).hexdigest())')"

if [ ! -f "$stamp" ] || [ "$(cat "$stamp")" != "$wanted" ]; then
    mkdir -p target
    "$python" -m venv --clear "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r requirements.txt
    "$environment/bin/pip" install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
    printf '%s\n' "$wanted" > "$stamp"
fi

"$environment/bin/ruff" format --check .
"$environment/bin/ruff" check .
"$environment/bin/ruff" format --check --config pyproject.toml ../deploy/examples ../deploy/dicom/ingest ../deploy/dicom/tests
"$environment/bin/ruff" check --config pyproject.toml ../deploy/examples ../deploy/dicom/ingest ../deploy/dicom/tests
# Two processes: most tests compute on one thread. By the groups of tests/conftest.py, so that what tests share is made once; in the order
# of names, for those with few tests, which would else come last, are among the longest.
"$environment/bin/python" -m pytest -q -n 2 --dist loadgroup --no-loadscope-reorder
"$environment/bin/python" -m pytest -q -p no:cacheprovider ../deploy/dicom/tests
