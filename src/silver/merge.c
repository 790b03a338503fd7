/*
 * merge.c
 *	  Typed events -> versions of silver.
 *
 * Each bronze row of a file version that counts is an event of its key.  Without
 * sequence_by it holds from when its file version was first seen until that
 * version was superseded ("version"), or for good ("restate", where superseded
 * versions do not count at all); with it, from the time that the row gives.  At
 * any instant the key's value is that of the latest event that holds, ties going
 * to a delete, then to the greater (path, version, sheet, row); where none holds,
 * the key is closed.  Silver is the list of stretches of equal value.
 *
 *	  stage ──> nothing new ────────────────> nothing
 *	       ├──> one new event, in order ────> compare, close, insert
 *	       └──> all other keys ─────────────> fold (fold.c)
 *
 * The middle way is a short cut of the last: an event later than all that
 * silver has taken in can only add a version behind the last.
 */
#include "base/compat.h"

#include "silver/merge.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "silver/fold.h"
#include "silver/table.h"
#include "utils/builtins.h"
#include "utils/guc.h"

/* Runs a statement with named places; returns the rows it touched. */
uint64
MergeExec(const Merge *merge, const SqlParams *params, const char *text)
{
	return SqlExec(FillTemplate(text, &merge->words), params);
}

/* The number that a query with named places gives. */
int64
MergeCount(const Merge *merge, const char *text)
{
	return SqlBigint(FillTemplate(text, &merge->words), NULL, 0);
}

/* A list of columns, plain and with the prefixes that statements use. */
void
SetColumnWords(TemplateWords *words, const char *name, List *columns)
{
	const char *prefixes[] = {"", "d.", "e.", "s.", "v."};

	for (int i = 0; i < lengthof(prefixes); i++)
		SetWord(words, psprintf("%s%s", prefixes[i], name), JoinColumnNames(columns, prefixes[i]));
}

/* What of an event is said again at the time of a snapshot. */
List *
SaidAgainColumns(const SilverShape *shape)
{
	List	   *columns = DataColumnList(shape);
	const char *const others[] = {"_business_key_hash", "_value_hash", "_is_delete", "_scope", "_rank", "_file_id", "_sheet", "_row"};

	for (int i = 0; i < lengthof(others); i++)
		columns = lappend(columns, pstrdup(others[i]));
	for (int i = 2; i <= list_length(shape->feature->options.sequence_by); i++)
		columns = lappend(columns, psprintf("_sequence_%d", i));
	return columns;
}

/*
 * Is an event later than all that silver has of its key?  Silver does not
 * remember events that changed nothing, so a known key's must be later than all
 * that was ever taken in.  An unknown key can have had no more than deletes.
 */
static void
SetOrderWords(Merge *merge)
{
	TemplateWords *words = &merge->words;
	char	   *type = EventType(merge->stage_name);
	char	   *is_new = "true";
	char	   *is_first = "true";

	if (merge->taken_until != NULL)
		is_new = psprintf("s._event_at > %s::%s", quote_literal_cstr(merge->taken_until), type);
	if (merge->deleted_until != NULL)
		is_first = psprintf("s._event_at > %s::%s", quote_literal_cstr(merge->deleted_until), type);
	SetWord(words, "s.is_new", is_new);
	SetWord(words, "p.is_new", strcmp(is_new, "true") == 0 ? is_new :
			psprintf("p._at > %s::%s", quote_literal_cstr(merge->taken_until), type));
	/* where closed keys leave no row, an unknown key may be one that a run has just closed */
	if (strcmp(is_new, "true") == 0 || !FeatureIsSequenced(merge->shape->feature) ||
		merge->shape->feature->options.history == HISTORY_SCD1)
		SetWord(words, "in_order", is_new);
	else
		SetWord(words, "in_order",
				FillTemplate(psprintf("(%s OR (%s AND NOT EXISTS (SELECT FROM {table} u"
									  " WHERE u._business_key_hash = s._business_key_hash)))", is_new, is_first), words));
	SetWord(words, "forever", merge->shape->feature->options.valid_to == NULL ? psprintf("NULL::%s", type) :
			psprintf("%s::%s", quote_literal_cstr(merge->shape->feature->options.valid_to), type));
}

