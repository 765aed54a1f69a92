# Sourced by the other scripts: a virtual environment and the few Debian packages.
# Usage: prepare "EXTRAS" [DEBIAN-PACKAGE:COMMAND ...]

say() { printf '\033[1m==>\033[0m %s\n' "$*" >&2; }

apt_install() {
    local root=()
    if [ "$(id -u)" -ne 0 ]; then
        command -v sudo >/dev/null || {
            say "needed: $* - install them as root (apt-get install $*), then run this again"
            return 1
        }
        root=(sudo)
    fi
    say "installing Debian packages: $*"
    "${root[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${root[@]}" apt-get install -y -qq \
        --no-install-recommends "$@" >/dev/null
}

need_debian_packages() {
    local missing=() pair
    for pair in "$@"; do
        PATH="$PATH:/usr/sbin" command -v "${pair#*:}" >/dev/null || missing+=("${pair%%:*}")
    done
    [ "${#missing[@]}" -eq 0 ] && return 0
    if ! command -v apt-get >/dev/null; then
        say "please install: ${missing[*]}"
        return 1
    fi
    apt_install "${missing[@]}"
}

need_python() {
    PYTHON=${PYTHON:-python3}
    if ! command -v "$PYTHON" >/dev/null || ! "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null; then
        apt_install python3 python3-venv
    fi
    "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || {
        say "Sleepgate needs Python 3.11 or newer; $PYTHON is $("$PYTHON" --version)"
        return 1
    }
}

prepare() {
    local extras=$1 venv=${SLEEPGATE_VENV:-.venv} stamp
    shift
    need_debian_packages "$@"
    need_python
    stamp="$venv/.installed-$extras"
    if [ ! -f "$stamp" ] || [ pyproject.toml -nt "$stamp" ]; then
        say "installing into $venv with $("$PYTHON" --version): sleepgate[$extras]"
        "$PYTHON" -m venv "$venv"
        local quiet=(--quiet)
        [ ! -t 2 ] || quiet=() # a person sees how far it is: it may take a minute
        "$venv/bin/python" -m pip install "${quiet[@]}" --disable-pip-version-check \
            -e ".[$extras]" >&2
        touch "$stamp"
    fi
    VENV=$(cd "$venv" && pwd)
}

# An environment of other people's programs. Usage: peers FOLDER REQUIREMENT...
peers() {
    local folder=$1 stamp
    shift
    stamp="$folder/.installed-$(IFS=-; echo "$*")"
    [ -f "$stamp" ] && return 0
    need_python
    say "installing $* into $folder"
    "$PYTHON" -m venv "$folder"
    "$folder/bin/python" -m pip install --quiet --disable-pip-version-check "$@"
    touch "$stamp"
}
READERS=${XDG_CACHE_HOME:-~/.cache}/sleepgate/recording-readers
YASA=${SLEEPGATE_YASA_VENV:-.venv-yasa}
