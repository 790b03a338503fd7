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

typedef struct Model
{
	int			id;
	char	   *name;
	Oid			owner;
	char	   *query;			/* as pg_get_viewdef() spells it, schema-qualified */
	char	   *options;		/* json, in jsonb's own spelling */
	bool		is_view;		/* gold.<name> is a view too, and never refreshed */
	char	   *description;	/* the comment on gold.<name>, or NULL */
	List	   *unique_key;		/* char *, columns that a unique index covers */
	Jsonb	   *contract;		/* column -> type, or null for any; NULL: none */
	bool		contract_exact; /* no other columns */
	List	   *inputs;			/* ModelInput *, direct ones */
	List	   *watched;		/* ModelInput *: inputs, view models replaced by theirs */
} Model;

typedef struct RefreshResult
{
	int64		rows_total;		/* of the model, now */
	int64		rows_inserted;
	int64		rows_deleted;
} RefreshResult;

/* All models, each after those it depends on, otherwise by name; an error
 * names the path of a cycle.  Views that went with a DROP ... CASCADE are
 * made again where that is possible. */
extern List *LoadModelsInOrder(void);

/* Would a refresh perhaps change it?  Cheap, and true to the moment: it may
 * be asked again while a run refreshes other models. */
extern bool ModelIsStale(const Model *model);

/* Computes the query and writes what differs, as the model's owner. */
extern void RefreshModel(const Model *model, int64 run_id, RefreshResult *result);

/* For gold's own files: model.c */

#define SCRATCH_PREFIX "_new_"	/* view and table that live for one statement */
#define KEY_PREFIX "_key_"		/* index over unique_key */
#define HASH_PREFIX "_hash_"	/* index over _row_hash */

extern void ParseModelOptions(Jsonb *json, Model *model);
extern List *LoadModels(void);	/* by name, without their inputs */
extern Model *FindModel(const char *name);	/* NULL if there is none */
extern Model *FindOwnModel(const char *name);	/* raises if missing or not ours */
extern void LockModel(const char *name);
extern char *ViewName(const Model *model);
extern char *TargetName(const Model *model);

#endif							/* MEDALLION_MODEL_H */
