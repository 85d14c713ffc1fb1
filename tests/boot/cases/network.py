# SPDX-License-Identifier: MIT
"""Root's own port of its switch, by a network card: a machine at the cable's other end asks by ARP,
pings, sends what is not right; the link goes and comes back; the card is taken out. Children at the switch
talk to each other and to root all the time."""
import os
import socket
import time

from boottest import Failure, Lan, Test, cable, monitor

ADDRESS = "10.9.8.7"
CHILD = "10.9.8.20"
OTHER = "10.9.8.21"
WALKER = "10.9.8.22"
TARGET = socket.inet_aton(ADDRESS)
MAC = "52:54:00:12:34:56"
PINGS = (0, 1, 17, 18, 19, 333, 1471, 1472)  # bytes of payload; 1,500 with the headers
FULL_SECONDS = 0.1
FLOOD_PINGS = 20
FLOOD_SHARE = 0.95  # of them, answered
FLOOD_FRAMES = 5000  # that are looked at for an answer
CABLE_FRAMES = 12000  # more than QEMU keeps of a card whose ring it empties at once
BUFFERS_KIB = 1024  # of a card's rings, at least
BACK_TO_BACK = 12  # fewer than root keeps of one sender, so that each is answered
# Slots that the card's driver is asked for by their own capability, not by ACPI.
SLOT = ["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off",
        "-device", "pcie-root-port,id=slot0,chassis=1,slot=1"]


def ping(lan, card, sequence, size, target=TARGET):
    payload = os.urandom(size)
    lan.send(lan.packet(card, target, lan.echo(sequence, payload)))
    lan.expect_echo(card, target, sequence, payload)


def hostile(lan, card):
    """Frames that nobody answers: counted as bad, as ignored, as refused by the switch; at most as many
    at once as root keeps of one sender."""
    ask, echo = lan.packet, lan.echo(1, b"x")
    other = bytes.fromhex("525400aabbcc")
    bad = [ask(card, TARGET, echo, wrong=1), ask(card, TARGET, lan.echo(1, b"x", wrong=0x100)),
           ask(card, TARGET, echo, length=1500), ask(card, TARGET, echo, length=10),
           ask(card, TARGET, echo, version=0x44), ask(card, TARGET, echo, version=0x4f),
           ask(card, TARGET, b"\x08\0\xf7"), ask(card, TARGET, echo)[:20], lan.arp(TARGET)[:24]]
    ignored = [ask(card, TARGET, echo, fragment=0x2000), ask(card, TARGET, echo, fragment=1),
               ask(card, TARGET, echo, source=TARGET), ask(card, TARGET, echo, protocol=17),
               ask(card, TARGET, echo, source=socket.inet_aton("10.9.8.255")),
               ask(card, TARGET, echo, source=socket.inet_aton("224.0.0.1")),
               ask(card, socket.inet_aton("10.9.8.8"), echo), ask(b"\xff" * 6, TARGET, echo),
               ask(card, TARGET, lan.echo(1, b"x", kind=0)), lan.arp(socket.inet_aton("10.9.8.8")),
               card + lan.mac + b"\x86\xdd" + bytes(40)]
    refused = [lan.arp(TARGET, source=card), card + b"\xff" * 6 + b"\x08\0" + bytes(46),
               card + bytes(6) + b"\x08\0" + bytes(46)]
    for sequence, frames in enumerate((bad, ignored, refused + [ask(other, TARGET, echo)])):
        for frame in frames:
            lan.send(frame)
        ping(lan, card, sequence, 56)  # whose answer is the next that comes: nothing else was answered
    return len(bad), len(ignored)


def burst(lan, card):
    """Several at once are answered in their order."""
    for i in range(BACK_TO_BACK):
        lan.send(lan.packet(card, TARGET, lan.echo(i, b"burst%d" % i)))
    for i in range(BACK_TO_BACK):
        lan.expect_echo(card, TARGET, i, b"burst%d" % i)


