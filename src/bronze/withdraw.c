/*
 * withdraw.c
 *	  The ledger as if a run had never found anything.
 *
 *	  what each path was seen to hold, less what the run saw
 *	      -> chains: which version of a path follows which
 *	      -> voices: which of the versions of equal content speaks, since when
 *	      -> ledger rows that differ from that are written
 *
 * What was seen, and when, never changes (path, content_hash, seen_at,
 * seen_run_id); all else of a version follows from it, by the rules of
 * ledger.c.  So nothing here has to know what undid what before, and runs may
 * be undone in any order.  Rows are copied within bronze where a version comes
 * to speak that was a duplicate: the files may be gone by now.
 */
#include "base/compat.h"

#include "bronze/withdraw.h"

#include "base/settings.h"
#include "base/sql.h"
#include "bronze/infer.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* What follows from what was seen. */
typedef struct VersionState
{
	const char *status;
	TimestampTz first_seen;
	int64		loaded_run_id;
	int64		duplicate_of;	/* or 0 */
	TimestampTz superseded_at;	/* infinity while in force */
	int64		superseded_by;	/* or 0 */
	int64		superseded_run_id;	/* or 0 */
} VersionState;

/* A path was seen to hold something. */
typedef struct Sighting
{
	int64		file_id;		/* in the order in which they were seen */
	char	   *path;
	char	   *hash;
	TimestampTz seen_at;
	int64		seen_run_id;
	int64		rows;			/* that bronze has of it; 0 of a duplicate */
	bool		pruned;			/* it had, but they are gone */
	bool		batch;			/* of a relation: it stands alone */
	bool		undone;			/* the run that saw it is being undone */
	bool		same_path;		/* a file of which the run saw something */
	bool		concerned;		/* its content may come to speak through another version */
	VersionState was;
	VersionState now;
} Sighting;

/* The beginning or the end of a version's time in force. */
typedef struct Turn
{
	TimestampTz at;
	int64		position;		/* within a run */
	bool		begins;
	Sighting   *sighting;
} Turn;

static TimestampTz
RowTime(const SqlRows *rows, uint64 row, int column)
{
	bool		isnull;
	Datum		value = RowDatum(rows, row, column, &isnull);

	return isnull ? DT_NOEND : DatumGetTimestampTz(value);
}

static Sighting *
ReadSighting(const SqlRows *rows, uint64 i, int64 run_id)
{
	Sighting   *seen = palloc0(sizeof(Sighting));

	seen->file_id = RowBigint(rows, i, 1);
	seen->path = RowText(rows, i, 2);
	seen->hash = RowText(rows, i, 3);
	seen->seen_at = RowTime(rows, i, 4);
	seen->seen_run_id = RowBigint(rows, i, 5);
	seen->rows = RowBigint(rows, i, 6);
	seen->pruned = RowBool(rows, i, 7);
	seen->batch = RowBool(rows, i, 8);
	seen->same_path = RowBool(rows, i, 9);
	seen->undone = seen->seen_run_id == run_id;
	seen->was.status = RowText(rows, i, 10);
	seen->was.first_seen = RowTime(rows, i, 11);
	seen->was.loaded_run_id = RowBigint(rows, i, 12);
	seen->was.duplicate_of = RowBigint(rows, i, 13);
	seen->was.superseded_at = RowTime(rows, i, 14);
	seen->was.superseded_by = RowBigint(rows, i, 15);
	seen->was.superseded_run_id = RowBigint(rows, i, 16);
	seen->now = seen->was;
	return seen;
}

/* What was seen of the paths where the run saw something, and of the contents
 * that these ever had; in order of path, then time. */
