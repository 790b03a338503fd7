/*
 * merge_tables.c
 *	  medallion.scd2_merge(): a table's rows -> the history in another.
 *
 *	  source rows ──> events of keys that bring news ─┬─> one, in order ──> close, open
 *	  target's versions of these keys, as events ─────┴─> fold (fold.c) -> target
 *
 * Where all rows are of one time, one look at the hashes of each tells what is news
 * (news.c).  Otherwise joins find the keys first, and then what the source says
 * of them.
 *
 * The target is all that is known of the past: an event that changed nothing is
 * not in it, so a late one cannot split a version there.  In all else the rules
 * are those of features.
 *
 * A target with columns _business_key_hash and _value_hash (uuid) gets them
 * filled; without them the hashes of its rows are computed.  An index on the first,
 * or on the keys, makes a merge cost what it changes (lookup.c).
 */
#include "base/compat.h"

#include "access/htup_details.h"
#include "base/blocks.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "silver/fold.h"
#include "silver/lookup.h"
#include "silver/merge_target.h"
#include "silver/news.h"
#include "silver/table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(medallion_scd2_merge);

#define PLACES_PER_ROWS 4		/* versions are found by their places if these are of less than one row in so many */
#define MAX_PLACES (1 << 20)	/* as long as they fit in memory */

/* The source's rows as events; those said again at the time of a snapshot too. */
static char *
SourceEvents(const Merge *merge, bool said_again)
{
	const char *events = "SELECT {d.data}, false AS dq_conflict_flag, {new_key} AS _business_key_hash, {new_value} AS _value_hash,"
		" %s AS _event_at, NULL::{type} AS _holds_until{further}, {is_delete} AS _is_delete, {scope} AS _scope,"
		" NULL::timestamptz AS _event_until, 1 AS _rank, 0::bigint AS _file_id, ''::text AS _sheet FROM {source} d%s";
	char	   *sql = psprintf(events, "{time}", "");

	if (said_again)
		sql = psprintf("%s UNION ALL %s", sql, psprintf(events, "p._at", " JOIN {snapshots} p ON p._scope = {scope}"
														" AND {time} < p._at WHERE NOT {is_delete}"));
	return FillTemplate(sql, &merge->words);
}

/* The snapshots that the source is: a time for each scope. */
static void
CollectTableSnapshots(Merge *merge)
{
	TemplateWords *words = &merge->words;
	const FeatureOptions *options = &merge->shape->feature->options;
	bool		snapshot = options->deletes == DELETES_SNAPSHOT;

	/* one row tells where all say the same */
	SetWord(words, "first", options->sequence_by == NIL && options->delete_scope == NIL && options->delete_condition == NULL ?
			" LIMIT 1" : "");
	if (snapshot)
	{
		MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {snapshots} AS SELECT _scope, max(_at) AS _at"
				  " FROM (SELECT {scope} AS _scope, {time} AS _at FROM {source} d{first}) s WHERE _scope IS NOT NULL GROUP BY _scope");
		MergeExec(merge, NULL, "ANALYZE {snapshots}");
	}
	SetWord(words, "said", SourceEvents(merge, snapshot && options->sequence_by != NIL));
}

/* The target's rows, those of few keys where it is about these, as versions: where, key, value, begin, end, whether in force. */
#define PAST \
	"(SELECT true AS _was, d.ctid AS _was_at, {key} AS _was_key, {value} AS _was_value, {scope} AS _was_scope, d.{valid_from} AS _began," \
	" d.{valid_to} AS _ended, {current} AS _in_force, d.* FROM {table} d WHERE {of_keys})"

/* Is what event s says what version v does at that time?  Where all events have
 * one time, only versions of that time are looked at. */
#define SAYS_NOTHING_NEW \
	"v._was_key = s._business_key_hash AND v._was_value = s._value_hash{at_that_time} AND NOT s._is_delete{same_row}"
#define PAST_AT_TIME \
	"(SELECT v.* FROM " PAST " v{at_one_time})"

