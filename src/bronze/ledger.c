/*
 * ledger.c
 *	  Which files are due, and the ledger rows that say what was loaded.
 *
 *	  files found + versions in force -> due, unchanged, missing
 */
#include "base/compat.h"

#include "bronze/ledger.h"

#include <time.h>

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/json.h"
#include "utils/timestamp.h"

/* A file system's clock ticks this coarsely: a file as young as this when it
 * was looked at may have changed since without its times telling. */
#define RACY_WINDOW_NS INT64CONST(20000000)

/* A version, from the ledger. */
typedef struct LiveVersion
{
	int64		file_id;
	char	   *path;
	int64		size;
	int64		mtime_ns;
	int64		ctime_ns;
	int64		looked_at_ns;
	char	   *hash;
	int			version;
	bool		missing;		/* reported as gone already */
	bool		live;			/* in force */
	bool		refused;		/* withdrawn, and not to come back by itself */
	bool		duplicate;		/* another version has its rows */
} LiveVersion;

static int64
ClockNs(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64) now.tv_sec * 1000000000 + now.tv_nsec;
}

/* The versions of a feature's files that a condition picks, in C order of path. */
static List *
LoadVersions(const Feature *feature, const char *condition)
{
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *versions = NIL;

	ParamInt(&params, feature->id);
	rows = CatalogFetch(psprintf("SELECT f.file_id, f.path, f.size, f.mtime_ns, f.ctime_ns, f.looked_at_ns,"
								 " encode(f.content_hash, 'hex'), f.version,"
								 " f.missing_since IS NOT NULL, f.superseded_at IS NULL, f.refused, f.status = 'DUPLICATE'"
								 " FROM medallion.file_versions f"
								 " WHERE f.feature_id = $1 AND f.watermark IS NULL AND f.kind = 'file' AND %s"
								 " ORDER BY f.path COLLATE \"C\"", condition), &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		LiveVersion *version = palloc(sizeof(LiveVersion));

		version->file_id = RowBigint(rows, i, 1);
		version->path = RowText(rows, i, 2);
		version->size = RowBigint(rows, i, 3);
		version->mtime_ns = RowBigint(rows, i, 4);
		version->ctime_ns = RowBigint(rows, i, 5);
		version->looked_at_ns = RowBigint(rows, i, 6);
		version->hash = RowText(rows, i, 7);
		version->version = RowInt(rows, i, 8);
		version->missing = RowBool(rows, i, 9);
		version->live = RowBool(rows, i, 10);
		version->refused = RowBool(rows, i, 11);
		version->duplicate = RowBool(rows, i, 12);
		versions = lappend(versions, version);
	}
	return versions;
}

/* Do size and times prove that the file is as it was? */
static bool
IsProvenUnchanged(const Feature *feature, const FoundFile *file, const LiveVersion *live)
{
	if (feature->options.verify)
		return false;
	return file->size == live->size && file->mtime_ns == live->mtime_ns &&
		file->ctime_ns == live->ctime_ns &&
		file->mtime_ns + RACY_WINDOW_NS < live->looked_at_ns &&
		file->ctime_ns + RACY_WINDOW_NS < live->looked_at_ns;
}

/* The time of this run's events: now, but after every event before. */
static TimestampTz
NextSeenAt(const Feature *feature)
{
	SqlParams	params = {0};
	bool		isnull;
	Datum		last;
	TimestampTz now = GetCurrentTimestamp();
	SavedIdentity saved;

	ParamInt(&params, feature->id);
	AsExtension(&saved);
	last = SqlScalar("SELECT GREATEST(max(first_seen), max(superseded_at))"
					 " FROM medallion.file_versions WHERE feature_id = $1", &params, &isnull);
	EndAs(&saved);
	return isnull ? now : Max(now, DatumGetTimestampTz(last) + 1);
}

