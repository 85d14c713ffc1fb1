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
#define E1000E_RXCSUM   0x05000u /* which checksums of packets are looked at */
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

#define E1000E_RXCSUM_IP (1u << 8)
#define E1000E_RXCSUM_L4 (1u << 9) /* TCP's and UDP's */

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
#define E1000E_RECEIVE_DONE       (1u << 0)
#define E1000E_RECEIVE_END        (1u << 1) /* of the packet */
#define E1000E_RECEIVE_NOT_SUMMED (1u << 2) /* the next says nothing */
#define E1000E_RECEIVE_L4_SUMMED  (1u << 5) /* TCP's or UDP's checksum was looked at, */
#define E1000E_RECEIVE_L4_WRONG   (1u << 5) /* among the errors: and is wrong */
#define E1000E_RECEIVE_LOST       0x97u     /* errors, other than of the checksums of IP and TCP */

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

/* Descriptors of another kind (TCP/IP context and data): what is to be done to the packet in the
 * data descriptor that follows; and that. Their lengths are in the low 20 bits, the kind is in the
 * next four, and then comes the command. */
struct e1000e_context {
    uint8_t ip_start, ip_offset;
    uint16_t ip_end;
    uint8_t l4_start, l4_offset; /* where TCP's or UDP's header begins; where its checksum is */
    uint16_t l4_end;             /* the last byte that counts; 0: that of the packet */
    uint32_t command;
    uint8_t status;
    uint8_t header_length;
    uint16_t mss;
};
ABI_OFFSET(struct e1000e_context, status, 12);
ABI_SIZE(struct e1000e_context, 16);
struct e1000e_data {
    uint64_t address;
    uint32_t command;
    uint8_t status;
    uint8_t options;
    uint16_t special;
};
ABI_OFFSET(struct e1000e_data, status, 12);
ABI_SIZE(struct e1000e_data, 16);
#define E1000E_KIND_CONTEXT       (1u << 29)
#define E1000E_KIND_DATA          (1u << 29 | 1u << 20)
#define E1000E_COMMAND(command)   ((uint32_t)(command) << 24) /* E1000E_SEND_* */
#define E1000E_CONTEXT_TCP        (1u << 0)                   /* not UDP */
#define E1000E_CONTEXT_IPV4       (1u << 1)
#define E1000E_OPTION_L4_CHECKSUM (1u << 1)

#endif
