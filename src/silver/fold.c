/*
 * fold.c
 *	  Events of keys -> what silver should say of them -> silver.
 *
 *	  keys in order ──> version in force + staged events ──┐
 *	  keys not so   ──> every event of theirs, from bronze ┴─> states at their
 *	      instants -> stretches of equal value -> silver, where it differs
 *
 * A key is in order when all that is new of it is later than all that silver has
 * taken in: then the version in force stands for all of its past, and the fold
 * costs what the batch costs.  Both kinds pass the same statement.
 */
#include "base/compat.h"

#include "silver/fold.h"

#include "fmgr.h"
#include "lib/stringinfo.h"
#include "silver/key_filter.h"
#include "silver/table.h"

PG_FUNCTION_INFO_V1(medallion_later_value);

/* The later of two values: the step of an aggregate that passes NULLs over. */
Datum
medallion_later_value(PG_FUNCTION_ARGS)
{
	PG_RETURN_DATUM(PG_GETARG_DATUM(1));
}

/* All events of the keys that are not in order, from the pieces of bronze that may have any. */
static void
CollectPastEvents(Merge *merge)
{
	SilverShape shape = *merge->shape;
	char	   *keys = FillTemplate("(SELECT _business_key_hash FROM {refold} WHERE NOT _in_order)", &merge->words);

	if (MergeCount(merge, "SELECT count(*) FROM {refold} WHERE NOT _in_order") == 0)
	{
		MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {events} AS SELECT * FROM {stage} WHERE false");
		return;
	}
	if (!merge->initial)
		shape.bronze = RowsOfKeys(&shape, &merge->all_files, keys);
	SqlExecFormat(&merge->all_files, "%s %s", FillTemplate("CREATE UNLOGGED TABLE {events} AS", &merge->words),
				  TypedSelect(&shape, &merge->all_files, keys));
}

/* For keys in order: what is staged, and the version in force as the event
 * that it still is. */
static void
CollectNewEvents(Merge *merge)
{
	MergeExec(merge, NULL, "INSERT INTO {events} SELECT s.* FROM {stage} s JOIN {refold} r"
			  " ON r._business_key_hash = s._business_key_hash WHERE r._in_order AND {in_order}");
	if (merge->initial)
		return;
	MergeExec(merge, NULL, "INSERT INTO {events} ({data}, _business_key_hash, _value_hash, _event_at, _is_delete, _scope,"
			  " _rank, _file_id, _sheet, _row)"
			  " SELECT {d.data}, d._business_key_hash, d._value_hash, d.{valid_from}, false, {scope}, 0,"
			  " d._file_id, d._sheet, d._row FROM {table} d JOIN {refold} r"
			  " ON r._business_key_hash = d._business_key_hash WHERE r._in_order AND d.{is_current}");
}

/*
 * The instants at which files say all there is: snapshots.  Where the source
 * gives times, a row of such a file is an event at its own time, and said
 * again at that of the snapshot, which is the latest in the file.
 */
static void
CollectSnapshots(Merge *merge)
{
	bool		past = MergeCount(merge, "SELECT count(*) FROM {refold} WHERE NOT _in_order") > 0;
	char	   *source = past ? psprintf("(%s)", TypedSelect(merge->shape, &merge->all_files, NULL)) : merge->stage;

	SqlExecFormat(past ? &merge->all_files : NULL,
				  "%s SELECT e._file_id, e._scope, max(e._event_at) AS _at FROM %s e"
				  " WHERE e._scope IS NOT NULL AND e._business_key_hash IS NOT NULL GROUP BY e._file_id, e._scope",
				  FillTemplate("CREATE UNLOGGED TABLE {snapshots} AS", &merge->words), source);
	MergeExec(merge, NULL, "ANALYZE {snapshots}");
	if (past && FeatureIsSequenced(merge->shape->feature))
		MergeExec(merge, NULL, "INSERT INTO {events} ({said_again}, _event_at) SELECT {e.said_again}, p._at FROM {events} e"
				  " JOIN {refold} r ON r._business_key_hash = e._business_key_hash"
				  " JOIN {snapshots} p ON p._file_id = e._file_id AND p._scope = e._scope"
				  " WHERE NOT r._in_order AND NOT e._is_delete AND e._event_at < p._at");
}

