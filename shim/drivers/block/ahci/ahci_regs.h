/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Registers and memory structures of AHCI host controllers, and the parts of ATA that the driver
 * speaks. Sources: Serial ATA AHCI 1.3.1, ATA/ATAPI Command Set 3 (ACS-3), Serial ATA 3.2.
 */
#ifndef AHCI_REGS_H
#define AHCI_REGS_H

#include <shim/driver.h>

#define AHCI_WINDOW    5 /* ABAR: PCI base address register 5 [AHCI 2.1.11] */
#define AHCI_PORTS_MAX 32
#define AHCI_SLOTS_MAX 32

/* Generic host control, 32 bits each [AHCI 3.1] */
#define HOST_CAP               0x00 /* r   capabilities */
#define HOST_CAP_SLOTS(cap)    (((cap) >> 8 & 31) + 1)
#define HOST_CAP_STAGGERED     (1u << 27)
#define HOST_CAP_NCQ           (1u << 30)
#define HOST_CAP_64BIT         (1u << 31)
#define HOST_CONTROL           0x04 /* rw  global HBA control */
#define HOST_CONTROL_RESET     (1u << 0)
#define HOST_CONTROL_INTERRUPT (1u << 1)
#define HOST_CONTROL_AHCI      (1u << 31)
#define HOST_STATUS            0x08 /* rwc interrupt status, a bit a port */
#define HOST_PORTS             0x0c /* r   ports implemented, a bit a port */
#define HOST_CAP2              0x24 /* r   capabilities extended */
#define HOST_CAP2_HANDOFF      (1u << 0)
#define HOST_HANDOFF           0x28 /* rw  BIOS/OS handoff */
#define HOST_HANDOFF_BIOS      (1u << 0)
#define HOST_HANDOFF_OS        (1u << 1)

/* A port's registers, 32 bits each [AHCI 3.3] */
#define PORT_BASE(port)         (0x100u + (port)*0x80u)
#define PORT_LIST               0x00      /* rw  command list, low; high follows */
#define PORT_FIS                0x08      /* rw  received FIS, low; high follows */
#define PORT_STATUS             0x10      /* rwc interrupt status */
#define PORT_ENABLE             0x14      /* rw  interrupt enable, same bits */
#define PORT_STATUS_D2H         (1u << 0) /* register FIS: a command is done */
#define PORT_STATUS_PIO         (1u << 1)
#define PORT_STATUS_SDB         (1u << 3) /* set device bits FIS: queued commands are done */
#define PORT_STATUS_UNKNOWN_FIS (1u << 4)
#define PORT_STATUS_CONNECT     (1u << 6)  /* cleared through PORT_ERROR, DIAG.X */
#define PORT_STATUS_PHY         (1u << 22) /* cleared through PORT_ERROR, DIAG.N */
#define PORT_STATUS_OVERFLOW    (1u << 24)
#define PORT_STATUS_INTERFACE   (1u << 27)
#define PORT_STATUS_BUS_DATA    (1u << 28)
#define PORT_STATUS_BUS         (1u << 29)
#define PORT_STATUS_TASK_FILE   (1u << 30)
#define PORT_STATUS_LINK        (PORT_STATUS_CONNECT | PORT_STATUS_PHY)
#define PORT_STATUS_FATAL       (PORT_STATUS_INTERFACE | PORT_STATUS_BUS_DATA | PORT_STATUS_BUS)
#define PORT_STATUS_FAILED      (PORT_STATUS_FATAL | PORT_STATUS_OVERFLOW | PORT_STATUS_TASK_FILE)
#define PORT_STATUS_ALL                                                                  \
	(PORT_STATUS_D2H | PORT_STATUS_PIO | PORT_STATUS_SDB | PORT_STATUS_UNKNOWN_FIS | \
	 PORT_STATUS_LINK | PORT_STATUS_FAILED)
#define PORT_COMMAND              0x18 /* rw  command and status */
#define PORT_COMMAND_START        (1u << 0)
#define PORT_COMMAND_SPIN_UP      (1u << 1)
#define PORT_COMMAND_POWER        (1u << 2)
#define PORT_COMMAND_FIS          (1u << 4)
#define PORT_COMMAND_FIS_RUNS     (1u << 14)
#define PORT_COMMAND_RUNS         (1u << 15)
#define PORT_COMMAND_ACTIVE       (1u << 28) /* ICC: wake the link */
#define PORT_TASK_FILE            0x20       /* r   error << 8 | status */
#define PORT_SIGNATURE            0x24       /* r   what kind of device */
#define PORT_SIGNATURE_ATA        0x00000101u
#define PORT_SIGNATURE_ATAPI      0xeb140101u
#define PORT_SIGNATURE_MULTIPLIER 0x96690101u
#define PORT_LINK_STATUS          0x28 /* r   SStatus */
#define PORT_LINK_DETECT          0xfu
#define PORT_LINK_UP              3u
#define PORT_LINK_CONTROL         0x2c   /* rw  SControl */
#define PORT_LINK_CONTROL_RESET   0x301u /* COMRESET; no partial, no slumber */
#define PORT_LINK_CONTROL_RUN     0x300u
#define PORT_ERROR                0x30 /* rwc SError */
#define PORT_ACTIVE               0x34 /* rws SActive: queued commands in flight */
#define PORT_ISSUE                0x38 /* rws commands to execute */

/* ATA status and error [ACS-3 6.2, 6.3] */
#define ATA_STATUS_ERROR 0x01u
#define ATA_STATUS_DATA  0x08u
#define ATA_STATUS_FAULT 0x20u
#define ATA_STATUS_BUSY  0x80u
#define ATA_ERROR_NO_ID  0x10u
#define ATA_ERROR_MEDIA  0x40u
#define ATA_ERROR_CRC    0x80u