/* The number that a path gives for a name, or 0. */
static int
PathNumber(const FileTask *task, const char *name)
{
	ListCell   *nc;
	ListCell   *vc;

	forboth(nc, task->path_names, vc, task->path_values)
	{
		if (strcmp(lfirst(nc), name) == 0)
			return atoi(lfirst(vc));
	}
	return 0;
}

/* Files load in the order of their period, as far as paths tell it, so that
 * columns evolve as they did in the source. */
static int
CompareTasks(const ListCell *a, const ListCell *b)
{
	const FileTask *left = lfirst(a);
	const FileTask *right = lfirst(b);
	int			cmp = PathNumber(left, "_path_year") - PathNumber(right, "_path_year");

	if (cmp == 0)
		cmp = PathNumber(left, "_path_month") - PathNumber(right, "_path_month");
	return cmp != 0 ? cmp : strcmp(left->file->path, right->file->path);
}

static FileTask *
MakeTask(const Feature *feature, FoundFile *file, const LiveVersion *live, int64 looked_at_ns)
{
	FileTask   *task = palloc0(sizeof(FileTask));

	task->file = file;
	task->looked_at_ns = looked_at_ns;
	task->version = 1;
	if (live != NULL)
	{
		task->live_id = live->file_id;
		task->version = live->version + 1;
		task->live_hash = live->hash;
	}
	PathValues(file->path, feature->options.path_pattern, &task->path_names, &task->path_values);
	return task;
}

/* A file that was missing is back as it was. */
static void
NoteReturned(const LiveVersion *live)
{
	SqlParams	params = {0};

	if (!live->missing)
		return;
	ParamBigint(&params, live->file_id);
	CatalogExec("UPDATE medallion.file_versions SET missing_since = NULL WHERE file_id = $1", &params);
}

/* Notes files that are gone; only those not noted before are reported.  Where
 * nobody can look, nobody knows, whatever was noted before. */
static void
NoteMissing(BronzePlan *plan, const LiveVersion *live)
{
	SqlParams	params = {0};

	if (IsObstructed(plan->obstacles, live->path))
	{
		NoteReturned(live);
		return;
	}
	if (live->missing)
		return;
	plan->missing = lappend(plan->missing, live->path);
	ParamBigint(&params, live->file_id);
	CatalogExec("UPDATE medallion.file_versions SET missing_since = now() WHERE file_id = $1", &params);
}

/* Ends versions whose files are gone, where that means something: what comes
 * back under such a path is news. */
static void
EndMissing(const Feature *feature, TimestampTz at)
{
	SqlParams	params = {0};

	if (feature->options.on_missing == ON_MISSING_IGNORE)
		return;
	ParamInt(&params, feature->id);
	ParamTime(&params, at);
	CatalogExec("UPDATE medallion.file_versions SET superseded_at = $2"
				" WHERE feature_id = $1 AND superseded_at IS NULL AND missing_since IS NOT NULL", &params);
}

/* The next pull from the feature's relation.  Each is a file version of its own
 * that stays in force. */
static FileTask *
MakePull(const Feature *feature)
{
	FileTask   *task = palloc0(sizeof(FileTask));
	SqlParams	params = {0};
	SqlRows    *hash;

	ParamInt(&params, feature->id);
	task->file = palloc0(sizeof(FoundFile));
	task->file->path = psprintf("%s #" INT64_FORMAT, feature->options.relation,
								CatalogBigint("SELECT count(*) + 1 FROM medallion.file_versions"
											  " WHERE feature_id = $1 AND watermark IS NOT NULL", &params, 1));
	task->relation = true;
	task->version = 1;
	params.count = 0;
	ParamText(&params, task->file->path);
	hash = SqlFetch("SELECT encode(sha256(convert_to($1, 'UTF8')), 'hex')", &params);
	task->live_hash = RowText(hash, 0, 1);
	return task;
}

static int
CompareVersionPath(const void *path, const void *cell)
{
	return strcmp(path, ((const LiveVersion *) lfirst((const ListCell *) cell))->path);
}

