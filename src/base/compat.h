/*
 * compat.h
 *	  What differs between the server versions we build on (15 to 18).
 *
 * The only file with #if PG_VERSION_NUM.
 */
#ifndef MEDALLION_COMPAT_H
#define MEDALLION_COMPAT_H

#include "postgres.h"
#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "medallion needs PostgreSQL 15 or later"
#endif

/* in 16 the macros of variable-length values moved out of postgres.h */
#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#endif

/* the server's own macro for this changed its name and its place in 18 */
#define NEVER_RETURNS __attribute__((noreturn))

#endif							/* MEDALLION_COMPAT_H */
