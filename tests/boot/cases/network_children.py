# SPDX-License-Identifier: MIT
"""Children with network cards at root's switch. Linux's are in linux.py: linux-two."""
import dataclasses

from boottest import Failure, Test, ToyChild

ADDRESS = "10.9.8.7"  # root's
CHILDREN = {"server": "10.9.8.20", "client": "10.9.8.21", "apart": "10.9.8.22", "mallory": "10.9.8.23", "tenant": "10.9.8.24"}
PINGS = 20
LEAVE = "\x1d"  # a child's console: Ctrl-]
ATTACKED = 60  # pings amidst an attack
SCRIBBLED = 100  # messages that changed, at least
SHARE = 0.95  # of what is asked then, answered at the first time
REPLIED = r"\[{child}\] net: ping requests={n} replies={n}$"


def card_of(name, vlan=""):
    return f"net=switch0{vlan} address={CHILDREN[name]}/24"


def replied(vm, child, n):
    vm.expect(REPLIED.replace("{child}", child).replace("{n}", str(n)))
    vm.expect(rf"child {child}: ended: it ended itself with 0$")


def children(vm):
    """Two children ping each other and root through the switch; one of another VLAN reaches nobody."""
    vm.expect(r"^root> ")
    vm.send(f"start server net {card_of('server')} serve=1")
    vm.expect(r"\[server\] net: address=\S+ mtu=1500 version=0x60001$")
    vm.expect(r"\[server\] net: serves$")
    for size in (0, 56, 1472):
        vm.send(f"start client net {card_of('client')} ping={CHILDREN['server']}/24 count=20 size={size}")
        replied(vm, "client", 20)
    vm.send(f"start client net {card_of('client')} ping={ADDRESS}/24")
    replied(vm, "client", 10)
    vm.send(f"start apart net {card_of('apart', ',9')} ping={CHILDREN['server']}/24")
    vm.expect(r"\[apart\] net: nobody says that the address is his$")
    vm.expect(r"child apart: ended: it ended itself with 1$")
    vm.send("channels")
    vm.expect(r"^server +\d+\.0 +netvsp +open +VP 0$")
    vm.expect(r"^    frames  \d+ to the child of \d+ KiB, [1-9]\d* from it of \d+ KiB, 0 lost$")
    vm.send("stop server")
    vm.send("wait server")
    vm.send("switch")
    vm.expect(r"^  root ")
    vm.expect(rf"^root: {ADDRESS}, [1-9]\d* ARP and [1-9]\d* echoes answered, 0 bad,")
    vm.send("poweroff")


def attacked(vm, kind, victim, says, child="mallory", vps=1):
    vm.send(f"start {child} net vps={vps} {card_of(child)} ping={victim}/24 attack={kind}")
    vm.expect(rf"\[{child}\] net: {says}$")


def attack_ends(vm, child="mallory"):
    vm.send(f"stop {child}")
    vm.expect(rf"child {child}: ended: it was stopped$")
    vm.send(f"wait {child} 60")  # its name is free a little after that line


def share(vm, target):
    """Ping @target amidst an attack: each is answered, and most at the first time."""
    vm.send(f"start client net {card_of('client')} ping={target}/24 count={ATTACKED}")
    vm.expect(rf"\[client\] net: ping requests={ATTACKED} replies={ATTACKED}$")
    asked = int(vm.expect(r"\[client\] net: received=\d+ sent=(\d+) failed=0$").group(1)) - 1  # ARP
    vm.expect(r"child client: ended: it ended itself with 0$")
    if ATTACKED / asked < SHARE:
        raise Failure(f"{target} answered {ATTACKED} of {asked} requests")


@dataclasses.dataclass
class Port:
    """What the switch counts of a port: frames that came from it, and of those for it."""
    sent: int
    spoofed: int
    taken: int
    dropped: int  # without room
    crowded: int  # beyond a share


def port_of(vm, name):
    vm.send("switch")
    vm.expect(rf"^  {name} +\S+, 0 addresses learned$")
    come = vm.expect(r"^ +in (\d+) of .* (\d+) spoofed, 0 limited, 0 malformed$").groups()
    out = vm.expect(r"^ +out (\d+) of \d+ bytes, (\d+) dropped, (\d+) beyond a share$").groups()
    vm.expect(rf"^root: {ADDRESS}, ")
    return Port(*map(int, come + out))


