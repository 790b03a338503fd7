/*
 * silver.h
 *	  What the run layer asks of silver: to take in what bronze has and silver
 *	  has not.
 */
#ifndef MEDALLION_SILVER_H
#define MEDALLION_SILVER_H

#include "postgres.h"
#include "base/feature.h"

/* What one check found in a run. */
typedef struct CheckOutcome
{
	char	   *name;
	char	   *kind;
	const char *action;
	char	   *column;			/* comma-separated, or NULL */
	const char *status;			/* PASSED, WARNING, FAILED */
	int64		checked;
	int64		affected;
	char	   *samples;		/* json array of bronze addresses */
	char	   *details;		/* json object, of a check of the whole table; NULL: none */
	bool		fails;			/* by its action, what was judged is not to stay */
} CheckOutcome;

typedef struct SilverOutcome
{
	bool		changed;		/* anything at all */
	bool		initial;		/* the table was empty before */
	bool		rebuilt;		/* a type was widened: everything was folded again */
	int64		rows_in;		/* bronze rows taken in */
	bool		all_in_force;	/* these are of files that are in force, each of them */
	int64		quarantined;
	int64		late;			/* quarantined too, for they are past the feature's horizon */
	int64		dropped;
	int64		conflicts;		/* versions chosen between differing rows of one time */
	int64		invalid;		/* rows with any flag set */
	int64		inserted;		/* keys opened (rows, for append) */
	int64		updated;		/* keys that got a further version */
	int64		expired;		/* versions closed */
	List	   *checks;			/* CheckOutcome *; also where one of them failed the step */
	List	   *changes;		/* SilverChange * */
} SilverOutcome;

/* A change of columns, for the log. */
typedef struct SilverChange
{
	const char *type;			/* ADD_COLUMN, TYPE_CHANGE */
	char	   *column;
	char	   *old_type;
	char	   *new_type;
} SilverChange;

extern void RunSilver(const Feature *feature, int64 run_id, SilverOutcome *outcome);

/* Of which row it was that SQL of the feature's options raised an error; NULL if that cannot be told. */
extern char *SilverFault(const Feature *feature);

#endif							/* MEDALLION_SILVER_H */