/* Gives collected events what they leave out, and an index. */
void
CompleteEvents(Merge *merge)
{
	if (merge->shape->feature->options.ignore_null_updates)
	{
		SqlExecFormat(NULL, "%s %s", FillTemplate("CREATE UNLOGGED TABLE {filled} AS", &merge->words),
					  FilledSelect(merge->shape, FillTemplate("{events}", &merge->words)));
		MergeExec(merge, NULL, "DROP TABLE {events}");
		SetWord(&merge->words, "events", FillTemplate("{filled}", &merge->words));
	}
	MergeExec(merge, NULL, "CREATE INDEX ON {events} (_business_key_hash, _event_at)");
	MergeExec(merge, NULL, "ANALYZE {events}");
}

/* Every event that the keys' versions come from. */
static void
CollectEvents(Merge *merge)
{
	CollectPastEvents(merge);
	CollectNewEvents(merge);
	if (merge->shape->feature->options.deletes == DELETES_SNAPSHOT)
		CollectSnapshots(merge);
	CompleteEvents(merge);
}

/*
 * Where an event ends without another of the key beginning, the latest one that
 * still holds takes over again, or none.
 */
static const char ends_sql[] =
",\nends AS (\n"
" SELECT DISTINCT e._business_key_hash, e._holds_until AS _event_at FROM {events} e\n"
" WHERE e._holds_until IS NOT NULL AND NOT EXISTS (SELECT FROM begins b"
" WHERE b._business_key_hash = e._business_key_hash AND b._event_at = e._holds_until)),\n"
"others AS (\n"
" SELECT n._business_key_hash, n._event_at, CASE WHEN NOT w._is_delete THEN w._value_hash END AS value,"
" w._event_at AS _data_at, w._file_id, w._sheet, w._row,"
" w._file_id AS _last_file_id, w._sheet AS _last_sheet, w._row AS _last_row, false AS conflict\n"
" FROM ends n LEFT JOIN LATERAL (SELECT e.* FROM {events} e"
" WHERE e._business_key_hash = n._business_key_hash AND e._event_at < n._event_at"
" AND (e._holds_until IS NULL OR e._holds_until > n._event_at)"
" ORDER BY e._event_at DESC, {ties} LIMIT 1) w ON true)";

/* A snapshot deletes the keys of its scope that it does not say. */
static const char closings_sql[] =
",\nfollowed AS (\n"
" SELECT b._business_key_hash, b._event_at, b._scope, b.value, r._in_order,"
" lead(b._event_at) OVER (PARTITION BY b._business_key_hash ORDER BY b._event_at) AS next_at\n"
" FROM begins b JOIN {refold} r ON r._business_key_hash = b._business_key_hash),\n"
"others AS (\n"
" SELECT f._business_key_hash, c._at AS _event_at, NULL::uuid AS value, c._at AS _data_at,"
" NULL::bigint AS _file_id, NULL::text AS _sheet, NULL::bigint AS _row,"
" NULL::bigint AS _last_file_id, NULL::text AS _last_sheet, NULL::bigint AS _last_row, false AS conflict\n"
" FROM followed f CROSS JOIN LATERAL (SELECT min(p._at) AS _at FROM {snapshots} p WHERE p._scope = f._scope"
" AND p._at > f._event_at AND (NOT f._in_order OR {p.is_new})) c\n"
" WHERE f.value IS NOT NULL AND c._at IS NOT NULL AND (f.next_at IS NULL OR f.next_at > c._at))";

/* Neither: only events change a key. */
static const char no_others_sql[] = ",\nothers AS (SELECT * FROM begins WHERE false)";

/* Untracked columns follow the last event of a stretch.  All of the row is
 * taken from there: what is tracked is equal throughout. */
static const char stretches_sql[] =
"numbered AS (\n"
" SELECT *, count(*) FILTER (WHERE changed) OVER (PARTITION BY _business_key_hash ORDER BY _event_at) AS stretch"
" FROM compared),\n"
"stretches AS (\n"
" SELECT n.*, last_value(n._data_at) OVER whole AS _latest_at, last_value(n._last_file_id) OVER whole AS _latest_file_id,"
" last_value(n._last_sheet) OVER whole AS _latest_sheet, last_value(n._last_row) OVER whole AS _latest_row\n"
" FROM numbered n WINDOW whole AS (PARTITION BY n._business_key_hash, n.stretch ORDER BY n._event_at"
" ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING)),\n";

#define STATE_COLUMNS \
	"_business_key_hash, _event_at, value, _data_at, _file_id, _sheet, _row, _last_file_id, _last_sheet, _last_row, conflict"

/*
 * The fold: the last event of each instant gives the key's state there; equal
 * neighbouring states are one version, opened by the first row that says so.
 */
