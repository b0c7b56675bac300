/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers and descriptors of the PRO/1000 family, as far as the driver uses them.
 * Sources: Intel PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual 4.0
 * [SDM]; Intel 82574 GbE Controller Family Datasheet 3.4 [82574].
 */
#ifndef E1000_REGS_H
#define E1000_REGS_H

#define E1000_WINDOW       0
#define E1000_WINDOW_BYTES 0x20000u

/* All 32 bits wide. Those of statistics are cleared by reading them. */
#define REG_CTRL     0x0000u             /* rw   SDM 13.4.1 */
#define REG_STATUS   0x0008u             /* ro   SDM 13.4.2 */
#define REG_CTRL_EXT 0x0018u             /* rw   SDM 13.4.6, 82574 10.2.2.5 */
#define REG_ICR      0x00c0u             /* rc   SDM 13.4.17; 82574 w1c, too */
#define REG_ITR      0x00c4u             /* rw   SDM 13.4.18 */
#define REG_ICS      0x00c8u             /* wo   SDM 13.4.19 */
#define REG_IMS      0x00d0u             /* rw   SDM 13.4.20 */
#define REG_IMC      0x00d8u             /* wo   SDM 13.4.21 */
#define REG_EIAC     0x00dcu             /* rw   82574 10.2.4.7 */
#define REG_IAM      0x00e0u             /* rw   82574 10.2.4.6 */
#define REG_IVAR     0x00e4u             /* rw   82574 10.2.4.9 */
#define REG_EITR(v)  (0x00e8u + 4 * (v)) /* rw   82574 10.2.4.8 */
#define REG_RCTL     0x0100u             /* rw   SDM 13.4.22 */
#define REG_TCTL     0x0400u             /* rw   SDM 13.4.33 */
#define REG_TIPG     0x0410u             /* rw   SDM 13.4.34 */
#define REG_RDBAL    0x2800u             /* rw   SDM 13.4.25 */
#define REG_RDBAH    0x2804u
#define REG_RDLEN    0x2808u
#define REG_RDH      0x2810u
#define REG_RDT      0x2818u
#define REG_TDBAL    0x3800u /* rw   SDM 13.4.36 */
#define REG_TDBAH    0x3804u
#define REG_TDLEN    0x3808u
#define REG_TDH      0x3810u
#define REG_TDT      0x3818u
#define REG_TXDCTL   0x3828u /* rw   SDM 13.4.42, 82574 10.2.6.10 */
#define REG_CRCERRS  0x4000u /* rc   SDM 13.7 */
#define REG_RXERRC   0x400cu
#define REG_MPC      0x4010u
#define REG_GPRC     0x4074u
#define REG_GPTC     0x4080u
#define REG_GORCL    0x4088u /* the high half is read second, and clears both */
#define REG_GORCH    0x408cu
#define REG_GOTCL    0x4090u
#define REG_GOTCH    0x4094u
#define REG_RUC      0x40a4u
#define REG_ROC      0x40acu
#define REG_RXCSUM   0x5000u             /* rw   SDM 13.4.31 */
#define REG_MTA(n)   (0x5200u + 4 * (n)) /* rw   SDM 13.5.1 */
#define REG_RAL      0x5400u             /* rw   SDM 13.5.2 */
#define REG_RAH      0x5404u

#define CTRL_AUTO_SPEED   (1u << 5)
#define CTRL_LINK_UP      (1u << 6)
#define CTRL_FORCE_SPEED  (1u << 11)
#define CTRL_FORCE_DUPLEX (1u << 12)
#define CTRL_RESET        (1u << 26)
#define CTRL_PHY_RESET    (1u << 31)

#define STATUS_LINK_UP  (1u << 1)
#define STATUS_SPEED(s) ((s) >> 6 & 3) /* 10, 100, 1000, 1000 */

#define CTRL_EXT_IAME (1u << 27) /* with IAM 0: what EIAC clears stays enabled */

