/*
 * fdw.c
 *	  Foreign data wrapper medallion_files: files as tables.
 *
 *	  validator: options of a foreign table, of a column
 *	  planner:   sizes of the files -> rows and costs; columns that are used;
 *	             clauses that a file's name alone decides
 *	  executor:  files under the pattern now -> those that pass -> FileScan
 *
 * The planner's look at the files is for estimates.  Which files are read, and
 * whether the user may read them, the executor finds out for itself: a plan
 * may be old, and another role's.
 */
#include "base/compat.h"

#include "access/reloptions.h"
#include "access/table.h"
#include "base/options.h"
#include "bronze/fdw.h"
#include "bronze/fdw_convert.h"
#include "bronze/fdw_scan.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_foreign_table.h"
#include "commands/defrem.h"
#include "commands/explain.h"
#include "commands/vacuum.h"
#include "foreign/fdwapi.h"
#include "foreign/foreign.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/clauses.h"
#include "optimizer/cost.h"
#include "optimizer/optimizer.h"
#include "optimizer/pathnode.h"
#include "optimizer/plancat.h"
#include "optimizer/planmain.h"
#include "optimizer/restrictinfo.h"
#include "utils/rel.h"
#include "utils/sampling.h"

#ifdef HAVE_EXPLAIN_HEADERS
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

PG_FUNCTION_INFO_V1(medallion_files_handler);
PG_FUNCTION_INFO_V1(medallion_files_validator);

#define CELL_COST 0.1			/* of a used cell, in units of cpu_operator_cost */
#define PACKED_FACTOR 4			/* bytes of rows in one byte of a workbook */

/* What planning finds out and hands on. */
typedef struct PlannedScan
{
	ReadOptions options;
	int64		bytes;
	BlockNumber pages;
	Bitmapset  *used;			/* attribute numbers; 0: the whole row */
} PlannedScan;

/* A scan being executed or explained. */
typedef struct RunningScan
{
	ReadOptions options;
	FileScan   *scan;
	List	   *files;			/* FoundFile *: those that pass what is known at the start */
	int64		bytes;			/* of these */
	int			pruned;			/* files that do not pass */
	ExprState  *late_prune;		/* clauses with parameters, tested as a file's turn comes */
	ForeignScanState *node;
} RunningScan;

/* --- options --- */

/* The options of a foreign table. */
static void
TableOptions(Oid table, ReadOptions *options)
{
	ParseReadOptionList(GetForeignTable(table)->options, options);
}

static void
ValidateColumnOptions(List *defs)
{
	ListCell   *lc;

	foreach(lc, defs)
	{
		DefElem    *def = lfirst(lc);

		if (strcmp(def->defname, "column_name") != 0)
			RaiseUnknownName("column option", def->defname, list_make1("column_name"));
	}
}

/* Validates the options of a foreign table or a column; nothing else has any. */
Datum
medallion_files_validator(PG_FUNCTION_ARGS)
{
	List	   *defs = untransformRelOptions(PG_GETARG_DATUM(0));
	Oid			catalog = PG_GETARG_OID(1);
	ReadOptions options;

	if (catalog == AttributeRelationId)
		ValidateColumnOptions(defs);
	else if (catalog == ForeignTableRelationId)
	{
		ParseReadOptionList(defs, &options);
		if (options.path == NULL || options.path[0] == '\0')
			ereport(ERROR,
					(errcode(ERRCODE_FDW_DYNAMIC_PARAMETER_VALUE_NEEDED),
					 errmsg("option \"path\" is required for foreign tables of medallion_files")));
	}
	else if (defs != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_FDW_INVALID_OPTION_NAME),
				 errmsg("invalid option \"%s\"", ((DefElem *) linitial(defs))->defname),
				 errhint("Options are given to foreign tables and their columns.")));
	PG_RETURN_VOID();
}

/* --- planner --- */

static BlockNumber
PagesOf(int64 bytes)
{
	return (BlockNumber) Min(Max((bytes + BLCKSZ - 1) / BLCKSZ, 1), (int64) MaxBlockNumber);
}

/* Is the name that of a workbook, which is packed? */
static bool
IsPacked(const char *path)
{
	const char *dot = strrchr(path, '.');

	return dot != NULL && (pg_strncasecmp(dot, ".xls", 4) == 0 || pg_strcasecmp(dot, ".ods") == 0);
}

