/*
 * discover.c
 *	  Glob patterns -> files, and what their paths say.
 *
 * A pattern is cut at its slashes.  The folders before its first wildcard are
 * opened directly; from there each component is matched against the entries
 * of one folder, "**" against any depth.  "**" does not follow symbolic links
 * to folders, so a loop of links ends.
 *
 * A link may lead out of the folders that the role may read, and be put there
 * while we walk.  Each folder is therefore asked for by its descriptor, once it
 * is open, and its entries are looked at through that; what a link out of them
 * leads to is not told.
 */
#include "base/compat.h"

#include "bronze/discover.h"

#include <dirent.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <sys/stat.h>

#include "base/settings.h"
#include "bronze/source.h"
#include "catalog/pg_collation.h"
#include "common/file_utils.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "storage/fd.h"
#include "utils/builtins.h"

#define MAX_FOLDER_DEPTH 64

/* One walk over the file system. */
typedef struct Walk
{
	List	   *parts;			/* the pattern's components (char *) */
	List	   *found;			/* FoundFile * */
	Oid			role;			/* whose right to read counts */
	List	   *obstacles;		/* Obstacle * */
} Walk;

static void WalkFolder(Walk *walk, const char *folder, int part, int depth);

static bool
HasWildcard(const char *part)
{
	return strpbrk(part, "*?[") != NULL;
}

/* Files that no one means: hidden ones and lock files. */
static bool
IsIgnored(const char *name)
{
	return name[0] == '.' || strncmp(name, "~$", 2) == 0;
}

static char *
JoinPath(const char *folder, const char *name)
{
	return psprintf("%s%s%s", folder, strcmp(folder, "/") == 0 ? "" : "/", name);
}

static bool
IsSpellable(const char *path)
{
	return pg_verifymbstr(path, strlen(path), true);
}

/* A path as people can be told of it: bytes of no character as \xff. */
static char *
SpellPath(const char *path)
{
	StringInfoData out;

	if (IsSpellable(path))
		return pstrdup(path);
	initStringInfo(&out);
	for (const char *p = path; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
			appendStringInfo(&out, "\\x%02x", (unsigned char) *p);
		else
			appendStringInfoChar(&out, *p);
	}
	return out.data;
}

/* Notes an obstacle; of one folder the first is enough. */
static void
AddObstacle(Walk *walk, const char *path, int sqlerrcode, char *message)
{
	Obstacle   *obstacle = walk->obstacles == NIL ? NULL : llast(walk->obstacles);

	if (obstacle != NULL && strcmp(obstacle->path, path) == 0)
		return;
	obstacle = palloc(sizeof(Obstacle));
	obstacle->path = pstrdup(path);
	obstacle->sqlerrcode = sqlerrcode;
	obstacle->message = message;
	walk->obstacles = lappend(walk->obstacles, obstacle);
}

/* A folder that cannot be opened or read to its end. */
static void
AddClosedFolder(Walk *walk, const char *folder)
{
	int			why = errno;
	char	   *spelled = SpellPath(folder);

	errno = why;
	AddObstacle(walk, spelled, ERRCODE_INSUFFICIENT_PRIVILEGE, psprintf("could not open folder \"%s\": %m", spelled));
}

/* An entry that cannot be looked at, but for one that is not there: it went
 * meanwhile, or is a link that leads nowhere. */
static void
AddHiddenEntry(Walk *walk, const char *path)
{
	int			why = errno;
	char	   *folder = SpellPath(path);
	char	   *message;

	if (why == ENOENT || why == ENOTDIR || why == ELOOP)
		return;
	errno = why;
	message = psprintf("could not stat \"%s\": %m", folder);
	*strrchr(folder, '/') = '\0';
	AddObstacle(walk, folder, ERRCODE_INSUFFICIENT_PRIVILEGE, message);
}

/* Adds a file, if it is a regular one. */
static void
AddFile(Walk *walk, const char *path, const struct stat *st)
{
	FoundFile  *file;

	if (!S_ISREG(st->st_mode))
		return;
	if (!IsSpellable(path))
	{
		AddObstacle(walk, SpellPath(path), ERRCODE_CHARACTER_NOT_IN_REPERTOIRE,
					psprintf("file \"%s\" was passed over: its name is not valid in the database's encoding",
							 SpellPath(path)));
		return;
	}
	file = palloc(sizeof(FoundFile));
	file->path = pstrdup(path);
	file->size = st->st_size;
	file->mtime_ns = (int64) st->st_mtim.tv_sec * 1000000000 + st->st_mtim.tv_nsec;
	file->ctime_ns = (int64) st->st_ctim.tv_sec * 1000000000 + st->st_ctim.tv_nsec;
	walk->found = lappend(walk->found, file);
}