static const char fold_sql[] =
"CREATE UNLOGGED TABLE {versions} AS\n"
"WITH ordered AS (\n"
" SELECT e._business_key_hash, e._event_at, e._scope, CASE WHEN NOT e._is_delete THEN e._value_hash END AS value,"
" e._event_at AS _data_at, {opener},"
" e._file_id AS _last_file_id, e._sheet AS _last_sheet, e._row AS _last_row,\n"
"  row_number() OVER (PARTITION BY e._business_key_hash, e._event_at ORDER BY {ties}) AS place,\n"
"  bool_or(e.dq_conflict_flag) OVER tie OR (count(*) OVER tie > 1 AND"
" coalesce(min(CASE WHEN NOT e._is_delete THEN e._value_hash::text END) OVER tie <>"
" max(CASE WHEN NOT e._is_delete THEN e._value_hash::text END) OVER tie, false)) AS conflict\n"
" FROM {events} e WINDOW tie AS (PARTITION BY e._business_key_hash, e._event_at{sequence}){opener_window}),\n"
"begins AS (SELECT * FROM ordered WHERE place = 1){others},\n"
"states AS (\n"
" SELECT " STATE_COLUMNS " FROM begins UNION ALL SELECT " STATE_COLUMNS " FROM others),\n"
"compared AS (\n"
" SELECT *, value IS DISTINCT FROM lag(value) OVER (PARTITION BY _business_key_hash ORDER BY _event_at) AS changed"
" FROM states),\n"
"{stretches}"
"changes AS (\n"
" SELECT *, lead(_event_at) OVER (PARTITION BY _business_key_hash ORDER BY _event_at) AS valid_to"
" FROM {compared} WHERE changed)\n"
"SELECT c._business_key_hash, c.value AS _value_hash, c._event_at, c.valid_to, c._file_id, c._sheet, c._row, c.conflict,"
" {data_address}, {number} AS version\n"
"FROM changes c JOIN {refold} r ON r._business_key_hash = c._business_key_hash WHERE c.value IS NOT NULL{kept}";

/* Which of the rows of a version gives its data. */
#define OPENER_IS_DATA \
	"c._data_at, c._file_id AS _data_file_id, c._sheet AS _data_sheet, c._row AS _data_row"
#define LATEST_IS_DATA \
	"c._latest_at AS _data_at, c._latest_file_id AS _data_file_id, c._latest_sheet AS _data_sheet, c._latest_row AS _data_row"

/* The order of events at one time, the last one first; the address decides when all else is equal. */
void
SetTieWords(TemplateWords *words, const FeatureOptions *options, const char *address)
{
	StringInfoData ties;
	StringInfoData sequence;

	initStringInfo(&ties);
	initStringInfo(&sequence);
	for (int i = 2; i <= list_length(options->sequence_by); i++)
	{
		appendStringInfo(&ties, "e._sequence_%d DESC NULLS LAST, ", i);
		appendStringInfo(&sequence, ", e._sequence_%d", i);
	}
	appendStringInfo(&ties, "e._is_delete DESC, %s", address);
	SetWord(words, "ties", ties.data);
	SetWord(words, "sequence", sequence.data);
}

/* The words of the fold that follow from the feature's options. */
static void
SetFoldWords(Merge *merge)
{
	const Feature *feature = merge->shape->feature;
	bool		tracks_all = feature->options.no_track == NIL;
	bool		scd1 = feature->options.history == HISTORY_SCD1;
	TemplateWords *words = &merge->words;
	const char *others = no_others_sql;

	if (feature->options.deletes == DELETES_SNAPSHOT)
		others = closings_sql;
	else if (!FeatureIsSequenced(feature))
		others = ends_sql;
	SetWord(words, "others", FillTemplate(others, words));
	SetWord(words, "opener", FeatureIsSequenced(feature) ?
			"first_value(e._file_id) OVER opener AS _file_id, first_value(e._sheet) OVER opener AS _sheet,"
			" first_value(e._row) OVER opener AS _row" : "e._file_id, e._sheet, e._row");
	SetWord(words, "opener_window", FeatureIsSequenced(feature) ?
			", opener AS (PARTITION BY e._business_key_hash, e._event_at, e._value_hash, e._is_delete"
			" ORDER BY e._rank, e._file_id, e._sheet COLLATE \"C\", e._row)" : "");
	SetWord(words, "stretches", tracks_all ? "" : stretches_sql);
	SetWord(words, "compared", tracks_all ? "compared" : "stretches");
	SetWord(words, "data_address", tracks_all ? OPENER_IS_DATA : LATEST_IS_DATA);
	SetWord(words, "number", scd1 ? "1" : "(row_number() OVER (PARTITION BY c._business_key_hash ORDER BY c._event_at)"
			" + r._base_version)::int");
	SetWord(words, "kept", scd1 ? " AND c.valid_to IS NULL" : "");
}

