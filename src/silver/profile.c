/*
 * profile.c
 *	  medallion.profile(): every column's metrics in one scan.
 *
 *	  SELECT -> receiver ---------------> table_profile.c, column_profile.c, once per cell
 *	  SELECT profile_state(...), which       |
 *	      parallel workers may share --------+-> a row per column -> the caller, and the history
 *
 * Definitions are those of Deequ; what has no value for lack of rows is NULL.
 */
#include "base/compat.h"

#include "silver/table_profile.h"

#include <math.h>

#include "access/relation.h"
#include "base/options.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "nodes/pg_list.h"
#include "parser/parser.h"
#include "optimizer/cost.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/numeric.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(medallion_profile);

#define MIN_CAPACITY 4096
#define RESULT_COLUMNS 22
#define MAX_SHARED_COLUMNS 96	/* a function has at most 100 arguments */
#define STATE_PER_VALUE 24		/* bytes that a worker's state may have at most, but for longer values */
#define STATE_PER_COLUMN (10 * 1024 * 1024)	/* and for these and all else */

/* What the caller may choose. */
typedef struct ProfileOptions
{
	List	   *columns;		/* char *; NIL: all */
	char	   *where;			/* SQL over rows d; NULL: all rows */
	int			top;			/* most frequent values shown */
	int			bins;			/* of histograms */
	int			capacity;		/* distinct values counted exactly */
	bool		store;			/* into the history */
} ProfileOptions;

/* What is to be profiled. */
typedef struct ProfileTarget
{
	Oid			oid;
	char	   *name;			/* as SQL */
	List	   *columns;		/* char *, as they are called */
	Oid		   *types;
	char		kind;			/* relkind */
	bool		is_temporary;
} ProfileTarget;

/* Where the rows go. */
typedef struct ProfileReceiver
{
	DestReceiver pub;
	const ProfileTarget *target;
	TableProfile *profile;
	MemoryContext context;		/* of one row, or of a state */
} ProfileReceiver;

#define FIRST_COLUMN 2			/* of a row: behind its table and its place */

/* Takes in one row. */
static bool
ReceiveRow(TupleTableSlot *slot, DestReceiver *self)
{
	ProfileReceiver *receiver = (ProfileReceiver *) self;
	TableProfile *profile = receiver->profile;
	MemoryContext before;
	NullableDatum table;
	NullableDatum place;

	slot_getallattrs(slot);
	table.value = slot->tts_values[0];
	table.isnull = slot->tts_isnull[0];
	place.value = slot->tts_values[1];
	place.isnull = slot->tts_isnull[1];
	before = MemoryContextSwitchTo(receiver->context);
	for (int i = 0; i < profile->count; i++)
		ColumnProfileSee(&profile->columns[i], slot->tts_values[FIRST_COLUMN + i], slot->tts_isnull[FIRST_COLUMN + i]);
	TableProfileAdd(profile, table, place);
	MemoryContextSwitchTo(before);
	MemoryContextReset(receiver->context);
	return true;
}

/* Takes in what profile_state() gave; NULL where there were no rows. */
static bool
ReceiveState(TupleTableSlot *slot, DestReceiver *self)
{
	ProfileReceiver *receiver = (ProfileReceiver *) self;
	MemoryContext before = MemoryContextSwitchTo(receiver->context);

	slot_getallattrs(slot);
	if (!slot->tts_isnull[0])
		receiver->profile = TableProfileRead(DatumGetByteaP(slot->tts_values[0]));
	MemoryContextSwitchTo(before);
	return true;
}

/* The types that come are those that are looked at. */
static void
StartReceiver(DestReceiver *self, int operation, TupleDesc desc)
{
	const ProfileTarget *target = ((ProfileReceiver *) self)->target;
	int			columns = list_length(target->columns);

	if (self->receiveSlot == ReceiveState)
	{
		if (desc->natts != 1 || TupleDescAttr(desc, 0)->atttypid != BYTEAOID)
			elog(ERROR, "not the state of a profile");
		return;
	}
	if (desc->natts != FIRST_COLUMN + columns)
		elog(ERROR, "not the columns of %s", target->name);
	for (int i = 0; i < columns; i++)
	{
		if (TupleDescAttr(desc, FIRST_COLUMN + i)->atttypid != target->types[i])
			elog(ERROR, "not the columns of %s", target->name);
	}
}