/* Do size and times prove that the file is what was withdrawn? */
static bool
IsProvenRefused(const Feature *feature, const FoundFile *file, List *refused)
{
	ListCell   *found = refused == NIL ? NULL :
		bsearch(file->path, refused->elements, list_length(refused), sizeof(ListCell), CompareVersionPath);

	return found != NULL && IsProvenUnchanged(feature, file, lfirst(found));
}

/*
 * Rows handed in.  Each push is a version of its own that stays in force; where
 * times are equal the later one wins, for its name is the greater.  Options for
 * files of other shapes do not apply to it.
 */
FileTask *
PlanPush(Feature *feature, const char *json, TimestampTz *seen_at)
{
	FileTask   *task = palloc0(sizeof(FileTask));
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	task->file = palloc0(sizeof(FoundFile));
	task->file->path = psprintf("push #%012lld",
								(long long) CatalogBigint("SELECT count(*) + 1 FROM medallion.file_versions"
														  " WHERE feature_id = $1 AND kind = 'push'", &params, 1));
	task->file->size = strlen(json);
	task->pushed = json;
	task->version = 1;
	feature->options.record_path = "";
	feature->options.header = (HeaderPlace) {HEADER_AUTO, 0};
	feature->options.sheets = NULL;
	feature->options.range = NULL;
	*seen_at = NextSeenAt(feature);
	return task;
}

/* The versions in force and those refused, of one look at the ledger. */
static void
LoadStanding(const Feature *feature, List **versions, List **refused)
{
	ListCell   *lc;

	*versions = *refused = NIL;
	foreach(lc, LoadVersions(feature, "(f.superseded_at IS NULL OR f.refused)"))
	{
		LiveVersion *version = lfirst(lc);

		if (version->live)
			*versions = lappend(*versions, version);
		if (version->refused)
			*refused = lappend(*refused, version);
	}
}

static bool
AnyDuplicate(List *versions)
{
	ListCell   *lc;

	foreach(lc, versions)
		if (((LiveVersion *) lfirst(lc))->duplicate)
			return true;
	return false;
}

/* The versions in force below a folder, if no file is there any more; else 0. */
static int
GoneBelow(const BronzePlan *plan, List *versions, const char *folder)
{
	int			count = 0;
	ListCell   *lc;

	foreach(lc, plan->found)
		if (IsBelow(((FoundFile *) lfirst(lc))->path, folder))
			return 0;
	foreach(lc, versions)
		if (IsBelow(((LiveVersion *) lfirst(lc))->path, folder))
			count++;
	return count;
}

/* The folder that all of the versions are in; they are in C order of path. */
static char *
CommonFolder(List *versions)
{
	char	   *folder = pstrdup(((LiveVersion *) linitial(versions))->path);
	const char *last = ((LiveVersion *) llast(versions))->path;

	do
		*strrchr(folder, '/') = '\0';
	while (!IsBelow(last, folder));
	return folder;
}

/* Notes a folder of whose files none is left. */
static void
NoteEmptied(BronzePlan *plan, List *versions, const char *folder)
{
	int			count = GoneBelow(plan, versions, folder);
	Obstacle   *obstacle;

	if (count == 0 || IsObstructed(plan->obstacles, psprintf("%s/", folder)))
		return;
	obstacle = palloc(sizeof(Obstacle));
	obstacle->path = pstrdup(folder);
	obstacle->sqlerrcode = ERRCODE_UNDEFINED_FILE;
	obstacle->message = psprintf("none of the %d files below folder \"%s\" is there any more, as if it were not mounted: what they said stays in force"
								 " (option \"allow_all_missing\" lets them go)", count, folder);
	plan->obstacles = lappend(plan->obstacles, obstacle);
}

/*
 * Where files that are gone mean something, a source without any is taken for
 * one that cannot be seen: a folder that is not mounted looks just so.
 */
