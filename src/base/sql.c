/*
 * sql.c
 *	  The one door to SQL.
 *
 * Each call connects to SPI, runs one statement, copies what it returns into
 * the caller's memory context, and disconnects.  Nothing outlives the call,
 * so a subtransaction may end between any two of them.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "base/sql.h"

#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "catalog/pg_extension.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "commands/trigger.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "nodes/params.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/timestamp.h"

/* Adds one parameter of any type. */
void
ParamDatum(SqlParams *params, Oid type, Datum value)
{
	if (params->count >= SQL_MAX_PARAMS)
		elog(ERROR, "too many parameters for one statement");
	params->types[params->count] = type;
	params->values[params->count] = value;
	params->nulls[params->count] = ' ';
	params->count++;
}

/* Adds a NULL of the given type. */
void
ParamNull(SqlParams *params, Oid type)
{
	ParamDatum(params, type, (Datum) 0);
	params->nulls[params->count - 1] = 'n';
}

/* Adds a text parameter. */
void
ParamText(SqlParams *params, const char *value)
{
	if (value == NULL)
		ParamNull(params, TEXTOID);
	else
		ParamDatum(params, TEXTOID, CStringGetTextDatum(value));
}

/* Adds an integer parameter. */
void
ParamInt(SqlParams *params, int32 value)
{
	ParamDatum(params, INT4OID, Int32GetDatum(value));
}

/* Adds a bigint parameter. */
void
ParamBigint(SqlParams *params, int64 value)
{
	ParamDatum(params, INT8OID, Int64GetDatum(value));
}

/* Adds a boolean parameter. */
void
ParamBool(SqlParams *params, bool value)
{
	ParamDatum(params, BOOLOID, BoolGetDatum(value));
}

/* Adds a timestamptz parameter. */
void
ParamTime(SqlParams *params, TimestampTz value)
{
	ParamDatum(params, TIMESTAMPTZOID, TimestampTzGetDatum(value));
}

/* Adds a jsonb parameter. */
void
ParamJsonb(SqlParams *params, Jsonb *value)
{
	if (value == NULL)
		ParamNull(params, JSONBOID);
	else
		ParamDatum(params, JSONBOID, JsonbPGetDatum(value));
}

/* Runs one statement inside an SPI connection that the caller holds. */
static void
RunStatement(const char *sql, const SqlParams *params)
{
	int			result;

	if (params == NULL || params->count == 0)
		result = SPI_execute(sql, false, 0);
	else
		result = SPI_execute_with_args(sql, params->count, (Oid *) params->types,
									   (Datum *) params->values,
									   params->nulls, false, 0);
	if (result < 0)
		elog(ERROR, "statement failed with %s: %s",
			 SPI_result_code_string(result), sql);
}

/* Parameters as the executor wants them; the planner takes them for constants. */
static ParamListInfo
ParamList(const SqlParams *params)
{
	ParamListInfo list;

	if (params == NULL || params->count == 0)
		return NULL;
	list = makeParamList(params->count);
	for (int i = 0; i < params->count; i++)
	{
		list->params[i].value = params->values[i];
		list->params[i].isnull = params->nulls[i] == 'n';
		list->params[i].pflags = PARAM_FLAG_CONST;
		list->params[i].ptype = params->types[i];
	}
	return list;
}

static void
StartNothing(DestReceiver *self, int operation, TupleDesc desc)
{
}

static void
EndNothing(DestReceiver *self)
{
}

DestReceiver
RowReceiver(bool (*take) (TupleTableSlot *slot, DestReceiver *self),
			void (*start) (DestReceiver *self, int operation, TupleDesc desc))
{
	DestReceiver receiver = {
		.receiveSlot = take,
		.rStartup = start != NULL ? start : StartNothing,
		.rShutdown = EndNothing,
		.rDestroy = EndNothing,
		.mydest = DestNone,
	};

	return receiver;
}

/* Runs a query whose rows go to a receiver. */
void
SqlStream(const char *sql, const SqlParams *params, DestReceiver *receiver)
{
	SPIExecuteOptions options = {.params = ParamList(params),.read_only = false,.dest = receiver};

	SPI_connect();
	if (SPI_execute_extended(sql, &options) < 0)
		elog(ERROR, "query failed: %s", sql);
	SPI_finish();
}

