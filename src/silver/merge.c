/*
 * merge.c
 *	  Typed events -> versions of silver (SCD type 2).
 *
 * Each bronze row of a file version that counts is an event of its key.  It
 * holds from when its file version was first seen until that version was
 * superseded ("version"), or for good ("restate", where superseded versions
 * do not count at all).  At any instant the key's value is that of the latest
 * event that holds, ties going to the greater (path, sheet, row); where none
 * holds, the key is closed.  Silver is the list of stretches of equal value.
 *
 *	  stage ──> keys with one latest event, nothing withdrawn ──> compare, close, insert
 *	       └──> all other keys ──> every event of theirs ──> fold ──> apply what differs
 *
 * The first way is a short cut of the second: an event later than all that
 * silver has taken in can only add a version behind the last.
 */
#include "base/compat.h"

#include "silver/merge.h"

#include "silver/table.h"

/* The keys that need the fold. */
static void
CollectRefoldKeys(Merge *merge)
{
	SqlParams	params = {0};

	ParamTime(&params, merge->taken_until);
	SqlExecFormat(&params, "CREATE UNLOGGED TABLE %s AS"
				  " SELECT _business_key_hash FROM %s WHERE _business_key_hash IS NOT NULL"
				  " GROUP BY _business_key_hash"
				  " HAVING count(*) > 1 OR bool_or(_event_until < 'infinity') OR min(_event_at) <= $1",
				  merge->refold, merge->stage);
	if (merge->any_touched)
		SqlExecFormat(&merge->touched, "INSERT INTO %s SELECT DISTINCT k._business_key_hash FROM (%s) k"
					  " WHERE k._business_key_hash IS NOT NULL AND NOT EXISTS"
					  " (SELECT FROM %s r WHERE r._business_key_hash = k._business_key_hash)",
					  merge->refold, KeySelect(merge->shape), merge->refold);
	if (!merge->any_ended)
		return;

	/*
	 * What ended file versions said.  A key that their successor says again is
	 * not concerned where they stay in history: the new event settles it.
	 */
	SqlExecFormat(&merge->ended, "INSERT INTO %s SELECT DISTINCT k._business_key_hash FROM (%s) k"
				  " WHERE k._business_key_hash IS NOT NULL%s%s%s"
				  " AND NOT EXISTS (SELECT FROM %s r WHERE r._business_key_hash = k._business_key_hash)",
				  merge->refold, KeySelect(merge->shape),
				  FeatureRestates(merge->shape->feature) ? "" :
				  " AND NOT EXISTS (SELECT FROM ", FeatureRestates(merge->shape->feature) ? "" : merge->stage,
				  FeatureRestates(merge->shape->feature) ? "" :
				  " s WHERE s._business_key_hash = k._business_key_hash AND s._file_id = ANY ($2))",
				  merge->refold);
}

/* Adds the versions of keys that silver has never seen: the first load. */
static void
InsertFirstVersions(Merge *merge)
{
	merge->outcome->inserted +=
		SqlExecFormat(NULL, "INSERT INTO %s (%s, " HISTORY_COLUMNS ", " ADDRESS_COLUMNS ")"
					  " SELECT %s, s._business_key_hash, s._value_hash, s._event_at, NULL, true, 1, "
					  INT64_FORMAT ", NULL, s._file_id, s._sheet, s._row FROM %s s"
					  " WHERE s._business_key_hash IS NOT NULL AND NOT EXISTS"
					  " (SELECT FROM %s r WHERE r._business_key_hash = s._business_key_hash)",
					  merge->table, DataColumns(merge->shape, ""), DataColumns(merge->shape, "s."),
					  merge->run_id, merge->stage, merge->refold);
}

/* The short cut: one new event per key, later than all before. */
static void
AppendVersions(Merge *merge)
{
	uint64		inserted;
	uint64		reopened;

	merge->outcome->expired +=
		SqlExecFormat(NULL, "UPDATE %s v SET _scd2_valid_to = s._event_at, _scd2_is_current = false,"
					  " _closed_run_id = " INT64_FORMAT " FROM %s s"
					  " WHERE v._business_key_hash = s._business_key_hash AND v._scd2_is_current"
					  " AND v._value_hash IS DISTINCT FROM s._value_hash AND NOT EXISTS"
					  " (SELECT FROM %s r WHERE r._business_key_hash = s._business_key_hash)",
					  merge->table, merge->run_id, merge->stage, merge->refold);

	/* a key may have been closed before: it goes on with the next number */
	inserted =
		SqlExecFormat(NULL, "INSERT INTO %s (%s, " HISTORY_COLUMNS ", " ADDRESS_COLUMNS ")"
					  " SELECT %s, s._business_key_hash, s._value_hash, s._event_at, NULL, true,"
					  " 1 + coalesce(l._scd2_version, 0), " INT64_FORMAT ", NULL, s._file_id, s._sheet, s._row"
					  " FROM %s s LEFT JOIN (SELECT v._business_key_hash, max(v._scd2_version) AS _scd2_version,"
					  " bool_or(v._scd2_is_current) AS _scd2_is_current FROM %s v"
					  " WHERE v._business_key_hash IN (SELECT k._business_key_hash FROM %s k)"
					  " GROUP BY v._business_key_hash) l ON l._business_key_hash = s._business_key_hash"
					  " WHERE s._business_key_hash IS NOT NULL AND l._scd2_is_current IS NOT TRUE"
					  " AND NOT EXISTS (SELECT FROM %s r WHERE r._business_key_hash = s._business_key_hash)",
					  merge->table, DataColumns(merge->shape, ""), DataColumns(merge->shape, "s."),
					  merge->run_id, merge->stage, merge->table, merge->stage, merge->refold);
	reopened =
		SqlBigint(psprintf("SELECT count(*) FROM %s v JOIN %s s ON v._business_key_hash = s._business_key_hash"
						   " AND v._file_id = s._file_id AND v._sheet = s._sheet AND v._row = s._row"
						   " WHERE v._opened_run_id = " INT64_FORMAT " AND v._scd2_version > 1"
						   " AND NOT EXISTS (SELECT FROM %s r WHERE r._business_key_hash = s._business_key_hash)",
						   merge->table, merge->stage, merge->run_id, merge->refold), NULL, 0);
	merge->outcome->updated += reopened;
	merge->outcome->inserted += inserted - reopened;
}

