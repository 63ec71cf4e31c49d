#!/bin/sh
# Builds the page into the folder given, in a copy below the second folder given; does nothing when nothing changed.
#   build.sh OUT WORK
# Without Node.js the worker is built without its page, and says so; PAGE_REQUIRED=1 makes that an error.
set -eu
sources=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
out=$1
work=$2

skip() {
  echo "page: SKIPPED: $1"
  [ "${PAGE_REQUIRED:-}" != 1 ] || exit 1
  exit 0
}

command -v npm >/dev/null && command -v node >/dev/null || skip "no Node.js here (18 or newer is needed)"
major=$(node -p 'process.versions.node.split(".")[0]')
[ "$major" -ge 18 ] || skip "Node.js $major is too old (18 or newer is needed)"

locked=$(cd "$sources" && sha256sum <package-lock.json)
built=$(cd "$sources" && cat package-lock.json package.json build.mjs src/* | sha256sum)
mkdir -p "$work"
if [ -f "$out/index.html" ] && [ "$(cat "$work/built" 2>/dev/null)" = "$built" ]; then
  exit 0
fi
cp "$sources/package.json" "$sources/package-lock.json" "$sources/build.mjs" "$work"
rm -rf "$work/src" "$work/built"
cp -r "$sources/src" "$work/src"
cd "$work"
if [ ! -d node_modules ] || [ "$(cat locked 2>/dev/null)" != "$locked" ]; then
  echo "page: fetching its libraries"
  rm -f locked
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || {
    echo "page: npm could not fetch the page's libraries; -Dpage.skip builds without the page" >&2
    exit 1
  }
  printf '%s\n' "$locked" >locked
fi
node build.mjs "$out"
printf '%s\n' "$built" >built
