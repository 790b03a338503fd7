/*
 * overlap.h
 *	  The database itself keeps versions apart.
 */
#ifndef MEDALLION_OVERLAP_H
#define MEDALLION_OVERLAP_H

#include "postgres.h"
#include "silver/typed.h"

/* Conditions and triggers of a table just filled for the first time. */
extern void KeepVersionsApart(const SilverShape *shape);

/* The conditions alone: away before the type of the times changes, then anew. */
extern void DropRowConditions(const SilverShape *shape);
extern void AddRowConditions(const SilverShape *shape);

#endif							/* MEDALLION_OVERLAP_H */
