/*
 * steady.h
 *	  Does a query say the same each time, while its tables stay as they are?
 */
#ifndef MEDALLION_STEADY_H
#define MEDALLION_STEADY_H

#include "nodes/parsenodes.h"

/* Why not; NULL: it does. */
extern char *WhyUnsteady(Query *query);

#endif							/* MEDALLION_STEADY_H */