/* Rows of the table before any clause. */
static double
EstimateRows(RelOptInfo *rel, Oid table, const PlannedScan *planned, List *files)
{
	double		unpacked = 0;
	ListCell   *lc;

	/* the density that ANALYZE saw, at the size of today */
	if (rel->tuples >= 0 && rel->pages > 0)
		return clamp_row_est(rel->tuples / rel->pages * planned->pages);
	foreach(lc, files)
	{
		FoundFile  *file = lfirst(lc);

		unpacked += (double) file->size * (IsPacked(file->path) ? PACKED_FACTOR : 1);
	}
	/* of all columns, for a file's rows are no shorter where fewer are used */
	return clamp_row_est(unpacked / Max(get_relation_data_width(table, NULL), 1));
}

/* The columns that the query looks at. */
static Bitmapset *
UsedColumns(RelOptInfo *rel)
{
	Bitmapset  *offset = NULL;
	Bitmapset  *used = NULL;
	int			member = -1;
	ListCell   *lc;

	pull_varattnos((Node *) rel->reltarget->exprs, rel->relid, &offset);
	foreach(lc, rel->baserestrictinfo)
		pull_varattnos((Node *) lfirst_node(RestrictInfo, lc)->clause, rel->relid, &offset);
	while ((member = bms_next_member(offset, member)) >= 0)
	{
		int			attno = member + FirstLowInvalidHeapAttributeNumber;

		if (attno >= 0)
			used = bms_add_member(used, attno);
	}
	return used;
}

static void
FilesGetForeignRelSize(PlannerInfo *root, RelOptInfo *rel, Oid table)
{
	PlannedScan *planned = palloc0(sizeof(PlannedScan));
	List	   *files;

	TableOptions(table, &planned->options);
	files = FindScanFiles(&planned->options, GetUserId(), true);
	planned->bytes = TotalFileSize(files);
	planned->pages = PagesOf(planned->bytes);
	planned->used = UsedColumns(rel);
	rel->fdw_private = planned;
	rel->tuples = EstimateRows(rel, table, planned, files);
	set_baserel_size_estimates(root, rel);
}

/* The one path there is: all files, one after the other. */
static void
FilesGetForeignPaths(PlannerInfo *root, RelOptInfo *rel, Oid table)
{
	PlannedScan *planned = rel->fdw_private;
	Cost		startup = rel->baserestrictcost.startup;
	Cost		per_row;

	/* a row is read and split whatever is used of it */
	per_row = cpu_tuple_cost * 10 + rel->baserestrictcost.per_tuple +
		cpu_operator_cost * CELL_COST * bms_num_members(planned->used);
	add_path(rel, (Path *) create_plain_foreignscan_path(root, rel, startup,
														 startup + seq_page_cost * planned->pages +
														 per_row * rel->tuples));
}

/* Do the file's own columns decide the clause, and may it be tested early? */
static bool
DecidesFile(RestrictInfo *rinfo, RelOptInfo *rel, const Bitmapset *constant)
{
	Bitmapset  *used = NULL;
	int			member = -1;

	/* a clause of the user's must not see names that a security barrier hides */
	if (rinfo->pseudoconstant || !restriction_is_securely_promotable(rinfo, rel))
		return false;
	if (contain_volatile_functions((Node *) rinfo->clause) ||
		contain_subplans((Node *) rinfo->clause))
		return false;
	pull_varattnos((Node *) rinfo->clause, rel->relid, &used);
	while ((member = bms_next_member(used, member)) >= 0)
	{
		if (!bms_is_member(member + FirstLowInvalidHeapAttributeNumber, constant))
			return false;
	}
	return used != NULL;
}

/* The clauses by which whole files can be passed over. */
static List *
PruningClauses(RelOptInfo *rel, Oid table, List *scan_clauses)
{
	Relation	relation = table_open(table, NoLock);
	Bitmapset  *constant = ConstantColumns(RelationGetDescr(relation));
	List	   *clauses = NIL;
	ListCell   *lc;

	foreach(lc, scan_clauses)
	{
		RestrictInfo *rinfo = lfirst_node(RestrictInfo, lc);

		if (DecidesFile(rinfo, rel, constant))
			clauses = lappend(clauses, rinfo->clause);
	}
	table_close(relation, NoLock);
	return clauses;
}

/* Every clause stays in the plan's qual; those that prune are there twice. */
static ForeignScan *
FilesGetForeignPlan(PlannerInfo *root, RelOptInfo *rel, Oid table, ForeignPath *path, List *tlist,
					List *scan_clauses, Plan *outer_plan)
{
	PlannedScan *planned = rel->fdw_private;
	List	   *used = NIL;
	int			member = -1;

	while ((member = bms_next_member(planned->used, member)) >= 0)
		used = lappend_int(used, member);
	return make_foreignscan(tlist, extract_actual_clauses(scan_clauses, false), rel->relid,
							PruningClauses(rel, table, scan_clauses), list_make1(used), NIL, NIL,
							outer_plan);
}

