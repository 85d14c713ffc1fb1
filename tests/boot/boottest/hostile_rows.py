# SPDX-License-Identifier: MIT
"""What root's log has to say of each row of a case of the guest hostile, in their order: groups of a
reason and the rows that have it. None: the row breaks no rule, or is refused by its answer alone."""
import re

from .vm import Failure

# Refusals that say in which order things were done: the guest has them whatever the case.
PROBE = "shares memory of more than one range, or none"

HOSTILE_ROWS = {
    "gpadl-header": (
        (None, "no range", "2 ranges", "65535 ranges"),
        ("shares memory whose bytes and pages do not match", "range length 0", "range length 8",
         "range length 15", "range length 65535"),
        ("shares no bytes, or not from the first page on", "no bytes"),
        ("shares memory whose bytes and pages do not match", "2^32-1 bytes"),
        ("shares no bytes, or not from the first page on", "offset 4096", "offset 2^32-1"),
        ("shares memory whose bytes and pages do not match", "bytes and offset wrap"),
        ("shares more pages than it said, or parts of page numbers", "2 pages where 1 was said",
         "26 pages where 1 was said"),
    ),
    "gpadl-body": (
        ("shares more pages of memory that is complete, or unknown", "a body before its header"),
        (None, "a header without its bodies", "a body with a wrong number", "the last body, with another"),
        ("shares more pages of memory that is complete, or unknown", "a body after the last"),
        (None, "the memory is given back", "another header"),
        ("shares more pages than it said, or parts of page numbers",
         "a body with more pages than are left"),
    ),
    "gpadl-pages": (
        ("shares pages that cannot be mapped", "the page behind our memory", "the page at 64 GiB",
         "page 2^52-1", "page 2^64-1", "the page of the local APIC"),
        (None, "rings of one page only"),
        ("the write index is outside of the ring", "rings of one page only"),
        (None, "what is under the hypercall page", "what is under the message page", "page 0"),
    ),
    "gpadl-life": (
        ("shares memory under a number that is in use", "a number that is in use"),
        ("shares memory for a channel that is not there", "memory for channel 0",
         "memory for a channel that is not there"),
        ("tears memory down that it does not share", "a teardown of nothing"),
        (None, "a teardown of the rings in use"),
        ("tears memory down that it does not share", "once more"),
        (None, "close with 8 reads under way", "close with reads under way"),
    ),
    "channel-open": (
        ("opens a channel that is not there, or not closed", "open what is open"),
        ("opens a channel without two rings of whole pages", "rings in GPADL 0",
         "rings in a GPADL that is gone", "rings of 1 page", "rings of 2 pages", "second ring at page 0",
         "second ring of 1 page", "second ring behind the end", "second ring at page 2^32-1",
         "second ring where pages wrap"),
        ("an index of a new ring is outside of it", "first ring written to its end",
         "first ring written to 4", "second ring read to 2^32-8"),
        ("opens a channel for a VP that does not exist", "interrupts for a VP that is not there",
         "interrupts for VP 2^32-1"),
        ("opens a channel that is not there, or not closed", "channel 0", "channel 2^32-1"),
    ),
    "channel-states": (
        ("closes a channel that is not open", "close what was never opened", "close channel 0",
         "close channel 2^32-1"),
        ("modifies a channel that is not open", "modify what was never opened"),
        ("releases a relid that is not its to release", "release channel 0"),
        (None, "release a channel"),
        ("releases a relid that is not its to release", "release it again"),
        ("modifies a channel for a VP that does not exist", "modify for a VP that is not there"),
        ("releases a relid that is not its to release", "release what is open"),
        ("requests offers twice", "request offers again"),
        (None, "close it"),
        ("closes a channel that is not open", "close it again"),
    ),
    "channel-contact": (
        ("posts before contact, or while the bus is reset", "everything before contact"),
        (None, "version 0", "version 0x10001", "version 0x1000d", "version 0x20003", "version 0x30001",
         "version 0x50004", "version 0x60000", "version 0xffffffff"),
        ("posts before contact, or while the bus is reset", "everything after a refused version"),
        ("wants messages on a VP that does not exist", "messages for VP 2^32-1"),
        ("wants messages on another SINT", "messages on SINT 3"),
        ("its monitor pages cannot be used", "monitor pages at 2^64-1 and 1"),
    ),
    "channel-rescinded": (
        (None, "close the primary channel"),
        ("opens a channel that is not there, or not closed", "open what was taken back"),
        (None, "close what was taken back", "release it"),
        ("releases a relid that is not its to release", "release it again"),
        ("opens a channel that is not there, or not closed", "open what was released"),
    ),
    "ring-indices": (
        ("the write index is outside of the ring", "written to the ring's size",
         "written to 4 beyond a packet", "written to 2^32-1"),
        ("a packet's payload begins outside of it", "written back"),
        ("less than a packet was written", "8 bytes written"),
        ("the writer changed the read index", "root's read index moved"),
        ("the reader changed the write index", "root's write index moved"),
        ("the read index moved back, or beyond what was written", "answers read that were not written"),
        ("the read index is outside of the ring", "answers read to the ring's size"),
    ),
    "ring-packets": (
        ("a packet's payload begins outside of it", "length 0", "payload behind the end", "payload at 0",
         "payload within the descriptor", "payload at 2^16-1"),
        ("a packet is longer than what was written", "longer than written", "longer by its trailer"),
        ("a packet's type is unknown", "type 0", "type 2^16-1"),
        ("a packet's ranges and their pages do not match", "transfer pages, 2^32-1 ranges",
         "2^32-1 ranges", "2 ranges where 1 is"),
        ("a packet's ranges are cut off", "no room for ranges"),
        ("a packet's ranges and their pages do not match", "more bytes than pages",
         "2^32-1 bytes in a page", "no bytes", "offset 4096", "offset 2^32-1"),
    ),
    "srb-early": (
        ("a request before initialisation is over", "a request before initialisation"),
        ("an operation out of order", "the end of initialisation at first", "properties at first",
         "sub-channels at first", "a reset at first"),
        (None, "initialisation begins", "version 0"),
        ("an operation out of order", "its end too early"),
        ("a request before initialisation is over", "a request during initialisation"),
        ("an operation out of order", "initialisation begins twice"),
    ),
    "srb-wrong": (
        ("a request's CDB has a wrong length", "a CDB of no bytes", "a CDB of 5 bytes",
         "a CDB of 17 bytes", "a CDB of 255 bytes"),
        (None, "sector 2^64-1", "sectors that wrap", "2^32-1 sectors", "sectors from 2^63 on"),
        ("a request's data is shorter than its CDB says", "more sectors than data"),
        (None, "LUN 255", "path 1, target 255"),
        ("a request's data is not as long as it says", "length 2^32-1 for 4096 bytes",
         "length 0 for 4096 bytes", "length 4096 for no bytes"),
        ("a request's data goes the wrong way", "read, and data to the disk", "read, and data both ways",
         "read, and direction 255"),
        (None, "operation code 255", "room for 255 bytes of sense data", "an SRB of 65535 bytes"),
    ),
    "srb-pages": (
        ("a request's data is not in RAM", "data behind our memory", "data at 64 GiB",
         "data in page 2^52-1", "data in page 2^64-1", "data in the local APIC"),
        ("a request's data is not as long as it says", "data in two ranges"),
    ),
    "srb-kinds": (
        ("a packet that wants no answer", "a request without completion", "a completion of nothing"),
        ("a packet of a wrong kind or length", "a request of 8 bytes"),
        ("an operation that is none", "operation 0", "operation 14", "operation 2^32-1",
         "an operation of root's"),
    ),
    "sub-channels": (
        ("more sub-channels than there may be are asked for", "65535 sub-channels", "65535 more"),
    ),
}

