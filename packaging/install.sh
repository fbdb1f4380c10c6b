#!/bin/sh
# Installs Ozwald on this machine, upgrades it, and removes it. A control plane fills in what it is and serves this text as /install;
# ./scripts/install does the same for the control plane itself. POSIX sh with nothing but what dash or busybox have.
# Everything is within these braces, so that half of this text is a syntax error and runs nothing.
{
set -u
umask 022

role=@ROLE@ version=@VERSION@ target=@TARGET@ address=@ADDRESS@ pin=@PIN@
file=@FILE@ file_sha256=@FILE_SHA256@ xz_sha256=@XZ_SHA256@ sha256=@SHA256@

usage() {
  cat <<EOF
Installs ozwald $version ($role). Options:
  --token TOKEN      from: ozctl host invite. "-" reads it from standard input; also OZWALD_JOIN_TOKEN
  --name NAME        name of this machine in the cluster (default: its own)
  --dir DIR          where the programs go (default: where they are, else /usr/local/bin)
  --state DIR        where its state is kept (default: where it is, else /var/lib/ozwald/$role)
  --listen, --advertise, --rest   of ozwald-controlplane; kept from one run to the next
  --no-service       no systemd unit: starts it in the background, until the next boot
  --install-docker   installs Docker from the distribution when there is none (asked for at a terminal)
  --dry-run          says what would be done, also with --rollback and --uninstall
  --rollback         back to the version before the last upgrade
  --uninstall        removes programs and service; what runs keeps running, state stays
  --purge            with --uninstall: removes its state and settings too
EOF
}

say() { printf '%s\n' "$*"; }
fail() { printf 'ozwald: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }
nap() { sleep 0.2 2>/dev/null || sleep 1; }

main() {
  token=${OZWALD_JOIN_TOKEN-} name= dir= state=
  todo= do=install service=yes purge=no dry=no docker=ask advertise=${OZWALD_ADVERTISE-}
  # For tests: where to look for what the machine has.
  sysroot=${OZWALD_SYSROOT-} config=${OZWALD_SYSROOT-}/etc/ozwald
  arguments "$@"
  # Beside the settings: how it was started, where no unit says it.
  program=ozwald-$role unit=$sysroot/etc/systemd/system/ozwald-$role.service env_file=$config/$role.env start_file=$config/$role.start
  find_places
  pending=$state/restart
  [ -n "$role" ] && [ -n "$sha256" ] || fail "this text was not filled in. A control plane serves it as /install."
  [ "$(id -u)" = 0 ] || [ $dry = yes ] || fail "only root can install programs and a service, and this is $(id -un). Nothing was changed.
Put sudo before sh: curl … | sudo sh -s -- …   or look first: … | sh -s -- --dry-run …"
  [ -z "$sysroot" ] || [ $dry = yes ] || fail "OZWALD_SYSROOT is for --dry-run only. Nothing was changed."
  [ "$(id -u)" = 0 ] || may_look || fail "what is installed here only root can see ($place), so what would be done is not known. Nothing was done.
Put sudo before sh: curl … | sudo sh -s -- --dry-run …"
  [ "$service" = no ] || [ -d /run/systemd/system ] || service=absent
  other=ozwald-agent
  [ "$role" != agent ] || other=ozwald-controlplane
  # A unit that is there is used.
  [ $service != no ] || [ ! -d /run/systemd/system ] || [ ! -e "$unit" ] || service=yes
  config_dir=${OZWALD_CONFIG_DIR:-$(echo ~root)/.config/ozwald}
  trap cleanup EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP
  case $do in
    install) install_all ;;
    rollback) rollback ;;
    uninstall) uninstall ;;
  esac
}

