/* SPDX-License-Identifier: MIT */
/* root/drivers/e1000e.h - Intel's 82574 network controller: registers and descriptors. Sections are
 * those of the Intel 82574 GbE Controller Family Datasheet, revision 3.4. */
#ifndef ROOT_DRIVERS_E1000E_H
#define ROOT_DRIVERS_E1000E_H

#include <hvabi/layout.h>

#define E1000E_PCI_VENDOR 0x8086u
#define E1000E_PCI_82574  0x10d3u
#define E1000E_BAR        0u

/* Registers (10.2). */
#define E1000E_CTRL     0x00000u
#define E1000E_STATUS   0x00008u
#define E1000E_ICR      0x000c0u /* causes; writing ones clears them */
#define E1000E_IMS      0x000d0u /* mask: bits to set */
#define E1000E_IMC      0x000d8u /* bits to clear */
#define E1000E_EIAC     0x000dcu /* causes that a message clears */
#define E1000E_IVAR     0x000e4u /* which cause raises which vector */
#define E1000E_RCTL     0x00100u
#define E1000E_TCTL     0x00400u
#define E1000E_RX       0x02800u /* the ring of received packets */
#define E1000E_TX       0x03800u /* that of packets to send */
#define E1000E_RAL      0x05400u /* the first four bytes of its address */
#define E1000E_RAH      0x05404u /* the last two */
#define E1000E_BAR_SIZE 0x20000u

/* A ring's registers. */
#define E1000E_RING_BASE   0x00u /* 64 bits */
#define E1000E_RING_LENGTH 0x08u /* bytes */
#define E1000E_RING_HEAD   0x10u
#define E1000E_RING_TAIL   0x18u

#define E1000E_CTRL_ASDE  (1u << 5) /* its speed is that of the link */
#define E1000E_CTRL_SLU   (1u << 6) /* link on */
#define E1000E_CTRL_RESET (1u << 26)

#define E1000E_STATUS_LINK (1u << 1)
#define E1000E_GONE        0xffffffffu /* what registers read as when there is no device */

/* Interrupt causes (10.2.4.1). */
#define E1000E_CAUSE_LINK    (1u << 2)
#define E1000E_CAUSE_RECEIVE (1u << 20)
#define E1000E_CAUSE_OTHER   (1u << 24)

/* Interrupt vectors (10.2.4.9). */
#define E1000E_IVAR_VALID         8u
#define E1000E_IVAR_RECEIVE_SHIFT 0u
#define E1000E_IVAR_OTHER_SHIFT   16u

#define E1000E_RCTL_ENABLE      (1u << 1)
#define E1000E_RCTL_PROMISCUOUS (3u << 3) /* also what is for many */
#define E1000E_RCTL_BROADCAST   (1u << 15)
#define E1000E_RCTL_STRIP_CRC   (1u << 26)
#define E1000E_BUFFER           2048u /* bytes, with the size bits zero */

#define E1000E_TCTL_ENABLE    (1u << 1)
#define E1000E_TCTL_PAD       (1u << 3)
#define E1000E_TCTL_THRESHOLD (0x0fu << 4) /* 10.2.6.1: of collisions, and their distance */
#define E1000E_TCTL_DISTANCE  (0x3fu << 12)

/* A packet to receive (7.1.4). */
struct e1000e_receive {
    uint64_t address;
    uint16_t length;
    uint16_t checksum;
    uint8_t status;
    uint8_t errors;
    uint16_t special;
};
ABI_OFFSET(struct e1000e_receive, status, 12);
ABI_SIZE(struct e1000e_receive, 16);
#define E1000E_RECEIVE_DONE (1u << 0)
#define E1000E_RECEIVE_END  (1u << 1) /* of the packet */
#define E1000E_RECEIVE_LOST 0x97u     /* errors, other than of the checksums of IP and TCP */

/* A packet to send (7.2.10.1). */
struct e1000e_send {
    uint64_t address;
    uint16_t length;
    uint8_t checksum_offset;
    uint8_t command;
    uint8_t status;
    uint8_t checksum_start;
    uint16_t special;
};
ABI_OFFSET(struct e1000e_send, status, 12);
ABI_SIZE(struct e1000e_send, 16);
#define E1000E_SEND_END    (1u << 0) /* of the packet */
#define E1000E_SEND_CRC    (1u << 1) /* the device adds the frame check sequence */
#define E1000E_SEND_REPORT (1u << 3) /* it says when it is done */
#define E1000E_SEND_DONE   (1u << 0)

#endif