/* ATA commands [ACS-3 7] */
#define ATA_DATA_SET_MANAGEMENT 0x06
#define ATA_READ_DMA_EXT        0x25
#define ATA_READ_LOG_EXT        0x2f
#define ATA_WRITE_DMA_EXT       0x35
#define ATA_WRITE_DMA_FUA_EXT   0x3d
#define ATA_READ_QUEUED         0x60
#define ATA_WRITE_QUEUED        0x61
#define ATA_READ_DMA            0xc8
#define ATA_WRITE_DMA           0xca
#define ATA_FLUSH               0xe7
#define ATA_FLUSH_EXT           0xea
#define ATA_IDENTIFY            0xec
#define ATA_DEVICE_LBA          0x40u
#define ATA_DEVICE_FUA          0x80u
#define ATA_TRIM                1u /* feature of DATA SET MANAGEMENT */
#define ATA_TRIM_RANGE_BLOCKS   65535u
#define ATA_TRIM_RANGES         64u   /* in 512 bytes */
#define ATA_LOG_QUEUED_ERROR    0x10u /* [ACS-3 9.14] */
#define ATA_LOG_NOT_QUEUED      0x80u /* byte 0: no queued command failed; else bits 4:0 the tag */
#define ATA_PAGE_BYTES          512u  /* of IDENTIFY, logs and range lists, whatever the sector */

/* IDENTIFY DEVICE, by word [ACS-3 7.12.7] */
#define IDENTIFY_GENERAL      0 /* bit 15: not ATA */
#define IDENTIFY_SERIAL       10
#define IDENTIFY_FIRMWARE     23
#define IDENTIFY_MODEL        27
#define IDENTIFY_CAPABILITIES 49 /* bit 8 DMA, bit 9 LBA */
#define IDENTIFY_COUNT28      60
#define IDENTIFY_DEPTH        75
#define IDENTIFY_SATA         76 /* bit 8 NCQ */
#define IDENTIFY_COMMANDS2    83 /* bit 10 48-bit, 12 FLUSH, 13 FLUSH EXT; 15:14 = 1 valid */
#define IDENTIFY_COMMANDS3    84 /* bit 5 logs, 6 FUA; 15:14 = 1 valid */
#define IDENTIFY_COUNT48      100
#define IDENTIFY_TRIM_BLOCKS  105
#define IDENTIFY_SECTOR       106 /* bit 12 long sectors; 15:14 = 1 valid */
#define IDENTIFY_SECTOR_WORDS 117
#define IDENTIFY_DATA_SET     169 /* bit 0 TRIM */

/* Command list entry [AHCI 4.2.2] */
struct ahci_header {
	uint64_t start; /* flags, number of ranges << 16, bytes done << 32 */
	uint64_t table; /* bus address */
	uint32_t reserved[4];
};
_Static_assert(sizeof(struct ahci_header) == 32, "a command header is 32 bytes");
#define AHCI_HEADER_FIS   5u /* length in dwords */
#define AHCI_HEADER_WRITE (1u << 6)
#define AHCI_HEADER_RANGE (1u << 16)

/* Command table with one physical range [AHCI 4.2.3]; the rest of its 256 bytes is not used */
struct ahci_table {
	uint32_t fis[4]; /* register FIS, host to device [SATA 10.5.5]:
			  * type, C bit, command, feature 7:0
			  * LBA 23:0, device
			  * LBA 47:24, feature 15:8
			  * count, ICC, control */
	uint32_t unused[28];
	uint64_t data; /* bus address */
	uint32_t reserved;
	uint32_t last_byte; /* length - 1, odd [AHCI 4.2.3.3] */
	uint32_t unused2[28];
};
_Static_assert(sizeof(struct ahci_table) == 256, "a command table takes 256 bytes here");
_Static_assert(__builtin_offsetof(struct ahci_table, data) == 0x80, "ranges begin at 0x80");

#define FIS_H2D_COMMAND 0x8027u /* type host to device, C bit */
#define FIS_D2H         0x34u
#define FIS_SDB         0xa1u
#define FIS_TYPE        0xffu
#define FIS_FAILED      ((ATA_STATUS_ERROR | ATA_STATUS_FAULT) << 16)

/* A port's DMA buffer */
struct ahci_memory {
	struct ahci_header list[AHCI_SLOTS_MAX]; /* aligned to 1 KiB [AHCI 4.2.2] */
	uint32_t fis[64];                        /* received, aligned to 256 [AHCI 4.2.1] */
	uint32_t unused[64];
	uint16_t page[ATA_PAGE_BYTES / 2]; /* IDENTIFY, log */
	uint32_t unused2[512];
	struct ahci_table table[AHCI_SLOTS_MAX];
	uint64_t trim[512]; /* range list */
};
#define MEMORY_OFFSET(part) __builtin_offsetof(struct ahci_memory, part)
#define MEMORY_D2H          (0x40 / 4) /* in received FIS [AHCI 4.2.1] */
#define MEMORY_SDB          (0x58 / 4)
#define TRIM_BLOCKS_MAX     (sizeof(((struct ahci_memory *)0)->trim) / ATA_PAGE_BYTES)
_Static_assert(MEMORY_OFFSET(fis) == 0x400 && MEMORY_OFFSET(table) == 0x1000 &&
		       sizeof(struct ahci_memory) == 0x4000,
	       "aligned, and four pages");

#endif