def link(vm, lan, card, name):
    """The card says that its cable is out and in again."""
    monitor.ask(vm, "set_link card0 off")
    vm.expect(rf"net: {name}: link down$")
    monitor.ask(vm, "set_link card0 on")
    vm.expect(rf"net: {name}: link up$")
    ping(lan, card, 99, 64)


def asked(vm, address):
    """A second child pings who has this address, and ends."""
    vm.send(f"start client net net=switch0 address={OTHER}/24 ping={address}/24")
    vm.expect(r"\[client\] net: ping requests=10 replies=10$")
    vm.expect(r"child client: ended: it ended itself with 0$")


def walker_ends(vm):
    """It has pinged all the time: its own link is down first now."""
    if "[walker] net: link" in vm.text:
        raise Failure("a child's link has changed with the uplink's")
    vm.send("vm link walker down")
    vm.expect(r"\[walker\] net: link down \(0x4001000c\)$")
    found = vm.expect(r"\[walker\] net: ping requests=(\d+) replies=(\d+)$")
    if found.group(1) != found.group(2):
        raise Failure(f"{found.group(2)} of {found.group(1)} pings were answered while the cable went out and in")
    vm.expect(r"child walker: ended: it ended itself with 0$")


def child_answers(vm, lan, name):
    """A child's card is reached by the uplink, at an address of its own. When that has no link, other
    children and root still have one."""
    vm.send(f"start server net net=switch0 address={CHILD}/24 serve=1")
    vm.expect(r"\[server\] net: address=(\S+) mtu=1500 ")
    vm.expect(r"\[server\] net: serves$")
    vm.send(f"start walker net net=switch0 address={WALKER}/24 ping={CHILD}/24 count=0")
    vm.expect(r"\[walker\] net: pings$")
    child = lan.who_has(socket.inet_aton(CHILD))  # past what the walker has asked all
    for sequence, size in enumerate(PINGS):
        ping(lan, child, sequence, size, socket.inet_aton(CHILD))
    for round in range(3):
        monitor.ask(vm, "set_link card0 off")
        vm.expect(rf"net: {name}: link down$")
        asked(vm, CHILD)
        asked(vm, ADDRESS)
        monitor.ask(vm, "set_link card0 on")
        vm.expect(rf"net: {name}: link up$")
        ping(lan, child, round, 64, socket.inet_aton(CHILD))
    walker_ends(vm)


def heard(lan, card, sequence, frames):
    """Among how many frames of a flood root's answer to an echo request comes; None: it does not."""
    lan.send(lan.packet(card, TARGET, lan.echo(sequence, b"share")))
    for i in range(frames):
        _, source, kind, rest = lan.receive()
        if (source, kind) == (card, 0x0800) and rest[26:28] == sequence.to_bytes(2, "big"):
            return i  # others are late ones
    return None


def heard_past_full(lan, card, sequence):
    """The same, where frames that the cable does not take stay in the card's ring."""
    time.sleep(FULL_SECONDS)  # nobody reads meanwhile: the cable takes no more, and the ring is full
    return heard(lan, card, sequence, FLOOD_FRAMES)


def heard_beside(lan, card, sequence):
    """The same, where the emulator takes them all and throws away what the cable does not take,
    whosesoever it is: so all is read that comes."""
    if sequence == 0:
        for _ in range(CABLE_FRAMES):
            lan.receive()
    return heard(lan, card, sequence, CABLE_FRAMES)


