/*
 * xlsx_book.c
 *	  A workbook: its sheets in order, and the parts they and the strings and
 *	  styles are in.
 *
 *	  _rels/.rels -> workbook.xml -> sheets by relation id
 *	      workbook.xml.rels -> relation id -> part
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file/xlsx.h"

#define MAX_SHEETS 16384

/* A relation: id, what kind of part it leads to, and where. */
typedef struct RelationParse
{
	XlsxReader *xlsx;			/* NULL: only the workbook's own part is sought */
	const char *folder;			/* that relative targets start from */
	char	   *book_path;		/* found in _rels/.rels, or NULL */
	bool		failed;			/* a target is too long */
	bool		no_memory;
} RelationParse;

typedef struct BookParse
{
	XlsxReader *xlsx;
	bool		failed;
} BookParse;

/* Does a relation's type end in this word? */
static bool
IsKind(const char *type, const char *word)
{
	const char *slash = strrchr(type, '/');

	return strcmp(slash ? slash + 1 : type, word) == 0;
}

/* A target -> the path of a part: absolute, or relative with . and .. */
static char *
ResolveTarget(const char *folder, const char *target)
{
	char		path[XLSX_PATH_SIZE] = "";
	size_t		length = 0;

	if (target[0] != '/' && target[0] != '\\')
	{
		length = strlen(folder);
		if (length >= sizeof(path))
			return NULL;
		memcpy(path, folder, length + 1);
	}
	while (*target != '\0')
	{
		size_t		part = strcspn(target, "/\\");

		if (part == 2 && memcmp(target, "..", 2) == 0)
		{
			while (length > 0 && path[--length] != '/')
				;
			path[length] = '\0';
		}
		else if (part > 0 && !(part == 1 && target[0] == '.'))
		{
			if (length + part + 2 > sizeof(path))
				return NULL;
			if (length > 0)
				path[length++] = '/';
			memcpy(path + length, target, part);
			length += part;
			path[length] = '\0';
		}
		target += part + (target[part] != '\0');
	}
	return strdup(path);
}

/* The folder of a path, without its last slash. */
static char *
FolderOf(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? strndup(path, slash - path) : strdup("");
}

/* Gives the sheet of a relation its part, or notes that it has no cells; false: out of memory. */
static bool
SetSheetPath(XlsxReader *xlsx, const char *relation, const char *path, bool cells)
{
	for (int i = 0; i < xlsx->nsheets; i++)
	{
		XlsxSheet  *sheet = &xlsx->sheets[i];

		if (sheet->path != NULL || sheet->relation == NULL || strcmp(sheet->relation, relation) != 0)
			continue;
		sheet->no_cells = !cells;
		if (cells && (sheet->path = strdup(path)) == NULL)
			return false;
	}
	return true;
}

/* Notes where a part is; false: out of memory. */
static bool
KeepPath(char **kept, const char *path)
{
	*kept = strdup(path);
	return *kept != NULL;
}

static void
Relation(void *arg, const char *name, const char **attributes)
{
	RelationParse *parse = arg;
	XlsxReader *xlsx = parse->xlsx;
	const char *id = XmlAttribute(attributes, "Id");
	const char *type = XmlAttribute(attributes, "Type");
	const char *target = XmlAttribute(attributes, "Target");
	char	   *path;
	bool		kept = true;

	if (strcmp(name, "Relationship") != 0 || id == NULL || type == NULL || target == NULL)
		return;
	path = ResolveTarget(parse->folder, target);
	if (path == NULL)
	{
		parse->failed = true;
		return;
	}
	if (IsKind(type, "officeDocument") && parse->book_path == NULL)
		kept = KeepPath(&parse->book_path, path);
	else if (xlsx == NULL)
		;						/* a part that is none of the workbook's */
	else if (IsKind(type, "worksheet"))
		kept = SetSheetPath(xlsx, id, path, true);
	else if (IsKind(type, "sharedStrings") && xlsx->strings_path == NULL)
		kept = KeepPath(&xlsx->strings_path, path);
	else if (IsKind(type, "styles") && xlsx->styles_path == NULL)
		kept = KeepPath(&xlsx->styles_path, path);
	else
		kept = SetSheetPath(xlsx, id, path, false);
	parse->no_memory |= !kept;
	free(path);
}

/* Adds a sheet to the workbook; false: out of memory. */
bool
XlsxAddSheet(XlsxReader *xlsx, const char *name, const char *relation, bool hidden)
{
	XlsxSheet  *sheets;

	if (xlsx->nsheets == MAX_SHEETS)
		return true;
	sheets = realloc(xlsx->sheets, sizeof(XlsxSheet) * (xlsx->nsheets + 1));
	if (sheets == NULL)
		return false;
	xlsx->sheets = sheets;
	sheets += xlsx->nsheets++;
	memset(sheets, 0, sizeof(XlsxSheet));
	sheets->name = strdup(name);
	sheets->relation = relation ? strdup(relation) : NULL;
	sheets->hidden = hidden;
	return sheets->name != NULL && (relation == NULL || sheets->relation != NULL);
}