/*
 * The keys of which the source says something that the target does not; and where
 * it is a snapshot, those whose version in force it does not say: one join tells
 * both.  What it tells AskForNews() has to tell as well.
 */
static void
CollectNewsKeys(const Merge *merge, bool few)
{
	const FeatureOptions *options = &merge->shape->feature->options;
	int			nest_level = PinSettings();
	const char *keys = "SELECT s._business_key_hash AS key FROM ({said}) s WHERE NOT EXISTS (SELECT FROM " PAST_AT_TIME " v WHERE " SAYS_NOTHING_NEW ")";

	if (options->ignore_null_updates)
		keys = "SELECT s._business_key_hash AS key FROM ({said}) s";
	else if (options->deletes == DELETES_SNAPSHOT)
		keys = "SELECT coalesce(s._business_key_hash, v._was_key) AS key FROM ({said}) s FULL JOIN " PAST_AT_TIME " v ON " SAYS_NOTHING_NEW
			" LEFT JOIN {snapshots} p ON p._scope = v._was_scope WHERE (s._rank IS NULL OR v._was IS NULL)"
			" AND (v._was IS NULL OR p._at IS NOT NULL{until_then})";
	if (few)					/* looked up, they are taken for ten: a loop over them for each row of the source */
		PinSetting("enable_nestloop", "off");
	MergeExec(merge, NULL, psprintf("CREATE UNLOGGED TABLE {refold} AS SELECT DISTINCT k.key AS _business_key_hash,"
									" false AS _in_order, 0 AS _base_version FROM (%s) k", keys));
	UnpinSettings(nest_level);
	if (options->ignore_null_updates && options->deletes == DELETES_SNAPSHOT)
		MergeExec(merge, NULL, "INSERT INTO {refold} SELECT DISTINCT v._was_key, false, 0 FROM " PAST " v JOIN {snapshots} p ON p._scope = v._was_scope"
				  " WHERE v._began < p._at AND (v._in_force OR v._ended > p._at)"
				  " AND NOT EXISTS (SELECT FROM {refold} r WHERE r._business_key_hash = v._was_key)");
}

/* Raises for events without a key or a time, all of which are among the news. */
static void
RequireKeysAndTimes(const Merge *merge)
{
	int64		missing;

	if (MergeCount(merge, "SELECT count(*) FROM {refold} WHERE _business_key_hash IS NULL") == 0 &&
		MergeCount(merge, "SELECT count(*) FROM {stage} WHERE _event_at IS NULL") == 0)
		return;
	missing = MergeCount(merge, "SELECT count(*) FROM ({said}) s WHERE _business_key_hash IS NULL OR _event_at IS NULL");
	ereport(ERROR,
			(errcode(ERRCODE_NOT_NULL_VIOLATION),
			 errmsg("NULL in the business key%s of " INT64_FORMAT " rows",
					merge->shape->feature->options.sequence_by != NIL ? " or sequence_by" : "", missing)));
}

/* What the source says of these keys. */
static void
CollectStage(const Merge *merge)
{
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {stage} AS SELECT s.*, row_number() OVER () AS _row FROM ({said}) s"
			  " WHERE s._business_key_hash IN (SELECT r._business_key_hash FROM {refold} r)");
}

static Oid
MergeTableOid(const TableMerge *tables, const char *name)
{
	return TableOid(get_namespace_name(get_rel_namespace(tables->target)), psprintf("_merge_%s_%u", name, tables->target));
}

/*
 * Has the source's keys looked up in the target, if they are few, and others of no
 * concern.  Its rows are read once then: a key that came between two looks at them
 * would have its row, and no past.
 */