arguments() {
  while [ $# -gt 0 ]; do
    case $1 in
      --token | --name | --dir | --state | --listen | --advertise | --rest)
        [ $# -gt 1 ] || fail "$1 needs a value. --help says which."
        value=$2; option=$1; given=yes; shift ;;
      --*=*) value=${1#*=}; option=${1%%=*}; given=yes ;;
      *) value=; option=$1; given=no ;;
    esac
    case $option in
      --token | --name | --dir | --state | --listen | --advertise | --rest)
        case $value in '' | --*) fail "$option needs a value. --help says which." ;; esac ;;
      *) [ $given = no ] || fail "$option takes no value, and $value was given. --help says which there are." ;;
    esac
    case $role$option in
      agent--listen | agent--advertise | agent--rest) fail "$option is for a control plane, and this makes the machine a host. --help says which there are." ;;
      controlplane--token | controlplane--name) fail "$option is for a host, and this makes the machine a control plane. --help says which there are." ;;
    esac
    case $option in
      --token) token=$value ;;
      --name) name=$value ;;
      --dir) dir=$value ;;
      --state) state=$value ;;
      --listen) OZWALD_LISTEN=$value ;;
      --advertise) advertise=${advertise:+$advertise,}$value ;;
      --rest) OZWALD_REST=$value ;;
      --no-service) service=no ;;
      --install-docker) docker=yes ;;
      --dry-run) dry=yes ;;
      --rollback | --uninstall)
        [ $do = install ] || fail "--rollback and --uninstall: one of them, once."
        do=${option#--} ;;
      --purge) purge=yes ;;
      --help | -h) usage; exit 0 ;;
      *) fail "there is no option $option. --help says which there are." ;;
    esac
    shift
  done
  case $name in [!A-Za-z0-9]* | *[!A-Za-z0-9._-]*) fail "--name $name: letters, digits, . _ - only, and a letter or digit first" ;; esac
  case $dir$state in *[!A-Za-z0-9/._-]*) fail "--dir and --state: letters, digits, / . _ - only" ;; esac
  case $dir in '' | /?*) ;; *) fail "--dir $dir: begin with /" ;; esac
  case $state in '' | /?*) ;; *) fail "--state $state: begin with /" ;; esac
  for place in "$dir" "$state"; do
    case $place/ in */../* | */./* | //*) fail "$place: write the folder without . and .. and with single /" ;; esac
  done
  dir=${dir%/} state=${state%/}
  [ "$token" != - ] || IFS= read -r token || [ -n "$token" ] || fail "there was no token on standard input."
  [ "$purge" = no ] || [ $do = uninstall ] || fail "--purge goes with --uninstall."
}

# Where the present installation is: its unit says it, or the note of a start without one. A place on the command line moves it.
find_places() {
  said_dir=$dir said_state=$state was_dir= was_state=
  started=$(sed -n 's/^ExecStart=//p' "$unit" 2>/dev/null)
  [ -n "$started" ] || started=$(cat "$start_file" 2>/dev/null)
  case $started in
    /*/"$program run --state /"?*) was_dir=${started%%/"$program run"*} was_state=${started##* --state } ;;
  esac
  dir=${dir:-${was_dir:-/usr/local/bin}} state=${state:-${was_state:-/var/lib/ozwald/$role}}
  [ $do != install ] && [ -n "$was_dir" ] || return 0
  [ "$dir" = "$was_dir" ] && [ "$state" = "$was_state" ] ||
    fail "$program is in $was_dir with its state in $was_state, and not in$([ -z "$said_dir" ] || say " $dir")$([ -z "$said_state" ] || say " $state"). Nothing was changed.
Leave --dir and --state out: they are known."
}

