/*
 * checks.h
 *	  Data-quality checks: kinds, predicates, verdicts.
 */
#ifndef MEDALLION_CHECKS_H
#define MEDALLION_CHECKS_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* Fills shape->checks and shape->duplicate_checks from the catalog. */
extern void LoadChecks(SilverShape *shape);

/* Sets the duplicate flags of current rows anew, where they are not right. */
extern void FlagDuplicates(const SilverShape *shape, const char *table);

/* The verdicts of a run (CheckOutcome *); raises for a failed check whose
 * action is "fail". */
extern List *CountVerdicts(const SilverShape *shape, const char *stage, const char *table,
						   const SilverOutcome *outcome);

#endif							/* MEDALLION_CHECKS_H */
