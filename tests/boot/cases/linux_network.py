# SPDX-License-Identifier: MIT
"""Linux children on the network: through root's switch, whose uplink is a network card of the machine, to
the host; and to each other."""
import re
import time

from boottest import ChildShell, Failure, LinuxChild, LinuxDisk, Test, WebFile, judge_log
from vmachine import qemu

ROOT_PROMPT = r"^root> "
ROOT_MIB = 768  # of a machine, beside its children's
FILE_MIB = 64
IPERF_SECONDS = 30
IPERF_PORT = 5201
# As ethtool sets and shows them; each card has them on at first.
OFFLOADS = {"tx": "tx-checksum-ipv4", "rx": "rx-checksumming", "sg": "scatter-gather", "tso": "tcp-segmentation-offload",
            "gso": "generic-segmentation-offload", "gro": "generic-receive-offload"}
OF_THEM = "ipv4:|rx-checks|scatter-|tcp-seg|generic-"  # what ethtool shows of them, and little else of its sixty lines
# Of /proc/net/dev: errors, drops, fifo, frame, compressed; the same of what was sent, collisions and carrier.
DEVICE_ERRORS = (3, 4, 5, 6, 11, 12, 13, 14, 15)
ROOT_ERRORS = "lost|spoofed|limited|malformed|errors|dropped|beyond a share"
DRIVER_COUNTERS = 5  # of them:
DRIVER_ERRORS = r"^ *(tx_no_memory|tx_no_space|tx_too_big|rx_no_memory|vlan_error): (\d+)$"


def lease(shell):
    """The address that DHCP has given, with nobody's doing; the driver has found its device by itself, too."""
    shell.run("ls -l /sys/bus/vmbus/drivers/hv_netvsc | grep /devices/")
    said = shell.run("until ip route | grep -q ^default; do sleep 1; done; ip -4 -o addr show eth0")
    found = re.search(r"inet (10\.0\.2\.\d+)/24 ", said)
    if not found:
        raise Failure(f"no address of the uplink's network:\n{said}")
    return found.group(1)


def offloads(shell, state):
    """All of them on or off, as the card then says of itself."""
    shell.run("ethtool -K eth0 " + " ".join(f"{name} {state}" for name in OFFLOADS))
    said = shell.run(f"ethtool -k eth0 | grep -E \"{OF_THEM}\"")
    for name in OFFLOADS.values():
        if not re.search(rf"^\s*{name}: {state}$", said, re.MULTILINE):
            raise Failure(f"{name} is not {state}:\n{said}")


def sum_of(said):
    """What sha256sum has said, perhaps between lines of the kernel."""
    return re.search(r"^([0-9a-f]{64})  -$", said, re.MULTILINE).group(1)


def fetch(shell, url, sha256, how):
    """The child gets of the URL what is there; how long that takes is shown."""
    began = time.monotonic()
    got = sum_of(shell.run(f"wget -q -O - {url} | sha256sum"))
    if got != sha256:
        raise Failure(f"{how}: the file is {sha256}, and what was fetched {got}")
    print(f"linux-network: {FILE_MIB} MiB {how}: {time.monotonic() - began:.1f} s", flush=True)


def uplink(shell):
    """A file of the host's, with and without offloads."""
    with WebFile(FILE_MIB << 20) as file:
        for state in ("on", "off"):
            offloads(shell, state)
            fetch(shell, file.url, file.sha256, f"from the host, offloads {state}")


def between(client, server, address):
    """A file of the other child's, with and without offloads, in short frames and long ones, which are left on."""
    sha256 = sum_of(server.run(f"head -c {FILE_MIB << 20} /dev/urandom >/root/file; sync; httpd -h /root; sha256sum </root/file"))
    for mtu in (9000, 1500):
        for state in ("off", "on"):
            for shell in (client, server):
                shell.run(f"ip link set eth0 mtu {mtu}; grep -x {mtu} /sys/class/net/eth0/mtu")
                offloads(shell, state)
            fetch(client, f"http://{address}/file", sha256, f"from the other child, MTU {mtu}, offloads {state}")


# ---- counters ----

def errors_of(shell):
    """What a child's system and its driver count as gone wrong."""
    fields = shell.run("grep eth0: /proc/net/dev").split()
    said = shell.run("ethtool -S eth0")
    counters = re.findall(DRIVER_ERRORS, said, re.MULTILINE)
    if len(counters) != DRIVER_COUNTERS:
        raise Failure(f"not the driver's counters:\n{said}")
    return [fields[i] for i in DEVICE_ERRORS], counters