/* Runs a statement; returns the rows it touched. */
uint64
SqlExec(const char *sql, const SqlParams *params)
{
	uint64		processed;

	SPI_connect();
	RunStatement(sql, params);
	processed = SPI_processed;
	SPI_finish();
	return processed;
}

/* The rows that the planner takes a query to have. */
double
SqlEstimate(const char *sql)
{
	SPIPlanPtr	plan;
	CachedPlan *cached;
	double		rows;

	SPI_connect();
	plan = SPI_prepare(sql, 0, NULL);
	if (plan == NULL)
		elog(ERROR, "query cannot be planned: %s", sql);
	cached = SPI_plan_get_cached_plan(plan);
	if (cached == NULL)
		elog(ERROR, "query is not one statement: %s", sql);
	rows = linitial_node(PlannedStmt, cached->stmt_list)->planTree->plan_rows;
	ReleaseCachedPlan(cached, NULL);
	SPI_finish();
	return rows;
}

/* SqlExec() for a trigger, whose transition tables the statement sees. */
uint64
SqlExecInTrigger(const char *sql, const SqlParams *params, TriggerData *trigger)
{
	uint64		processed;

	SPI_connect();
	SPI_register_trigger_data(trigger);
	RunStatement(sql, params);
	processed = SPI_processed;
	SPI_finish();
	return processed;
}

/* SqlExec() of a statement put together as by psprintf(). */
uint64
SqlExecFormat(const SqlParams *params, const char *format,...)
{
	StringInfoData sql;
	uint64		processed;

	initStringInfo(&sql);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, format);
		needed = appendStringInfoVA(&sql, format, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&sql, needed);
	}
	processed = SqlExec(sql.data, params);
	pfree(sql.data);
	return processed;
}

/* Runs a statement and copies its rows into the current memory context. */
SqlRows *
SqlFetch(const char *sql, const SqlParams *params)
{
	MemoryContext caller = CurrentMemoryContext;
	SqlRows    *rows;

	SPI_connect();
	RunStatement(sql, params);

	MemoryContextSwitchTo(caller);
	rows = palloc0(sizeof(SqlRows));
	if (SPI_tuptable != NULL)
	{
		rows->count = SPI_processed;
		rows->desc = CreateTupleDescCopy(SPI_tuptable->tupdesc);
		rows->tuples = palloc(sizeof(HeapTuple) * Max(rows->count, 1));
		for (uint64 i = 0; i < rows->count; i++)
			rows->tuples[i] = heap_copytuple(SPI_tuptable->vals[i]);
	}
	SPI_finish();
	return rows;
}

/* The first column of the first row. */
Datum
SqlScalar(const char *sql, const SqlParams *params, bool *isnull)
{
	SqlRows    *rows = SqlFetch(sql, params);

	*isnull = true;
	if (rows->count == 0)
		return (Datum) 0;
	return RowDatum(rows, 0, 1, isnull);
}

/* The first column of the first row as a bigint. */
int64
SqlBigint(const char *sql, const SqlParams *params, int64 if_null)
{
	SqlRows    *rows = SqlFetch(sql, params);

	if (rows->count == 0 || RowIsNull(rows, 0, 1))
		return if_null;
	return RowBigint(rows, 0, 1);
}

/* One field of a fetched row. */
Datum
RowDatum(const SqlRows *rows, uint64 row, int column, bool *isnull)
{
	Assert(row < rows->count);
	return heap_getattr(rows->tuples[row], column, rows->desc, isnull);
}

/* Is this field NULL? */
bool
RowIsNull(const SqlRows *rows, uint64 row, int column)
{
	bool		isnull;

	RowDatum(rows, row, column, &isnull);
	return isnull;
}

/* A field as text, whatever its type; NULL if NULL. */
char *
RowText(const SqlRows *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = RowDatum(rows, row, column, &isnull);
	Oid			output;
	bool		varlena;

	if (isnull)
		return NULL;
	getTypeOutputInfo(TupleDescAttr(rows->desc, column - 1)->atttypid,
					  &output, &varlena);
	return OidOutputFunctionCall(output, value);
}

/* An integer field of any width; 0 if NULL. */
int64
RowBigint(const SqlRows *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = RowDatum(rows, row, column, &isnull);

	if (isnull)
		return 0;
	switch (TupleDescAttr(rows->desc, column - 1)->atttypid)
	{
		case INT8OID:
			return DatumGetInt64(value);
		case INT4OID:
			return DatumGetInt32(value);
		default:
			return (int64) DatumGetObjectId(value);
	}
}