def hoarded(vm):
    """Mallory keeps what it gets, and another child floods it: its sections are used up as far as that
    one's share goes, and never come back. Nobody else is kept waiting."""
    attacked(vm, "keep", CHILDREN["server"], "waits for a flood")
    attacked(vm, "flood", CHILDREN["mallory"], "floods", child="apart")
    vm.expect(r"\[mallory\] net: keeps what it gets$")
    while (full := port_of(vm, "mallory")).crowded == 0:
        vm.send("sleep 1")
    share(vm, CHILDREN["server"])
    share(vm, ADDRESS)
    after = port_of(vm, "mallory")
    others = after.taken - full.taken  # what is for all, as they ask where the server and root are
    if others > 2 * ATTACKED or after.crowded - full.crowded < ATTACKED:
        raise Failure(f"of a flood {others} frames are taken by one that is full, {after.crowded} are not")
    if after.dropped != 0:
        raise Failure(f"{after.dropped} frames of others found no room at a port that one has filled")
    attack_ends(vm, "apart")
    attack_ends(vm)


def scribbled(vm):
    """A VP of mallory's changes messages while root reads them: what they become is refused, or lost, or
    harms nobody."""
    attacked(vm, "scribble", CHILDREN["server"], "floods", vps=2)
    share(vm, CHILDREN["server"])
    share(vm, ADDRESS)
    vm.send("channels")
    vm.expect(r"^mallory +\d+\.0 +netvsp +open ")
    sent, refused = map(int, vm.expect(r"^    frames .*, (\d+) from it of \d+ KiB, (\d+) lost$").groups())
    if sent < SCRIBBLED or refused < SCRIBBLED:
        raise Failure(f"of a flood of messages that change {sent} were sent, {refused} refused")
    print(f"network-isolation: {sent} frames of messages that change, {refused} refused", flush=True)
    attack_ends(vm)


def isolation(vm):
    """What one child does to others: it neither hears nor is them, nor takes what is theirs."""
    vm.expect(r"^root> ")
    vm.send(f"start server net {card_of('server')} serve=1")
    vm.expect(r"\[server\] net: serves$")
    vm.send(f"start apart net {card_of('apart')} promiscuous=1 serve=1")
    vm.expect(r"\[apart\] net: serves$")
    vm.send(f"start client net {card_of('client')} ping={CHILDREN['server']}/24 count={PINGS}")
    vm.expect(r"\[apart\] net: hears what is for many$")  # who asks where the server is
    replied(vm, "client", PINGS)
    attack_ends(vm, "apart")
    attacked(vm, "spoof", CHILDREN["server"], "spoofed 100 frames")
    spoofed = port_of(vm, "mallory").spoofed
    if spoofed != 100:
        raise Failure(f"{spoofed} frames are counted as spoofed")
    attack_ends(vm)
    for victim in (CHILDREN["server"], ADDRESS):
        attacked(vm, "flood", victim, "floods")
        share(vm, CHILDREN["server"])
        share(vm, ADDRESS)
        for name in ("server", "root"):
            port = port_of(vm, name)
            if port.dropped != 0:
                raise Failure(f"{port.dropped} frames found no room at {name}, which are not the flood's")
        if victim == ADDRESS and port.crowded == 0:
            raise Failure("root took all of a flood")
        attack_ends(vm)
    hoarded(vm)
    scribbled(vm)
    attacked(vm, "control", CHILDREN["server"], "floods with control messages")
    share(vm, CHILDREN["server"])
    share(vm, ADDRESS)
    attack_ends(vm)
    vm.send("poweroff")


# ---- how much is left to others ----

RATE_TICKS = 120_000_000  # of the TSC: 30 time slices
REQUIRED = 0.8  # of the weighted share
SETTLED = "sleep 1"  # root shows lines on its screen, which nobody pays for
ATTACKS = 1000  # frames or calls of the attacker while somebody measures, at least


