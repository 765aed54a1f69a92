# Sourced: programs of PyPI that the project is packed and audited with, each in an
# environment of its own, kept in the cache. Usage: tool PACKAGE PROGRAM; sets TOOL.
. scripts/prepare.sh

tool() {
    local home=${XDG_CACHE_HOME:-$HOME/.cache}/sleepgate/tools/$1
    need_python
    TOOL=$home/bin/$2
    [ -x "$TOOL" ] && return
    say "installing $1 into $home"
    "$PYTHON" -m venv "$home"
    "$home/bin/python" -m pip install --quiet --disable-pip-version-check "$1"
}