/* An integer field. */
int32
RowInt(const SqlRows *rows, uint64 row, int column)
{
	return (int32) RowBigint(rows, row, column);
}

/* A boolean field; false if NULL. */
bool
RowBool(const SqlRows *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = RowDatum(rows, row, column, &isnull);

	return !isnull && DatumGetBool(value);
}

/* text[] to a List of char *. */
List *
TextArrayToList(Datum array)
{
	List	   *strings = NIL;
	Datum	   *elements;
	bool	   *nulls;
	int			count;

	deconstruct_array(DatumGetArrayTypeP(array), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &count);
	for (int i = 0; i < count; i++)
	{
		if (!nulls[i])
			strings = lappend(strings, TextDatumGetCString(elements[i]));
	}
	return strings;
}

/* A List of char * to text[]. */
Datum
ListToTextArray(List *strings)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(list_length(strings), 1));
	ListCell   *lc;

	foreach(lc, strings)
		elements[foreach_current_index(lc)] = CStringGetTextDatum((char *) lfirst(lc));
	return PointerGetDatum(construct_array(elements, list_length(strings),
										   TEXTOID, -1, false, TYPALIGN_INT));
}

/* The role that owns the extension. */
static Oid
ExtensionOwner(void)
{
	Oid			extension = get_extension_oid("medallion", false);
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			owner;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "extension medallion vanished");
	owner = ((Form_pg_extension) GETSTRUCT(tuple))->extowner;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return owner;
}

/* Becomes another role; settings changed from here on are taken back by EndAs(). */
static void
BecomeRole(SavedIdentity *saved, Oid role, int nest_level)
{
	saved->nest_level = nest_level;
	GetUserIdAndSecContext(&saved->user, &saved->security_context);
	SetUserIdAndSecContext(role, saved->security_context | SECURITY_LOCAL_USERID_CHANGE | SECURITY_RESTRICTED_OPERATION);
}

/*
 * Becomes another role until EndAs().
 *
 * Restricted: what that role's functions leave for later (deferred triggers)
 * must not happen as the caller; nor must a setting of theirs, search_path
 * first of all, reach the statements of anybody else.
 */
void
AsRole(SavedIdentity *saved, Oid role)
{
	BecomeRole(saved, role, NewGUCNestLevel());
}

/*
 * Becomes the extension's owner, with settings pinned anew whatever a user's
 * function has made of them.  Only for constant statements on the extension's
 * own tables, with user input in parameters alone.
 */
void
AsExtension(SavedIdentity *saved)
{
	BecomeRole(saved, ExtensionOwner(), PinSettings());
}

/* Becomes again who one was. */
void
EndAs(const SavedIdentity *saved)
{
	SetUserIdAndSecContext(saved->user, saved->security_context);
	UnpinSettings(saved->nest_level);
}

/* SqlExec() as the extension's owner. */
uint64
CatalogExec(const char *sql, const SqlParams *params)
{
	SavedIdentity saved;
	uint64		processed;

	AsExtension(&saved);
	processed = SqlExec(sql, params);
	EndAs(&saved);
	return processed;
}

/* SqlFetch() as the extension's owner. */
SqlRows *
CatalogFetch(const char *sql, const SqlParams *params)
{
	SavedIdentity saved;
	SqlRows    *rows;

	AsExtension(&saved);
	rows = SqlFetch(sql, params);
	EndAs(&saved);
	return rows;
}

/* SqlBigint() as the extension's owner. */
int64
CatalogBigint(const char *sql, const SqlParams *params, int64 if_null)
{
	SavedIdentity saved;
	int64		value;

	AsExtension(&saved);
	value = SqlBigint(sql, params, if_null);
	EndAs(&saved);
	return value;
}

/* Lets a role use a function of ours. */
void
GrantExecute(const char *function, Oid role)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(role));
	ParamText(&params, function);
	rows = SqlFetch("SELECT has_function_privilege($1, $2, 'EXECUTE'), $1::regrole", &params);
	if (!RowBool(rows, 0, 1))
		CatalogExec(psprintf("GRANT EXECUTE ON FUNCTION %s TO %s", function, RowText(rows, 0, 2)), NULL);
}