static void
NoteEmptiedSources(const Feature *feature, BronzePlan *plan, List *versions)
{
	ListCell   *lc;

	if (feature->options.on_missing == ON_MISSING_IGNORE || feature->options.allow_all_missing || versions == NIL)
		return;
	foreach(lc, SourceFolders(feature->source, feature->owner))
		NoteEmptied(plan, versions, lfirst(lc));
	if (plan->found == NIL)		/* the source may be another by now */
		NoteEmptied(plan, versions, CommonFolder(versions));
}

/* Compares the files under the feature's patterns with the ledger. */
BronzePlan *
PlanBronze(const Feature *feature)
{
	BronzePlan *plan = palloc0(sizeof(BronzePlan));
	int64		looked_at_ns = ClockNs();
	List	   *versions;
	List	   *refused;
	int			next = 0;		/* of versions: both lists are in C order of path */
	ListCell   *lc;

	LoadStanding(feature, &versions, &refused);
	plan->duplicates = AnyDuplicate(versions);
	plan->found = DiscoverFiles(feature->source, feature->owner, &plan->obstacles);
	NoteEmptiedSources(feature, plan, versions);
	foreach(lc, plan->found)
	{
		FoundFile  *file = lfirst(lc);
		LiveVersion *live = NULL;

		for (; next < list_length(versions); next++)
		{
			int			cmp = strcmp(((LiveVersion *) list_nth(versions, next))->path, file->path);

			if (cmp == 0)
				live = list_nth(versions, next);
			if (cmp > 0)
				break;
			if (cmp < 0)
				NoteMissing(plan, list_nth(versions, next));
		}
		if (live != NULL)
			NoteReturned(live);
		if ((live != NULL && IsProvenUnchanged(feature, file, live)) || IsProvenRefused(feature, file, refused))
			plan->unchanged++;
		else
			plan->due = lappend(plan->due, MakeTask(feature, file, live, looked_at_ns));
	}
	for (; next < list_length(versions); next++)
		NoteMissing(plan, list_nth(versions, next));
	list_sort(plan->due, CompareTasks);
	if (feature->options.relation != NULL)
		plan->due = lappend(plan->due, MakePull(feature));
	/* where nothing is due, and nothing will be, no event needs a time */
	if (plan->due != NIL || plan->duplicates || feature->options.on_missing != ON_MISSING_IGNORE)
		plan->seen_at = NextSeenAt(feature);
	EndMissing(feature, plan->seen_at);
	return plan;
}

static int
ComparePath(const void *path, const void *cell)
{
	return strcmp(path, ((const FoundFile *) lfirst((const ListCell *) cell))->path);
}

/* Duplicates whose original is no longer what it was, or that the feature now
 * wants: their rows are due, though the files are as they were. */
List *
PlanOrphans(const Feature *feature, const BronzePlan *plan)
{
	int64		looked_at_ns = ClockNs();
	List	   *orphans;
	List	   *tasks = NIL;
	ListCell   *lc;

	if (plan->due == NIL && !plan->duplicates)
		return NIL;
	orphans = LoadVersions(feature, feature->options.load_duplicates ?
						   "f.superseded_at IS NULL AND f.status = 'DUPLICATE'" :
						   "f.superseded_at IS NULL AND f.status = 'DUPLICATE' AND NOT EXISTS"
						   " (SELECT FROM medallion.file_versions o"
						   "  WHERE o.file_id = f.duplicate_of AND o.superseded_at IS NULL)");
	foreach(lc, orphans)
	{
		LiveVersion *orphan = lfirst(lc);
		ListCell   *file = plan->found == NIL ? NULL :
			bsearch(orphan->path, plan->found->elements, list_length(plan->found), sizeof(ListCell), ComparePath);

		if (file != NULL)
		{
			FileTask   *task = MakeTask(feature, lfirst(file), orphan, looked_at_ns);

			task->orphan = true;
			tasks = lappend(tasks, task);
		}
	}
	return tasks;
}