static int
PositiveInteger(const char *name, const JsonbValue *value)
{
	int			number = 0;

	if (value->type == jbvNumeric)
		number = DatumGetInt32(DirectFunctionCall1(numeric_int4, NumericGetDatum(value->val.numeric)));
	if (number < 1)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" must be a whole number, at least 1", name)));
	return number;
}

static void
SetProfileOption(ProfileOptions *options, char *name, JsonbValue *value)
{
	if (strcmp(name, "top") == 0)
		options->top = PositiveInteger(name, value);
	else if (strcmp(name, "bins") == 0)
		options->bins = PositiveInteger(name, value);
	else if (strcmp(name, "capacity") == 0)
		options->capacity = Max(PositiveInteger(name, value), MIN_CAPACITY);
	else if (strcmp(name, "store") == 0 && value->type == jbvBool)
		options->store = value->val.boolean;
	else if (strcmp(name, "where") == 0 && value->type == jbvString)
		options->where = pnstrdup(value->val.string.val, value->val.string.len);
	else if (strcmp(name, "columns") == 0 && value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
	{
		JsonbIterator *it = JsonbIteratorInit(value->val.binary.data);
		JsonbValue	item;
		JsonbIteratorToken token;

		while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
		{
			if (token == WJB_ELEM && item.type == jbvString)
				options->columns = lappend(options->columns, pnstrdup(item.val.string.val, item.val.string.len));
		}
	}
	else
		RaiseUnknownName("option of profile(), or value for it:", name,
						 list_make5("columns", "where", "top", "bins", "capacity"));
}

static ProfileOptions
ParseProfileOptions(Jsonb *json)
{
	ProfileOptions options = {.top = 10,.bins = 10,.capacity = 16384,.store = true};
	JsonbIterator *it;
	JsonbValue	item;
	JsonbIteratorToken token;
	char	   *name = NULL;

	if (!JB_ROOT_IS_OBJECT(json))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("options must be a json object")));
	it = JsonbIteratorInit(&json->root);
	while ((token = JsonbIteratorNext(&it, &item, true)) != WJB_DONE)
	{
		if (token == WJB_KEY)
			name = pnstrdup(item.val.string.val, item.val.string.len);
		else if (token == WJB_VALUE)
			SetProfileOption(&options, name, &item);
	}
	return options;
}

static bool
IsChosen(List *names, const char *name)
{
	return names == NIL || HasName(names, name);
}

/* Raises for a chosen name that is no column. */
static void
CheckChosen(TupleDesc desc, List *names)
{
	List	   *known = NIL;
	ListCell   *lc;

	for (int i = 0; i < desc->natts; i++)
	{
		if (!TupleDescAttr(desc, i)->attisdropped)
			known = lappend(known, NameStr(TupleDescAttr(desc, i)->attname));
	}
	foreach(lc, names)
	{
		if (known == NIL || !IsChosen(known, lfirst(lc)))
			RaiseUnknownName("column", lfirst(lc), known);
	}
}

/* Looks up the chosen columns; raises if there is no such relation. */
static ProfileTarget
FindTarget(Oid oid, const ProfileOptions *options)
{
	ProfileTarget target = {.oid = oid};
	Relation	relation;
	TupleDesc	desc;

	if (get_rel_name(oid) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_TABLE),
				 errmsg("there is no relation with oid %u", oid)));
	target.name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(oid)), get_rel_name(oid));
	relation = relation_open(oid, AccessShareLock);
	desc = RelationGetDescr(relation);
	CheckChosen(desc, options->columns);
	target.kind = relation->rd_rel->relkind;
	target.is_temporary = relation->rd_rel->relpersistence == RELPERSISTENCE_TEMP;
	target.types = palloc(Max(desc->natts, 1) * sizeof(Oid));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped || !IsChosen(options->columns, NameStr(attribute->attname)))
			continue;
		target.types[list_length(target.columns)] = attribute->atttypid;
		target.columns = lappend(target.columns, pstrdup(NameStr(attribute->attname)));
	}
	relation_close(relation, NoLock);
	return target;
}

/* Is there a table whose rows have places that the caller may see?  It takes the right to all of its columns. */
static bool
HasPlaces(const ProfileTarget *target)
{
	return (target->kind == RELKIND_RELATION || target->kind == RELKIND_PARTITIONED_TABLE || target->kind == RELKIND_MATVIEW) &&
		pg_class_aclcheck(target->oid, GetUserId(), ACL_SELECT) == ACLCHECK_OK;
}