/*
 * Readers share nothing between processes, so a worker can scan as well as
 * the leader, as far as its values can be made there.  Several workers that
 * each scan the whole table look for the files each for itself: one that comes
 * or goes between their starts is seen by some of them, as in file_fdw.
 */
static bool
FilesIsForeignScanParallelSafe(PlannerInfo *root, RelOptInfo *rel, RangeTblEntry *rte)
{
	Relation	relation = table_open(rte->relid, NoLock);
	TupleDesc	desc = RelationGetDescr(relation);
	ReadOptions options;
	bool		safe = true;

	TableOptions(rte->relid, &options);
	for (int i = 0; i < desc->natts; i++)
		safe &= TupleDescAttr(desc, i)->attisdropped ||
			ConverterIsParallelSafe(TupleDescAttr(desc, i)->atttypid, &options);
	table_close(relation, NoLock);
	return safe;
}

/* --- executor --- */

/* Do the clauses hold for a file?  Other columns than the file's own are NULL
 * in the slot, and the clauses do not look at them. */
static bool
FilePasses(RunningScan *running, ExprState *clauses, const FoundFile *file)
{
	TupleTableSlot *slot = running->node->ss.ss_ScanTupleSlot;
	ExprContext *econtext = running->node->ss.ps.ps_ExprContext;
	MemoryContext old;
	bool		passes;

	if (clauses == NULL)
		return true;
	ResetExprContext(econtext);
	old = MemoryContextSwitchTo(econtext->ecxt_per_tuple_memory);
	ExecClearTuple(slot);
	FileScanConstants(running->scan, file, slot->tts_values, slot->tts_isnull);
	ExecStoreVirtualTuple(slot);
	econtext->ecxt_scantuple = slot;
	passes = ExecQual(clauses, econtext);
	ExecClearTuple(slot);
	MemoryContextSwitchTo(old);
	return passes;
}

static bool
PassesLate(void *arg, const FoundFile *file)
{
	RunningScan *running = arg;

	return FilePasses(running, running->late_prune, file);
}

static bool
HasParam(Node *node, void *context)
{
	if (node == NULL)
		return false;
	return IsA(node, Param) || expression_tree_walker(node, HasParam, context);
}

/* Finds the files and passes over those that clauses without parameters exclude. */
static void
PruneFiles(RunningScan *running, List *clauses)
{
	PlanState  *parent = (PlanState *) running->node;
	List	   *early = NIL;
	List	   *late = NIL;
	ExprState  *early_prune;
	ListCell   *lc;

	foreach(lc, clauses)
	{
		if (HasParam(lfirst(lc), NULL))
			late = lappend(late, lfirst(lc));
		else
			early = lappend(early, lfirst(lc));
	}
	early_prune = ExecInitQual(early, parent);
	running->late_prune = ExecInitQual(late, parent);
	foreach(lc, FindScanFiles(&running->options, GetUserId(), false))
	{
		if (FilePasses(running, early_prune, lfirst(lc)))
			running->files = lappend(running->files, lfirst(lc));
		else
			running->pruned++;
	}
	running->bytes = TotalFileSize(running->files);
}

static void
FilesBeginForeignScan(ForeignScanState *node, int eflags)
{
	ForeignScan *plan = (ForeignScan *) node->ss.ps.plan;
	Relation	relation = node->ss.ss_currentRelation;
	RunningScan *running = palloc0(sizeof(RunningScan));
	Bitmapset  *used = NULL;
	ListCell   *lc;

	foreach(lc, (List *) linitial(plan->fdw_private))
		used = bms_add_member(used, lfirst_int(lc));
	node->fdw_state = running;
	running->node = node;
	TableOptions(RelationGetRelid(relation), &running->options);
	running->scan = FileScanBegin(RelationGetDescr(relation), RelationGetRelid(relation),
								  &running->options, used, GetUserId());
	PruneFiles(running, plan->fdw_exprs);
	FileScanSetFiles(running->scan, running->files, running->late_prune ? PassesLate : NULL,
					 running);
}

