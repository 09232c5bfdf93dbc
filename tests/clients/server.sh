#!/usr/bin/env bash
# The server for the client scenarios: a real `portcullis dev` with its own data directory.
#
#   server.sh start | stop | restart     the data directory and the ports stay the same
#   server.sh cli <arguments...>         runs a command while the server is running
#
# PORTCULLIS_BIN is the program. PORTCULLIS_STATE is the directory of the data, the log and the process id.
set -euo pipefail

: "${PORTCULLIS_BIN:?the portcullis program}" "${PORTCULLIS_STATE:?a directory}"
data="$PORTCULLIS_STATE/data"
pid_file="$PORTCULLIS_STATE/pid"
ports_file="$PORTCULLIS_STATE/ports"
log="$PORTCULLIS_STATE/server.log"

fact() { sed -n "s/^ *\"$1\": \"\{0,1\}\([^\",]*\)\"\{0,1\},\{0,1\}$/\1/p" "$data/dev.json" 2>/dev/null; }

start() {
    local http=0 https=0
    if [ -e "$ports_file" ]; then read -r http https <"$ports_file"; fi
    "$PORTCULLIS_BIN" dev --data-dir "$data" --port "$http" --tls-port "$https" </dev/null >>"$log" 2>&1 &
    local pid=$!
    echo "$pid" >"$pid_file"
    for _ in $(seq 300); do
        # dev.json is written when the server is ready; its pid shows that an earlier start did not write it.
        if [ "$(fact pid)" = "$pid" ]; then
            echo "$(fact http | sed 's/.*://') $(fact https | sed 's/.*://')" >"$ports_file"
            return 0
        fi
        if ! kill -0 "$pid" 2>/dev/null; then break; fi
        sleep 0.1
    done
    echo "the server did not start:" >&2
    tail -n 20 "$log" >&2
    return 1
}

stop() {
    local pid
    pid=$(cat "$pid_file" 2>/dev/null) || return 0
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq 150); do
        kill -0 "$pid" 2>/dev/null || { rm -f "$pid_file"; return 0; }
        sleep 0.1
    done
    echo "the server did not stop; killing it" >&2
    kill -KILL "$pid" 2>/dev/null || true
    rm -f "$pid_file"
    return 1
}

case "${1:-}" in
    start) start ;;
    stop) stop ;;
    restart) stop && start ;;
    cli) shift; exec env DATA_DIR="$data" "$PORTCULLIS_BIN" "$@" ;;
    *) echo "usage: $0 start|stop|restart|cli ..." >&2; exit 2 ;;
esac
