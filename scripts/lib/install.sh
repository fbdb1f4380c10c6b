# Shared by scripts/test and scripts/quickstart: finds out what is missing and installs it, or only says so. POSIX sh; to be sourced.
# Sets nothing but functions. ozwald_install=no makes every ensure_* refuse instead of install.

ozwald_root=$PWD # whoever sources this has gone to the root before
ozwald_missing=""

say() { printf '%s\n' "$*"; }
fail() { printf '%s\n' "$*" >&2; exit 1; }
need() { ozwald_missing="$ozwald_missing
  $1"; }

# Stops with the list of what is missing. Call it after the checks, when ozwald_install is no.
report_missing() {
  [ -z "$ozwald_missing" ] && return 0
  fail "Missing:$ozwald_missing
Nothing was installed (--no-install). Without it, this script installs them."
}

# Node 20 or newer has to be there: it is the one thing that is asked for.
check_node() {
  command -v node >/dev/null 2>&1 || fail "Node is not installed. Install Node 20 or newer (https://nodejs.org), then run this again."
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "Node $(node --version) is too old. Install Node 20 or newer (https://nodejs.org), then run this again."
  command -v npm >/dev/null 2>&1 || fail "npm is not installed, although Node is. Install it (Debian: apt-get install npm), then run this again."
}

# Debian packages by the program or file that shows they are there: ensure_debian PROGRAM-OR-PATH PACKAGE…
ensure_debian() {
  probe=$1
  shift
  case $probe in
    /*) [ -e "$probe" ] && return 0 ;;
    *) command -v "$probe" >/dev/null 2>&1 && return 0 ;;
  esac
  if [ "$ozwald_install" = no ]; then
    need "$* (Debian package)"
    return 0
  fi
  [ "$(id -u)" = 0 ] || fail "$* is missing and only root can install it. Run this as root, or: sudo apt-get install $*"
  command -v apt-get >/dev/null 2>&1 || fail "$* is missing, and this is no Debian or Ubuntu: install it by hand, then run this again."
  apt_update_once
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >"$ozwald_log" 2>&1 || {
    tail -n 20 "$ozwald_log" >&2
    fail "apt-get install $* failed; its last lines are above."
  }
}

apt_update_once() {
  [ "${ozwald_apt_updated:-no}" = yes ] && return 0
  apt-get update -qq >"$ozwald_log" 2>&1 || {
    tail -n 20 "$ozwald_log" >&2
    fail "apt-get update failed; its last lines are above."
  }
  ozwald_apt_updated=yes
}

# Packages of the lockfile. A marker tells that the installed ones are those of this lockfile.
ensure_packages() {
  marker=$ozwald_root/node_modules/.ozwald-lock
  if [ -f "$marker" ] && cmp -s "$marker" "$ozwald_root/package-lock.json" && [ -x "$ozwald_root/node_modules/.bin/node" ]; then
    return 0
  fi
  if [ "$ozwald_install" = no ]; then
    need "npm packages (npm ci)"
    return 0
  fi
  (cd "$ozwald_root" && npm ci --no-audit --no-fund --loglevel=error >"$ozwald_log" 2>&1) || {
    tail -n 20 "$ozwald_log" >&2
    fail "npm ci failed; its last lines are above."
  }
  cp "$ozwald_root/package-lock.json" "$marker"
}

engine_answers() { docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# A container engine that answers: the one that is there, else the one that is installed, else Debian's docker.io.
# Sets ozwald_engine to what was done, for people.
ensure_engine() {
  ozwald_engine="Docker Engine: there"
  if command -v docker >/dev/null 2>&1 && engine_answers; then
    ozwald_engine="Docker Engine $(docker version --format '{{.Server.Version}}')"
    return 0
  fi
  if ! command -v dockerd >/dev/null 2>&1; then
    if [ "$ozwald_install" = no ]; then
      need "a container engine that answers (docker version)"
      return 0
    fi
    ensure_debian dockerd docker.io iptables ca-certificates
    # Newer Debian has the command line in a package of its own.
    ensure_debian docker docker-cli
    ozwald_engine="Docker Engine: missing, installed docker.io"
  elif [ "$ozwald_install" = no ]; then
    need "a running container engine: dockerd is installed and does not answer"
    return 0
  else
    ozwald_engine="Docker Engine: started"
  fi
  start_engine
}

start_engine() {
  [ "$(id -u)" = 0 ] || fail "The container engine does not answer, and only root can start it: sudo systemctl start docker"
  if [ -d /run/systemd/system ]; then
    systemctl enable --now docker >"$ozwald_log" 2>&1 || true
  elif ! engine_answers; then
    setsid dockerd >/var/log/ozwald-dockerd.log 2>&1 </dev/null &
  fi
  tries=0
  until engine_answers; do
    tries=$((tries + 1))
    [ "$tries" -lt 60 ] || {
      tail -n 15 /var/log/ozwald-dockerd.log 2>/dev/null >&2 || true
      fail "The container engine did not come up within 60 s. Its last lines are above; try: dockerd"
    }
    sleep 1
  done
}

# Everything that goes into dist/ozwald, and what makes it.
ozwald_sources="core agent controlplane cli proto packaging scripts/build.ts scripts/notices.ts scripts/npm-package.ts
  scripts/lib/repository.ts package.json package-lock.json LICENSE"

executable_is_current() {
  cd "$ozwald_root" || return 1
  # shellcheck disable=SC2086 # words
  [ -x dist/ozwald ] && [ -z "$(find $ozwald_sources -type f ! -name '*.test.ts' -newer dist/ozwald -print -quit)" ]
}

# dist/ozwald, built again when any source is newer than it.
build_executable() {
  ! executable_is_current || return 0
  PATH="$PWD/node_modules/.bin:$PATH" npm run --silent build >"$ozwald_log" 2>&1 || {
    tail -n 20 "$ozwald_log" >&2
    fail "The build failed; its last lines are above."
  }
}
