/*
 * checks.h
 *	  Data-quality checks: kinds, predicates, verdicts.
 */
#ifndef MEDALLION_CHECKS_H
#define MEDALLION_CHECKS_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* What a user may ask for. */
typedef struct CheckKind
{
	const char *name;
	const char *alias;			/* what it is called in other pipelines */
	double		error_if;		/* share of rows that fails the check, unless the user says; -1: none */
} CheckKind;

/* A kind by its name or alias; raises if there is none. */
extern const CheckKind *FindCheckKind(const char *name);

/* Fills shape->checks and shape->duplicate_checks from the catalog. */
extern void LoadChecks(SilverShape *shape);

/* Sets the duplicate flags of current rows anew, where they are not right. */
extern void FlagDuplicates(const SilverShape *shape, const char *table);

/* The verdicts of a run (CheckOutcome *); raises for a failed check whose
 * action is "fail". */
extern List *CountVerdicts(const SilverShape *shape, const char *stage, const char *table,
						   const SilverOutcome *outcome);

#endif							/* MEDALLION_CHECKS_H */
