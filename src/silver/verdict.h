/*
 * verdict.h
 *	  What checks found: flags set, rows counted, verdicts.
 */
#ifndef MEDALLION_VERDICT_H
#define MEDALLION_VERDICT_H

#include "postgres.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* Rows that checks are judged on. */
typedef struct JudgedRows
{
	char	   *from;			/* relation d, and what is joined to it */
	const char *condition;
	bool		by_flag;		/* verdicts are in the flag columns; or predicates are asked */
	const char *address;		/* SQL: where a row is, as jsonb */
	const char *order;			/* SQL: which samples come first; NULL: any */
	bool		clean;			/* it is known that no row is at fault */
	bool		counted;		/* it is known how many rows there are: */
	int64		count;
} JudgedRows;

/* Adds the verdicts on rows, counted in one scan. */
extern List *JudgeRows(List *outcomes, List *checks, const JudgedRows *rows);

/* Adds the verdicts on the whole table, measured in one scan. */
extern List *JudgeTable(List *outcomes, List *checks, const SilverShape *shape, int64 run_id);

/* The first verdict for which what was judged is not to stay; NULL if there is none. */
extern CheckOutcome *FailingCheck(List *outcomes);

/* Raises for it; the outcomes can be logged by whoever catches that. */
extern void RaiseFailedCheck(List *outcomes);

/* Sets the flags of set checks on current rows anew, where they are not right. */
extern void FlagSets(const SilverShape *shape);

/* The verdicts that change while nothing does: how old the latest row is. */
extern List *JudgeFreshness(const Feature *feature, int64 run_id);

/* The verdicts of a run (CheckOutcome *). */
extern List *CountVerdicts(const SilverShape *shape, const char *stage, int64 run_id,
						   const SilverOutcome *outcome);

#endif							/* MEDALLION_VERDICT_H */