# Whether the state can be looked into, or is not there; else $place is what bars the way.
may_look() {
  place=$state
  while [ ! -e "$place" ]; do place=${place%/*}; [ -n "$place" ] || return 0; done
  [ -x "$place" ]
}

# A folder without state would make this another host, or a control plane that no host knows.
keep_state() {
  mark=identity.json
  [ "$role" = agent ] || mark=pki/identity.json
  [ -n "$was_state" ] && [ "$was_state" != "$state" ] && [ -e "$was_state/$mark" ] && [ ! -e "$state/$mark" ] || return 0
  fail "the state of $program is in $was_state, and without it, in $state, it would begin anew. Nothing was changed.
Leave --state out, or move it: $([ $service != yes ] && say "end $program" || say "systemctl stop $program"); mv $was_state $state; then run this again."
}

install_all() {
  case $(uname -s)-$(uname -m) in
    Linux-x86_64 | Linux-amd64) mine=linux-x64 ;;
    Linux-aarch64 | Linux-arm64) mine=linux-arm64 ;;
    *) mine="$(uname -s) on $(uname -m)" ;;
  esac
  [ "$mine" = "$target" ] || fail "this machine is $mine, and the control plane has programs for $target only, its own kind. Nothing was changed.
Build Ozwald here from a clone (npm run build), then join with dist/bin/ozwald-agent and the second line of: ozctl host invite"
  case $target in linux-x64) loader=/lib64/ld-linux-x86-64.so.2 ;; *) loader=/lib/ld-linux-aarch64.so.1 ;; esac
  [ -e "$sysroot$loader" ] || fail "this system has no glibc ($loader is not there; Alpine has musl instead), and the programs need it. Nothing was changed.
Use a system with glibc 2.28 or newer, such as Debian 10, Ubuntu 20.04 or RHEL 8."
  keep_state
  if [ "$role" = agent ] && [ -z "$token" ] && [ ! -e "$state/identity.json" ]; then
    fail "this machine has not joined yet and there is no token. Make a line with: ozctl host invite"
  fi
  # The smaller one, where it can be unpacked.
  sum=$file_sha256 unpack=gzip
  if [ "$role" = agent ] && [ -n "$xz_sha256" ] && has xz; then sum=$xz_sha256 unpack=xz file=${file%.gz}.xz; fi
  look_around
  say "ozwald $version$seen"
  if [ $dry = yes ]; then plan; return; fi
  [ -n "$engine" ] || offer_docker
  done_line=
  put_program
  settings keep
  [ "$role" != agent ] || join_cluster
  start_service
  await_ready
  rm -f "$pending"
  say "${done_line# · }"
  [ -z "$todo" ] || printf '%s' "$todo"
}

plan() {
  check_links
  [ ! -x "$file" ] || check_settings "$file"
  [ -n "$engine" ] || if [ $docker = yes ]; then say "  docker   apt-get install docker.io"; else need_docker; fi
  what=
  installed && say "  keep     $dir/ozwald, it is this version" || {
    what=restarted
    say "  $([ "$role" = agent ] && say "download $file (sha256 $sum)" || say "copy     $file") → $dir/ozwald${old:+, the present one becomes ozwald.previous}"
  }
  [ "$(readlink "$dir/$program")/$(readlink "$dir/ozctl")" = ozwald/ozwald ] || say "  link     $dir/$program and $dir/ozctl"
  if [ "$role" = agent ] && [ ! -e "$state/identity.json" ]; then say "  join     $address${name:+ as $name}"
  elif [ "$role" = agent ] && [ -n "$token" ] && ! grep -qF "\"address\": \"$address\"" "$state/identity.json"; then
    what=restarted
    say "  move     to $address, where its control plane is now"
  fi
  kept=
  settings list
  [ -z "$kept" ] || say "  settings$kept → $env_file"
  case $service in
    yes)
      [ "$(cat "$unit" 2>/dev/null)" = "$(unit_text)" ] || { what=restarted; say "  service  $unit, enabled"; } ;;
  esac
  [ -z "$kept" ] && [ ! -e "$pending" ] && runs_this && dials_here || what=restarted
  if ! running; then say "  start    $program$([ $service = yes ] || say " run --state $state, in the background")"
  elif [ -n "$what" ]; then say "  restart  $program; containers keep running"
  else say "  keep     $program running, nothing restarts"; fi
  [ -z "$todo" ] || printf '%s' "$todo"
  say "Nothing was done (--dry-run)."
}

# What the machine is, in $seen (for the first line), $engine (empty without one) and $todo (lines with what to do).
look_around() {
  seen= engine= todo= old=
  [ ! -e "$dir/ozwald" ] || old=$dir/ozwald
  [ ! -r "$sysroot/etc/os-release" ] || seen=" · $(. "$sysroot/etc/os-release"; say "${NAME%% *} ${VERSION_ID-}")"
  [ "$role" = agent ] || { engine=unneeded; return 0; }
  if [ -S "$sysroot/var/run/docker.sock" ]; then
    engine=$(curl -fs --noproxy '*' --max-time 5 --unix-socket "$sysroot/var/run/docker.sock" http://engine/version 2>/dev/null |
      sed -n 's/.*"Version":"\([0-9][0-9.]*\)[^"]*","ApiVersion.*/\1/p')
    [ -n "$engine" ] || engine=$(docker version --format '{{.Server.Version}}' 2>/dev/null) || engine=
    engine="Docker${engine:+ $engine}"
  fi
  seen="$seen · ${engine:-no Docker}"
  look_for_gpus
}

# Cards by their PCI vendor: a card without a driver is seen too.
card_of() {
  for card in "$sysroot"/sys/bus/pci/devices/*; do
    [ -r "$card/class" ] || continue
    case $(cat "$card/class") in 0x03*) [ "$(cat "$card/vendor")" != "$1" ] || return 0 ;; esac
  done
  return 1
}

look_for_gpus() {
  gpus=
  driver=$(sed -n 's/^NVRM version:.* \([0-9][0-9]*\.[0-9][0-9]*\)[0-9.]* .*/\1/p' "$sysroot/proc/driver/nvidia/version" 2>/dev/null)
  if [ -n "$driver" ]; then
    gpus=" · NVIDIA $driver"
    [ -n "$sysroot" ] || ! has nvidia-smi || gpus=$gpus$(nvidia-smi --query-gpu=name,memory.total --format=csv,noheader,nounits 2>/dev/null |
      sed 's/^NVIDIA //; s/GeForce //' | awk -F', ' '{ printf " · %s %.0f GiB", $1, $2 / 1024 }')
    toolkit=$("${sysroot:+$sysroot/usr/bin/}nvidia-ctk" --version 2>/dev/null | sed -n 's/.*version \([0-9][0-9]*\.[0-9][0-9]*\).*/\1/p')
    if [ -z "$toolkit" ]; then
      gpus="$gpus · no container toolkit"
      need "containers cannot use the NVIDIA card: apt-get install nvidia-container-toolkit" \
        "(https://docs.nvidia.com/datacenter/cloud-native/container-toolkit), then: nvidia-ctk runtime configure && systemctl restart docker"
    elif grep -q nvidia "$sysroot/etc/docker/daemon.json" 2>/dev/null || [ -e "$sysroot/etc/cdi/nvidia.yaml" ]; then
      gpus="$gpus · container toolkit $toolkit ok"
    else
      gpus="$gpus · container toolkit $toolkit not configured"
      need "Docker does not know the NVIDIA toolkit: nvidia-ctk runtime configure && systemctl restart docker"
    fi
  elif card_of 0x10de; then
    gpus=" · NVIDIA card without driver"
    need "the NVIDIA card needs its driver: apt-get install nvidia-driver (Ubuntu: ubuntu-drivers install), then reboot"
  fi
  if [ -e "$sysroot/dev/kfd" ]; then
    gpus="$gpus · AMD GPU"
  elif card_of 0x1002; then
    gpus="$gpus · AMD card without compute driver"
    need "for the AMD card: load the amdgpu driver (modprobe amdgpu; apt-get install firmware-amd-graphics), then look for /dev/kfd"
  fi
  seen="$seen${gpus:- · no GPU (fine)}"
}

need() { todo="$todo  to do: $*
"; }

need_docker() {
  need "there is no Docker: run this again with --install-docker, or apt-get install docker.io (https://docs.docker.com/engine/install)"
}

offer_docker() {
  if [ $docker = ask ] && [ -t 1 ] && [ -r /dev/tty ]; then
    printf 'There is no Docker here. Install it from the distribution? [y/N] '
    read -r reply </dev/tty || reply=
    case $reply in y | Y | yes) docker=yes ;; esac
  fi
  if [ $docker != yes ]; then need_docker; return 0; fi
  has apt-get || fail "--install-docker knows Debian and Ubuntu only. Install it by hand (https://docs.docker.com/engine/install), then run this again."
  say "installing Docker (apt-get install docker.io) …"
  log=$(mktemp)
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq docker.io; } >"$log" 2>&1 ||
    { tail -n 15 "$log" >&2; rm -f "$log"; fail "apt-get install docker.io failed; its last lines are above, and nothing of Ozwald was changed.
Is the network there, and the time right ($(date))? Then run this again."; }
  rm -f "$log"
  [ -d /run/systemd/system ] || { need "start Docker, there is no service manager that does: dockerd"; return 0; }
  systemctl -q enable --now docker ||
    need "Docker is installed and does not start: journalctl -u docker. The agent connects as soon as it does"
}

sha256_of() {
  if has sha256sum; then sha256sum <"$1"; elif has openssl; then openssl dgst -sha256 -r <"$1"; else fail "there is no sha256sum here."; fi |
    sed 's/[^0-9a-f].*//'
}

inode_of() { ls -iL "$1" 2>/dev/null | awk '{ print $1 }'; }

installed() { [ -x "$dir/ozwald" ] && [ "$(sha256_of "$dir/ozwald")" = "$sha256" ]; }

cleanup() { [ -z "${new-}" ] || rm -f "$new" "$new.gz"; }

# Notes that what runs is not what is to run, before anything is changed: a run that is killed in between is made good by the next one.
must_restart() {
  mkdir -p "$state" && chmod 700 "$state" && say "$1" >"$pending" ||
    fail "$state cannot be written to, as said above ($(free_in "$state") free). Make room there, or choose another with --state DIR; then run this again."
}

free_in() {
  place=$1
  while [ ! -d "$place" ]; do place=${place%/*}; [ -n "$place" ] || place=/; done
  df -Pk "$place" 2>/dev/null | awk 'NR == 2 { printf "%.0f MB", $4 * 1024 / 1e6 }'
}

no_room() {
  fail "$1 $dir (there: $(free_in "$dir") free; about 200 MB are needed for a while). Nothing was changed.
Make room there, or choose another with --dir DIR; then run this again."
}

# The names of the programs are free, or ours.
check_links() {
  for link in "$program" ozctl; do
    [ -e "$dir/$link" ] || [ -L "$dir/$link" ] || continue
    leads=$(readlink "$dir/$link")
    [ "$leads" != ozwald ] || continue
    clone=${leads%/dist/bin/ozctl}
    # A link of a clone that is no more leads nowhere and is replaced.
    if [ "$clone" != "$leads" ] && [ ! -e "$clone/scripts/quickstart" ]; then continue; fi
    [ "$clone" = "$leads" ] ||
      fail "$dir/$link is the quickstart's of $clone, which is still on this machine. Nothing was changed.
Remove it first: $clone/scripts/quickstart --down   (a link that you made yourself: rm $dir/$link)"
    fail "$dir/$link is there and is not from Ozwald. Nothing was changed. Remove it, or choose another with --dir DIR."
  done
}

# The executable: complete, checked and tried before it gets its name. Whatever goes wrong, the present one stays.
put_program() {
  mkdir -p "$dir" || fail "$dir cannot be made, as said above. Nothing was changed. Choose another with --dir DIR."
  check_links
  # What a killed run left behind.
  [ -e "$dir/ozwald.previous" ] || [ ! -e "$dir/.ozwald.swap" ] || mv -f "$dir/.ozwald.swap" "$dir/ozwald.previous"
  rm -f "$dir/.ozwald.previous" "$dir/.ozwald.swap"
  for left in "$dir"/.ozwald.new.*; do
    pid=${left##*.new.}; pid=${pid%.gz}
    # Another run that still goes on is a shell; a process that has ended has no program.
    case $(readlink "/proc/$pid/exe" 2>/dev/null) in *sh | */busybox) ;; *) rm -f "$left" ;; esac
  done
  if installed; then
    check_settings "$dir/ozwald"
    done_line=" · $dir/ozwald is this version already, sha256 ok"
  else
    new=$dir/.ozwald.new.$$
    refused=$( (: >"$new") 2>&1) || fail "$dir cannot be written to (${refused##*: }). Nothing was changed. Choose another with --dir DIR."
    fetch_program
    check_settings "$new"
    must_restart change
    # Unless another run was faster, or one that was killed came so far.
    if [ -e "$dir/ozwald" ] && ! installed && [ "$(inode_of "$dir/ozwald")" != "$(inode_of "$dir/ozwald.previous")" ]; then
      # A second name for the present file, so that there is one at every moment.
      ln "$dir/ozwald" "$dir/.ozwald.previous" && mv -f "$dir/.ozwald.previous" "$dir/ozwald.previous" ||
        fail "the present version could not be kept as $dir/ozwald.previous, as said above. Nothing was changed."
    fi
    mv -f "$new" "$dir/ozwald" || fail "$dir/ozwald could not be replaced, as said above. Nothing was changed."
    [ ! -e "$dir/$other" ] || need "$other is here, too, and goes on as the version before until it is restarted (systemctl restart $other)"
  fi
  for link in "$program" ozctl; do
    [ "$(readlink "$dir/$link")" = ozwald ] || ln -sf ozwald "$dir/$link" || fail "$dir/$link cannot be made, as said above. Run this again."
  done
}

