/* SPDX-License-Identifier: BSD-2-Clause
 *
 * A DMA domain: which bus addresses a device reaches, and where they lead. Without an IOMMU in use
 * the domain is the identity: bus address is physical address, and nothing is confined.
 */
#ifndef KERNEL_DOMAIN_H
#define KERNEL_DOMAIN_H

#include <kernel/types.h>

struct domain;

/** The domain of a requester (PCI segment, bus, device, function packed). */
struct domain *domain_of(uint64_t requester);
/** Does it translate and confine? */
bool domain_confines(const struct domain *domain);
/** Make memory reachable; *iova is where the device sees it. */
enum error domain_map(struct domain *domain, paddr_t paddr, uint64_t size_bytes, uint64_t *iova);
/** Take it back; the device cannot reach it when this returns. */
void domain_unmap(struct domain *domain, uint64_t iova, uint64_t size_bytes);

#endif
