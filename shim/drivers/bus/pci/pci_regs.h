/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Configuration space of PCI functions. Sources: PCI Local Bus 3.0 chapter 6, PCI-to-PCI Bridge 1.2
 * chapter 3, PCI Express Base 3.0 §7.8.
 */
#ifndef PCI_REGS_H
#define PCI_REGS_H

/*      name                       offset   width, access, section */
#define PCI_VENDOR_ID              0x00u /* 16 RO  PCI 3.0 §6.2.1; all ones: no function */
#define PCI_COMMAND                0x04u /* 16 RW  §6.2.2 */
#define PCI_STATUS                 0x06u /* 16 RW  §6.2.3 */
#define PCI_CLASS_REVISION         0x08u /* 32 RO  §6.2.1 */
#define PCI_HEADER_TYPE            0x0eu /*  8 RO  §6.2.1 */
#define PCI_CAPABILITIES           0x34u /*  8 RO  §6.7 */
#define PCI_BRIDGE_PRIMARY         0x18u /*  8 RW  Bridge 1.2 §3.2.5.3 */
#define PCI_BRIDGE_SECONDARY       0x19u /*  8 RW  §3.2.5.4 */
#define PCI_BRIDGE_SUBORDINATE     0x1au /*  8 RW  §3.2.5.5 */
#define PCI_BRIDGE_IO_BASE         0x1cu /*  8 RW  §3.2.5.6 */
#define PCI_BRIDGE_IO_LIMIT        0x1du /*  8 RW */
#define PCI_BRIDGE_MEMORY          0x20u /* 32 RW  §3.2.5.8: base low half, limit high half */
#define PCI_BRIDGE_PREFETCH        0x24u /* 32 RW  §3.2.5.9 */
#define PCI_BRIDGE_PREFETCH_BASE_H 0x28u /* 32 RW  §3.2.5.10 */
#define PCI_BRIDGE_PREFETCH_LIM_H  0x2cu /* 32 RW */
#define PCI_BRIDGE_IO_HIGH         0x30u /* 32 RW  §3.2.5.11: base low half, limit high half */

#define PCI_COMMAND_FORWARD       0x0007u /* I/O, memory, bus mastering */
#define PCI_STATUS_CAPABILITIES   0x0010u
#define PCI_HEADER_MULTI_FUNCTION 0x80u
#define PCI_HEADER_LAYOUT         0x7fu
#define PCI_LAYOUT_ENDPOINT       0u
#define PCI_LAYOUT_BRIDGE         1u
#define PCI_WINDOW_64BIT          1u /* low bits of a prefetch base */
#define PCI_IO_32BIT              1u /* low bits of an I/O base */

#define PCI_CAPABILITY_POWER   0x01u
#define PCI_CAPABILITY_MSI     0x05u
#define PCI_CAPABILITY_EXPRESS 0x10u
#define PCI_CAPABILITY_MSIX    0x11u

#define PCI_MSI_CONTROL     2u /* 16 RW  §6.8.1.3 */
#define PCI_MSI_CAPABLE(c)  (1u << ((c) >> 1 & 7))
#define PCI_MSIX_CONTROL    2u /* 16 RW  §6.8.2.3 */
#define PCI_MSIX_TABLE(c)   (((c)&0x7ff) + 1)
#define PCI_EXPRESS_FLAGS   2u /* 16 RO  PCIe 2.1 §7.8.2 */
#define PCI_EXPRESS_TYPE(f) ((f) >> 4 & 15)
#define PCI_EXPRESS_ROOT    4u
#define PCI_EXPRESS_DOWN    6u
#define PCI_EXPRESS_SLOT    0x0100u

/* In the PCI Express capability [PCIe 3.0 §7.8.6 to .11] */
#define PCI_LINK_CAPABILITIES 0x0cu /* 32 RO   §7.8.6 */
#define PCI_LINK_STATUS       0x12u /* 16 RO   §7.8.8 */
#define PCI_SLOT_CAPABILITIES 0x14u /* 32 RO   §7.8.9 */
#define PCI_SLOT_CONTROL      0x18u /* 16 RW   §7.8.10 */
#define PCI_SLOT_STATUS       0x1au /* 16 RW1C §7.8.11 */

#define PCI_LINK_REPORTS        (1u << 20) /* the link status says whether it is active */
#define PCI_LINK_ACTIVE         (1u << 13)
#define PCI_SLOT_BUTTON         (1u << 0) /* has an attention button */
#define PCI_SLOT_POWER          (1u << 1) /* has a power controller */
#define PCI_SLOT_INDICATOR      (1u << 4) /* has a power indicator */
#define PCI_SLOT_HOT_PLUG       (1u << 6)
#define PCI_SLOT_NO_COMPLETED   (1u << 18) /* takes commands at any time */
#define PCI_CONTROL_INTERRUPTS  0x103fu
#define PCI_CONTROL_INDICATOR   0x0300u
#define PCI_CONTROL_ON          0x0100u
#define PCI_CONTROL_BLINK       0x0200u
#define PCI_CONTROL_OFF         0x0300u
#define PCI_CONTROL_POWER_OFF   0x0400u
#define PCI_STATUS_PRESSED      0x0001u
#define PCI_STATUS_CHANGED      0x0008u /* presence */
#define PCI_STATUS_COMPLETED    0x0010u
#define PCI_STATUS_PRESENT      0x0040u
#define PCI_STATUS_LINK_CHANGED 0x0100u
#define PCI_STATUS_EVENTS       0x010fu /* all but the completed command */

#endif