fetch_program() {
  if [ "$role" = agent ]; then
    download "$address/dist/$file" "$new.gz"
    [ "$(sha256_of "$new.gz")" = "$sum" ] || fail "what came from $address is not what was promised (sha256). Nothing was changed.
Make a new line on the control plane: ozctl host invite"
    $unpack -dc <"$new.gz" >"$new" || no_room "the executable could not be unpacked into"
    done_line=" · downloaded $(awk -v b="$(wc -c <"$new.gz")" 'BEGIN { printf "%.0f MB", b / 1e6 }')"
    rm -f "$new.gz"
  else
    cp "$file" "$new" || no_room "the executable could not be copied to"
    done_line=" · installed $dir/ozwald"
  fi
  [ "$(sha256_of "$new")" = "$sha256" ] || fail "the executable is not the one that was promised (sha256). Nothing was changed."
  chmod 755 "$new"
  tried=$("$new" "$program" version 2>&1)
  [ "$tried" = "$version" ] || fail "the executable does not run in $dir: $tried. Nothing was changed.
$(case $tried in
    *GLIBC*) say "It needs glibc 2.28 or newer, such as in Debian 10, Ubuntu 20.04 or RHEL 8." ;;
    *denied*) say "Is $dir mounted noexec? Then choose another with --dir DIR." ;;
    *) say "Choose another place with --dir DIR, or ask where Ozwald comes from." ;;
  esac)"
  done_line="$done_line, sha256 ok"
}