# How many rows these have, or in which order, is a matter of chance; or they do nothing that root refuses.
WITHOUT_ROWS = {"gpadl-half", "channel-unload", "channel-contacts", "channel-truncated", "channel-monitor",
                "ring-deaf", "ring-race", "srb-same"}


def _rows(name, text):
    """What the console has of each row: (row, reasons in the log before its result)."""
    reasons = set()
    for reason, row in re.findall(r"child bad: (?:channel \d+|VMBus): (.*)$"
                                  rf"|\[bad\] hostile: {name}: ([^:\n]*)", text, re.MULTILINE):
        if row:
            yield row, reasons - {PROBE}
            reasons = set()
        else:
            reasons.add(reason)


def check_rows(name, text):
    """Of a case that ran once: each row that is known, in order, with its reason and no other."""
    if name in WITHOUT_ROWS:
        return
    if name not in HOSTILE_ROWS:
        raise Failure(f"hostile_rows.py knows no rows of {name}")
    due = [(row, {reason} - {None}) for reason, *rows in HOSTILE_ROWS[name] for row in rows]
    due.append(("afterwards", set()))
    found = list(_rows(name, text))
    for is_due, is_found in zip(due, found):
        if is_due != is_found:
            raise Failure(f"row {is_due} is {is_found}")
    if len(found) != len(due):
        raise Failure(f"{len(found)} rows, {len(due)} are known")
