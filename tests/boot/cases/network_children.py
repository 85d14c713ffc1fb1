# SPDX-License-Identifier: MIT
"""Children with network cards at root's switch. Linux's are in linux.py: linux-two."""
from boottest import Test

ADDRESS = "10.9.8.7"  # root's
CHILDREN = {"server": "10.9.8.20", "client": "10.9.8.21", "apart": "10.9.8.22"}
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


TESTS = [
    Test("network-children", smp=2, options={"rootaddress": f"{ADDRESS}/24"}, script=children,
         forbid=[r"net: root has no"]),
]
