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

#if PG_VERSION_NUM >= 170000
#include "commands/progress.h"
#endif

#endif							/* MEDALLION_COMPAT_H */