/* The live version of another file of the feature with this content, or 0. */
int64
FindSameContent(const Feature *feature, const FileTask *task, const char *hash)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamText(&params, hash);
	ParamText(&params, task->file->path);
	/* Not in one WHERE: without statistics, as in a first load of very many files, the index of live versions would
	 * seem to be the better one, and each file would look at all before it. */
	return CatalogBigint("SELECT file_id FROM (SELECT * FROM medallion.file_versions"
						 " WHERE feature_id = $1 AND content_hash = decode($2, 'hex') OFFSET 0) same"
						 " WHERE path <> $3 AND superseded_at IS NULL AND status <> 'DUPLICATE' ORDER BY file_id LIMIT 1",
						 &params, 0);
}

/* Ends the version in force. */
static void
SupersedeVersion(int64 file_id, TimestampTz at, int64 run_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, file_id);
	ParamTime(&params, at);
	ParamBigint(&params, run_id);
	CatalogExec("UPDATE medallion.file_versions SET superseded_at = $2, superseded_run_id = $3"
				" WHERE file_id = $1", &params);
}

/* name and value pairs -> a json object */
static char *
PairsToJson(List *names, List *values)
{
	StringInfoData json;
	ListCell   *nc;
	ListCell   *vc;

	initStringInfo(&json);
	appendStringInfoChar(&json, '{');
	forboth(nc, names, vc, values)
	{
		if (json.len > 1)
			appendStringInfoChar(&json, ',');
		escape_json(&json, lfirst(nc));
		appendStringInfoChar(&json, ':');
		escape_json(&json, lfirst(vc));
	}
	appendStringInfoChar(&json, '}');
	return json.data;
}

/* The file of this version was seen with something else than what was
 * withdrawn: should that come back, it is news.  True if there was any such. */
static bool
AcceptAgain(int64 file_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, file_id);
	return CatalogExec("UPDATE medallion.file_versions w SET refused = false FROM medallion.file_versions f"
				" WHERE f.file_id = $1 AND w.feature_id = f.feature_id AND w.path = f.path AND w.refused", &params) > 0;
}

/* Opens a new version of a file and supersedes the one in force. */
int64
OpenFileVersion(const Feature *feature, const FileTask *task, const char *hash,
				int64 duplicate_of, TimestampTz seen_at, int64 run_id)
{
	SqlParams	params = {0};
	int64		file_id;

	if (task->live_id != 0)
		SupersedeVersion(task->live_id, seen_at, run_id);
	ParamInt(&params, feature->id);
	ParamText(&params, task->file->path);
	ParamInt(&params, task->version);
	ParamText(&params, duplicate_of != 0 ? "DUPLICATE" : "LOADED");
	ParamBigint(&params, task->file->size);
	ParamBigint(&params, task->file->mtime_ns);
	ParamBigint(&params, task->file->ctime_ns);
	ParamBigint(&params, task->looked_at_ns);
	ParamText(&params, hash);
	if (duplicate_of != 0)
		ParamBigint(&params, duplicate_of);
	else
		ParamNull(&params, INT8OID);
	ParamText(&params, PairsToJson(task->path_names, task->path_values));
	ParamTime(&params, seen_at);
	ParamBigint(&params, run_id);
	ParamText(&params, task->pushed != NULL ? "push" : "file");
	file_id = CatalogBigint("INSERT INTO medallion.file_versions (feature_id, path, version, status,"
							" size, mtime_ns, ctime_ns, looked_at_ns, content_hash, duplicate_of,"
							" path_values, seen_at, seen_run_id, first_seen, loaded_run_id, kind)"
							" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, decode($9, 'hex'), $10,"
							" $11::jsonb, $12, $13, $12, $13, $14) RETURNING file_id", &params, 0);
	(void) AcceptAgain(file_id);
	if (task->live_id != 0)
	{
		SqlParams	link = {0};

		ParamBigint(&link, task->live_id);
		ParamBigint(&link, file_id);
		CatalogExec("UPDATE medallion.file_versions SET superseded_by = $2 WHERE file_id = $1", &link);
	}
	return file_id;
}