static List *
LoadSightings(const Feature *feature, int64 run_id)
{
	SqlParams	params = {0};
	List	   *sightings = NIL;
	SqlRows    *rows;

	ParamInt(&params, feature->id);
	ParamBigint(&params, run_id);
	rows = CatalogFetch("WITH paths AS (SELECT DISTINCT path FROM medallion.file_versions"
						"  WHERE feature_id = $1 AND seen_run_id = $2 AND status <> 'WITHDRAWN'),\n"
						"contents AS (SELECT DISTINCT content_hash FROM medallion.file_versions"
						"  JOIN paths USING (path) WHERE feature_id = $1)\n"
						"SELECT f.file_id, f.path, encode(f.content_hash, 'hex'), f.seen_at, f.seen_run_id, f.rows,"
						" f.pruned_at IS NOT NULL, f.watermark IS NOT NULL, f.path IN (SELECT path FROM paths), f.status,"
						" f.first_seen, f.loaded_run_id, f.duplicate_of, f.superseded_at, f.superseded_by, f.superseded_run_id"
						" FROM medallion.file_versions f WHERE f.feature_id = $1 AND f.status <> 'WITHDRAWN'"
						" AND (f.path IN (SELECT path FROM paths) OR f.content_hash IN (SELECT content_hash FROM contents))"
						" ORDER BY f.path COLLATE \"C\", f.file_id", &params);
	for (uint64 i = 0; i < rows->count; i++)
		sightings = lappend(sightings, ReadSighting(rows, i, run_id));
	return sightings;
}

/* Does a version take part in what speaks? */
static bool
InChain(const Sighting *seen)
{
	return !seen->undone && strcmp(seen->now.status, "REPEATED") != 0;
}

/* The version ends as another of its path begins. */
static void
EndBy(Sighting *seen, const Sighting *next)
{
	seen->now.superseded_at = next->seen_at;
	seen->now.superseded_by = next->file_id;
	seen->now.superseded_run_id = next->seen_run_id;
}

/* No further version of its path: it holds on, unless it ended for another
 * reason than being followed. */
static void
EndByNone(Sighting *seen, int64 run_id)
{
	bool		repeated = strcmp(seen->was.status, "REPEATED") == 0;

	if (!repeated && seen->was.superseded_at != DT_NOEND && seen->was.superseded_by == 0 &&
		seen->was.superseded_run_id != run_id)
		return;
	seen->now.superseded_at = DT_NOEND;
	seen->now.superseded_by = seen->now.superseded_run_id = 0;
}

/* Of the paths concerned: which version follows which.  One that says what the
 * one before says, now that what was between them is gone, is no change. */
static void
LinkChains(List *sightings, int64 run_id)
{
	Sighting   *last = NULL;
	ListCell   *lc;

	foreach(lc, sightings)
	{
		Sighting   *seen = lfirst(lc);

		if (!seen->same_path || seen->undone)
			continue;
		EndByNone(seen, run_id);
		seen->now.status = "LOADED";
		seen->now.duplicate_of = 0;
		if (last == NULL || strcmp(last->path, seen->path) != 0 || last->now.superseded_at <= seen->seen_at)
			last = seen;		/* the first, or the one before had ended already */
		else if (!seen->batch && strcmp(last->hash, seen->hash) == 0)
		{
			seen->now.status = "REPEATED";
			seen->now.duplicate_of = last->file_id;
			seen->now.superseded_at = seen->seen_at;
			seen->now.superseded_by = 0;
			seen->now.superseded_run_id = seen->seen_run_id;
		}
		else
		{
			EndBy(last, seen);
			last = seen;
		}
	}
}

static bool
SameSpan(const VersionState *a, const VersionState *b)
{
	return strcmp(a->status, "REPEATED") == 0 ? strcmp(b->status, "REPEATED") == 0 :
		strcmp(b->status, "REPEATED") != 0 && a->superseded_at == b->superseded_at;
}

static int
CompareContent(const ListCell *a, const ListCell *b)
{
	const Sighting *left = lfirst(a);
	const Sighting *right = lfirst(b);
	int			cmp = strcmp(left->hash, right->hash);

	if (cmp != 0)
		return cmp;
	return left->file_id < right->file_id ? -1 : left->file_id > right->file_id;
}

static int
CompareTurns(const ListCell *a, const ListCell *b)
{
	const Turn *left = lfirst(a);
	const Turn *right = lfirst(b);

	if (left->at != right->at)
		return left->at < right->at ? -1 : 1;
	if (left->position != right->position)
		return left->position < right->position ? -1 : 1;
	return (int) left->begins - (int) right->begins;
}

static int
CompareSightingPath(const ListCell *a, const ListCell *b)
{
	return strcmp(((const Sighting *) lfirst(a))->path, ((const Sighting *) lfirst(b))->path);
}