static bool
LookUpSource(TableMerge *tables)
{
	Merge	   *merge = &tables->merge;

	if (tables->options.feature.deletes == DELETES_SNAPSHOT || !IsFewKeys(tables, RowsOf(tables, "{source}")))
		return false;
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {taken} AS {said}");
	MergeExec(merge, NULL, "ANALYZE {taken} (_business_key_hash)");
	SetWord(&merge->words, "said", FillTemplate("SELECT * FROM {taken}", &merge->words));
	tables->copied = true;
	return LookUpKeys(tables, MergeCount(merge, "SELECT count(*) FROM {taken}"), "{taken}");
}

/* The versions, as FindNews() asks for them, of the rows' keys at least; those may be missed of whose scope there is a snapshot. */
static char *
VersionsForNews(const TableMerge *tables)
{
	const FeatureOptions *options = &tables->options.feature;
	const char *closable = "false";

	if (options->deletes == DELETES_SNAPSHOT)
		closable = options->delete_scope == NIL && options->delete_condition == NULL ?
			"(SELECT count(*) > 0 FROM {snapshots})" :
			"EXISTS (SELECT FROM {snapshots} p WHERE p._scope = v._was_scope)";
	return FillTemplate(psprintf("SELECT v._was_key, v._was_value, (v._began <= {time} AND (v._in_force OR v._ended > {time})) IS TRUE, %s,"
								 " (v._began >= {time} OR (NOT v._in_force AND v._ended >= {time})) IS TRUE, %s, v._was_at FROM " PAST " v",
								 closable, IsNumbered(tables) ? "coalesce(v.{version}, 0)::int" : "0"),
						&tables->merge.words);
}

/* Are the rows of one time, and is what they say all in the hashes? */
static bool
HashesTell(const TableMerge *tables)
{
	const FeatureOptions *options = &tables->options.feature;

	return options->sequence_by == NIL && options->no_track == NIL && !options->ignore_null_updates;
}

/* Asks for the news with one look at each row; what the answer has no use for is gone. */
static NewsAnswer
AskForNews(const TableMerge *tables)
{
	const Merge *merge = &tables->merge;
	NewsQuestion question;
	NewsAnswer	answer;

	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {stage} AS SELECT s.*, 0::bigint AS _row, 0 AS _number FROM ({said}) s WHERE false");
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {refold} (_business_key_hash uuid, _in_order boolean, _base_version int)");
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {delta} (_business_key_hash uuid, _place tid)");
	question.versions = VersionsForNews(tables);
	question.numbered = IsNumbered(tables);
	question.rows = FillTemplate("{said}", &merge->words);
	question.stage = MergeTableOid(tables, "stage");
	question.fold = MergeTableOid(tables, "refold");
	question.closed = MergeTableOid(tables, "delta");
	answer = FindNews(&question);
	if (answer == NEWS_KEYS_ONLY || answer == NEWS_UNKNOWN)
		MergeExec(merge, NULL, "DROP TABLE {stage}, {delta}");
	if (answer == NEWS_UNKNOWN)
		MergeExec(merge, NULL, "DROP TABLE {refold}");
	return answer;
}

/* Adds the keys that have several rows, or deletes, to those that are to be folded. */
static void
CompleteFoldKeys(const Merge *merge, bool stage_lacks)
{
	MergeExec(merge, NULL, "INSERT INTO {refold} SELECT s._business_key_hash, false, 0 FROM {stage} s"
			  " WHERE NOT EXISTS (SELECT FROM {refold} r WHERE r._business_key_hash = s._business_key_hash)"
			  " GROUP BY s._business_key_hash HAVING count(*) > 1 OR bool_or(s._is_delete)");
	if (MergeCount(merge, "SELECT count(*) FROM {refold}") == 0)
		return;
	if (stage_lacks)
	{
		MergeExec(merge, NULL, "DELETE FROM {stage} s USING {refold} r WHERE r._business_key_hash = s._business_key_hash");
		MergeExec(merge, NULL, "INSERT INTO {stage} SELECT s.*, row_number() OVER (), 0 FROM ({said}) s"
				  " WHERE s._business_key_hash IN (SELECT r._business_key_hash FROM {refold} r)");
	}
	MergeExec(merge, NULL, "DELETE FROM {delta} n USING {refold} r WHERE r._business_key_hash = n._business_key_hash");
}