/* Gives names to the tables of a run, once the staging table is filled. */
void
PrepareMerge(Merge *merge)
{
	const FeatureOptions *options = &merge->shape->feature->options;
	const char *const tables[] = {"delta", "marks", "refold", "events", "filled", "snapshots", "versions"};
	TemplateWords *words = &merge->words;

	SetWord(words, "table", merge->table);
	SetWord(words, "stage", merge->stage);
	for (int i = 0; i < lengthof(tables); i++)
		SetWord(words, tables[i], QualifiedName(medallion_silver_schema,
												psprintf("_%s_%d", tables[i], merge->shape->feature->id)));
	SetWord(words, "run", psprintf(INT64_FORMAT, merge->run_id));
	SetColumnWords(words, "data", DataColumnList(merge->shape));
	SetWord(words, "not_refused", merge->shape->refuses ? " AND NOT s._refused" : "");
	if (!FeatureKeepsHistory(merge->shape->feature))
		return;
	SetColumnWords(words, "row_data", RowColumnList(merge->shape));
	SetColumnWords(words, "said_again", SaidAgainColumns(merge->shape));
	SetHistoryWords(words, options);
	SetWord(words, "history", FillTemplate("_business_key_hash, _value_hash, {valid_from}, {valid_to}, {is_current},"
										   " {version}, _opened_run_id, _closed_run_id", words));
	SetWord(words, "scope", ScopeExpression(options));
	SetTieWords(words, options, "e._rank DESC, e._file_id DESC, e._sheet COLLATE \"C\" DESC, e._row DESC");
	SetOrderWords(merge);
}

/* Does a late event change nothing, because silver says the same of its time? */
static const char no_news_sql[] =
"NOT s._is_delete AND EXISTS (SELECT FROM {table} v LEFT JOIN unnest($1, $2) AS f (_file, _rank) ON f._file = v._file_id"
" WHERE v._business_key_hash = s._business_key_hash AND v._value_hash = s._value_hash"
" AND (v.{valid_from} < s._event_at OR (v.{valid_from} = s._event_at AND {first_says_so}))"
" AND (v.{is_current} OR v.{valid_to} > s._event_at){same_row})"
" OR s._is_delete AND EXISTS (SELECT FROM {table} v WHERE v._business_key_hash = s._business_key_hash"
" AND NOT v.{is_current} AND v.{valid_to} = s._event_at AND NOT EXISTS (SELECT FROM {table} w"
" WHERE w._business_key_hash = v._business_key_hash AND w.{valid_from} = s._event_at))";

/* The condition that a staged event has no news for silver. */
static char *
NoNewsCondition(Merge *merge)
{
	const FeatureOptions *options = &merge->shape->feature->options;

	if (!FeatureIsSequenced(merge->shape->feature) || merge->initial)
		return "false";
	/* of several rows that say it at one time, the first by path is the version's own */
	SetWord(&merge->words, "first_says_so", options->ignore_null_updates ? "false" :
			"NOT v.dq_conflict_flag AND (f._rank, v._file_id, v._sheet COLLATE \"C\", v._row)"
			" <= (s._rank, s._file_id, s._sheet COLLATE \"C\", s._row)");
	SetWord(&merge->words, "same_row", options->no_track == NIL ? "" :
			FillTemplate(" AND record_image_eq(ROW({v.row_data}), ROW({s.row_data}))", &merge->words));
	return FillTemplate(no_news_sql, &merge->words);
}

/* Marks staged keys that are not to go the short way. */
static void
MarkStaged(Merge *merge)
{
	bool		fills = merge->shape->feature->options.ignore_null_updates;
	SqlParams	files = merge->all_files;
	char	   *no_news = NoNewsCondition(merge);

	files.count = strcmp(no_news, "false") == 0 ? 0 : 2;
	SetWord(&merge->words, "no_news", no_news);
	/* a row that leaves values out is compared with what it leaves them to */
	SetWord(&merge->words, "alone", !fills ? "true" :
			FillTemplate("NOT EXISTS (SELECT FROM {table} v WHERE v._business_key_hash = k._business_key_hash)", &merge->words));
	MergeExec(merge, &files, "CREATE UNLOGGED TABLE {marks} AS SELECT k._business_key_hash, bool_and(k.in_order) AS _in_order"
			  " FROM (SELECT s._business_key_hash, {in_order} AND s._holds_until IS NULL AS in_order FROM {stage} s"
			  " WHERE s._business_key_hash IS NOT NULL AND ({in_order} OR NOT ({no_news}))) k"
			  " GROUP BY k._business_key_hash"
			  " HAVING count(*) > 1 OR NOT bool_and(k.in_order) OR NOT ({alone})");
}