static void
AddTurn(List **turns, Sighting *seen, TimestampTz at, int64 position, bool begins)
{
	Turn	   *turn = palloc(sizeof(Turn));

	turn->at = at;
	turn->position = position;
	turn->begins = begins;
	turn->sighting = seen;
	*turns = lappend(*turns, turn);
}

static bool
Speaks(const Sighting *seen)
{
	return strcmp(seen->now.status, "DUPLICATE") != 0;
}

/* Of the versions in force the first that speaks, or NULL. */
static Sighting *
FirstVoice(List *in_force)
{
	Sighting   *first = NULL;
	ListCell   *lc;

	foreach(lc, in_force)
	{
		Sighting   *seen = lfirst(lc);

		if (Speaks(seen) && (first == NULL || seen->file_id < first->file_id))
			first = seen;
	}
	return first;
}

/* A version begins: it speaks, or another says the same already. */
static void
BeginVersion(const Feature *feature, Sighting *seen, List *in_force)
{
	Sighting   *voice = feature->options.load_duplicates ? NULL : FirstVoice(in_force);

	seen->now.status = voice != NULL ? "DUPLICATE" : "LOADED";
	seen->now.duplicate_of = voice != NULL ? voice->file_id : 0;
	seen->now.first_seen = seen->seen_at;
	seen->now.loaded_run_id = seen->seen_run_id;
}

/* The end of a run: where the one that spoke for others ended, the first of
 * these by path carries on what it said. */
static void
SettleOrphans(List *in_force, List *ended)
{
	List	   *by_path = list_copy(in_force);
	ListCell   *lc;

	list_sort(by_path, CompareSightingPath);
	foreach(lc, by_path)
	{
		Sighting   *seen = lfirst(lc);
		Sighting   *voice;
		ListCell   *ec;

		foreach(ec, ended)
		{
			Sighting   *original = lfirst(ec);

			if (Speaks(seen) || original->file_id != seen->now.duplicate_of)
				continue;
			voice = FirstVoice(in_force);
			if (voice != NULL)
				seen->now.duplicate_of = voice->file_id;
			else
			{
				seen->now.status = "LOADED";
				seen->now.duplicate_of = 0;
				seen->now.first_seen = original->now.first_seen;
				seen->now.loaded_run_id = original->now.superseded_run_id;
			}
			break;
		}
	}
}

/* Plays the time of all versions of one content: who speaks, and since when. */
static void
SettleContent(const Feature *feature, List *versions)
{
	List	   *turns = NIL;
	List	   *in_force = NIL;
	List	   *ended = NIL;
	ListCell   *lc;

	foreach(lc, versions)
	{
		Sighting   *seen = lfirst(lc);

		AddTurn(&turns, seen, seen->seen_at, seen->file_id, true);
		if (seen->now.superseded_at != DT_NOEND)
			AddTurn(&turns, seen, seen->now.superseded_at, seen->now.superseded_by, false);
	}
	list_sort(turns, CompareTurns);
	foreach(lc, turns)
	{
		Turn	   *turn = lfirst(lc);
		ListCell   *next = lnext(turns, lc);

		if (turn->begins)
		{
			BeginVersion(feature, turn->sighting, in_force);
			in_force = lappend(in_force, turn->sighting);
		}
		else
		{
			in_force = list_delete_ptr(in_force, turn->sighting);
			ended = lappend(ended, turn->sighting);
		}
		if (next == NULL || ((Turn *) lfirst(next))->at != turn->at)
			SettleOrphans(in_force, ended);
	}
}

/* Settles the contents of which any version's span is another than it was. */
static void
SettleContents(const Feature *feature, List *sightings)
{
	List	   *by_content = list_copy(sightings);
	int			i = 0;

	list_sort(by_content, CompareContent);
	while (i < list_length(by_content))
	{
		Sighting   *first = list_nth(by_content, i);
		List	   *versions = NIL;
		bool		differs = false;
		int			end = i;

		for (; end < list_length(by_content); end++)
		{
			Sighting   *seen = list_nth(by_content, end);

			if (strcmp(seen->hash, first->hash) != 0)
				break;
			differs |= seen->undone || !SameSpan(&seen->was, &seen->now);
			if (InChain(seen) && !seen->batch)
				versions = lappend(versions, seen);
		}
		for (int k = i; k < end; k++)
			((Sighting *) list_nth(by_content, k))->concerned = differs;
		if (differs)
			SettleContent(feature, versions);
		i = end;
	}
}