/* What the keys fold to. */
void
FoldEvents(Merge *merge)
{
	SetFoldWords(merge);
	MergeExec(merge, NULL, fold_sql);
	MergeExec(merge, NULL, "CREATE UNIQUE INDEX ON {versions} (_business_key_hash, version)");
	MergeExec(merge, NULL, "ANALYZE {versions}");
}

/* What makes two rows the same version of a key. */
#define SAME_VERSION \
	"v._business_key_hash = n._business_key_hash AND v.{version} = n.version" \
	" AND v._value_hash = n._value_hash AND v.{valid_from} = n._event_at" \
	" AND v._file_id = n._file_id AND v._sheet = n._sheet AND v._row = n._row"

/* Brings the versions that silver has of the keys to what they fold to. */
static void
ApplyToKnown(Merge *merge)
{
	MergeExec(merge, NULL, "DELETE FROM {table} v USING {refold} r WHERE v._business_key_hash = r._business_key_hash"
			  " AND v.{version} > r._base_version AND NOT EXISTS (SELECT FROM {versions} n WHERE " SAME_VERSION ")");
	merge->outcome->expired +=
		MergeExec(merge, NULL, "UPDATE {table} v SET {valid_to} = coalesce(n.valid_to, {forever}),"
				  " {is_current} = n.valid_to IS NULL, _closed_run_id = CASE WHEN n.valid_to IS NOT NULL THEN {run} END,"
				  " dq_conflict_flag = n.conflict FROM {versions} n WHERE " SAME_VERSION
				  " AND (v.{valid_to} IS DISTINCT FROM coalesce(n.valid_to, {forever})"
				  " OR v.{is_current} <> (n.valid_to IS NULL) OR v.dq_conflict_flag <> n.conflict)");
	if (merge->shape->feature->options.no_track != NIL)
		MergeExec(merge, NULL, "UPDATE {table} v SET ({row_data}) = ROW({e.row_data}) FROM {versions} n JOIN {events} e"
				  " ON " DATA_EVENT " WHERE " SAME_VERSION " AND record_image_ne(ROW({v.row_data}), ROW({e.row_data}))");
}

/* Brings silver to what the keys fold to; rows that are right stay untouched.  A first
 * load has no rows of these keys, nor an index yet that would tell. */
static void
ApplyVersions(Merge *merge)
{
	List	   *columns = DataColumnList(merge->shape);	/* the last is dq_conflict_flag */
	uint64		inserted;
	int64		keys;

	SetColumnWords(&merge->words, "all_but_conflict", list_truncate(columns, list_length(columns) - 1));
	SetWord(&merge->words, "unknown", merge->initial ? "" :
			FillTemplate(" WHERE NOT EXISTS (SELECT FROM {table} v WHERE " SAME_VERSION ")", &merge->words));
	if (!merge->initial)
		ApplyToKnown(merge);
	inserted =
		MergeExec(merge, NULL, "INSERT INTO {table} ({all_but_conflict}, dq_conflict_flag, {history}, _file_id, _sheet, _row)"
				  " SELECT {e.all_but_conflict}, n.conflict, n._business_key_hash, n._value_hash, n._event_at, coalesce(n.valid_to, {forever}),"
				  " n.valid_to IS NULL, n.version, {run}, CASE WHEN n.valid_to IS NOT NULL THEN {run} END,"
				  " n._file_id, n._sheet, n._row FROM {versions} n JOIN {events} e ON " DATA_EVENT "{unknown}");
	merge->outcome->conflicts += MergeCount(merge, "SELECT count(*) FROM {versions} WHERE conflict");
	keys = MergeCount(merge, merge->initial ? "SELECT count(*) FROM {versions} WHERE version = 1" :
					  "SELECT count(*) FROM {table} v JOIN {refold} r ON v._business_key_hash = r._business_key_hash"
					  " WHERE v._opened_run_id = {run} AND v.{version} = 1");
	merge->outcome->inserted += keys;
	merge->outcome->updated += inserted - keys;
}

/* Folds the keys of {refold} and brings silver to what they fold to. */
void
FoldKeys(Merge *merge)
{
	CollectEvents(merge);
	FoldEvents(merge);
	ApplyVersions(merge);
	MergeExec(merge, NULL, "DROP TABLE {events}, {versions}");
	if (merge->shape->feature->options.deletes == DELETES_SNAPSHOT)
		MergeExec(merge, NULL, "DROP TABLE {snapshots}");
}