def uplink_flooded(vm, lan, card, full):
    """A child sends to the cable without end: root is still heard. full: more than that takes, which
    stays in the card's ring."""
    vm.send(f"start mallory net net=switch0 address={OTHER}/24 ping={socket.inet_ntoa(lan.address)}/24 attack=flood")
    while True:
        _, _, kind, rest = lan.receive()
        if kind == 0x0806 and rest[24:28] == lan.address:
            break
    lan.send(lan.arp(socket.inet_aton(OTHER), operation=2))
    vm.expect(r"\[mallory\] net: floods$")
    answers = [(heard_past_full if full else heard_beside)(lan, card, sequence) for sequence in range(FLOOD_PINGS)]
    vm.send("nics")
    beyond = int(vm.expect(r" (\d+) beyond a share, ").group(1))
    vm.send("stop mallory")
    vm.expect(r"child mallory: ended: it was stopped$")
    print(f"network: root is heard behind {answers} frames of a flood, {beyond} are beyond a share", flush=True)
    if len(answers) - answers.count(None) < FLOOD_SHARE * FLOOD_PINGS or (beyond > 0) != full:
        raise Failure(f"root is heard behind {answers} frames of a flood, {beyond} are beyond a share")


def free_kib(vm):
    vm.send("memory")
    return int(vm.expect(r"^free +(\d+) KiB$").group(1))


def taken_out(vm, name):
    """The card goes while a child is at its switch: its buffers are free then; the switch goes on."""
    before = free_kib(vm)
    monitor.ask(vm, "device_del card0")
    vm.expect(rf"{name}: was removed$")
    vm.send("nics")
    vm.expect(rf"^{name} +{MAC}, .* gone, 9 link changes$")
    back = free_kib(vm) - before
    if back < BUFFERS_KIB:
        raise Failure(f"{back} KiB are free that were not with the card")
    asked(vm, CHILD)
    asked(vm, ADDRESS)
    vm.send("stop server")
    vm.expect(r"child server: ended: it was stopped$")


def network(vm, name, model, full):
    vm.expect(r"net: root is \S+ at switch0$")
    lan = Lan(vm)
    card = lan.who_has(TARGET)
    if card.hex(":") != MAC:
        raise Failure(f"root answers as {card.hex(':')}")
    for sequence, size in enumerate(PINGS):
        ping(lan, card, sequence, size)
    bad, ignored = hostile(lan, card)
    burst(lan, card)
    link(vm, lan, card, name)
    echoes = len(PINGS) + 3 + BACK_TO_BACK + 1
    received = 1 + bad + ignored + 4 + echoes
    vm.send("nics")
    vm.expect(rf"^{name} +{MAC}, {model}, MTU 1500, link up, 2 link changes$")
    vm.expect(rf"^ +{received} frames of \d+ bytes received, {2 + echoes} of \d+ sent, 0 errors, 0 dropped, 0 beyond a share, [1-9]\d* interrupts$")
    vm.send("switch")
    vm.expect(r"^switch0$")
    vm.expect(rf"^  {name} +uplink, 1 addresses learned$")
    vm.expect(rf"^ +in {received - 2} of \d+ bytes, 0 flooded, 1 spoofed, 0 limited, 2 malformed$")
    vm.expect(rf"^ +out {2 + echoes} of \d+ bytes, 0 dropped, 0 beyond a share$")
    vm.expect(rf"^  root +{MAC}, 0 addresses learned$")
    vm.expect(rf"^root: {ADDRESS}, 1 ARP and {echoes} echoes answered, {bad} bad, {ignored} ignored, 0 conflicts, 0 dropped$")
    child_answers(vm, lan, name)
    uplink_flooded(vm, lan, card, full)
    lan.close()
    taken_out(vm, name)
    vm.send("poweroff")


def root_answers(device, name, model, full):
    """By this QEMU device, which is then the card of that name and model; full: it takes no frames from
    the ring that its cable does not take."""
    return Test(f"network-{device}", group="quick", smp=2, options={"rootaddress": f"{ADDRESS}/24"},
                qemu=cable() + SLOT + ["-device", f"{device},id=card0,bus=slot0,netdev=lan0,mac={MAC},romfile="],
                script=lambda vm: network(vm, name, model, full), forbid=[r"net: root has no", r"\[(server|client)\] net: link "])


TESTS = [
    root_answers("virtio-net-pci", "virtio-net0", "virtio network card", True),
    root_answers("e1000e", "e1000e0", "Intel 82574", False),
]
