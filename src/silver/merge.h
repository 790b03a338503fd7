/*
 * merge.h
 *	  Typed events -> versions of silver.
 */
#ifndef MEDALLION_MERGE_H
#define MEDALLION_MERGE_H

#include "postgres.h"
#include "base/sql.h"
#include "base/template.h"
#include "silver/silver.h"
#include "silver/typed.h"

/* What a run of silver works with. */
typedef struct Merge
{
	const SilverShape *shape;
	int64		run_id;
	char	   *table;			/* silver.<feature> */
	char	   *stage;			/* typed events of this run */
	char	   *stage_name;		/* likewise, without the schema */
	TemplateWords words;		/* what the statements of merge.c and fold.c name */
	SqlParams	all_files;		/* $1 to $4 of TypedSelect(): every version that counts */
	SqlParams	ended;			/* $1: file versions that ended since the last run; $2: the first end */
	bool		any_ended;
	SqlParams	touched;		/* $1: file versions whose keys are folded anew in any case */
	bool		any_touched;
	char	   *taken_until;	/* the latest event that silver has taken in; NULL: none */
	char	   *deleted_until;	/* the latest delete or snapshot among these; NULL: none */
	bool		initial;		/* the table is empty, but for rows that went past the staging table */
	bool		loaded_first;	/* there are such (first_load.c) */
	SilverOutcome *outcome;
} Merge;

/* Gives names to the tables of a run, once the staging table is filled. */
extern void PrepareMerge(Merge *merge);

/* Takes the staged events into a table that keeps history. */
extern void MergeHistory(Merge *merge);

/* Takes the staged events into a table without history. */
extern void MergeRows(Merge *merge);

/* Words that are lists of columns: name and d.name, e.name, s.name, v.name. */
extern void SetColumnWords(TemplateWords *words, const char *name, List *columns);

/* What of an event is said again at the time of a snapshot (char *). */
extern List *SaidAgainColumns(const SilverShape *shape);

/* Statements with named places. */
extern uint64 MergeExec(const Merge *merge, const SqlParams *params, const char *text);
extern int64 MergeCount(const Merge *merge, const char *text);

#endif							/* MEDALLION_MERGE_H */