/* What an entry of an open folder is, or leads to; of a link to where the role may
 * not read, what a file of no bytes is: that it cannot be read comes out as it is opened. */
static bool
StatEntry(const Walk *walk, int folder, const char *path, const char *name, struct stat *st)
{
	struct stat target;
	int			fd;

	if (fstatat(folder, name, st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	if (!S_ISLNK(st->st_mode))
		return true;
	fd = OpenTransientFile(path, O_PATH | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &target) != 0)
		return false;
	if (MayReadDescriptor(fd, walk->role))
		*st = target;
	else
	{
		st->st_mode = S_ISDIR(target.st_mode) ? S_IFDIR : S_IFREG;
		st->st_size = 0;
	}
	CloseTransientFile(fd);
	return true;
}

/* Matches one entry of a folder against one component of the pattern.  Most of a
 * full folder are told apart without a system call of their own. */
static void
WalkEntry(Walk *walk, int opened, const char *folder, const struct dirent *entry, int part, int depth)
{
	const char *pattern = list_nth(walk->parts, part);
	bool		last = part == list_length(walk->parts) - 1;
	bool		any_depth = strcmp(pattern, "**") == 0;
	char	   *path;
	struct stat st;

	if (!any_depth && fnmatch(pattern, entry->d_name, last ? FNM_CASEFOLD : 0) != 0)
		return;
	path = JoinPath(folder, entry->d_name);
	if (any_depth && get_dirent_type(path, entry, false, DEBUG1) == PGFILETYPE_DIR)
		WalkFolder(walk, path, part, depth + 1);
	else if (any_depth && !last)
		return;
	else if (!StatEntry(walk, opened, path, entry->d_name, &st))
		AddHiddenEntry(walk, path);
	else if (last)
		AddFile(walk, path, &st);
	else if (S_ISDIR(st.st_mode))
		WalkFolder(walk, path, part + 1, depth + 1);
}

/* Matches the entries of a folder against the pattern from a component on. */
static void
WalkFolder(Walk *walk, const char *folder, int part, int depth)
{
	DIR		   *dir;
	struct dirent *entry;
	bool		any_depth = strcmp(list_nth(walk->parts, part), "**") == 0;
	bool		last = part == list_length(walk->parts) - 1;
	bool		allowed;

	if (depth > MAX_FOLDER_DEPTH)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("folder \"%s\" is nested too deeply", folder)));
	/* "**" also stands for no folder at all */
	if (any_depth && !last)
		WalkFolder(walk, folder, part + 1, depth);

	dir = AllocateDir(folder);
	if (dir == NULL)
	{
		if (errno != ENOENT)
			AddClosedFolder(walk, folder);
		return;
	}
	allowed = MayReadDescriptor(dirfd(dir), walk->role);
	while (errno = 0, allowed && (entry = readdir(dir)) != NULL)
	{
		CHECK_FOR_INTERRUPTS();
		if (!IsIgnored(entry->d_name))
			WalkEntry(walk, dirfd(dir), folder, entry, part, depth);
	}
	if (errno != 0)
		AddClosedFolder(walk, folder);
	FreeDir(dir);
}

/* Cuts a pattern at its slashes. */
static List *
SplitPattern(const char *pattern)
{
	List	   *parts = NIL;
	char	   *copy = pstrdup(pattern);
	char	   *state = NULL;

	for (char *part = strtok_r(copy, "/", &state); part != NULL; part = strtok_r(NULL, "/", &state))
		parts = lappend(parts, part);
	return parts;
}

/* The folders before a pattern's first wildcard, and the components after them. */
static char *
PatternFolder(const char *pattern, List **parts)
{
	char	   *folder = "/";

	if (pattern[0] != '/' && medallion_input_root[0] != '\0')
		pattern = psprintf("%s/%s", medallion_input_root, pattern);
	*parts = SplitPattern(pattern);
	if (pattern[0] != '/' || *parts == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("source pattern \"%s\" is not absolute", pattern),
				 errhint("Set medallion.input_root to the folder that relative patterns start from.")));
	while (list_length(*parts) > 1 && !HasWildcard(linitial(*parts)))
	{
		folder = JoinPath(folder, linitial(*parts));
		*parts = list_delete_first(*parts);
	}
	return folder;
}