/* Versions whose content no one has to settle stay what they were. */
static void
KeepUnconcerned(List *sightings)
{
	ListCell   *lc;

	foreach(lc, sightings)
	{
		Sighting   *seen = lfirst(lc);

		if (seen->concerned)
			continue;
		seen->now.status = seen->was.status;
		seen->now.duplicate_of = seen->was.duplicate_of;
	}
}

/* Columns of the bronze table and what each is in a copy made for another
 * version: what its path says, or what the original has. */
static void
CopyColumns(const Feature *feature, int64 file_id, char **names, char **values)
{
	SqlParams	params = {0};
	SavedIdentity saved;
	SqlRows    *rows;

	ParamBigint(&params, file_id);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(medallion_bronze_schema, feature->name)));
	AsExtension(&saved);
	rows = SqlFetch("SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY a.attnum),"
					" string_agg(CASE a.attname WHEN '_file_id' THEN '$2' WHEN '_run_id' THEN '$3' ELSE coalesce("
					"quote_literal(v.path_values->>a.attname), 'b.' || quote_ident(a.attname)) END, ', ' ORDER BY a.attnum)"
					" FROM pg_attribute a JOIN medallion.file_versions v ON v.file_id = $1"
					" WHERE a.attrelid = $2 AND a.attnum > 0 AND NOT a.attisdropped", &params);
	EndAs(&saved);
	*names = RowText(rows, 0, 1);
	*values = RowText(rows, 0, 2);
}

/* Gives a version rows that another of the same content has. */
static void
CopyRows(const Feature *feature, const Sighting *from, const Sighting *to)
{
	SqlParams	params = {0};
	SavedIdentity saved;
	char	   *names;
	char	   *values;
	char	   *table = QualifiedName(medallion_bronze_schema, feature->name);

	CopyColumns(feature, to->file_id, &names, &values);
	ParamBigint(&params, from->file_id);
	ParamBigint(&params, to->file_id);
	ParamBigint(&params, to->now.loaded_run_id);
	AsFeatureOwner(&saved, feature);
	SqlExecFormat(&params, "INSERT INTO %s (%s) SELECT %s FROM %s b WHERE b._file_id = $1",
				  table, names, values, table);
	EndAs(&saved);
	CatalogExec("INSERT INTO medallion.rejects (feature_id, file_id, sheet, row, column_name, reason, raw, run_id)"
				" SELECT feature_id, $2, sheet, row, column_name, reason, raw, $3 FROM medallion.rejects"
				" WHERE file_id = $1", &params);
	params.count = 2;
	CatalogExec("UPDATE medallion.file_versions t SET rows = f.rows, sheets = f.sheets, pruned_at = NULL,"
				" filenode = NULL, blocks = NULL"
				" FROM medallion.file_versions f WHERE f.file_id = $1 AND t.file_id = $2", &params);
}

/* A version that bronze still has rows of, with this content; NULL: none. */
static Sighting *
FindRows(const Feature *feature, List *sightings, const Sighting *wanted, bool *pruned)
{
	ListCell   *lc;

	*pruned = false;
	foreach(lc, sightings)
	{
		Sighting   *seen = lfirst(lc);

		if (seen->rows == 0 || strcmp(seen->hash, wanted->hash) != 0)
			continue;
		if (!seen->pruned)
			return seen;
		*pruned = true;
	}
	return NULL;
}

/* A version that speaks has rows in bronze, if its content has any. */
static void
EnsureRows(const Feature *feature, List *sightings, Sighting *seen)
{
	Sighting   *source;
	bool		pruned;

	if (seen->rows > 0 && !seen->pruned)
		return;
	source = FindRows(feature, sightings, seen, &pruned);
	if (source != NULL)
		CopyRows(feature, source, seen);
	else if (pruned)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("file \"%s\" would count again, but its rows were pruned from bronze", seen->path),
				 errdetail("medallion.maintain() deletes superseded rows after a while."),
				 errhint("Put the file back as it was and run the pipeline: that corrects what the run did.")));
	else
		seen->now.status = "EMPTY";
}