# curl compares the key of the server. Without that (no curl, or an old one) the sums in this text decide, and this text came from the
# right server.
download() {
  if has curl; then
    fetch_with_curl "$1" "$2" --pinnedpubkey "sha256//$pin" && return 0
    case $code in 2 | 4) fetch_with_curl "$1" "$2" && return 0 ;; esac
    case $code in
      23) no_room "the download does not fit into" ;;
      22) fail "$address does not have $1 (any more). Nothing was changed. Was it upgraded a moment ago? Run this line again, or make a new one: ozctl host invite" ;;
      90) fail "another server answers at $address than the one this text came from. Nothing was downloaded and nothing was changed." ;;
    esac
  elif has wget; then
    # As curl with --noproxy: the control plane is reached without.
    (unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY; wget -q --no-check-certificate -O "$2" "$1") && return 0
  else
    fail "there is neither curl nor wget here. Nothing was changed. Debian: apt-get install curl"
  fi
  fail "the download of $1 failed, as said above. Nothing was changed; run this again."
}

# The exit code is in $code.
fetch_with_curl() {
  from=$1 to=$2; shift 2
  curl -fsSk --noproxy '*' "$@" --connect-timeout 15 --speed-limit 1000 --speed-time 30 -o "$to" "$from"
  code=$?
  return $code
}

# What this run says of the control plane, looked at by the program itself: a typing error must not end the one that runs.
check_settings() {
  [ "$role" = controlplane ] || return 0
  refused=$(OZWALD_ADVERTISE=$advertise "$1" ozwald-controlplane run --check \
    ${OZWALD_LISTEN:+--listen "$OZWALD_LISTEN"} ${OZWALD_REST:+--rest "$OZWALD_REST"} 2>&1) ||
    fail "${refused#ozwald-controlplane: }
Nothing was changed."
}

# Settings of the service that outlive upgrades: proxies, and where the control plane listens.
settings() {
  for key in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY OZWALD_LOG_LEVEL; do
    eval "$1 $key \"\${$key-}\""
  done
  if [ "$role" = agent ]; then
    $1 OZWALD_ENGINE "${OZWALD_ENGINE-}"
    return 0
  fi
  # One address that stays: that of the interface towards the rest of the world.
  if [ -z "$advertise" ] && ! grep -q '^OZWALD_ADVERTISE=' "$env_file" 2>/dev/null; then
    advertise=$(ip -4 route get 192.0.2.1 2>/dev/null | sed -n 's/.* src \([0-9.]*\).*/\1/p')
  fi
  $1 OZWALD_ADVERTISE "$advertise"
  for key in OZWALD_LISTEN OZWALD_REST OZWALD_SOCKET OZWALD_SYSTEM_KEY; do eval "$1 $key \"\${$key-}\""; done
}

# The value goes in by standard input: arguments can be read by everybody on this machine.
is_kept() { [ -z "$2" ] || say "$1='$2'" | grep -qxF -f - "$env_file" 2>/dev/null; }

list() { is_kept "$1" "$2" || kept="$kept $1"; }

keep() {
  ! is_kept "$1" "$2" || return 0
  case $2 in *\'* | *\\*) fail "$1 holds a quote or a backslash; it cannot be kept in $env_file." ;; esac
  must_restart change
  mkdir -p "$config" && (umask 077; { grep -v "^$1=" "$env_file" 2>/dev/null; say "$1='$2'"; } >"$env_file.new") &&
    mv -f "$env_file.new" "$env_file" || fail "$env_file cannot be written, as said above. Run this again."
}