/* Marks the keys that bronze has of file versions; condition, if any, picks among them. */
static void
MarkKeysIn(const Merge *merge, const SqlParams *files, const char *condition)
{
	SqlExecFormat(files, "%s SELECT DISTINCT k._business_key_hash, false FROM (%s) k"
				  " WHERE k._business_key_hash IS NOT NULL%s", FillTemplate("INSERT INTO {marks}", &merge->words),
				  KeySelect(merge->shape, files), FillTemplate(condition, &merge->words));
}

/* Marks all that snapshots may have closed: silver has it, unless only what is in force is kept. */
static void
MarkClosable(const Merge *merge)
{
	SqlParams	all = merge->all_files;

	all.count = 1;
	if (merge->shape->feature->options.history == HISTORY_SCD1)
		MarkKeysIn(merge, &all, "");
	else
		MergeExec(merge, NULL, "INSERT INTO {marks} SELECT DISTINCT v._business_key_hash, false FROM {table} v");
	MergeExec(merge, NULL, "INSERT INTO {marks} SELECT DISTINCT s._business_key_hash, false FROM {stage} s"
			  " WHERE s._business_key_hash IS NOT NULL");
}

/* Marks the keys that file versions say to be folded from all their events;
 * condition, if any, picks among them. */
static void
MarkKeysOf(const Merge *merge, const SqlParams *files, const char *condition)
{
	/* with a snapshot goes all that it had closed */
	if (merge->shape->feature->options.deletes == DELETES_SNAPSHOT)
		MarkClosable(merge);
	MarkKeysIn(merge, files, condition);
}

/* Marks the keys of file versions that came to count, or ceased to, or whose rows
 * are judged anew. */
static void
MarkTouched(Merge *merge)
{
	if (merge->any_touched)
		MarkKeysOf(merge, &merge->touched, "");
}

/*
 * Marks the keys of file versions that ended, or that count no longer.  A key of
 * which something new is said no later than the first end is not concerned where
 * ended versions stay in history: the new event settles it.
 */
static void
MarkEnded(Merge *merge)
{
	const Feature *feature = merge->shape->feature;
	SqlParams	files = merge->ended;

	if (!merge->any_ended)
		return;
	if (!FeatureRestates(feature) && feature->options.on_missing != ON_MISSING_RESTATE)
		MarkKeysOf(merge, &files, " AND NOT EXISTS (SELECT FROM {stage} s"
				   " WHERE s._business_key_hash = k._business_key_hash AND s._event_at <= $2)");
	else
	{
		files.count = 1;
		MarkKeysOf(merge, &files, "");
	}
}

/* The staged snapshots; where the source gives times, their rows are said again
 * at that of the snapshot. */
static void
StageSnapshots(Merge *merge)
{
	if (merge->shape->feature->options.deletes != DELETES_SNAPSHOT)
		return;
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {snapshots} AS SELECT _file_id, _scope, max(_event_at) AS _at FROM {stage}"
			  " WHERE _scope IS NOT NULL AND _business_key_hash IS NOT NULL GROUP BY _file_id, _scope");
	if (FeatureIsSequenced(merge->shape->feature))
		MergeExec(merge, NULL, "INSERT INTO {stage} ({said_again}, _event_at) SELECT {e.said_again}, p._at FROM {stage} e"
				  " JOIN {snapshots} p ON p._file_id = e._file_id AND p._scope = e._scope"
				  " WHERE NOT e._is_delete AND e._business_key_hash IS NOT NULL AND e._event_at < p._at");
}

/*
 * Marks the keys that staged snapshots close, by not saying them.  Of a single
 * snapshot later than all before these are the current keys that it lacks; where
 * there are several, each key in their scope may be in one and not in another.
 */