/* Which versions end: their places tell, unless they lie in several tables, or this one is best read whole. */
static const char *
EndedVersions(const TableMerge *tables, int64 keys)
{
	bool		by_place = HasBlocks(tables->target) && keys <= MAX_PLACES &&
		(double) keys * PLACES_PER_ROWS < RowsOf(tables, "{table}");

	return by_place ? "d.ctid = ANY (ARRAY(SELECT n._place FROM {delta} n))" :
		"{key} IN (SELECT n._business_key_hash FROM {delta} n)";
}

/* Ends versions in force, as staged rows follow them or nothing does; scd1 keeps none that ended. */
static void
EndVersions(const TableMerge *tables, SilverOutcome *outcome)
{
	const Merge *merge = &tables->merge;
	bool		scd1 = tables->options.feature.history == HISTORY_SCD1;
	int64		keys = MergeCount(merge, "SELECT count(*) FROM {delta}");
	uint64		ended;

	if (keys == 0)
		return;
	ended = MergeExec(merge, NULL, psprintf("%s WHERE %s AND {current}",
											scd1 ? "DELETE FROM {table} d" : "UPDATE {table} d SET {valid_to} = {time}{unset_flag}",
											EndedVersions(tables, keys)));
	if (scd1)
		outcome->updated = ended;
	else
		outcome->expired = ended;
}

/* Takes in the news of keys that need no fold, all of which is staged, with its number. */
static void
CloseAndOpen(const TableMerge *tables, SilverOutcome *outcome)
{
	const Merge *merge = &tables->merge;

	EndVersions(tables, outcome);
	outcome->inserted = MergeExec(merge, NULL, MergeCount(merge, "SELECT count(*) FROM {refold}") == 0 ?
								  "INSERT INTO {table} ({data}, {written}) SELECT {s.data}, {staged_values} FROM {stage} s" :
								  "INSERT INTO {table} ({data}, {written}) SELECT {s.data}, {staged_values} FROM {stage} s"
								  " WHERE NOT EXISTS (SELECT FROM {refold} r WHERE r._business_key_hash = s._business_key_hash)");
	MergeExec(merge, NULL, "DROP TABLE {delta}");
}

/* Has the keys that remain looked up: by their hashes, or as their rows have them. */
static void
LookUpFolded(TableMerge *tables)
{
	LookUpKeys(tables, MergeCount(&tables->merge, "SELECT count(*) FROM {refold}"),
			   tables->has_hashes ? "{refold}" :
			   "(SELECT e.* FROM {stage} e JOIN {refold} r ON r._business_key_hash = e._business_key_hash)");
}

/* What the target says of the keys that remain. */
static void
CollectPast(TableMerge *tables)
{
	const Merge *merge = &tables->merge;

	LookUpFolded(tables);
	MergeExec(merge, NULL, "CREATE UNIQUE INDEX ON {refold} (_business_key_hash)");
	MergeExec(merge, NULL, "ANALYZE {refold}");
	MergeExec(merge, NULL, "ANALYZE {stage} (_business_key_hash, _event_at)");
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {past} AS SELECT v.* FROM " PAST " v WHERE v._was_key IN (SELECT r._business_key_hash FROM {refold} r)");
	MergeExec(merge, NULL, "ANALYZE {past} (_was_key, _was_value, _began, _in_force)");
}

/*
 * Keys that need no fold: one event, or none where a snapshot closes them, later
 * than all that the target says of them.  What it says is taken to be in order.
 */