/*
 * May workers share the scan, if the planner thinks it worth while?  Rows of
 * views have no places, and would be other samples each time.
 */
static bool
IsForWorkers(const ProfileTarget *target, const ProfileOptions *options)
{
	int			columns = list_length(target->columns);
	bool		isnull;

	if (max_parallel_workers_per_gather == 0 || target->is_temporary || !HasPlaces(target) ||
		columns == 0 || columns > MAX_SHARED_COLUMNS || columns * ((int64) options->capacity * STATE_PER_VALUE + STATE_PER_COLUMN) > MaxAllocSize)
		return false;
	for (int i = 0; i < list_length(target->columns); i++)
	{
		if (!IsParallelSafeType(target->types[i]))
			return false;
	}
	return DatumGetBool(SqlScalar("SELECT pg_catalog.has_schema_privilege('medallion', 'USAGE') AND EXISTS ("
								  "SELECT FROM pg_catalog.pg_proc WHERE pronamespace = 'medallion'::pg_catalog.regnamespace"
								  " AND proname = 'profile_state' AND pg_catalog.has_function_privilege(oid, 'EXECUTE'))",
								  NULL, &isnull));
}

/* Raises where the condition is more than one: what follows it in the query is ours to say. */
static void
CheckCondition(const char *where)
{
	List	   *parsed = raw_parser(psprintf("SELECT WHERE (%s\n)", where), RAW_PARSE_DEFAULT);
	SelectStmt *select = list_length(parsed) == 1 ? (SelectStmt *) linitial_node(RawStmt, parsed)->stmt : NULL;

	if (select == NULL || !IsA(select, SelectStmt) || select->op != SETOP_NONE || select->groupClause != NIL ||
		select->havingClause != NULL || select->windowClause != NIL || select->sortClause != NIL ||
		select->limitCount != NULL || select->limitOffset != NULL || select->lockingClause != NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"where\" must be one condition")));
}

/* The rows, or what the aggregate makes of them, as SQL. */
static char *
ProfileQuery(const ProfileTarget *target, const ProfileOptions *options, bool shared)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	if (shared)
		appendStringInfo(&sql, "medallion.profile_state(%d, ", options->capacity);
	appendStringInfoString(&sql, HasPlaces(target) ? "d.tableoid, d.ctid" : "NULL::oid, NULL::tid");
	foreach(lc, target->columns)
		appendStringInfo(&sql, ", d.%s", quote_identifier(lfirst(lc)));
	appendStringInfo(&sql, "%s FROM %s d", shared ? ")" : "", target->name);
	if (options->where != NULL)
	{
		CheckCondition(options->where);
		appendStringInfo(&sql, " WHERE (%s\n)", options->where);
	}
	return sql.data;
}

/* Profiles all rows. */
static TableProfile *
ProfileRows(const ProfileTarget *target, const ProfileOptions *options)
{
	ProfileReceiver receiver = {RowReceiver(ReceiveRow, StartReceiver), target};
	bool		shared = IsForWorkers(target, options);

	receiver.profile = TableProfileCreate(list_length(target->columns), target->types, options->capacity);
	receiver.context = CurrentMemoryContext;
	if (shared)
		receiver.pub.receiveSlot = ReceiveState;
	else
		receiver.context = AllocSetContextCreate(CurrentMemoryContext, "profile of a row", ALLOCSET_DEFAULT_SIZES);
	SqlStream(ProfileQuery(target, options, shared), NULL, &receiver.pub);
	return receiver.profile;
}

/* Appends a number as json: those that json does not have as strings. */
static void
AppendNumber(StringInfo out, double number)
{
	char	   *text = float8out_internal(number);

	appendStringInfo(out, isfinite(number) ? "%s" : "\"%s\"", text);
}

/* The value at or above which a share of the rows lies: an element, as percentile_disc() has it. */
static double
Quantile(const double *numbers, const int64 *counts, int count, int64 total, double share)
{
	int64		wanted = (int64) ceil(share * total);
	int64		passed = 0;

	for (int i = 0; i < count; i++)
	{
		passed += counts[i];
		if (passed >= wanted)
			return numbers[i];
	}
	return numbers[count - 1];
}