join_cluster() {
  joined=
  [ -n "$token" ] || return 0
  joined=$(OZWALD_JOIN_TOKEN=$token "$dir/ozwald-agent" join "$address" --state "$state" ${name:+--name "$name"}) ||
    fail "the program is installed; joining failed, as said above. Make a new line with: ozctl host invite"
  # What runs dials the address of before until it starts again.
  case $joined in *" from now on at "*) must_restart change ;; esac
}

# Whether what runs is connected, or dials this control plane. One that was told of another address, by a run that was killed, does not yet.
dials_here() {
  [ "$role" = agent ] || return 0
  case $("$dir/$program" status --state "$state" -o json 2>/dev/null) in
    *'"link":"ready"'* | *"\"control_plane\":\"$address\""*) return 0 ;;
  esac
  return 1
}

# Hardened as far as the work allows: it speaks to the engine's socket and looks at /proc and at what is mounted into containers.
unit_text() {
  cat <<EOF
# Written by the installer of Ozwald, which replaces it. Changes belong into: systemctl edit $program
[Unit]
Description=Ozwald $role
After=network-online.target docker.service
Wants=network-online.target
StartLimitIntervalSec=0

[Service]
EnvironmentFile=-$env_file
ExecStart=$dir/$program run --state $state
Restart=always
# At once, then slower; older versions of systemd leave out the second line and the third.
RestartSec=300ms
RestartSteps=6
RestartMaxDelaySec=10
# Only the program itself ends. What runs keeps running.
KillMode=process
UMask=0077
OOMScoreAdjust=-500
LimitNOFILE=65536
# The C library would keep a heap for each of the program's threads, some MiB that nothing uses.
Environment=MALLOC_ARENA_MAX=2
TasksMax=infinity
NoNewPrivileges=yes
LockPersonality=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectSystem=full
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
EOF
  if [ "$role" = controlplane ]; then
    cat <<EOF
# What hosts download is made at the start of each version, not when the first of them waits for it.
Environment=OZWALD_PREPARE_DOWNLOADS=1
PrivateDevices=yes
PrivateTmp=yes
RuntimeDirectory=ozwald
RuntimeDirectoryPreserve=yes
Environment=OZWALD_CONFIG_DIR=$config_dir
EOF
  fi
  printf '\n[Install]\nWantedBy=multi-user.target\n'
}

# Restarts only what runs something else than what is there now.
start_service() {
  mkdir -p "$state" && chmod 700 "$state" || fail "$state cannot be made, as said above. Choose another with --state DIR."
  if [ $service = yes ]; then
    if [ "$(cat "$unit" 2>/dev/null)" != "$(unit_text)" ]; then
      must_restart change
      unit_text >"$unit.new" && mv -f "$unit.new" "$unit" && systemctl daemon-reload || fail "$unit cannot be written, as said above. Run this again."
    fi
    systemctl -q enable "$program" || fail "systemctl enable $program failed, as said above. Run this again."
    rm -f "$start_file"
  elif [ "$(cat "$start_file" 2>/dev/null)" != "$dir/$program run --state $state" ]; then
    mkdir -p "$config" && say "$dir/$program run --state $state" >"$start_file.new" && mv -f "$start_file.new" "$start_file" ||
      fail "$start_file cannot be written, as said above. Run this again."
  fi
  if running && [ ! -e "$pending" ] && runs_this && dials_here; then
    done_line="$done_line · $program runs, not restarted"
    return 0
  fi
  verb=started
  ! running || verb=restarted
  restart
  case $service in
    yes) done_line="$done_line · service $program $verb" ;;
    *)
      done_line="$done_line · $program $verb"
      need "there is no service manager: after a boot start it with  $dir/$program run --state $state" ;;
  esac
}

# Process of the program that was started without a service manager; empty without one.
pid_of() {
  pid=$(cat "$state/$program.pid" 2>/dev/null)
  if [ -n "$pid" ] && tr '\000' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF "$program run --state $state "; then
    say "$pid"
  elif [ "$role" = agent ] && [ -x "$dir/$program" ]; then
    "$dir/$program" status --state "$state" -o json 2>/dev/null | sed -n 's/.*"pid":\([0-9]*\),"up_ms".*/\1/p'
  fi
}

running() {
  if [ $service = yes ]; then systemctl -q is-active "$program"; else [ -n "$(pid_of)" ]; fi
}

# Whether it was started from the file that is there now. The other program of that file may have brought another one.
runs_this() {
  if [ $service = yes ]; then pid=$(systemctl show -p MainPID "$program" | sed 's/.*=//'); else pid=$(pid_of); fi
  runs=$(inode_of "/proc/${pid:-none}/exe")
  [ -z "$runs" ] || [ "$runs" = "$(inode_of "$dir/ozwald")" ]
}

stop() {
  if [ $service = yes ]; then systemctl stop "$program" 2>/dev/null; return 0; fi
  pid=$(pid_of)
  [ -n "$pid" ] || return 0
  kill -TERM "$pid" 2>/dev/null
  tries=0
  while kill -0 "$pid" 2>/dev/null; do
    # An ended program that nobody collects is gone, too.
    case $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null) in Z*) break ;; esac
    tries=$((tries + 1))
    [ $tries -lt 75 ] || fail "$program (process $pid) does not end. End it by hand, then run this again."
    nap
  done
}

