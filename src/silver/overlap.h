/*
 * overlap.h
 *	  The database itself keeps versions apart.
 */
#ifndef MEDALLION_OVERLAP_H
#define MEDALLION_OVERLAP_H

#include "postgres.h"
#include "silver/typed.h"

/* Conditions on one version of an empty table; away before the type of the times changes, then anew. */
extern void AddRowConditions(const SilverShape *shape);
extern void DropRowConditions(const SilverShape *shape);

/* Triggers of a table just filled for the first time. */
extern void KeepVersionsApart(const SilverShape *shape);

#endif							/* MEDALLION_OVERLAP_H */