static void
ParamIdOrNull(SqlParams *params, int64 id)
{
	if (id != 0)
		ParamBigint(params, id);
	else
		ParamNull(params, INT8OID);
}

/* Writes what a version is now. */
static void
WriteState(const Sighting *seen)
{
	SqlParams	params = {0};

	ParamBigint(&params, seen->file_id);
	ParamText(&params, seen->now.status);
	ParamTime(&params, seen->now.first_seen);
	ParamBigint(&params, seen->now.loaded_run_id);
	ParamIdOrNull(&params, seen->now.duplicate_of);
	ParamTime(&params, seen->now.superseded_at);
	ParamIdOrNull(&params, seen->now.superseded_by);
	ParamIdOrNull(&params, seen->now.superseded_run_id);
	CatalogExec("UPDATE medallion.file_versions SET status = $2, first_seen = $3, loaded_run_id = $4,"
				" duplicate_of = $5, superseded_at = nullif($6, 'infinity'), superseded_by = $7,"
				" superseded_run_id = $8, silver_superseded_run_id = NULL, refold = true WHERE file_id = $1", &params);
	params.count = 1;
	CatalogExec("DELETE FROM medallion.quarantine WHERE file_id = $1", &params);
}

/* Writes that a version is withdrawn.  What its path holds is refused from now
 * on, if that is what was seen last of it. */
static void
WriteWithdrawn(const Sighting *seen, bool again)
{
	SqlParams	params = {0};

	ParamBigint(&params, seen->file_id);
	ParamBool(&params, again);
	CatalogExec("UPDATE medallion.file_versions f SET status = 'WITHDRAWN', withdrawn_at = clock_timestamp(),"
				" superseded_at = coalesce(superseded_at, clock_timestamp()), refold = true,"
				" read_again = $2 AND watermark IS NOT NULL, refused = NOT $2 AND NOT EXISTS"
				" (SELECT FROM medallion.file_versions l WHERE l.feature_id = f.feature_id AND l.path = f.path"
				"  AND l.file_id > f.file_id) WHERE file_id = $1", &params);
	params.count = 1;
	CatalogExec("DELETE FROM medallion.quarantine WHERE file_id = $1", &params);
}

static bool
SameState(const VersionState *a, const VersionState *b)
{
	return strcmp(a->status, b->status) == 0 && a->first_seen == b->first_seen &&
		a->loaded_run_id == b->loaded_run_id && a->duplicate_of == b->duplicate_of &&
		a->superseded_at == b->superseded_at && a->superseded_by == b->superseded_by &&
		a->superseded_run_id == b->superseded_run_id;
}

/* Does a version count for silver, at this moment or at an earlier one? */
static bool
IsVoice(const VersionState *state)
{
	return strcmp(state->status, "LOADED") == 0 || strcmp(state->status, "EMPTY") == 0;
}

/* Withdraws what a run found; the rest becomes what it would be without. */
void
WithdrawRun(const Feature *feature, int64 run_id, bool again, Withdrawal *outcome)
{
	List	   *sightings = LoadSightings(feature, run_id);
	ListCell   *lc;

	memset(outcome, 0, sizeof(Withdrawal));
	LinkChains(sightings, run_id);
	SettleContents(feature, sightings);
	KeepUnconcerned(sightings);

	/* the withdrawn first, then the later of a path: only one of them may be in force */
	foreach(lc, sightings)
	{
		Sighting   *seen = lfirst(lc);

		if (!seen->undone)
			continue;
		WriteWithdrawn(seen, again);
		outcome->withdrawn++;
	}
	for (int i = list_length(sightings) - 1; i >= 0; i--)
	{
		Sighting   *seen = list_nth(sightings, i);

		if (seen->undone)
			continue;
		if (seen->concerned && strcmp(seen->now.status, "LOADED") == 0)
			EnsureRows(feature, sightings, seen);
		if (SameState(&seen->was, &seen->now))
			continue;
		outcome->revived += IsVoice(&seen->now) &&
			(!IsVoice(&seen->was) || seen->now.superseded_at > seen->was.superseded_at);
		WriteState(seen);
	}
	if (outcome->withdrawn > 0)
		InferAgain(feature, run_id);
}
