/*
 * statistics.c
 *	  When the planner's statistics of a silver table are made anew.
 */
#include "base/compat.h"

#include "silver/statistics.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "silver/table.h"
#include "utils/guc.h"

/*
 * The statistics target of flags: of a column that is true or false the share
 * of either is all there is to know, and 3000 rows tell it well enough.  None
 * at all would not do: the planner would take each flag for set in half of the
 * rows, and next to no row for free of all twenty.
 */
#define FLAG_TARGET "10"

/* The columns of the silver table that are no flags. */
static List *
OtherColumns(const SilverShape *shape)
{
	List	   *flags = FlagColumns(shape);
	List	   *others = NIL;
	ListCell   *lc;

	foreach(lc, RelationColumns(TableOid(medallion_silver_schema, shape->feature->name)))
	{
		if (!HasName(flags, lfirst(lc)))
			others = lappend(others, lfirst(lc));
	}
	return others;
}

/*
 * The first statistics of a table: its flags from a sample of their own, for
 * each row of the large one is read again for every column.  Naming columns
 * leaves out what somebody else's indexes and statistics objects would want,
 * and the server's count of changes, which counts this load in any case.
 */
static void
MakeStatistics(const Merge *merge)
{
	int			nest_level = NewGUCNestLevel();

	SqlExecFormat(NULL, "ANALYZE %s (%s)", merge->table, JoinColumnNames(OtherColumns(merge->shape), ""));
	PinSetting("default_statistics_target", FLAG_TARGET);
	SqlExecFormat(NULL, "ANALYZE %s (%s)", merge->table, JoinColumnNames(FlagColumns(merge->shape), ""));
	UnpinSettings(nest_level);
}

/* Did much change since the statistics were made?  A partitioned table's own changes are nobody's to count. */
static bool
ChangedMuch(const Merge *merge)
{
	const SilverOutcome *outcome = merge->outcome;
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(medallion_silver_schema, merge->shape->feature->name)));
	ParamBigint(&params, outcome->inserted + outcome->updated + outcome->expired);
	return SqlBigint("SELECT count(*) FROM pg_class WHERE oid = $1 AND relkind = 'r'"
					 " AND 10 * (pg_stat_get_mod_since_analyze(oid) + $2) < reltuples", &params, 0) == 0;
}

void
RenewStatistics(const Merge *merge)
{
	bool		has_expression_index = merge->shape->feature->options.dedup != NULL;

	if (merge->outcome->initial && FlagColumns(merge->shape) != NIL && !has_expression_index)
		MakeStatistics(merge);
	else if (merge->outcome->initial || merge->outcome->rebuilt || ChangedMuch(merge))
		SqlExecFormat(NULL, "ANALYZE %s", merge->table);
}