static const char short_way_sql[] =
"CREATE UNLOGGED TABLE {delta} AS\n"
"SELECT r._business_key_hash, coalesce(e._event_at, p._at) AS _event_at, e._value_hash, coalesce(w.versions, 0)::int + 1 AS version,"
" c._was_key IS NOT NULL AS _closes\n"
"FROM {refold} r\n"
"LEFT JOIN (SELECT s._business_key_hash, count(*) AS events FROM {stage} s GROUP BY 1) a ON a._business_key_hash = r._business_key_hash\n"
"LEFT JOIN {stage} e ON e._business_key_hash = r._business_key_hash AND a.events = 1\n"
"LEFT JOIN (SELECT p._was_key, count(*) AS versions, count(*) FILTER (WHERE p._in_force) AS open, {last_number} AS last,"
" max(p._began) AS began, max(CASE WHEN NOT p._in_force THEN p._ended END) AS ended FROM {past} p GROUP BY 1) w ON w._was_key = r._business_key_hash\n"
"LEFT JOIN {past} c ON c._was_key = r._business_key_hash AND c._in_force\n"
"LEFT JOIN {closings} p ON p._scope = c._was_scope AND a.events IS NULL\n"
"WHERE NOT coalesce(e._is_delete, false) AND c._was_value IS DISTINCT FROM e._value_hash"
" AND (w._was_key IS NULL OR (w.open <= 1 AND w.last = w.versions AND coalesce(e._event_at, p._at) > w.began"
" AND (w.ended IS NULL OR coalesce(e._event_at, p._at) > w.ended))) AND coalesce(e._event_at, p._at) IS NOT NULL";

/* Closes and opens versions of keys that need no fold; the others stay in {refold}. */
static void
GoShortWay(const TableMerge *tables, SilverOutcome *outcome)
{
	const FeatureOptions *options = &tables->options.feature;
	bool		snapshot = options->deletes == DELETES_SNAPSHOT;
	Merge		merge = tables->merge;

	if (options->ignore_null_updates || (snapshot && options->sequence_by != NIL) || options->history == HISTORY_SCD1)
		return;
	SetWord(&merge.words, "closings", snapshot ? FillTemplate("{snapshots}", &merge.words) :
			FillTemplate("(SELECT NULL::uuid AS _scope, NULL::{type} AS _at WHERE false)", &merge.words));
	SetWord(&merge.words, "last_number", IsNumbered(tables) ?
			FillTemplate("max(p.{version})", &merge.words) : "count(*)");
	MergeExec(&merge, NULL, short_way_sql);
	MergeExec(&merge, NULL, "ANALYZE {delta}");
	if (MergeCount(&merge, "SELECT count(*) FROM {delta} WHERE _closes") > 0)
		outcome->expired = MergeExec(&merge, NULL, "UPDATE {table} d SET {valid_to} = n._event_at{unset_flag} FROM {delta} n"
									 " WHERE {key} = n._business_key_hash AND n._closes AND {current} AND {of_keys}");
	outcome->inserted = MergeExec(&merge, NULL, "INSERT INTO {table} ({data}, {written}) SELECT {s.data}, {values} FROM {stage} s"
								  " JOIN (SELECT x.*, NULL::{type} AS valid_to FROM {delta} x) n ON n._business_key_hash = s._business_key_hash");
	MergeExec(&merge, NULL, "DELETE FROM {refold} r USING {delta} n WHERE n._business_key_hash = r._business_key_hash");
	MergeExec(&merge, NULL, "DROP TABLE {delta}");
}

/* The events of the keys that are left: each version of the target is one, and each
 * end that no version follows a delete. */
static void
CollectTableEvents(Merge *merge)
{
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {events} AS SELECT s.* FROM {stage} s"
			  " WHERE s._business_key_hash IN (SELECT r._business_key_hash FROM {refold} r)");
	MergeExec(merge, NULL, "DELETE FROM {past} v WHERE v._was_key NOT IN (SELECT r._business_key_hash FROM {refold} r)");
	MergeExec(merge, NULL, "INSERT INTO {events} ({data}, dq_conflict_flag, _business_key_hash, _value_hash, _event_at, _is_delete, _scope,"
			  " _rank, _file_id, _sheet, _row) SELECT {v.data}, false, v._was_key, v._was_value, v._began, false, v._was_scope, 0, 1, '', row_number() OVER ()"
			  " FROM {past} v");
	MergeExec(merge, NULL, "INSERT INTO {events} (dq_conflict_flag, _business_key_hash, _value_hash, _event_at, _is_delete, _scope,"
			  " _rank, _file_id, _sheet, _row) SELECT false, v._was_key, v._was_value, v._ended, true, v._was_scope, 0, 2, '', row_number() OVER ()"
			  " FROM {past} v WHERE NOT v._in_force AND NOT EXISTS"
			  " (SELECT FROM {past} w WHERE w._was_key = v._was_key AND w._began = v._ended)");
	CompleteEvents(merge);
}

