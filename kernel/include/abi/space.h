/* SPDX-License-Identifier: BSD-2-Clause
 *
 * Address spaces that the sparse checker (make lint) keeps apart: a pointer into one of them is
 * neither dereferenced nor turned into an ordinary one. To compilers these words mean nothing.
 */
#ifndef ABI_SPACE_H
#define ABI_SPACE_H

#ifdef __CHECKER__
#define __user                                                                                     \
	__attribute__((noderef, address_space(__user)))          /* of a process; copy_from_user() \
								  */
#define __iomem __attribute__((noderef, address_space(__iomem))) /* device registers */
#define __force __attribute__((force)) /* in a cast: here, and only here, it is right */
#else
#define __user
#define __iomem
#define __force
#endif

#endif
