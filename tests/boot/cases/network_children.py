# SPDX-License-Identifier: MIT
"""Children with network cards at root's switch. Linux's are in linux.py: linux-two."""
from boottest import Failure, Test, ToyChild

ADDRESS = "10.9.8.7"  # root's
CHILDREN = {"server": "10.9.8.20", "client": "10.9.8.21", "apart": "10.9.8.22", "mallory": "10.9.8.23", "tenant": "10.9.8.24"}
PINGS = 20
LEAVE = "\x1d"  # a child's console: Ctrl-]
ATTACKED = 60  # pings amidst an attack
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


def attacked(vm, kind, victim, says):
    vm.send(f"start mallory net {card_of('mallory')} ping={victim}/24 attack={kind}")
    vm.expect(rf"\[mallory\] net: {says}$")


def attack_ends(vm):
    vm.send("stop mallory")
    vm.expect(r"child mallory: ended: it was stopped$")


def share(vm, target):
    """Ping @target amidst an attack: each is answered, and most at the first time."""
    vm.send(f"start client net {card_of('client')} ping={target}/24 count={ATTACKED}")
    vm.expect(rf"\[client\] net: ping requests={ATTACKED} replies={ATTACKED}$")
    asked = int(vm.expect(r"\[client\] net: received=\d+ sent=(\d+) failed=0$").group(1)) - 1  # ARP
    vm.expect(r"child client: ended: it ended itself with 0$")
    if ATTACKED / asked < SHARE:
        raise Failure(f"{target} answered {ATTACKED} of {asked} requests")


def port_of(vm, name):
    """Of the switch's port @name: frames spoofed by it; for it, lost without room, and beyond a share."""
    vm.send("switch")
    vm.expect(rf"^  {name} +\S+, 0 addresses learned$")
    spoofed = int(vm.expect(r"^ +in .* (\d+) spoofed, 0 limited, 0 malformed$").group(1))
    out = vm.expect(r"^ +out \d+ of \d+ bytes, (\d+) dropped, (\d+) beyond a share$")
    vm.expect(rf"^root: {ADDRESS}, ")
    return spoofed, int(out.group(1)), int(out.group(2))


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
    vm.send("stop apart")
    vm.expect(r"child apart: ended: it was stopped$")
    attacked(vm, "spoof", CHILDREN["server"], "spoofed 100 frames")
    spoofed, _, _ = port_of(vm, "mallory")
    if spoofed != 100:
        raise Failure(f"{spoofed} frames are counted as spoofed")
    attack_ends(vm)
    for victim in (CHILDREN["server"], ADDRESS):
        attacked(vm, "flood", victim, "floods")
        share(vm, CHILDREN["server"])
        share(vm, ADDRESS)
        for port in ("server", "root"):
            _, dropped, crowded = port_of(vm, port)
            if dropped != 0:
                raise Failure(f"{dropped} frames found no room at {port}, which are not the flood's")
        if victim == ADDRESS and crowded == 0:
            raise Failure("root took all of a flood")
        attack_ends(vm)
    for kind, says in (("keep", "keeps what it gets"), ("control", "floods with control messages")):
        attacked(vm, kind, CHILDREN["server"], says)
        share(vm, CHILDREN["server"])
        share(vm, ADDRESS)
        attack_ends(vm)
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
    for name, says in (("nobody", "vm: no child that runs is called nobody"), ("plain", "plain: it has no network card")):
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
                            networks=["switch0"])],
         forbid=[r"net: root has no"]),
    Test("network-isolation", smp=2, options={"rootaddress": f"{ADDRESS}/24"}, script=isolation,
         forbid=[r"net: root has no", r"net: hears what is for another"]),
]
