#!/usr/bin/env bash
# Runs the composed network for real: boot, write, import, kill and restart containers, equal app hashes, nothing
# left behind. Prints the sizes of images and the times.
#
#   devnet/test-compose.sh
#
# Needs a Docker engine with compose. On Debian as root it installs and starts them if they are missing; where
# no image can be pulled, it makes the base images from Debian's packages and this machine's toolchains.
# Environment: PROFILE (release or dev).
set -euo pipefail
cd "$(dirname "$0")/.."

step() { printf '\n== %s (%s)\n' "$1" "$(date +%H:%M:%S)"; }

engine() {
    docker info > /dev/null 2>&1 && return
    command -v dockerd > /dev/null || apt-get install --yes --quiet --quiet docker.io > /dev/null
    dockerd > "$work/dockerd.log" 2>&1 &
    dockerd=$!
    for _ in $(seq 60); do
        docker info > /dev/null 2>&1 && return
        sleep 0.5
    done
    tail --lines 20 "$work/dockerd.log" >&2
    exit 1
}

compose_plugin() {
    docker compose version > /dev/null 2>&1 && return
    GOBIN="$work" go install github.com/docker/compose/v2/cmd@v2.29.7
    install -D "$work/cmd" ~/.docker/cli-plugins/docker-compose
}

# Makes an image from a folder, unless there is one or it can be pulled.
image() {
    local name=$1 make=$2
    docker image inspect "$name" > /dev/null 2>&1 && return
    timeout 20 docker pull --quiet "$name" > /dev/null 2>&1 && return
    step "making $name"
    "$make" "$name"
}

debian_slim() {
    command -v debootstrap > /dev/null || apt-get install --yes --quiet --quiet debootstrap > /dev/null
    local packages=ca-certificates
    debootstrap --variant=minbase --include="$packages" bookworm "$work/debian" > "$work/debootstrap.log"
    # The certificates that this machine trusts.
    cp /etc/ssl/certs/ca-certificates.crt "$work/debian/etc/ssl/certs/"
    rm -rf "$work/debian/var/cache/apt/archives" "$work/debian/var/lib/apt/lists"
    tar -C "$work/debian" -c . | docker import - "$1" > /dev/null
}

# An image of debian:bookworm-slim with packages and folders of this machine: name, packages, folders.
with_toolchain() {
    local name=$1 packages=$2 path=$3 folders=("${@:4}")
    mkdir -p "$work/toolchain"
    tar -c "${folders[@]}" 2> /dev/null > "$work/toolchain/files.tar"
    printf 'FROM debian:bookworm-slim\nRUN apt-get update -qq && apt-get install -y -qq %s\nADD files.tar /\nENV PATH=%s:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin CARGO_HOME=/usr/local/cargo\n' \
        "$packages" "$path" > "$work/toolchain/Dockerfile"
    docker build --quiet --tag "$name" "$work/toolchain" > /dev/null
    rm -r "$work/toolchain"
}

golang() { with_toolchain "$1" "ca-certificates git" /usr/local/go/bin "$(go env GOROOT)"; }

rust() {
    local sysroot
    sysroot=$(rustc --print sysroot)
    with_toolchain "$1" "ca-certificates gcc libc6-dev" "$sysroot/bin" --exclude='*/share/doc' "$sysroot"
}

prometheus() {
    (cd "$work" && apt-get download --quiet --quiet prometheus && dpkg-deb -x prometheus_*.deb prometheus)
    printf 'FROM debian:bookworm-slim\nCOPY prometheus /bin/prometheus\nRUN mkdir /prometheus && chown 65534:65534 /prometheus\nUSER 65534\nENTRYPOINT ["/bin/prometheus","--config.file=/etc/prometheus/prometheus.yml","--storage.tsdb.path=/prometheus"]\n' \
        > "$work/prometheus/Dockerfile"
    mv "$work/prometheus/usr/bin/prometheus" "$work/prometheus/prometheus"
    docker build --quiet --tag "$1" "$work/prometheus" > /dev/null
}

compose() { docker compose --file devnet/docker-compose.yml "$@"; }
on() { compose exec --no-TTY "$1" dadbs "${@:2}"; }
nodes=(node0 node1 node2 node3 node4)

wait_healthy() {
    local started=$SECONDS
    for _ in $(seq 120); do
        [ "$(compose ps --format '{{.Service}} {{.Health}}' | grep --count '^node. healthy')" = 5 ] &&
            echo "five nodes healthy after $((SECONDS - started)) s" && return
        sleep 1
    done
    compose ps
    compose logs --tail 20
    exit 1
}

# All nodes must come to one app hash: it rests while blocks are empty.
equal_hashes() {
    local seen
    for _ in $(seq 60); do
        seen=$(for node in "${nodes[@]}"; do on "$node" status --output json; done |
            sed -E 's/.*"app_hash":"([0-9A-F]+)".*/\1/' | sort --unique)
        [ "$(wc --lines <<< "$seen")" = 1 ] && echo "five nodes have the app hash $seen" && return
        sleep 0.5
    done
    echo "the nodes differ: $seen" >&2
    exit 1
}

work=$(mktemp --directory)
dockerd=
finish() {
    compose down --volumes --timeout 30 > /dev/null 2>&1 || true
    [ -z "$dockerd" ] || { kill "$dockerd" && wait "$dockerd" || true; }
    rm -rf "$work"
}
trap finish EXIT

step "Docker"
engine
compose_plugin
image debian:bookworm-slim debian_slim
image golang:1.26-bookworm golang
image rust:1.95-bookworm rust
image prom/prometheus:v2.42.0 prometheus
step "build"
compose build --quiet > "$work/build.log" 2>&1 || { tail --lines 30 "$work/build.log" >&2; exit 1; }
docker image ls --format '{{.Repository}}:{{.Tag}} {{.Size}}' | grep -E '^(dadbs|debian):'

step "boot"
compose up --detach --quiet-pull
wait_healthy
[ "$(compose exec --no-TTY node0 id --user)" != 0 ]

step "write and verify"
on node4 sql create library --yes
compose cp devnet/sample.sql node4:/tmp/sample.sql > /dev/null
on node4 sql exec library --file /tmp/sample.sql --yes
on node4 verify library author 1
step "import"
on node0 export library /tmp/library.db
on node0 import /tmp/library.db --database copy --accept-losses --yes
equal_hashes

step "kill one validator, write, start it again"
compose kill --signal KILL node2
on node4 sql exec library "UPDATE author SET name = name || '.'" --yes
compose start node2
wait_healthy
equal_hashes

step "restart all: volumes keep the network"
compose restart --timeout 30
wait_healthy
[ "$(on node1 sql query library 'SELECT count(*) FROM author' --output json | sed -E 's/.*"rows":\[\[([0-9]+).*/\1/')" -gt 0 ]
equal_hashes
compose up --detach
wait_healthy

step "Prometheus scrapes"
for _ in $(seq 30); do
    up=$(curl --silent "http://127.0.0.1:${PROMETHEUS_PORT:-9095}/api/v1/query?query=sum(up)" | grep --count '"5"' || true)
    [ "$up" = 1 ] && break
    sleep 1
done
[ "$up" = 1 ]

step "down leaves nothing"
compose down --volumes --timeout 30
[ -z "$(docker ps --all --quiet --filter label=com.docker.compose.project=dadbs)" ]
[ -z "$(docker volume ls --quiet --filter label=com.docker.compose.project=dadbs)" ]
step "passed"
