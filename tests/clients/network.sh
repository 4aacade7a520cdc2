#!/usr/bin/env bash
# Sourced by what installs things: one way to ask the network, and to say that it has no answer.
#
# Room:       `tests/clients`.
# Called by:  tests/clients/install and whatever fetches or builds clients beside it,
#             perf/peers/kafka-fetch, perf/load/build.
# Never:      names a host: mirrors are the configuration of apt, pip, Maven, npm, Go and Cargo.

# sysexits.h's "try again later": the thing exists, the network does not give it.
UNREACHABLE=75

# from_network WHAT COMMAND …: up to three times, with pauses. Returns 0, or UNREACHABLE when the
# network was at fault, or 1 when asking again would not help.
from_network() {
    local what=$1 log pause code
    shift
    log=$(mktemp)
    for pause in 5 20 0; do
        code=0
        "$@" > "$log" 2>&1 || code=$?
        if [ $code = 0 ]; then
            rm -f "$log"
            return 0
        fi
        echo "install: $what: exit $code$([ $pause = 0 ] || echo ", once more in $pause s")" >&2
        sleep $pause
    done
    tail -n 15 "$log" | sed 's/^/    /' >&2
    code=1
    if grep -qiE "$AT_FAULT" "$log"; then
        code=$UNREACHABLE
        echo "install: SKIPPED $what: the network does not give it (see above)" >&2
    fi
    rm -f "$log"
    return $code
}

AT_FAULT='temporary failure|unknown host|could not resolve|name or service not known'
AT_FAULT+='|could not connect|cannot connect|connection (refused|reset|timed out|broken)'
AT_FAULT+='|timed out|timeout|network is unreachable|no route to host|could not transfer'
AT_FAULT+='|max retries exceeded|connection failed|unable to connect|newconnectionerror|proxy(error| .*(4|5)[0-9][0-9])'
AT_FAULT+='|status code: 5[0-9][0-9]|http error (429|5[0-9][0-9])|certificate|sslerror|handshake'
