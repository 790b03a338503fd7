/*
 * model.h
 *	  A gold model as C sees it, the order in which models depend on each
 *	  other, and their refresh.
 *
 * A model's query is the view models.<name>; its result is the table
 * gold.<name>: the query's columns, _run_id, _loaded_at, _row_hash.
 */
#ifndef MEDALLION_MODEL_H
#define MEDALLION_MODEL_H

#include "postgres.h"
#include "base/sql.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* What a model reads. */
typedef enum InputKind
{
	INPUT_FEATURE,				/* the silver table of a feature */
	INPUT_MODEL,				/* the gold table of another model */
	INPUT_RELATION				/* anything else: nothing tells when it changes */
} InputKind;

typedef struct ModelInput
{
	InputKind	kind;
	int			id;				/* feature_id or model_id; 0 for a relation */
	char	   *name;
} ModelInput;

/* How a model is brought up to date. */
typedef enum RefreshMode
{
	REFRESH_AUTO,				/* by the groups that changed where that is provably the same, else in full */
	REFRESH_FULL,
	REFRESH_INCREMENTAL,		/* like auto; a query that cannot be is refused */
	REFRESH_APPEND				/* rows of new input rows are added, none is taken back */
} RefreshMode;

/* A reference that option "foreign_keys" declares. */
typedef struct ForeignKey
{
	List	   *columns;		/* char * */
	char	   *references;		/* a model, or schema.table as SQL spells it */
	List	   *referenced;		/* char *; NIL: its primary key */
	bool		unenforced;		/* for tools to see; the server does not look */
} ForeignKey;

/* An index that option "indexes" declares. */
typedef struct ModelIndex
{
	List	   *columns;		/* char * */
	char	   *method;			/* NULL: btree */
	bool		unique;
} ModelIndex;

typedef struct Model
{
	int			id;
	char	   *name;
	Oid			owner;
	char	   *query;			/* as pg_get_viewdef() spells it, schema-qualified */
	char	   *options;		/* json, in jsonb's own spelling */
	bool		is_view;		/* gold.<name> is a view too, and never refreshed */
	char	   *description;	/* the comment on gold.<name>, or NULL */
	RefreshMode refresh;
	List	   *unique_key;		/* char *, columns that a unique index covers */
	List	   *primary_key;	/* char * */
	List	   *not_null;		/* char * */
	List	   *foreign_keys;	/* ForeignKey * */
	List	   *indexes;		/* ModelIndex * */
	List	   *commented;		/* char *, columns with a comment ... */
	List	   *comments;		/* ... and the comments (char *) */
	Jsonb	   *checks;			/* an array for run_checks(), or NULL */
	Jsonb	   *contract;		/* column -> type, or null for any; NULL: none */
	bool		contract_exact; /* no other columns */
	bool		in_graph;		/* the next three are filled */
	List	   *inputs;			/* ModelInput *, direct ones */
	List	   *watched;		/* ModelInput *: inputs, view models replaced by theirs */
	List	   *referenced;		/* Model *, before it in order, that foreign keys refer to */
} Model;

typedef struct RefreshResult
{
	int64		rows_total;		/* computed: all of the model's, or those that changes touch */
	int64		rows_inserted;
	int64		rows_deleted;
	const char *way;			/* full, incremental, append, unchanged */
	const char *why;			/* why in full, or NULL */
	SqlRows    *checks;			/* what they said, also where one of them failed the refresh; NULL: there are none */
} RefreshResult;

/* All models, each after those it depends on, otherwise by name; an error
 * names the path of a cycle.  Views that went with a DROP ... CASCADE are
 * made again where that is possible. */
extern List *LoadModelsInOrder(void);

/* Would a refresh perhaps change it?  Cheap, and true to the moment: it may
 * be asked again while a run refreshes other models. */
extern bool ModelIsStale(const Model *model);

/* Computes the query, or the part of it that changes of the inputs touch, and
 * writes what differs, as the model's owner. */
extern void RefreshModel(const Model *model, RefreshMode mode, int64 run_id, RefreshResult *result);

/* Was it a check that failed the refresh?  And what all checks said into the log. */
extern bool FailedByCheck(const RefreshResult *result);
extern void LogModelChecks(const Model *model, int64 run_id, const RefreshResult *result);

/* The lock of a model, until the transaction ends; RefreshModel() takes it. */
extern void LockModel(const char *name);
extern bool TryLockModel(const char *name); /* false if another has it */

/* For gold's own files: model.c */

#define SCRATCH_PREFIX "_new_"	/* view and table that live for one statement */
#define KEY_PREFIX "_key_"		/* index over unique_key */
#define PRIMARY_PREFIX "_pk_"	/* constraint of primary_key */
#define FOREIGN_PREFIX "_fk%d_"	/* constraints of foreign_keys, by number */
#define INDEX_PREFIX "_ix%d_"	/* indexes, by number */
#define GROUP_PREFIX "_grp_"	/* index over the keys of an incremental refresh */
#define HASH_PREFIX "_hash_"	/* index over _row_hash */

extern void ParseModelOptions(Jsonb *json, Model *model);
extern List *LoadModels(void);	/* by name, without their inputs */
extern Model *FindModel(const char *name);	/* NULL if there is none */
extern Model *FindOwnModel(const char *name);	/* raises if missing or not ours */
extern char *ViewName(const Model *model);
extern char *TargetName(const Model *model);

#endif							/* MEDALLION_MODEL_H */