/* Adds the files of one pattern. */
static void
DiscoverPattern(Walk *walk, const char *pattern)
{
	char	   *folder = PatternFolder(pattern, &walk->parts);
	struct stat st;

	folder = CheckFolderAllowed(folder, walk->role);
	if (folder == NULL)
		return;					/* a folder that is not there holds no files */
	if (stat(folder, &st) != 0)
		AddHiddenEntry(walk, folder);
	else if (S_ISDIR(st.st_mode))
		WalkFolder(walk, folder, 0, 0);
}

/* Where the patterns begin to look: as they say, or, of links, where these lead. */
List *
SourceFolders(List *patterns, Oid role)
{
	List	   *folders = NIL;
	ListCell   *lc;

	foreach(lc, patterns)
	{
		List	   *parts;
		char	   *folder = PatternFolder(lfirst(lc), &parts);
		char	   *resolved = CheckFolderAllowed(folder, role);

		folders = lappend(folders, resolved ? resolved : folder);
	}
	return folders;
}

static int
CompareFound(const ListCell *a, const ListCell *b)
{
	return strcmp(((FoundFile *) lfirst(a))->path, ((FoundFile *) lfirst(b))->path);
}

static int
CompareObstacles(const ListCell *a, const ListCell *b)
{
	return strcmp(((Obstacle *) lfirst(a))->path, ((Obstacle *) lfirst(b))->path);
}

/* Each obstacle once: "**" comes by a folder twice, and patterns overlap. */
static List *
UniqueObstacles(List *obstacles)
{
	List	   *unique = NIL;
	ListCell   *lc;

	list_sort(obstacles, CompareObstacles);
	foreach(lc, obstacles)
	{
		if (unique == NIL || strcmp(((Obstacle *) llast(unique))->path, ((Obstacle *) lfirst(lc))->path) != 0)
			unique = lappend(unique, lfirst(lc));
	}
	return unique;
}

bool
IsBelow(const char *path, const char *folder)
{
	size_t		length = strlen(folder);

	return strncmp(path, folder, length) == 0 && (path[length] == '/' || length == 0 || strcmp(folder, "/") == 0);
}

bool
IsObstructed(List *obstacles, const char *path)
{
	ListCell   *lc;

	foreach(lc, obstacles)
	{
		if (IsBelow(path, ((Obstacle *) lfirst(lc))->path))
			return true;
	}
	return false;
}

static void
WarnOfObstacles(List *obstacles)
{
	ListCell   *lc;

	foreach(lc, obstacles)
	{
		Obstacle   *obstacle = lfirst(lc);

		ereport(WARNING,
				(errcode(obstacle->sqlerrcode),
				 errmsg_internal("%s", obstacle->message)));
	}
}

/* The regular files that match any of the patterns, each once. */
List *
DiscoverFiles(List *patterns, Oid role, List **obstacles)
{
	Walk		walk = {.role = role};
	List	   *unique = NIL;
	ListCell   *lc;

	foreach(lc, patterns)
		DiscoverPattern(&walk, lfirst(lc));
	walk.obstacles = UniqueObstacles(walk.obstacles);
	if (obstacles != NULL)
		*obstacles = walk.obstacles;
	else
		WarnOfObstacles(walk.obstacles);
	list_sort(walk.found, CompareFound);
	foreach(lc, walk.found)
	{
		FoundFile  *file = lfirst(lc);

		if (unique == NIL || strcmp(((FoundFile *) llast(unique))->path, file->path) != 0)
			unique = lappend(unique, file);
	}
	return unique;
}

/* The number (1 to 12) of an English month name or its first three letters. */
static int
MonthNumber(const char *word)
{
	static const char *const months[] = {"january", "february", "march", "april", "may", "june",
	"july", "august", "september", "october", "november", "december"};

	for (int i = 0; i < lengthof(months); i++)
	{
		if (pg_strcasecmp(word, months[i]) == 0 ||
			(strlen(word) == 3 && pg_strncasecmp(word, months[i], 3) == 0))
			return i + 1;
	}
	return 0;
}

static bool
IsYear(const char *word)
{
	return strlen(word) == 4 && strspn(word, "0123456789") == 4 &&
		(strncmp(word, "19", 2) == 0 || strncmp(word, "20", 2) == 0);
}