static TupleTableSlot *
FilesIterateForeignScan(ForeignScanState *node)
{
	RunningScan *running = node->fdw_state;
	TupleTableSlot *slot = node->ss.ss_ScanTupleSlot;

	ExecClearTuple(slot);
	if (FileScanNext(running->scan, slot->tts_values, slot->tts_isnull))
		ExecStoreVirtualTuple(slot);
	return slot;
}

static void
FilesReScanForeignScan(ForeignScanState *node)
{
	FileScanRewind(((RunningScan *) node->fdw_state)->scan);
}

static void
FilesEndForeignScan(ForeignScanState *node)
{
	RunningScan *running = node->fdw_state;

	if (running != NULL)
		FileScanEnd(running->scan);
}

static void
FilesExplainForeignScan(ForeignScanState *node, ExplainState *es)
{
	RunningScan *running = node->fdw_state;

	ExplainPropertyText("Path", running->options.path, es);
	ExplainPropertyInteger("Files", NULL, list_length(running->files), es);
	ExplainPropertyInteger("Files Pruned", NULL, running->pruned, es);
	if (es->costs)
		ExplainPropertyInteger("Bytes", NULL, running->bytes, es);
	if (es->analyze)
		ExplainPropertyInteger("Files Read", NULL, FileScanFilesRead(running->scan), es);
}

/* --- ANALYZE --- */

/*
 * Reads all rows and keeps a random sample of them, by Vitter's method.  The
 * server has made the table's owner the current user by now.
 */
static int
SampleRows(Relation relation, int elevel, HeapTuple *rows, int wanted, double *total_rows,
		   double *dead_rows)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Datum	   *values = palloc(sizeof(Datum) * Max(desc->natts, 1));
	bool	   *nulls = palloc(sizeof(bool) * Max(desc->natts, 1));
	ReservoirStateData reservoir;
	ReadOptions options;
	FileScan   *scan;
	double		seen = 0;
	double		skip = -1;
	int			kept = 0;

	TableOptions(RelationGetRelid(relation), &options);
	scan = FileScanBegin(desc, RelationGetRelid(relation), &options, bms_make_singleton(0),
						 GetUserId());
	FileScanSetFiles(scan, FindScanFiles(&options, GetUserId(), false), NULL, NULL);
	reservoir_init_selection_state(&reservoir, wanted);
	for (; FileScanNext(scan, values, nulls); seen++)
	{
		int			at;

		if (kept < wanted)
		{
			rows[kept++] = heap_form_tuple(desc, values, nulls);
			continue;
		}
		if (skip < 0)
			skip = reservoir_get_next_S(&reservoir, seen, wanted);
		if (skip-- > 0)
			continue;
		at = (int) (wanted * sampler_random_fract(&reservoir.randstate));
		heap_freetuple(rows[at]);
		rows[at] = heap_form_tuple(desc, values, nulls);
	}
	FileScanEnd(scan);
	*total_rows = seen;
	*dead_rows = 0;
	ereport(elevel,
			(errmsg("\"%s\": files contain %.0f rows; %d rows in sample",
					RelationGetRelationName(relation), seen, kept)));
	return kept;
}

static bool
FilesAnalyzeForeignTable(Relation relation, AcquireSampleRowsFunc *sampler, BlockNumber *pages)
{
	ReadOptions options;

	TableOptions(RelationGetRelid(relation), &options);
	/* what becomes statistics is for the owner to see: looked for as the owner */
	*pages = PagesOf(TotalFileSize(FindScanFiles(&options, relation->rd_rel->relowner, false)));
	*sampler = SampleRows;
	return true;
}

/* --- the wrapper --- */

/* No function writes: the server refuses INSERT, UPDATE and DELETE. */
Datum
medallion_files_handler(PG_FUNCTION_ARGS)
{
	FdwRoutine *routine = makeNode(FdwRoutine);

	routine->GetForeignRelSize = FilesGetForeignRelSize;
	routine->GetForeignPaths = FilesGetForeignPaths;
	routine->GetForeignPlan = FilesGetForeignPlan;
	routine->IsForeignScanParallelSafe = FilesIsForeignScanParallelSafe;
	routine->BeginForeignScan = FilesBeginForeignScan;
	routine->IterateForeignScan = FilesIterateForeignScan;
	routine->ReScanForeignScan = FilesReScanForeignScan;
	routine->EndForeignScan = FilesEndForeignScan;
	routine->ExplainForeignScan = FilesExplainForeignScan;
	routine->AnalyzeForeignTable = FilesAnalyzeForeignTable;
	routine->ImportForeignSchema = ImportFiles;
	PG_RETURN_POINTER(routine);
}