@dataclasses.dataclass
class Flood:
    kind: str
    victim: str
    says: str
    busy: tuple = ()  # who has to take what it sends, beside root
    logged: bool = False  # root has much to say of it at first

    def due(self, target):
        """The share of the LP that the client and who answers it must be able to get: as many VPs want
        to run all the time as are here, all of one weight. Root's time is that of those it works for."""
        pair = {"client"} | ({"server"} if target != ADDRESS else set())
        return len(pair) / len(pair | {"mallory"} | set(self.busy))


FLOODS = [
    Flood("flood", CHILDREN["server"], "floods", busy=("server",)),
    Flood("flood", ADDRESS, "floods"),
    Flood("broadcast", CHILDREN["server"], "floods all", busy=("server",)),
    Flood("control", CHILDREN["server"], "floods with control messages", logged=True),
]


def rate(vm, target):
    """How many echoes @target gives the client in RATE_TICKS, and how many are lost."""
    vm.send(f"start client net {card_of('client')} ping={target}/24 rate={RATE_TICKS}")
    got, lost = map(int, vm.expect(r"\[client\] net: rate replies=(\d+) lost=(\d+)\n").groups())
    vm.expect(r"child client: ended: it ended itself with 0$")
    return got, lost


def attacks_made(vm, flood):
    """Frames that mallory has sent, or calls that it has made to say that it sent control messages."""
    if flood.kind != "control":
        return port_of(vm, "mallory").sent
    vm.send("stats mallory.")
    return int(vm.expect(r"^mallory\.0\.exits\.hypercall +(\d+)\n").group(1))


def judged(flood, made, target, alone, got, lost):
    """What is wrong with the client's share amidst the flood; empty: nothing."""
    due = flood.due(target)
    what = (f"{flood.kind} to {flood.victim} ({made}): {target} answers {got} of {alone}, which is "
            f"{1000 * got / alone:.0f} of 1000; {1000 * due:.0f} are due; {lost} are lost")
    print(f"network-share: {what}", flush=True)
    return what if got < REQUIRED * due * alone or lost > 0 or made < ATTACKS else ""


def beside(vm, flood, alone):
    """What is wrong with anybody's share amidst the flood."""
    vm.send(SETTLED)
    attacked(vm, flood.kind, flood.victim, flood.says)
    if flood.logged:
        vm.send(SETTLED)
    rates = {target: rate(vm, target) for target in alone}
    made = attacks_made(vm, flood)
    attack_ends(vm)
    return list(filter(None, (judged(flood, made, target, alone[target], *rates[target]) for target in alone)))


def exchange(vm):
    """Two children, and a child and root, exchange frames as fast as they can, alone and beside one
    that floods. One LP whose TSC counts instructions: no time passes unseen."""
    vm.expect(r"^root> ")
    vm.send(f"start server net {card_of('server')} serve=1")
    vm.expect(r"\[server\] net: serves$")
    alone = {target: rate(vm, target)[0] for target in (CHILDREN["server"], ADDRESS)}
    failures = []
    for flood in FLOODS:
        failures += beside(vm, flood, alone)
    if failures:
        raise Failure("; ".join(failures))
    vm.send("poweroff")


# ---- links ----

def pinged(vm, address):
    vm.send(f"start client net {card_of('client')} ping={address}/24")
    replied(vm, "client", 10)


def unheard(vm, name):
    vm.send(f"start client net {card_of('client')} ping={CHILDREN[name]}/24")
    vm.expect(r"\[client\] net: nobody says that the address is his$")
    vm.expect(r"child client: ended: it ended itself with 1$")


def link_shown(vm, name, down):
    vm.send("channels")
    vm.expect(rf"^{name} +\d+\.0 +netvsp +\S+ +VP 0$")
    return int(vm.expect(rf"^    frames  .*, (\d+) lost{', link down' if down else ''}$").group(1))


def link_of_server(vm):
    """It hears nothing while its link is down, which is nothing to others."""
    vm.send("vm link server down")
    vm.expect(r"\[server\] net: link down \(0x4001000c\)$")
    unheard(vm, "server")
    pinged(vm, ADDRESS)
    if link_shown(vm, "server", True) == 0:
        raise Failure("no frame for a child without a link was counted as lost")
    vm.send("vm link server up")
    vm.expect(r"\[server\] net: link up \(0x4001000b\)$")
    pinged(vm, CHILDREN["server"])
    link_shown(vm, "server", False)


