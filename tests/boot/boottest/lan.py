# SPDX-License-Identifier: MIT
"""The other end of a network card's cable: a machine that speaks ARP and ICMP, in Python."""
import os
import socket
import struct

from .vm import Failure

ETHERNET = struct.Struct("!6s6sH")
ARP = struct.Struct("!HHBBH6s4s6s4s")
IP = struct.Struct("!BBHHHBBH4s4s")
ICMP = struct.Struct("!BBHHH")
TYPE_IP, TYPE_ARP = 0x0800, 0x0806
BROADCAST = b"\xff" * 6
ANSWER_SECONDS = 60  # that a frame may take; what comes in time is judged by its order
LENGTH_MIN = 60


def cable(number=0):
    """The QEMU option for the network lan<number>, whose other end is Lan(vm, number)."""
    return ["-netdev", f"dgram,id=lan{number},local.type=unix,local.path={{work}}/lan{number}-card,"
            f"remote.type=unix,remote.path={{work}}/lan{number}-peer"]


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def checksum(data):
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xffff:
        total = (total & 0xffff) + (total >> 16)
    return total ^ 0xffff


class Lan:
    """A machine at the cable, with an address of its own."""

    def __init__(self, vm, number=0, address="10.9.8.1", own="52:54:00:99:00:01"):
        self.address, self.mac = socket.inet_aton(address), mac(own)
        self._card = os.path.relpath(os.path.join(vm.work, f"lan{number}-card"))
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(os.path.relpath(os.path.join(vm.work, f"lan{number}-peer")))
        self._socket.settimeout(ANSWER_SECONDS)

    def send(self, frame):
        try:
            self._socket.sendto(frame, self._card)
        except OSError as e:
            raise Failure(f"the network card takes no frame: {e}") from e

    def receive(self):
        """The next frame: (destination, source, type, the rest)."""
        try:
            frame = self._socket.recv(65536)
        except TimeoutError as e:
            raise Failure("no frame came from the network card") from e
        return (*ETHERNET.unpack_from(frame), frame[ETHERNET.size:])

    # ---- frames to send ----

    def arp(self, target, sender=None, source=None, operation=1):
        source = source or self.mac
        return ETHERNET.pack(BROADCAST, source, TYPE_ARP) + ARP.pack(
            1, TYPE_IP, 6, 4, operation, source, sender or self.address, bytes(6), target)

    def packet(self, to, target, body, **fields):
        """An IPv4 packet to the machine at MAC to; fields of its header may be wrong on purpose."""
        values = {"version": 0x45, "length": IP.size + len(body), "fragment": 0, "protocol": 1,
                  "source": self.address, "wrong": 0, **fields}
        header = [values["version"], 0, values["length"], 0x1234, values["fragment"], 64,
                  values["protocol"], 0, values["source"], target]
        header[7] = checksum(IP.pack(*header)) ^ values["wrong"]
        return ETHERNET.pack(to, self.mac, TYPE_IP) + IP.pack(*header) + body

    @staticmethod
    def echo(sequence, payload, kind=8, wrong=0):
        sum_ = checksum(ICMP.pack(kind, 0, 0, 0x77, sequence) + payload) ^ wrong
        return ICMP.pack(kind, 0, sum_, 0x77, sequence) + payload

    # ---- what is expected ----

    def who_has(self, target):
        """Ask by ARP, past what else comes in; the MAC that answers."""
        self.send(self.arp(target))
        while True:
            to, source, kind, rest = self.receive()
            if kind != TYPE_ARP or to == BROADCAST:
                continue
            answer = ARP.unpack_from(rest)
            if answer != (1, TYPE_IP, 6, 4, 2, source, target, self.mac, self.address) or to != self.mac:
                raise Failure(f"an ARP answer that is not one: {answer}")
            return source

    def expect_echo(self, source, target, sequence, payload):
        """The next frame must be the answer to this echo request."""
        to, from_, kind, rest = self.receive()
        if (to, from_, kind) != (self.mac, source, TYPE_IP) or len(rest) < LENGTH_MIN - ETHERNET.size:
            raise Failure(f"no echo reply, but {from_.hex(':')} to {to.hex(':')}: {rest.hex()}")
        header = IP.unpack_from(rest)
        body = rest[IP.size:header[2]]
        if (checksum(rest[:IP.size]) or checksum(body) or header[0] != 0x45 or header[6] != 1
                or header[8:] != (target, self.address)
                or body[8:] != payload or ICMP.unpack_from(body)[:2] != (0, 0)
                or ICMP.unpack_from(body)[3:] != (0x77, sequence)):
            raise Failure(f"not the echo reply to {sequence}: {rest.hex()}")

    def close(self):
        self._socket.close()