/* Completes a version with what was loaded. */
void
CompleteFileVersion(int64 file_id, const FileOutcome *outcome)
{
	SqlParams	params = {0};
	StringInfoData sheets;
	ListCell   *lc;

	initStringInfo(&sheets);
	foreach(lc, outcome->sheets)
	{
		SheetOutcome *sheet = lfirst(lc);

		appendStringInfoString(&sheets, sheets.len > 0 ? ", {\"sheet\": " : "{\"sheet\": ");
		escape_json(&sheets, sheet->name);
		appendStringInfo(&sheets, ", \"rows\": " INT64_FORMAT "}", sheet->rows);
	}
	ParamBigint(&params, file_id);
	ParamBigint(&params, outcome->rows);
	ParamText(&params, psprintf("[%s]", sheets.data));
	ParamText(&params, outcome->rows > 0 ? "LOADED" : "EMPTY");
	ParamBool(&params, outcome->rows > 0 && !outcome->blocks.unknown && OidIsValid(outcome->blocks.filenode));
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(outcome->blocks.filenode));
	ParamBigint(&params, outcome->blocks.first);
	ParamBigint(&params, outcome->blocks.last);
	CatalogExec("UPDATE medallion.file_versions SET rows = $2, sheets = $3::jsonb, status = $4,"
				" filenode = nullif($6, 0), blocks = CASE WHEN $5 THEN int8range($7, $8, '[]') END"
				" WHERE file_id = $1", &params);
}

/* How many rows bronze has of the feature, if the table is still the one that
 * they were put into; else -1. */
int64
LedgerRows(const Feature *feature)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(medallion_bronze_schema, feature->name)));
	return CatalogBigint("SELECT CASE WHEN bool_and(coalesce(filenode = pg_relation_filenode($2), false)) THEN sum(rows)::bigint END"
						 " FROM medallion.file_versions WHERE feature_id = $1 AND rows > 0 AND pruned_at IS NULL", &params, -1);
}

/* The rows of bronze were counted: if they are as many as the ledger says, they
 * are all in the table as it is now. */
void
ConfirmRows(const Feature *feature, int64 count)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamDatum(&params, OIDOID, ObjectIdGetDatum(TableOid(medallion_bronze_schema, feature->name)));
	ParamBigint(&params, count);
	CatalogExec("UPDATE medallion.file_versions SET filenode = pg_relation_filenode($2), blocks = NULL"
				" WHERE feature_id = $1 AND rows > 0 AND pruned_at IS NULL AND filenode IS DISTINCT FROM pg_relation_filenode($2)"
				" AND $3 = (SELECT sum(rows) FROM medallion.file_versions"
				" WHERE feature_id = $1 AND rows > 0 AND pruned_at IS NULL)", &params);
}

/* The file is again what it was before a withdrawn version: a sighting of its
 * own, for the version in force may be withdrawn too. */
static void
NoteRepeated(const FileTask *task, TimestampTz seen_at, int64 run_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, task->live_id);
	ParamTime(&params, seen_at);
	ParamBigint(&params, run_id);
	CatalogExec("INSERT INTO medallion.file_versions (feature_id, path, version, status, size, mtime_ns, ctime_ns,"
				" looked_at_ns, content_hash, duplicate_of, path_values, seen_at, seen_run_id, first_seen,"
				" loaded_run_id, superseded_at, superseded_run_id)"
				" SELECT feature_id, path, version + 1, 'REPEATED', size, mtime_ns, ctime_ns, looked_at_ns, content_hash,"
				" file_id, path_values, $2, $3, $2, $3, $2, $3 FROM medallion.file_versions WHERE file_id = $1", &params);
}