#define CAUSE_TX_DONE    (1u << 0)
#define CAUSE_LINK       (1u << 2)
#define CAUSE_RX_LOW     (1u << 4)
#define CAUSE_RX_OVERRUN (1u << 6)
#define CAUSE_RX         (1u << 7)
#define CAUSE_RX_QUEUE   (1u << 20) /* 82574, MSI-X; so the next two */
#define CAUSE_TX_QUEUE   (1u << 22)
#define CAUSE_OTHER      (1u << 24)

/* Queues to vector 0, everything else to vector 1 [82574 10.2.4.9]. */
#define IVAR_RX(v)    (8u | (v))
#define IVAR_TX(v)    ((8u | (v)) << 8)
#define IVAR_OTHER(v) ((8u | (v)) << 16)

#define RCTL_ENABLE        (1u << 1)
#define RCTL_UNICAST_ALL   (1u << 3)
#define RCTL_MULTICAST_ALL (1u << 4)
#define RCTL_LONG          (1u << 5) /* frames above 1522 bytes */
#define RCTL_BROADCAST     (1u << 15)
#define RCTL_STRIP_CRC     (1u << 26) /* buffers are of 2048 bytes where the size bits are 0 */

#define TCTL_ENABLE    (1u << 1)
#define TCTL_PAD       (1u << 3)
#define TCTL_COLLISION (0x0fu << 4 | 0x40u << 12) /* for full duplex [SDM 13.4.33] */
#define TIPG_COPPER    (8u | 8u << 10 | 6u << 20) /* [SDM 13.4.34] */
#define TXDCTL_EACH    (1u << 24 | 1u << 16)      /* write back each descriptor at once */
#define TXDCTL_82574   (1u << 22)                 /* to be 1 there */

#define RXCSUM_IP  (1u << 8)
#define RXCSUM_TCP (1u << 9)

#define RAH_VALID (1u << 31)

/* Descriptors: second word, of which the lower half is length and command. */
struct e1000_descriptor {
	uint64_t address; /* or, of a context, where headers lie */
	uint64_t word;
};
_Static_assert(sizeof(struct e1000_descriptor) == 16, "descriptors are 16 bytes");

/* Receive [SDM 3.2.3] */
#define RX_LENGTH(w) ((uint32_t)(w)&0xffff)
#define RX_DONE      (UINT64_C(1) << 32)
#define RX_END       (UINT64_C(1) << 33) /* of the frame */
#define RX_NO_SUM    (UINT64_C(1) << 34) /* nothing was checked */
#define RX_TCP_SUM   (UINT64_C(1) << 37)
#define RX_IP_SUM    (UINT64_C(1) << 38)
#define RX_DAMAGED   (UINT64_C(0x97) << 40) /* CRC, symbol, sequence, carrier, data error */
#define RX_TCP_ERROR (UINT64_C(1) << 45)
#define RX_IP_ERROR  (UINT64_C(1) << 46)
#define RX_ERRORS    (UINT64_C(0xff) << 40)

/* Transmit [SDM 3.3.3, 3.3.6, 3.3.7] */
#define TX_END        (UINT64_C(1) << 24) /* of the frame */
#define TX_INSERT_CRC (UINT64_C(1) << 25)
#define TX_SEGMENT    (UINT64_C(1) << 26)
#define TX_REPORT     (UINT64_C(1) << 27)
#define TX_EXTENDED   (UINT64_C(1) << 29)
#define TX_DONE       (UINT64_C(1) << 32)
#define TX_DATA       (UINT64_C(1) << 20)
#define TX_SUM_IP     (UINT64_C(1) << 40)
#define TX_SUM_TCP    (UINT64_C(1) << 41)
#define CONTEXT_TCP   (UINT64_C(1) << 24)
#define CONTEXT_IPV4  (UINT64_C(1) << 25)

#endif