static void
MarkClosedBySnapshots(Merge *merge)
{
	bool		several;

	if (merge->shape->feature->options.deletes != DELETES_SNAPSHOT)
		return;
	several = MergeCount(merge, "SELECT count(DISTINCT _at) FROM {snapshots}") > 1;
	MergeExec(merge, NULL, several ?
			  "INSERT INTO {marks} SELECT d._business_key_hash, {p.is_new} FROM {table} d JOIN"
			  " (SELECT DISTINCT _scope, _at FROM {snapshots}) p ON p._scope = {scope}"
			  " WHERE d.{valid_from} < p._at AND (d.{is_current} OR d.{valid_to} > p._at)" :
			  "INSERT INTO {marks} SELECT d._business_key_hash, {p.is_new} FROM {table} d JOIN"
			  " (SELECT DISTINCT _scope, _at FROM {snapshots}) p ON p._scope = {scope}"
			  " WHERE d.{valid_from} < p._at AND (d.{is_current} OR d.{valid_to} > p._at)"
			  " AND (NOT {p.is_new} OR NOT EXISTS (SELECT FROM {stage} s"
			  " WHERE s._business_key_hash = d._business_key_hash AND s._event_at = p._at))");
	if (several)
		MergeExec(merge, NULL, "INSERT INTO {marks} SELECT s._business_key_hash, bool_and({s.is_new}) FROM {stage} s"
				  " WHERE s._business_key_hash IS NOT NULL AND {in_order} GROUP BY 1");
	MergeExec(merge, NULL, "DROP TABLE {snapshots}");
}

/* The keys that need the fold, and what of them stays as it is. */
static void
CollectRefoldKeys(Merge *merge)
{
	bool		scd1 = merge->shape->feature->options.history == HISTORY_SCD1;

	StageSnapshots(merge);
	MarkStaged(merge);
	MarkTouched(merge);
	MarkEnded(merge);
	MarkClosedBySnapshots(merge);
	SetWord(&merge->words, "base_version", scd1 || merge->initial ? "0" :
			FillTemplate("CASE WHEN bool_and(m._in_order) THEN coalesce((SELECT max(v.{version}) - max(v.{is_current}::int)"
						 " FROM {table} v WHERE v._business_key_hash = m._business_key_hash), 0) ELSE 0 END",
						 &merge->words));
	MergeExec(merge, NULL, "CREATE UNLOGGED TABLE {refold} AS SELECT m._business_key_hash, bool_and(m._in_order) AS _in_order,"
			  " {base_version} AS _base_version FROM {marks} m GROUP BY m._business_key_hash");
	MergeExec(merge, NULL, "DROP TABLE {marks}");
	MergeExec(merge, NULL, "ANALYZE {refold}");
}

/* The staged events that go the short way, and are no deletes. */
#define SHORT_WAY \
	" s._business_key_hash IS NOT NULL AND {in_order} AND NOT EXISTS" \
	" (SELECT FROM {refold} r WHERE r._business_key_hash = s._business_key_hash)"

/* Adds the versions of keys that silver has never seen: the first load. */
static void
InsertFirstVersions(Merge *merge)
{
	merge->outcome->inserted +=
		MergeExec(merge, NULL, "INSERT INTO {table} ({data}, {history}, _file_id, _sheet, _row)"
				  " SELECT {s.data}, s._business_key_hash, s._value_hash, s._event_at, {forever}, true, 1,"
				  " {run}, NULL, s._file_id, s._sheet, s._row FROM {stage} s"
				  " WHERE NOT s._is_delete AND" SHORT_WAY);
}

/*
 * What the short way changes: keys whose event says something else than the
 * version in force, with the number of their last version.  A key without one in
 * force may have been closed before.
 */
static const char delta_sql[] =
"CREATE UNLOGGED TABLE {delta} AS SELECT s._business_key_hash, s._event_at, s._is_delete,"
" {last_version} AS _last_version"
" FROM {stage} s LEFT JOIN {table} c ON c._business_key_hash = s._business_key_hash AND c.{is_current}"
" WHERE (c._value_hash IS DISTINCT FROM s._value_hash OR s._is_delete) AND" SHORT_WAY;

#define FEW_KEYS 20				/* rows of the table per staged row, from which on each key is looked up */

/*
 * Has few staged keys looked up by the table's index, until UnpinSettings(): the planner, which
 * takes each for a page read from a disk, would read the whole of a middling table instead, or
 * by way of the index of current rows all that is current.
 */