/* What makes a row of the target one of {versions}, and a row of {past} one. */
#define SAME_ROW \
	"{key} = n._business_key_hash AND d.{valid_from} = n._event_at AND {value} = n._value_hash"
#define SAME_PAST \
	"p._was_key = n._business_key_hash AND p._began = n._event_at AND p._was_value = n._value_hash"

/* Brings the target to what the keys fold to.  Numbers that move pass through
 * their negatives, so that a unique index does not stop them half way. */
static void
ApplyToTarget(const TableMerge *tables, SilverOutcome *outcome)
{
	Merge		merge = tables->merge;
	bool		number = IsNumbered(tables);

	if (MergeCount(&merge, "SELECT count(*) FROM {past} p WHERE NOT EXISTS (SELECT FROM {versions} n WHERE " SAME_PAST ")") > 0)
		outcome->updated += MergeExec(&merge, NULL, "DELETE FROM {table} d USING {refold} r WHERE {key} = r._business_key_hash AND {of_keys}"
									 " AND NOT EXISTS (SELECT FROM {versions} n WHERE " SAME_ROW ")");
	outcome->expired +=
		MergeCount(&merge, "SELECT count(*) FROM {past} p JOIN {versions} n ON " SAME_PAST " WHERE p._in_force AND n.valid_to IS NOT NULL");
	MergeExec(&merge, NULL, "UPDATE {table} d SET {valid_to} = coalesce(n.valid_to, {forever}){set_flag}{set_number} FROM {versions} n WHERE " SAME_ROW
			  " AND {of_keys} AND (d.{valid_to} IS DISTINCT FROM coalesce(n.valid_to, {forever}) OR {current} <> (n.valid_to IS NULL){wrong_number})");
	if (tables->options.feature.no_track != NIL)
		MergeExec(&merge, NULL, "UPDATE {table} d SET ({data}) = ROW({e.data}) FROM {versions} n JOIN {events} e ON " DATA_EVENT
				  " WHERE " SAME_ROW " AND {of_keys} AND record_image_ne(ROW({d.data}), ROW({e.data}))");
	/* in the source's order, or the next merge would look for each of its rows somewhere else in memory;
	 * the fence keeps the planner from multiplying the selectivities of columns that go together */
	outcome->inserted +=
		MergeExec(&merge, NULL, "INSERT INTO {table} ({data}, {written}) SELECT {e.data}, {values} FROM (SELECT n.* FROM {versions} n"
				  " WHERE NOT EXISTS (SELECT FROM {past} p WHERE " SAME_PAST ") OFFSET 0) n JOIN {events} e ON " DATA_EVENT " ORDER BY e._row");
	if (number && MergeCount(&merge, "SELECT count(*) FROM {past} p JOIN {versions} n ON " SAME_PAST
							 " WHERE p.{version} IS DISTINCT FROM n.version") > 0)
		MergeExec(&merge, NULL, "UPDATE {table} d SET {version} = -d.{version} WHERE d.{version} < 0 AND {of_keys}");
	outcome->conflicts = MergeCount(&merge, "SELECT count(*) FROM {versions} WHERE conflict");
}

/*
 * What the source says that the target does not goes in where nothing has to be
 * folded for it; of the keys that remain in {refold}, {stage} and {past} are
 * what the two say.
 */