static void
AddSheet(BookParse *parse, const char **attributes)
{
	const char *name = XmlAttribute(attributes, "name");
	const char *state = XmlAttribute(attributes, "state");
	const char *relation = NULL;

	/* r:id beside sheetId: only the one with a prefix is meant */
	for (const char **a = attributes; a[0] != NULL; a += 2)
	{
		if (strchr(a[0], ':') != NULL && strcmp(strchr(a[0], ':'), ":id") == 0)
			relation = a[1];
	}
	if (!XlsxAddSheet(parse->xlsx, name ? name : "", relation, state != NULL && strcmp(state, "visible") != 0))
		parse->failed = true;
}

static void
BookStart(void *arg, const char *name, const char **attributes)
{
	BookParse  *parse = arg;

	if (strcmp(name, "sheet") == 0)
		AddSheet(parse, attributes);
	else if (strcmp(name, "workbookPr") == 0)
	{
		const char *value = XmlAttribute(attributes, "date1904");

		/* an extension has an element of the same name, without it */
		if (value != NULL)
			parse->xlsx->date1904 = strcmp(value, "1") == 0 || strcmp(value, "true") == 0;
	}
}

/* Says what a container that is no workbook is. */
static ReaderStatus
RefuseContainer(Reader *reader, const Container *container)
{
	const char *what = "a zip archive without an Excel workbook in it";

	if (ContainerHas(container, "content.xml"))
		what = "an OpenDocument file; save it as .xlsx";
	else if (ContainerHas(container, "word/document.xml"))
		what = "a Word document";
	else if (ContainerHas(container, "ppt/presentation.xml"))
		what = "a PowerPoint presentation";
	else if (ContainerHas(container, "Index/Document.iwa") || ContainerHas(container, "Index.zip"))
		what = "an Apple iWork document; export it as .xlsx";
	return ReaderFail(reader, READER_UNSUPPORTED, "this is %s", what);
}

/* The part that holds the workbook; NULL with the reason in the reader. */
char *
XlsxFindBook(Reader *reader, Container *container)
{
	RelationParse parse = {.folder = ""};
	XmlHandler	handler = {&parse, Relation, NULL, NULL};

	if (ContainerHas(container, "_rels/.rels") &&
		XmlParse(reader, container, "_rels/.rels", &handler) != READER_OK)
	{
		free(parse.book_path);
		return NULL;
	}
	if (parse.book_path == NULL && ContainerHas(container, "xl/workbook.xml"))
		parse.book_path = strdup("xl/workbook.xml");
	else if (parse.book_path == NULL && ContainerHas(container, "xl/workbook.bin"))
		parse.book_path = strdup("xl/workbook.bin");
	if (parse.book_path == NULL || !ContainerHas(container, parse.book_path) ||
		ContainerHas(container, "word/document.xml"))
	{
		free(parse.book_path);
		RefuseContainer(reader, container);
		return NULL;
	}
	return parse.book_path;
}

/* A part that a relation names but that is not there is as if not named. */
static void
DropMissingPart(XlsxReader *xlsx, char **path)
{
	if (*path != NULL && !ContainerHas(xlsx->container, *path))
	{
		free(*path);
		*path = NULL;
	}
}

/* Reads the workbook's relations: where its sheets and other parts are. */
ReaderStatus
XlsxReadBookRelations(XlsxReader *xlsx, const char *book)
{
	char	   *folder = FolderOf(book);
	RelationParse parse = {.xlsx = xlsx,.folder = folder};
	XmlHandler	handler = {&parse, Relation, NULL, NULL};
	char		path[XLSX_PATH_SIZE * 2];
	const char *slash = strrchr(book, '/');
	ReaderStatus status;

	if (folder == NULL)
		return ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
	snprintf(path, sizeof(path), "%s%s_rels/%s.rels", folder, folder[0] ? "/" : "", slash ? slash + 1 : book);
	status = XmlParse(&xlsx->base, xlsx->container, path, &handler);
	free(folder);
	free(parse.book_path);
	DropMissingPart(xlsx, &xlsx->strings_path);
	DropMissingPart(xlsx, &xlsx->styles_path);
	if (status == READER_OK && parse.no_memory)
		return ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
	if (status == READER_OK && parse.failed)
		return ReaderFail(&xlsx->base, READER_ERROR, "part \"%s\" has a target that is too long", path);
	return status;
}

/* Reads the workbook: sheets and where the parts are. */
ReaderStatus
XlsxReadBook(XlsxReader *xlsx)
{
	BookParse	parse = {.xlsx = xlsx};
	XmlHandler	handler = {&parse, BookStart, NULL, NULL};
	char	   *book = XlsxFindBook(&xlsx->base, xlsx->container);
	ReaderStatus status;

	if (book == NULL)
		return xlsx->base.status;
	status = XmlParse(&xlsx->base, xlsx->container, book, &handler);
	if (status == READER_OK && parse.failed)
		status = ReaderFail(&xlsx->base, READER_NO_MEMORY, "out of memory");
	if (status == READER_OK)
		status = XlsxReadBookRelations(xlsx, book);
	free(book);
	return status;
}