static int
PlanForFew(const Merge *merge)
{
	int			nest_level = NewGUCNestLevel();
	SqlParams	params = {0};

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(medallion_silver_schema, merge->shape->feature->name)));
	ParamBigint(&params, FEW_KEYS * merge->outcome->rows_in);
	if (SqlBigint("SELECT count(*) FROM pg_class WHERE oid = $1 AND reltuples > $2", &params, 0) > 0)
	{
		PinSetting("enable_seqscan", "off");
		PinSetting("enable_bitmapscan", "off");
	}
	return nest_level;
}

/* The short cut: one new event per key, later than all before. */
static void
AppendVersions(Merge *merge)
{
	bool		scd1 = merge->shape->feature->options.history == HISTORY_SCD1;
	int			nest_level = PlanForFew(merge);
	uint64		inserted;
	int64		known;

	if (merge->shape->feature->options.no_track != NIL)
		MergeExec(merge, NULL, "UPDATE {table} v SET ({row_data}) = ROW({s.row_data}) FROM {stage} s"
				  " WHERE v._business_key_hash = s._business_key_hash AND v.{is_current} AND NOT s._is_delete"
				  " AND v._value_hash = s._value_hash AND record_image_ne(ROW({v.row_data}), ROW({s.row_data})) AND" SHORT_WAY);
	SetWord(&merge->words, "last_version", FillTemplate(scd1 ? "coalesce(c.{version}, 0)" :
														"coalesce(c.{version}, (SELECT max(v.{version}) FROM {table} v"
														" WHERE v._business_key_hash = s._business_key_hash), 0)", &merge->words));
	SetWord(&merge->words, "next_version", scd1 ? "1" : "n._last_version + 1");
	MergeExec(merge, NULL, delta_sql);
	MergeExec(merge, NULL, "ANALYZE {delta}");
	known = MergeCount(merge, "SELECT count(*) FROM {delta} WHERE _last_version > 0 AND NOT _is_delete");
	merge->outcome->expired +=
		MergeExec(merge, NULL, scd1 ?
				  "DELETE FROM {table} v USING {delta} n WHERE v._business_key_hash = n._business_key_hash AND v.{is_current}" :
				  "UPDATE {table} v SET {valid_to} = n._event_at, {is_current} = false, _closed_run_id = {run} FROM {delta} n"
				  " WHERE v._business_key_hash = n._business_key_hash AND v.{is_current}");
	UnpinSettings(nest_level);
	inserted =
		MergeExec(merge, NULL, "INSERT INTO {table} ({data}, {history}, _file_id, _sheet, _row)"
				  " SELECT {s.data}, s._business_key_hash, s._value_hash, s._event_at, {forever}, true,"
				  " {next_version}, {run}, NULL, s._file_id, s._sheet, s._row"
				  " FROM {stage} s JOIN {delta} n ON n._business_key_hash = s._business_key_hash AND n._event_at = s._event_at"
				  " WHERE NOT n._is_delete");
	MergeExec(merge, NULL, "DROP TABLE {delta}");
	merge->outcome->updated += known;
	merge->outcome->inserted += inserted - known;
}

/* Takes the staged events into a table that keeps history. */
void
MergeHistory(Merge *merge)
{
	CollectRefoldKeys(merge);
	if (merge->initial)
		InsertFirstVersions(merge);
	else
		AppendVersions(merge);
	if (MergeCount(merge, "SELECT count(*) FROM {refold}") > 0)
		FoldKeys(merge);
	MergeExec(merge, NULL, "DROP TABLE {refold}");
}

/* Takes the staged events into a table without history: one row per live
 * bronze row. */
void
MergeRows(Merge *merge)
{
	if (merge->any_ended && !merge->initial)
	{
		SqlParams	ended = merge->ended;

		ended.count = 1;
		merge->outcome->expired += MergeExec(merge, &ended, "DELETE FROM {table} WHERE _file_id = ANY ($1)");
	}
	if (merge->any_touched && !merge->initial)
		merge->outcome->expired += MergeExec(merge, &merge->touched, "DELETE FROM {table} WHERE _file_id = ANY ($1)");
	merge->outcome->inserted +=
		MergeExec(merge, NULL, "INSERT INTO {table} ({data}, _opened_run_id, _file_id, _sheet, _row)"
				  " SELECT {s.data}, {run}, s._file_id, s._sheet, s._row FROM {stage} s WHERE s._event_until = 'infinity'{not_refused}");
}
