"""How soon a host is told that it cannot reach an address.

Each line "tcp ADDRESS PORT COUNT", or "udp ...", on stdin is answered by one line of JSON, {"errors": ["ECONNREFUSED", ...],
"ms": [0.4, ...]}, one entry an attempt. The time is that around system calls of this process, which runs already: connect(),
which blocks until the connection is refused, or, by UDP, send() until the error is there on the connected socket. Nothing is
tried twice.
"""

import errno
import json
import socket
import sys
import time

# Without these a connected UDP socket is told of closed ports only (ip(7), ipv6(7)).
IP_RECVERR = 11
IPV6_RECVERR = 25
PAUSE_S = 0.05
TIMEOUT_S = 5


def refusal(protocol, address, port):
    """The error, and milliseconds until it came."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM) as client:
        client.settimeout(TIMEOUT_S)
        if protocol == "udp":
            option = (socket.IPPROTO_IPV6, IPV6_RECVERR) if ":" in address else (socket.IPPROTO_IP, IP_RECVERR)
            client.setsockopt(*option, 1)
        begun = time.monotonic()
        try:
            client.connect((address, port))
            if protocol == "udp":
                client.send(b"x")
                client.recv(16)
            error = "none"
        except TimeoutError:
            error = "silence"
        except OSError as problem:
            error = errno.errorcode.get(problem.errno, str(problem))
        return error, 1000 * (time.monotonic() - begun)


for line in sys.stdin:
    protocol, address, port, count = line.split()
    attempts = []
    for _ in range(int(count)):
        attempts.append(refusal(protocol, address, int(port)))
        time.sleep(PAUSE_S)
    answer = {"errors": [error for error, _ in attempts], "ms": [round(ms, 2) for _, ms in attempts]}
    print(json.dumps(answer), flush=True)
