"""Echo over Multipath TCP: `mptcp.py serve ADDRESS PORT`, `mptcp.py send ADDRESS PORT SOURCE`.

The client sends a chunk every 20 ms until its stdin has a line, and says then whether what came back is what it sent, and the longest time in which
nothing came.
"""

import hashlib
import json
import os
import select
import socket
import sys
import threading
import time

IPPROTO_MPTCP = 262
CHUNK = 16_000
PAUSE_S = 0.02
# A connection that nobody ends is over after this.
SECONDS_MAX = 60


def tell(**event):
    print(json.dumps(event), flush=True)


def serve(address, port):
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen()
    tell(event="listening")
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def echo(connection):
    try:
        while octets := connection.recv(65536):
            connection.sendall(octets)
        connection.shutdown(socket.SHUT_WR)
    except OSError as error:
        tell(event="failed", detail=str(error))


class Receiver(threading.Thread):
    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection = connection
        self.hash = hashlib.sha256()
        self.longest_s = 0.0
        self.failure = None

    def run(self):
        last = time.monotonic()
        try:
            while octets := self.connection.recv(65536):
                now = time.monotonic()
                self.longest_s = max(self.longest_s, now - last)
                last = now
                self.hash.update(octets)
        except OSError as error:
            self.failure = str(error)


def send(address, port, source):
    connection = socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP)
    connection.bind((source, 0))
    connection.connect((address, port))
    receiver = Receiver(connection)
    receiver.start()
    tell(event="open")
    sent = hashlib.sha256()
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end and not select.select([sys.stdin], [], [], PAUSE_S)[0]:
        chunk = os.urandom(CHUNK)
        sent.update(chunk)
        connection.sendall(chunk)
    connection.shutdown(socket.SHUT_WR)
    receiver.join()
    same = sent.digest() == receiver.hash.digest()
    tell(event="done", same=same, stallMs=round(receiver.longest_s * 1000), failure=receiver.failure)


if sys.argv[1] == "serve":
    serve(sys.argv[2], int(sys.argv[3]))
else:
    send(sys.argv[2], int(sys.argv[3]), sys.argv[4])