/* Every event of the keys to fold, from all of bronze. */
static void
CollectEvents(Merge *merge)
{
	SqlExecFormat(&merge->all_files, "CREATE UNLOGGED TABLE %s AS %s", merge->events,
				  TypedSelect(merge->shape, merge->refold));
	SqlExecFormat(NULL, "CREATE INDEX ON %s (_business_key_hash, _event_at)", merge->events);
	SqlExecFormat(NULL, "ANALYZE %s", merge->events);
}

/*
 * The fold.
 *
 * The value of a key can change where an event begins, and where one ends
 * without another of the key beginning: there the latest one that still holds
 * takes over again, or none.
 */
static void
FoldEvents(Merge *merge)
{
	SqlExecFormat(NULL, "CREATE UNLOGGED TABLE %s AS\n"
				  "WITH begins AS (\n"
				  " SELECT DISTINCT ON (_business_key_hash, _event_at) _business_key_hash, _event_at,"
				  " _value_hash, _file_id, _sheet, _row, count(*) OVER tie > 1"
				  " AND min(_value_hash::text) OVER tie <> max(_value_hash::text) OVER tie AS conflict\n"
				  " FROM %s WINDOW tie AS (PARTITION BY _business_key_hash, _event_at)\n"
				  " ORDER BY _business_key_hash, _event_at, _rank DESC, _sheet COLLATE \"C\" DESC, _row DESC),\n"
				  "ends AS (\n"
				  " SELECT DISTINCT e._business_key_hash, e._event_until AS _event_at FROM %s e\n"
				  " WHERE e._event_until < 'infinity' AND NOT EXISTS (SELECT FROM begins b"
				  " WHERE b._business_key_hash = e._business_key_hash AND b._event_at = e._event_until)),\n"
				  "states AS (\n"
				  " SELECT _business_key_hash, _event_at, _value_hash, _file_id, _sheet, _row, conflict FROM begins\n"
				  " UNION ALL\n"
				  " SELECT n._business_key_hash, n._event_at, w._value_hash, w._file_id, w._sheet, w._row, false\n"
				  " FROM ends n LEFT JOIN LATERAL (SELECT e.* FROM %s e"
				  " WHERE e._business_key_hash = n._business_key_hash AND e._event_at < n._event_at"
				  " AND e._event_until > n._event_at ORDER BY e._event_at DESC, e._rank DESC,"
				  " e._sheet COLLATE \"C\" DESC, e._row DESC LIMIT 1) w ON true),\n"
				  "compared AS (\n"
				  " SELECT *, lag(_value_hash) OVER by_time AS before FROM states\n"
				  " WINDOW by_time AS (PARTITION BY _business_key_hash ORDER BY _event_at)),\n"
				  "changes AS (\n"
				  " SELECT *, lead(_event_at) OVER by_time AS valid_to FROM compared\n"
				  " WHERE _value_hash IS DISTINCT FROM before\n"
				  " WINDOW by_time AS (PARTITION BY _business_key_hash ORDER BY _event_at))\n"
				  "SELECT _business_key_hash, _value_hash, _event_at, valid_to, _file_id, _sheet, _row, conflict,\n"
				  " row_number() OVER (PARTITION BY _business_key_hash ORDER BY _event_at)::int AS version\n"
				  "FROM changes WHERE _value_hash IS NOT NULL",
				  merge->versions, merge->events, merge->events, merge->events);
	SqlExecFormat(NULL, "CREATE UNIQUE INDEX ON %s (_business_key_hash, version)", merge->versions);
	SqlExecFormat(NULL, "ANALYZE %s", merge->versions);
}