restart() {
  if [ $service = yes ]; then
    systemctl restart "$program" || fail "systemctl restart $program failed: journalctl -u $program"
    return 0
  fi
  stop
  rm -f "$state/$program.pid"
  log_before=$(wc -l 2>/dev/null <"$state/$program.log") || log_before=0
  detach=setsid
  has setsid || detach=nohup
  (
    umask 077
    cd /
    set -a
    [ ! -r "$env_file" ] || . "$env_file"
    set +a
    [ "$role" = agent ] || export OZWALD_CONFIG_DIR="$config_dir"
    unset OZWALD_JOIN_TOKEN
    $detach sh -c 'echo $$ >"$1"; shift; exec "$@"' sh "$state/$program.pid" "$dir/$program" run --state "$state" \
      >>"$state/$program.log" 2>&1 </dev/null &
  )
}

# What it said last, on standard error; where all of it is, is in $where.
show_log() {
  if [ $service = yes ]; then journalctl -u "$program" -n 5 --no-pager -o cat >&2 2>/dev/null
  else tail -n "+$((${log_before:-0} + 1))" "$state/$program.log" 2>/dev/null | tail -n 5 >&2; fi
}

# Whether what was started has ended again. A service manager starts it again and again: thrice is enough.
has_ended() {
  if [ $service = yes ]; then
    restarts=$(systemctl show -p NRestarts "$program" 2>/dev/null | sed 's/.*=//')
    [ "${restarts:-0}" -ge 3 ] && ! systemctl -q is-active "$program"
  else
    [ -s "$state/$program.pid" ] && ! running
  fi
}

# Where the control plane listens for the local root.
socket_of() {
  socket=$(sed -n "s/^OZWALD_SOCKET='\(.*\)'\$/\1/p" "$env_file" 2>/dev/null)
  say "${socket:-/run/ozwald/control.sock}"
}

# Whether root's context is of the authority in $state.
context_is_ours() {
  authority=$(tr -d '\r\n' 2>/dev/null <"$state/pki/ca.crt") && [ -n "$authority" ] &&
    [ "$(sed -n 's/.*"caPem": *"\([^"]*\)".*/\1/p' "$config_dir/contexts/local.json" 2>/dev/null | sed 's/\\n//g')" = "$authority" ]
}

# Address of the control plane of $state, in $server, when that is what answers at its own socket, and not another one of this machine.
answers() {
  server=
  cluster=$(sed -n 's/.*"clusterId": *"\([^"]*\)".*/\1/p' "$state/pki/identity.json" 2>/dev/null)
  [ -n "$cluster" ] && running || return 1
  # A folder without contexts: then ozctl asks the socket.
  told=$(OZWALD_CONTEXT='' OZWALD_CONFIG_DIR=$state/none OZWALD_SOCKET=$(socket_of) "$dir/ozctl" status -o json 2>/dev/null)
  case $told in *"\"clusterId\": \"$cluster\""*) ;; *) return 1 ;; esac
  # Written last; another control plane may write its own over it.
  context_is_ours || [ $(($(uptime_cs) - began)) -ge 500 ] || return 1
  server=$(say "$told" | sed -n 's/^  "address": "\(.*\)",\{0,1\}$/\1/p')
}

uptime_cs() { read -r up rest </proc/uptime; say "${up%.*}${up#*.}"; }

await_ready() {
  began=$(uptime_cs)
  where=$state/$program.log
  [ $service != yes ] || where="journalctl -u $program"
  while :; do
    if [ "$role" = agent ]; then
      status=$("$dir/$program" status --state "$state" -o json 2>/dev/null)
      case $status in *'"link":"ready"'*) break ;; esac
    else
      ! answers || break
    fi
    why=
    if has_ended; then why="ended again, as said above"
    elif [ $(($(uptime_cs) - began)) -ge 3000 ]; then why="did not get ready within 30 s"; fi
    [ -z "$why" ] || {
      say "${done_line# · }"
      show_log
      fail "$program is installed and $why: $where${old:+. Back to the version before: --rollback}"
    }
    nap
  done
  took=$(awk -v cs=$(($(uptime_cs) - began)) 'BEGIN { printf "%.1f s", cs / 100 }')
  if [ "$role" = agent ]; then
    host=$(say "$status" | sed -n 's/.*"host":"\([^"]*\)".*/\1/p')
    where=$(say "$status" | sed -n 's/.*"control_plane":"\([^"]*\)".*/\1/p')
    where=${where#https://}
    case $joined in
      joined*) done_line="$done_line · joined ${where%:7443} as $host in $took" ;;
      *" from now on at "*) done_line="$done_line · moved to ${where%:7443} as $host in $took" ;;
      *) done_line="$done_line · is $host of ${where%:7443}" ;;
    esac
  else
    done_line="$done_line · ready at $server in $took"
    todo="$todo  next: ozctl status · ozctl host invite
"
  fi
}