static char *
QuantilesJson(const double *numbers, const int64 *counts, int count)
{
	static const double shares[] = {0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99};
	StringInfoData out;
	int64		total = 0;

	for (int i = 0; i < count; i++)
		total += counts[i];
	initStringInfo(&out);
	for (int i = 0; i < lengthof(shares); i++)
	{
		appendStringInfo(&out, "%s\"%g\": ", i > 0 ? ", " : "{", shares[i]);
		AppendNumber(&out, Quantile(numbers, counts, count, total, shares[i]));
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

/* Equal bins between the least and the greatest number; counts are those of
 * rows, or shares of them where they are estimated. */
static char *
HistogramJson(const double *numbers, const int64 *counts, int count, int64 rows, int bins)
{
	double		low = numbers[0];
	double		high = numbers[count - 1];
	double	   *filled = palloc0(bins * sizeof(double));
	double		total = 0;
	StringInfoData out;

	if (!isfinite(low) || !isfinite(high))
		return NULL;
	if (low == high)
		bins = 1;
	for (int i = 0; i < count; i++)
	{
		int			bin = bins == 1 ? 0 : (int) floor((numbers[i] - low) / (high - low) * bins);

		filled[Min(bin, bins - 1)] += counts[i];
		total += counts[i];
	}
	initStringInfo(&out);
	for (int i = 0; i < bins; i++)
	{
		appendStringInfoString(&out, i > 0 ? ", {\"from\": " : "[{\"from\": ");
		AppendNumber(&out, low + (high - low) * i / bins);
		appendStringInfoString(&out, ", \"to\": ");
		AppendNumber(&out, i == bins - 1 ? high : low + (high - low) * (i + 1) / bins);
		appendStringInfo(&out, ", \"count\": %.0f}", filled[i] * rows / total);
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

/* The most frequent values, or patterns, with their shares of all rows. */
static char *
FrequentJson(ColumnProfile *profile, const Frequencies *all, int64 rows, int top)
{
	StringInfoData out;
	int			count;
	Frequency **list = FrequenciesTop(all, top, &count);

	initStringInfo(&out);
	appendStringInfoChar(&out, '[');
	for (int i = 0; i < count; i++)
	{
		char	   *shown = all == &profile->texts.patterns ? TextDatumGetCString(list[i]->value) :
			ColumnTypeText(&profile->type, list[i]->value);

		appendStringInfoString(&out, i > 0 ? ", {\"value\": " : "{\"value\": ");
		escape_json(&out, shown);
		appendStringInfo(&out, ", \"count\": " INT64_FORMAT ", \"share\": ", list[i]->count);
		AppendNumber(&out, (double) list[i]->count / rows);
		appendStringInfoChar(&out, '}');
	}
	appendStringInfoChar(&out, ']');
	return out.data;
}

/* How many texts speak for which type. */
static char *
TypesJson(const ColumnProfile *profile)
{
	StringInfoData out;

	initStringInfo(&out);
	appendStringInfo(&out, "{\"null\": " INT64_FORMAT, profile->nulls);
	for (int i = 0; i <= VT_TEXT; i++)
	{
		if (profile->texts.totals.types[i] > 0)
			appendStringInfo(&out, ", \"%s\": " INT64_FORMAT, ValueTypeName(i), profile->texts.totals.types[i]);
	}
	appendStringInfoChar(&out, '}');
	return out.data;
}

/* One row of the result under construction. */
typedef struct ResultRow
{
	Datum		values[RESULT_COLUMNS];
	bool		nulls[RESULT_COLUMNS];
} ResultRow;

static void
PutDatum(ResultRow *row, int column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
PutJson(ResultRow *row, int column, char *json)
{
	if (json != NULL)
		PutDatum(row, column, DirectFunctionCall1(jsonb_in, CStringGetDatum(json)));
}

/* What needs numbers. */
static void
PutNumbers(ResultRow *row, ColumnProfile *profile, int bins)
{
	int			count;
	int64	   *counts;
	double	   *numbers = ColumnProfileNumbers(profile, &counts, &count);

	PutDatum(row, 12, Float8GetDatum(MomentsMean(&profile->moments)));
	PutDatum(row, 13, Float8GetDatum(MomentsDeviation(&profile->moments)));
	PutJson(row, 14, QuantilesJson(numbers, counts, count));
	PutJson(row, 15, HistogramJson(numbers, counts, count, profile->rows, bins));
}

/* What needs texts. */
static void
PutTexts(ResultRow *row, ColumnProfile *profile, int64 rows, int top)
{
	PutDatum(row, 17, Int32GetDatum(profile->texts.totals.shortest));
	PutDatum(row, 18, Int32GetDatum(profile->texts.totals.longest));
	PutDatum(row, 19, Float8GetDatum((double) profile->texts.totals.characters / profile->texts.totals.texts));
	PutJson(row, 21, FrequentJson(profile, &profile->texts.patterns, rows, top));
}

/* What needs at least one value. */
static void
PutValues(ResultRow *row, ColumnProfile *profile, int64 rows, const ProfileOptions *options)
{
	FrequencyTotals totals = FrequenciesTotals(&profile->frequencies, profile->rows);

	PutDatum(row, 5, Int64GetDatum((int64) rint(totals.distinct)));
	PutDatum(row, 7, Float8GetDatum(Min(1, totals.distinct / profile->rows)));
	PutDatum(row, 8, Float8GetDatum(Min(1, totals.unique / profile->rows)));
	PutDatum(row, 9, Float8GetDatum(totals.entropy));
	if (profile->has_extremes)
	{
		PutDatum(row, 10, CStringGetTextDatum(ColumnTypeText(&profile->type, profile->minimum)));
		PutDatum(row, 11, CStringGetTextDatum(ColumnTypeText(&profile->type, profile->maximum)));
	}
	PutJson(row, 16, FrequentJson(profile, &profile->frequencies, rows, options->top));
	if (profile->type.kind == VALUE_NUMBER)
		PutNumbers(row, profile, options->bins);
	if (profile->type.kind == VALUE_TEXT)
		PutTexts(row, profile, rows, options->top);
}

/* The row of one column. */
static void
MakeRow(ResultRow *row, const char *name, ColumnProfile *profile, int64 rows, const ProfileOptions *options)
{
	memset(row->nulls, true, sizeof(row->nulls));
	ColumnProfileEnd(profile);
	PutDatum(row, 0, CStringGetTextDatum(name));
	PutDatum(row, 1, CStringGetTextDatum(format_type_be(profile->type.type)));
	PutDatum(row, 2, Int64GetDatum(rows));
	if (rows > 0)
		PutDatum(row, 3, Float8GetDatum((double) profile->rows / rows));
	PutDatum(row, 4, BoolGetDatum(ColumnProfileIsExact(profile)));
	PutDatum(row, 5, Int64GetDatum(0));
	PutDatum(row, 6, Int64GetDatum(profile->rows == 0 ? 0 : (int64) rint(estimateHyperLogLog(&profile->sketch))));
	if (profile->type.kind == VALUE_TEXT && rows > 0)
		PutJson(row, 20, TypesJson(profile));
	if (profile->rows > 0)
		PutValues(row, profile, rows, options);
}

/* Adds a column's row to the history. */
static void
StoreRow(const char *table, ResultRow *row, TupleDesc desc)
{
	SqlParams	params = {0};
	Datum		record = HeapTupleGetDatum(heap_form_tuple(desc, row->values, row->nulls));
	Datum		metrics = DirectFunctionCall1(jsonb_in, CStringGetDatum(
							  TextDatumGetCString(DirectFunctionCall1(row_to_json, record))));

	ParamText(&params, table);
	ParamDatum(&params, TEXTOID, row->values[0]);
	ParamJsonb(&params, DatumGetJsonbP(metrics));
	CatalogExec("INSERT INTO medallion.profiles (table_name, column_name, metrics) VALUES ($1, $2, jsonb_strip_nulls($3))",
				&params);
	CatalogExec("INSERT INTO medallion.measurements (table_name, metric, column_name, value)"
				" SELECT $1, 'profile.' || key, $2, value::float8 FROM jsonb_each($3)"
				" WHERE jsonb_typeof(value) = 'number'", &params);
}

/* medallion.profile(tbl, options) */
Datum
medallion_profile(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	ProfileOptions options = ParseProfileOptions(PG_GETARG_JSONB_P(1));
	ReturnSetInfo *result = (ReturnSetInfo *) fcinfo->resultinfo;
	ProfileTarget target;
	TableProfile *profile;

	InitMaterializedSRF(fcinfo, 0);
	target = FindTarget(PG_GETARG_OID(0), &options);
	profile = ProfileRows(&target, &options);
	for (int i = 0; i < profile->count; i++)
	{
		ResultRow	row;

		MakeRow(&row, list_nth(target.columns, i), &profile->columns[i], profile->rows, &options);
		tuplestore_putvalues(result->setResult, result->setDesc, row.values, row.nulls);
		if (options.store)
			StoreRow(target.name, &row, result->setDesc);
	}
	UnpinSettings(nest_level);
	return (Datum) 0;
}