/* The file proved unchanged: notes its times and when it was looked at. */
void
ConfirmFileVersion(const FileTask *task, TimestampTz seen_at, int64 run_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, task->live_id);
	ParamBigint(&params, task->file->mtime_ns);
	ParamBigint(&params, task->file->ctime_ns);
	ParamBigint(&params, task->looked_at_ns);
	CatalogExec("UPDATE medallion.file_versions SET mtime_ns = $2, ctime_ns = $3, looked_at_ns = $4"
				" WHERE file_id = $1", &params);
	if (AcceptAgain(task->live_id))
		NoteRepeated(task, seen_at, run_id);
}

/* Is this what a withdrawn version of the file said, and nothing else was seen
 * of the file since?  Then it is not to come back by itself. */
bool
IsRefused(const Feature *feature, const FileTask *task, const char *hash)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	ParamText(&params, task->file->path);
	ParamText(&params, hash);
	ParamBigint(&params, task->file->mtime_ns);
	ParamBigint(&params, task->file->ctime_ns);
	ParamBigint(&params, task->looked_at_ns);
	return CatalogExec("UPDATE medallion.file_versions SET mtime_ns = $4, ctime_ns = $5, looked_at_ns = $6"
					   " WHERE feature_id = $1 AND path = $2 AND refused AND content_hash = decode($3, 'hex')",
					   &params) > 0;
}

/* Notes the greatest watermark of a relation's batch. */
void
SetVersionWatermark(int64 file_id, const char *watermark)
{
	SqlParams	params = {0};

	ParamBigint(&params, file_id);
	ParamText(&params, watermark);
	CatalogExec("UPDATE medallion.file_versions SET watermark = $2 WHERE file_id = $1", &params);
}

/* The batches that were to be read again have been. */
void
NoteReadAgain(const Feature *feature)
{
	SqlParams	params = {0};

	ParamInt(&params, feature->id);
	CatalogExec("UPDATE medallion.file_versions SET read_again = false WHERE feature_id = $1 AND read_again", &params);
}

/* Takes a version back that turned out to have nothing in it. */
void
ForgetFileVersion(int64 file_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, file_id);
	CatalogExec("DELETE FROM medallion.file_versions WHERE file_id = $1", &params);
}

/* Another version holds the rows of a duplicate from now on. */
void
MoveDuplicate(const FileTask *task, int64 duplicate_of)
{
	SqlParams	params = {0};

	ParamBigint(&params, task->live_id);
	ParamBigint(&params, duplicate_of);
	CatalogExec("UPDATE medallion.file_versions SET duplicate_of = $2 WHERE file_id = $1", &params);
}

/* A version that was loaded, and then a duplicate again as a run was undone,
 * still has its rows: they are about to be loaded anew. */
static void
ForgetRows(const Feature *feature, int64 file_id)
{
	SqlParams	params = {0};

	ParamBigint(&params, file_id);
	if (CatalogBigint("SELECT rows FROM medallion.file_versions WHERE file_id = $1", &params, 0) == 0)
		return;
	SqlExecFormat(&params, "DELETE FROM %s WHERE _file_id = $1",
				  QualifiedName(medallion_bronze_schema, feature->name));
	CatalogExec("DELETE FROM medallion.rejects WHERE file_id = $1", &params);
}

/*
 * A duplicate becomes a version of its own: its rows are about to be loaded.
 * Where its original is gone it carries on what that said, from the same time;
 * where the feature now wants duplicates it speaks for itself.
 */
int64
PromoteDuplicate(const Feature *feature, const FileTask *task, int64 run_id)
{
	SqlParams	params = {0};

	ForgetRows(feature, task->live_id);
	ParamBigint(&params, task->live_id);
	ParamBigint(&params, run_id);
	ParamBool(&params, feature->options.load_duplicates);
	CatalogExec("UPDATE medallion.file_versions f SET status = 'LOADED', loaded_run_id = $2, silver_run_id = NULL,"
				" duplicate_of = NULL, first_seen = CASE WHEN $3 THEN f.first_seen ELSE coalesce((SELECT o.first_seen"
				" FROM medallion.file_versions o WHERE o.file_id = f.duplicate_of), f.first_seen) END"
				" WHERE f.file_id = $1", &params);
	return task->live_id;
}