/* What one folder of a path says: year, month, or Hive's key=value. */
static void
FolderValue(const char *folder, List **names, List **values)
{
	const char *equals = strchr(folder, '=');
	int			month = MonthNumber(folder);

	if (equals != NULL && equals != folder)
	{
		*names = lappend(*names, psprintf("_path_%.*s", (int) (equals - folder), folder));
		*values = lappend(*values, pstrdup(equals + 1));
	}
	else if (IsYear(folder))
	{
		*names = lappend(*names, "_path_year");
		*values = lappend(*values, pstrdup(folder));
	}
	else if (month > 0)
	{
		*names = lappend(*names, "_path_month");
		*values = lappend(*values, psprintf("%d", month));
	}
}

/* Digits with the separators of dates between them: 2024-01, 20240131. */
static bool
IsDateFolder(const char *folder)
{
	size_t		length = strlen(folder);

	return length >= 6 && length <= 10 && strspn(folder, "0123456789-_.") == length &&
		strspn(folder, "0123456789") >= 4 && IsYear(pnstrdup(folder, 4));
}

/* Does a folder stand for a part of the data, or for what the data is? */
bool
FolderIsPartition(const char *folder, bool parent_is)
{
	List	   *names = NIL;
	List	   *values = NIL;

	FolderValue(folder, &names, &values);
	if (names != NIL || IsDateFolder(folder))
		return true;
	/* below a year also months and days in digits, alone or as "01-january" */
	return parent_is && strspn(folder, "0123456789") >= 1 && strspn(folder, "0123456789") <= 2;
}

/* Named captures of a regular expression: (?<name>...) -> name, and the same
 * expression with plain groups, as the server's engine knows no names. */
static List *
CaptureNames(const char *pattern, char **plain)
{
	StringInfoData out;
	List	   *names = NIL;

	initStringInfo(&out);
	while (*pattern != '\0')
	{
		const char *end;

		if (*pattern == '\\' && pattern[1] != '\0')
		{
			appendBinaryStringInfo(&out, pattern, 2);
			pattern += 2;
		}
		else if (strncmp(pattern, "(?<", 3) == 0 && (end = strchr(pattern, '>')) != NULL)
		{
			names = lappend(names, pnstrdup(pattern + 3, end - pattern - 3));
			appendStringInfoChar(&out, '(');
			pattern = end + 1;
		}
		else
		{
			/* an unnamed group captures nothing, so that numbers follow names */
			appendStringInfoChar(&out, *pattern);
			if (*pattern == '(' && pattern[1] != '?')
				appendStringInfoString(&out, "?:");
			pattern++;
		}
	}
	*plain = out.data;
	return names;
}

/* What the captures of a path_pattern say of a path. */
static void
PatternValues(const char *path, const char *pattern, List **names, List **values)
{
	char	   *plain;
	List	   *captures = CaptureNames(pattern, &plain);
	regex_t    *regex = RE_compile_and_cache(cstring_to_text(plain), REG_ADVANCED, C_COLLATION_OID);
	regmatch_t	matches[10];
	pg_wchar   *wide = palloc((strlen(path) + 1) * sizeof(pg_wchar));
	int			length = pg_mb2wchar_with_len(path, wide, strlen(path));
	ListCell   *lc;

	if (list_length(captures) > 9)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("path_pattern has more than 9 named captures")));
	if (pg_regexec(regex, wide, length, 0, NULL, 10, matches, 0) != REG_OKAY)
		return;
	foreach(lc, captures)
	{
		regmatch_t *match = &matches[foreach_current_index(lc) + 1];
		char	   *value;

		if (match->rm_so < 0)
			continue;
		value = palloc((match->rm_eo - match->rm_so) * pg_database_encoding_max_length() + 1);
		pg_wchar2mb_with_len(wide + match->rm_so, value, match->rm_eo - match->rm_so);
		*names = lappend(*names, lfirst(lc));
		*values = lappend(*values, value);
	}
}

/* Values that a path offers as columns. */
void
PathValues(const char *path, const char *pattern, List **names, List **values)
{
	List	   *parts = SplitPattern(path);
	ListCell   *lc;

	*names = NIL;
	*values = NIL;
	foreach(lc, parts)
	{
		/* the last one is the file itself */
		if (foreach_current_index(lc) < list_length(parts) - 1)
			FolderValue(lfirst(lc), names, values);
	}
	if (pattern != NULL)
		PatternValues(path, pattern, names, values);
}