def errors_of_root(vm):
    """Frames that root has lost, refused or dropped, by port and card."""
    begin = len(vm.text)
    for command in ("channels", "switch", "nics", "echo all counted"):
        vm.send(command)
    vm.expect(r"^all counted$")
    said = vm.text[begin:]
    found = re.findall(rf"(\d+) ({ROOT_ERRORS})\b", said)
    kinds = [what for _, what in found]
    if kinds.count("lost") != 2 or not {"spoofed", "malformed", "dropped"} <= set(kinds):
        raise Failure(f"not the counters of two children, a switch and a card:\n{said}")
    return found


def measured(vm, client, server, address):
    """Nothing goes wrong while a child sends to another as fast as it can."""
    def errors():
        return errors_of(client), errors_of(server), errors_of_root(vm)
    server.run(f"iperf3 -s -D; until netstat -ltn | grep -q :{IPERF_PORT}; do sleep 1; done")
    before = errors()
    client.run(f"iperf3 -f m -t {IPERF_SECONDS} -c {address} >/tmp/iperf 2>&1 || (cat /tmp/iperf; false)")
    after = errors()
    said = client.run("grep -E \"sender|receiver\" /tmp/iperf")
    print(said, flush=True)
    if not re.search(r"[1-9]\S* [MG]Bytes +[1-9]\S* Mbits/sec +receiver", said):
        raise Failure(f"nothing has arrived:\n{said}")
    if before != after:
        raise Failure(f"counted before: {before}; and after: {after}")


def spread(vm):
    """The card of the child with two processors has a channel for each."""
    vm.send("channels")
    for number in (0, 1):
        vm.expect(rf"^one +\d+\.{number} +netvsp +open +VP \d$")


def carrier(vm, shell, name, own, other):
    """No carrier and no answer while the link is down, with the driver anew neither; both when it is up."""
    def becomes(value):
        shell.run(f"until grep -qx {value} /sys/class/net/eth0/carrier; do sleep 1; done")
    shell.run(f"ping -c 3 {other}")
    vm.send(f"vm link {name} down")
    becomes(0)
    shell.run(f"ping -c 1 -W 5 {other}; test $? != 0")
    shell.run("rmmod hv_netvsc; modprobe hv_netvsc; until ip link set eth0 up; do sleep 1; done")
    becomes(0)
    vm.send(f"vm link {name} up")
    becomes(1)
    shell.run(f"ip addr add {own}/24 dev eth0; ping -c 3 {other}")


def over(vm, names):
    for name in names:
        ChildShell(vm, name).run("dmesg -n 1; poweroff")
        vm.send(f"wait {name}")
        vm.expect(rf"^{name}: it switched itself off$")
    vm.send("poweroff")


def two_children(vm, whole):
    """Between them nothing goes through the uplink, so that it is enough to do that with one card: whole."""
    vm.expect(ROOT_PROMPT)
    shells = [ChildShell(vm, name) for name in ("one", "two")]
    addresses = [lease(shell) for shell in shells]
    if addresses[0] == addresses[1]:
        raise Failure(f"two children have the address {addresses[0]}")
    spread(vm)
    uplink(shells[0])
    if whole:
        between(*shells, addresses[1])
        measured(vm, *shells, addresses[1])
    if whole:
        carrier(vm, shells[0], "one", *addresses)
    for shell in shells:
        judge_log(shell.log())
    over(vm, ["one", "two"])


def child(name, disk, vps):
    return LinuxChild(name, kernel="cloud", vps=vps, disks=[disk], networks=["switch0"])


def linked(name, card, whole, group="normal"):
    return Test(f"linux-network-{name}", group=group, memory=f"{2 * 384 + ROOT_MIB}M",
                disks=[LinuxDisk("nvme"), LinuxDisk("virtio")], children=[child("one", "nvme0", 2), child("two", "virtio0", 1)],
                qemu=qemu.Network(card).args(), script=lambda vm: two_children(vm, whole), timeout=1200)


TESTS = [
    linked("virtio-net", "virtio-net", True),
    linked("e1000e", "e1000e", False),
    linked("e1000e-whole", "e1000e", True, "long"),
]
