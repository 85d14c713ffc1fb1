# SPDX-License-Identifier: MIT
"""Children and their disks, as tests name them."""

# What tests/user/cycles.c says where everything is back when its children have ended.
ALL_BACK = [r"^PASS root\.deposited_pages: ", r"^PASS root\.gpadls: 0 before, 0 after$",
            r"^PASS root\.channels: 0 before, 0 after$", r"^PASS hypervisor\.partitions: ",
            r"^PASS hypervisor\.total_pages: ", r"^PASS hypervisor\.virtual_processors: ",
            r"^PASS hypervisor\.mapped_pages: ", r"^PASS hypervisor\.ports: ",
            r"^PASS hypervisor\.connections: ", r"^PASS hypervisor\.root_pages_in_use: ",
            r"^PASS root\.memory_free: ", r"^PASS the sibling's \d+ bytes are as they were$"]


def first_data_disk(bus):
    """What root calls a test's first disk on this bus; ahci0 is what it starts from."""
    return {"nvme": "nvme0", "ahci": "ahci1", "virtio": "virtio0"}[bus]