static void
TakeInNews(TableMerge *tables, SilverOutcome *outcome)
{
	Merge	   *merge = &tables->merge;
	bool		few = LookUpSource(tables);
	NewsAnswer	answer = HashesTell(tables) ? AskForNews(tables) : NEWS_UNKNOWN;

	if (answer == NEWS_STAGED || answer == NEWS_STAGE_LACKS)
	{
		CompleteFoldKeys(merge, answer == NEWS_STAGE_LACKS);
		RequireKeysAndTimes(merge);
		CloseAndOpen(tables, outcome);
		CollectPast(tables);
		return;
	}
	if (answer == NEWS_UNKNOWN)
		CollectNewsKeys(merge, few);
	CollectStage(merge);
	RequireKeysAndTimes(merge);
	CollectPast(tables);
	GoShortWay(tables, outcome);
}

/* By all that is known of the keys that are left. */
static void
FoldTables(TableMerge *tables, SilverOutcome *outcome)
{
	Merge	   *merge = &tables->merge;

	CollectTableEvents(merge);
	FoldEvents(merge);
	ApplyToTarget(tables, outcome);
	MergeExec(merge, NULL, "DROP TABLE {events}, {versions}");
}

/* Is the history to be what another tool would have made of it? */
static bool
WantsCompatibility(Jsonb *options)
{
	JsonbValue	value;

	return JB_ROOT_IS_OBJECT(options) &&
		getKeyJsonValueFromContainer(&options->root, "compat", strlen("compat"), &value) != NULL;
}

/* As dbt's snapshots do it (sql/44-dbt.sql). */
static void
MergeAsDbt(FunctionCallInfo fcinfo, SilverOutcome *outcome)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, REGCLASSOID, PG_GETARG_DATUM(0));
	ParamDatum(&params, REGCLASSOID, PG_GETARG_DATUM(1));
	ParamDatum(&params, TEXTARRAYOID, PG_GETARG_DATUM(2));
	ParamJsonb(&params, PG_GETARG_JSONB_P(3));
	rows = SqlFetch("SELECT inserted, expired FROM medallion.dbt_snapshot($1, $2, $3, $4)", &params);
	outcome->inserted = RowBigint(rows, 0, 1);
	outcome->expired = RowBigint(rows, 0, 2);
}

/* By the fold. */
static void
MergeTables(FunctionCallInfo fcinfo, SilverOutcome *outcome)
{
	TableMerge	tables = {0};

	PrepareTables(&tables, PG_GETARG_OID(0), PG_GETARG_OID(1), TextArrayToList(PG_GETARG_DATUM(2)), PG_GETARG_JSONB_P(3));

	/* two merges into one target take turns, or each would open its own version */
	MergeExec(&tables.merge, NULL, "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE");
	PrepareLookup(&tables);
	CollectTableSnapshots(&tables.merge);
	TakeInNews(&tables, outcome);
	if (MergeCount(&tables.merge, "SELECT count(*) FROM {refold}") > 0)
		FoldTables(&tables, outcome);
	MergeExec(&tables.merge, NULL, "DROP TABLE {stage}, {refold}, {past}");
	if (tables.copied)
		MergeExec(&tables.merge, NULL, "DROP TABLE {taken}");
	if (tables.options.feature.deletes == DELETES_SNAPSHOT)
		MergeExec(&tables.merge, NULL, "DROP TABLE {snapshots}");
}

/* medallion.scd2_merge(target, source, business_keys, options) */
Datum
medallion_scd2_merge(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	SilverOutcome outcome = {0};
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (WantsCompatibility(PG_GETARG_JSONB_P(3)))
		MergeAsDbt(fcinfo, &outcome);
	else
		MergeTables(fcinfo, &outcome);
	UnpinSettings(nest_level);
	values[0] = Int64GetDatum(outcome.inserted);
	values[1] = Int64GetDatum(outcome.expired);
	values[2] = Int64GetDatum(outcome.updated);
	values[3] = Int64GetDatum(outcome.conflicts);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
