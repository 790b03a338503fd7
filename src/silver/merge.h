/*
 * merge.h
 *	  Typed events -> versions of silver.
 */
#ifndef MEDALLION_MERGE_H
#define MEDALLION_MERGE_H

#include "postgres.h"
#include "datatype/timestamp.h"
#include "base/sql.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* What a run of silver works with. */
typedef struct Merge
{
	const SilverShape *shape;
	int64		run_id;
	char	   *table;			/* silver.<feature> */
	char	   *stage;			/* typed events of this run */
	char	   *refold;			/* keys that are folded anew */
	char	   *events;			/* all events of these keys */
	char	   *versions;		/* what they fold to */
	SqlParams	all_files;		/* $1 to $4 of TypedSelect(): every version that counts */
	SqlParams	ended;			/* $1: file versions that ended since the last run */
	bool		any_ended;
	SqlParams	touched;		/* $1: file versions whose keys are folded anew in any case */
	bool		any_touched;
	TimestampTz taken_until;	/* the latest event, or end of one, taken in before */
	bool		initial;		/* the table is empty */
	SilverOutcome *outcome;
} Merge;

/* Takes the staged events into a table that keeps history. */
extern void MergeHistory(Merge *merge);

/* Takes the staged events into a table without history. */
extern void MergeAppend(Merge *merge);

#endif							/* MEDALLION_MERGE_H */