rollback() {
  # A run that was killed in the middle is finished; it is not turned round.
  begun=$(sed -n 's/^rollback //p' "$pending" 2>/dev/null)
  if [ -n "$begun" ] && [ "$(sha256_of "$dir/ozwald")" = "$begun" ]; then
    [ -e "$dir/ozwald.previous" ] || mv -f "$dir/.ozwald.swap" "$dir/ozwald.previous" || fail "$dir cannot be written to, as said above."
  else
    [ -e "$dir/ozwald.previous" ] || fail "there is no version to go back to in $dir (ozwald.previous). Nothing was changed."
    if [ $dry = yes ]; then say "Would swap $dir/ozwald and $dir/ozwald.previous and restart $program. Nothing was done (--dry-run)."; return; fi
    must_restart "rollback $(sha256_of "$dir/ozwald.previous")"
    rm -f "$dir/.ozwald.swap"
    ln "$dir/ozwald" "$dir/.ozwald.swap" && mv -f "$dir/ozwald.previous" "$dir/ozwald" && mv -f "$dir/.ozwald.swap" "$dir/ozwald.previous" ||
      fail "$dir cannot be written to, as said above. Run this again."
  fi
  restart
  joined= old= done_line="back to $("$dir/$program" version), restarted"
  await_ready
  rm -f "$dir/.ozwald.swap" "$pending"
  say "$done_line"
}

# What it removes it says, one by one; with --dry-run it only says.
uninstall() {
  gone= missing= stopped=no
  [ $purge = no ] || [ ! -e "$state" ] || is_own_state ||
    fail "$state does not hold the state of $program, so --purge does not remove it. Nothing was changed.
Name the right folder with --state DIR, or leave --purge out."
  ! running || stopped=yes
  links=$(readlink "$dir/$program")/$(readlink "$dir/ozctl")
  if [ $dry = yes ]; then
    [ $stopped = no ] || say "Would stop $program."
  else
    stop
    [ ! -e "$unit" ] || [ $service != yes ] || systemctl -q disable "$program" 2>/dev/null
  fi
  if [ -e "$unit" ]; then
    drop "$unit"
    [ $service != yes ] || [ $dry = yes ] || systemctl daemon-reload
  fi
  [ -L "$dir/$program" ] || missing=" $dir/$program"
  [ "$(readlink "$dir/$program")" != ozwald ] || drop "$dir/$program"
  # The other program of the same file may still be in use here; and without our links beside it, it is another's.
  if [ ! -e "$dir/$other" ]; then
    [ "${links#*/}" != ozwald ] || drop "$dir/ozctl"
    case $links in ozwald/* | */ozwald) drop "$dir/ozwald" "$dir/ozwald.previous" "$dir"/.ozwald.* ;; esac
  fi
  drop "$state/$program.pid" "$pending" "$start_file"
  if [ $purge = yes ]; then
    [ -e "$state" ] || missing="$missing $state"
    [ "$role" = agent ] || forget_admin
    drop "$state" "$env_file"
    [ $dry = yes ] || rmdir /var/lib/ozwald 2>/dev/null
  fi
  [ $dry = yes ] || rmdir "$config" 2>/dev/null
  if [ $dry = yes ]; then
    say "Would remove:${gone:- nothing, there is nothing}"
    say "Nothing was done (--dry-run)."
    return
  fi
  if [ -z "$gone" ] && [ $stopped = no ]; then
    say "There is nothing of $program here to remove: no service, and not$missing"
    [ $purge = yes ] || [ ! -e "$state" ] || say "Its state is in $state (--uninstall --purge removes it)."
    return
  fi
  [ -z "$gone" ] || say "removed:$gone"
  [ -z "$missing" ] || say "not found:$missing"
  if [ $purge = yes ]; then
    say "$program is removed, with its state."
  else
    say "$program is removed. Its state stays in $state (--uninstall --purge removes it)."
  fi
  [ "$role" != agent ] || say "Its containers keep running: docker ps --filter label=ozwald.cluster"
}

# By what only this program writes; a folder with nothing in it but what this script writes there will do, too.
is_own_state() {
  case $role in
    agent) marks="agent.key journal.json $program.log" ;;
    *) marks="pki/identity.json controlplane.db $program.log" ;;
  esac
  for mark in $marks; do
    [ ! -e "$state/$mark" ] || return 0
  done
  [ -d "$state" ] && [ -z "$(ls -A "$state" | grep -vx -e restart -e "$program.pid")" ]
}

drop() {
  for path; do
    [ -e "$path" ] || [ -L "$path" ] || continue
    gone="$gone $path"
    [ $dry = yes ] || rm -rf "$path" || fail "$path cannot be removed, as said above. Run this again."
  done
}

# The way of root into a control plane that is no more; those of another one stay.
forget_admin() {
  if context_is_ours; then
    drop "$config_dir/contexts/local.json"
    if [ $dry = no ]; then
      [ "$(cat "$config_dir/current" 2>/dev/null)" != local ] || rm -f "$config_dir/current"
      rmdir "$config_dir/contexts" "$config_dir" 2>/dev/null
    fi
  fi
  socket=$(socket_of)
  # Ours has ended, or will have.
  if [ -S "$socket" ] && { [ $dry$stopped = yesyes ] || ! is_listened_on "$socket"; }; then drop "$socket"; fi
  [ $dry = yes ] || [ "$socket" != /run/ozwald/control.sock ] || rmdir /run/ozwald 2>/dev/null
}

is_listened_on() { awk -v path="$1" '$8 == path { found = 1 } END { exit !found }' /proc/net/unix; }

main "$@"
exit 0
}