def sent_by(vm, name):
    """Frames that have come into the switch by that port."""
    vm.send("switch")
    vm.expect(rf"^  {name} +\S+, 0 addresses learned$")
    count = int(vm.expect(r"^ +in (\d+) of ").group(1))
    vm.expect(rf"^root: {ADDRESS}, ")
    return count


def link_of_flood(vm):
    """Nothing comes from a child that does not care that its link is down; and again when it is up."""
    attacked(vm, "flood", CHILDREN["server"], "floods")
    vm.send("vm link mallory down")
    vm.expect(r"\[mallory\] net: link down \(0x4001000c\)$")
    counts = [sent_by(vm, "mallory") for _ in range(2)]
    if counts[0] != counts[1]:
        raise Failure(f"a child without a link has sent {counts}")
    vm.send("vm link mallory up")
    vm.expect(r"\[mallory\] net: link up \(0x4001000b\)$")
    while sent_by(vm, "mallory") == counts[1]:
        pass
    attack_ends(vm)


def tenant_serves(vm, lives):
    """In so many lives, as its console repeats."""
    vm.send("vm console tenant")
    for _ in range(lives):
        vm.expect(r"^net: serves$")
    vm.type(LEAVE)
    vm.expect(r"^root> ")


def link_of_definition(vm):
    """Before its start, and when it has begun anew, a child's link is as it was set."""
    vm.send("vm link tenant down")
    vm.expect(r"^tenant: link down when it starts$")
    vm.send("vm start tenant")
    vm.expect(r"^tenant: started$")
    tenant_serves(vm, 1)
    link_shown(vm, "tenant", True)
    unheard(vm, "tenant")
    vm.send("vm link tenant up")
    vm.expect(r"^tenant: link up$")
    pinged(vm, CHILDREN["tenant"])
    vm.send("vm info tenant")
    vm.expect(r"^# link up$")
    vm.send("vm link tenant down")
    vm.expect(r"^tenant: link down$")
    vm.send("vm reset tenant")
    vm.expect(r"^tenant: reset$")
    vm.expect(r"child tenant: partition ")
    tenant_serves(vm, 2)
    unheard(vm, "tenant")
    vm.send("vm info tenant")
    vm.expect(r"^# link down$")
    vm.send("vm stop tenant")
    vm.expect(r"^tenant: stopped$")


def link_of_none(vm):
    for name, says in (("nobody", "vm: no child that runs is called nobody"), ("plain", "plain: it has no network card"),
                       ("bare", "bare: it has no network card")):
        vm.send(f"vm link {name} down")
        vm.expect(rf"^{says}$")
    vm.send("vm link server sideways")
    vm.expect(r"^vm: list \| ")
    vm.send("help vm")
    vm.expect(r"^  vm list .*\| link NAME up\|down .* children that have a definition$")


def links(vm):
    vm.expect(r"^root> ")
    vm.send(f"start server net {card_of('server')} serve=1")
    vm.expect(r"\[server\] net: serves$")
    vm.send("start plain spin rounds=0")
    vm.expect(r"child plain: partition ")
    link_of_none(vm)
    link_of_server(vm)
    link_of_flood(vm)
    link_of_definition(vm)
    vm.send("poweroff")


TESTS = [
    Test("network-children", smp=2, options={"rootaddress": f"{ADDRESS}/24"}, script=children,
         forbid=[r"net: root has no"]),
    Test("network-link", smp=2, options={"rootaddress": f"{ADDRESS}/24"}, script=links,
         modules=["shell.elf", "vmms.elf", "vmwp.elf", "guests/net.elf", "guests/spin.elf"],
         children=[ToyChild("tenant", "net-multiboot.elf", f"address={CHILDREN['tenant']}/24 serve=1",
                            networks=["switch0"]), ToyChild("bare", "net-multiboot.elf")],
         forbid=[r"net: root has no"]),
    Test("network-isolation", smp=2, options={"rootaddress": f"{ADDRESS}/24"}, script=isolation,
         forbid=[r"net: root has no", r"net: hears what is for another"]),
    Test("network-share", smp=1, icount=True, options={"rootaddress": f"{ADDRESS}/24"}, script=exchange,
         forbid=[r"net: root has no"], timeout=300),
]