/* What makes two rows the same version of a key. */
#define SAME_VERSION \
	"v._business_key_hash = n._business_key_hash AND v._scd2_version = n.version" \
	" AND v._value_hash = n._value_hash AND v._scd2_valid_from = n._event_at" \
	" AND v._file_id = n._file_id AND v._sheet = n._sheet AND v._row = n._row"

/* Brings silver to what the keys fold to; rows that are right stay untouched. */
static void
ApplyVersions(Merge *merge)
{
	uint64		inserted;
	int64		keys;

	SqlExecFormat(NULL, "DELETE FROM %s v USING %s r WHERE v._business_key_hash = r._business_key_hash"
				  " AND NOT EXISTS (SELECT FROM %s n WHERE " SAME_VERSION ")",
				  merge->table, merge->refold, merge->versions);
	merge->outcome->expired +=
		SqlExecFormat(NULL, "UPDATE %s v SET _scd2_valid_to = n.valid_to, _scd2_is_current = n.valid_to IS NULL,"
					  " _closed_run_id = CASE WHEN n.valid_to IS NOT NULL THEN " INT64_FORMAT " END,"
					  " dq_conflict_flag = n.conflict FROM %s n WHERE " SAME_VERSION
					  " AND (v._scd2_valid_to IS DISTINCT FROM n.valid_to OR v.dq_conflict_flag <> n.conflict)",
					  merge->table, merge->run_id, merge->versions);
	inserted =
		SqlExecFormat(NULL, "INSERT INTO %s (%s, " HISTORY_COLUMNS ", " ADDRESS_COLUMNS ")"
					  " SELECT %s, n._business_key_hash, n._value_hash, n._event_at, n.valid_to,"
					  " n.valid_to IS NULL, n.version, " INT64_FORMAT ","
					  " CASE WHEN n.valid_to IS NOT NULL THEN " INT64_FORMAT " END, n._file_id, n._sheet, n._row"
					  " FROM %s n JOIN %s e ON e._business_key_hash = n._business_key_hash"
					  " AND e._file_id = n._file_id AND e._sheet = n._sheet AND e._row = n._row"
					  " WHERE NOT EXISTS (SELECT FROM %s v WHERE " SAME_VERSION ")",
					  merge->table, DataColumns(merge->shape, ""), DataColumns(merge->shape, "e."),
					  merge->run_id, merge->run_id, merge->versions, merge->events, merge->table);
	SqlExecFormat(NULL, "UPDATE %s v SET dq_conflict_flag = true FROM %s n WHERE " SAME_VERSION
				  " AND n.conflict AND NOT v.dq_conflict_flag", merge->table, merge->versions);
	merge->outcome->conflicts +=
		SqlBigint(psprintf("SELECT count(*) FROM %s WHERE conflict", merge->versions), NULL, 0);
	keys = SqlBigint(psprintf("SELECT count(*) FROM %s v JOIN %s r ON v._business_key_hash = r._business_key_hash"
							  " WHERE v._opened_run_id = " INT64_FORMAT " AND v._scd2_version = 1",
							  merge->table, merge->refold, merge->run_id), NULL, 0);
	merge->outcome->inserted += keys;
	merge->outcome->updated += inserted - keys;
}

/* Takes the staged events into a table that keeps history. */
void
MergeHistory(Merge *merge)
{
	int64		to_fold;

	CollectRefoldKeys(merge);
	SqlExecFormat(NULL, "ANALYZE %s", merge->refold);
	to_fold = SqlBigint(psprintf("SELECT count(*) FROM %s", merge->refold), NULL, 0);
	if (merge->initial)
		InsertFirstVersions(merge);
	else
		AppendVersions(merge);
	if (to_fold > 0)
	{
		CollectEvents(merge);
		FoldEvents(merge);
		ApplyVersions(merge);
		SqlExecFormat(NULL, "DROP TABLE %s, %s", merge->events, merge->versions);
	}
	SqlExecFormat(NULL, "DROP TABLE %s", merge->refold);
}

/* Takes the staged events into a table without history: one row per live
 * bronze row. */
void
MergeAppend(Merge *merge)
{
	if (merge->any_ended && !merge->initial)
	{
		SqlParams	ended = merge->ended;

		ended.count = 1;
		merge->outcome->expired +=
			SqlExecFormat(&ended, "DELETE FROM %s WHERE _file_id = ANY ($1)", merge->table);
	}
	if (merge->any_touched && !merge->initial)
		merge->outcome->expired +=
			SqlExecFormat(&merge->touched, "DELETE FROM %s WHERE _file_id = ANY ($1)", merge->table);
	merge->outcome->inserted +=
		SqlExecFormat(NULL, "INSERT INTO %s (%s, _opened_run_id, " ADDRESS_COLUMNS ")"
					  " SELECT %s, " INT64_FORMAT ", s._file_id, s._sheet, s._row FROM %s s"
					  " WHERE s._event_until = 'infinity'%s",
					  merge->table, DataColumns(merge->shape, ""), DataColumns(merge->shape, "s."),
					  merge->run_id, merge->stage, merge->shape->refuses ? " AND NOT s._refused" : "");
}
