/* SPDX-License-Identifier: BSD-2-Clause
 *
 * The identity domain: what there is where no IOMMU is in use.
 */
#include <kernel/domain.h>

struct domain {
	bool confines;
};

static struct domain identity;

struct domain *domain_of(uint64_t requester)
{
	(void)requester;
	return &identity;
}

bool domain_confines(const struct domain *domain)
{
	return domain->confines;
}

enum error domain_map(struct domain *domain, paddr_t paddr, uint64_t size_bytes, uint64_t *iova)
{
	(void)domain;
	(void)size_bytes;
	*iova = paddr;
	return OK;
}

void domain_unmap(struct domain *domain, uint64_t iova, uint64_t size_bytes)
{
	(void)domain;
	(void)iova;
	(void)size_bytes;
}
