/*
 * ods.c
 *	  OpenDocument spreadsheets (.ods, .fods) behind the reader contract.
 *
 *	  container entry content.xml, or the flat document
 *	      -> automatic styles -> which tables are hidden, which times are intervals
 *	      -> <table:table> -> sheet; <table:table-row> -> row; cells (ods_cell.c)
 *	      -> queue -> the caller
 *
 * Rows and cells are not numbered in the file: they count up, and one of them
 * may stand for millions by table:number-rows-repeated.  What is empty only
 * moves the count.
 */
#include "file/ods.h"

#include <stdlib.h>
#include <string.h>

#define CONTENT "content.xml"
#define MANIFEST "META-INF/manifest.xml"
#define MAX_ROWS INT64_C(16777216)	/* LibreOffice's greatest sheet */
#define MAX_RANGES 65536

/* Is the name in the set? */
bool
OdsHasName(const NameMap *set, const char *name)
{
	return name != NULL && NameMapGet(set, name, strlen(name), false);
}

/* Puts a name into the set; false if out of memory. */
static bool
AddName(NameMap *set, const char *name)
{
	return NameMapPut(set, name, strlen(name), true);
}

/* table:number-...-repeated -> a count. */
int64_t
OdsRepeat(const char *text)
{
	long long	count = text ? strtoll(text, NULL, 10) : 1;

	return count < 1 ? 1 : count > ODS_MAX_REPEAT ? ODS_MAX_REPEAT : count;
}

/* Stops the parser after a handler has failed. */
static void
StopUnless(OdsReader *ods, bool well)
{
	if (well)
		return;
	ods->base.row = ods->row_number;
	ods->base.column = ods->in_cell && ods->column < INT32_MAX ? (int) ods->column + 1 : 0;
	XmlStop(ods->xml);
}

static bool
OutOfMemory(OdsReader *ods)
{
	ReaderFail(&ods->base, READER_NO_MEMORY, "out of memory");
	return false;
}

/* A style, or a property of one, in front of the body. */
static bool
StartStyle(OdsReader *ods, const char *name, const char **attributes)
{
	const char *value;
	bool		well = true;

	if (strcmp(name, "style") == 0)
	{
		value = XmlAttribute(attributes, "name");
		free(ods->style);
		ods->style = strdup(value ? value : "");
		if (ods->style == NULL)
			return OutOfMemory(ods);
		if (OdsHasName(&ods->elapsed_formats, XmlAttribute(attributes, "data-style-name")))
			well = AddName(&ods->elapsed_cells, ods->style);
	}
	else if (strcmp(name, "table-properties") == 0 && ods->style != NULL)
	{
		value = XmlAttribute(attributes, "display");
		if (value != NULL && strcmp(value, "false") == 0)
			well = AddName(&ods->hidden_tables, ods->style);
	}
	else if (strcmp(name, "time-style") == 0)
	{
		const char *format = XmlAttribute(attributes, "name");

		value = XmlAttribute(attributes, "truncate-on-overflow");
		if (value != NULL && format != NULL && strcmp(value, "false") == 0)
			well = AddName(&ods->elapsed_formats, format);
	}
	return well || OutOfMemory(ods);
}

static bool
StartTable(OdsReader *ods, const char **attributes)
{
	const char *name = XmlAttribute(attributes, "name");

	ods->in_table = true;
	ods->row_number = 0;
	ods->row_repeat = 1;
	ods->columns = 0;
	ods->nelapsed = 0;
	return QueueSheet(&ods->queue, name ? name : "",
					  OdsHasName(&ods->hidden_tables, XmlAttribute(attributes, "style-name")));
}

/* <table:table-column>: keeps its default style, if that shows spans of time. */
static bool
StartColumn(OdsReader *ods, const char **attributes)
{
	int64_t		first = ods->columns;
	ColumnRange *ranges = ods->elapsed_columns;

	ods->columns += OdsRepeat(XmlAttribute(attributes, "number-columns-repeated"));
	if (ods->nelapsed == MAX_RANGES ||
		!OdsHasName(&ods->elapsed_cells, XmlAttribute(attributes, "default-cell-style-name")))
		return true;
	if (ods->nelapsed == ods->elapsed_capacity)
	{
		size_t		capacity = ods->elapsed_capacity ? ods->elapsed_capacity * 2 : 16;

		ranges = realloc(ranges, capacity * sizeof(ColumnRange));
		if (ranges == NULL)
			return OutOfMemory(ods);
		ods->elapsed_columns = ranges;
		ods->elapsed_capacity = capacity;
	}
	ranges[ods->nelapsed].first = first;
	ranges[ods->nelapsed++].end = ods->columns;
	return true;
}

/* What the style is of a cell that names none. */
bool
OdsElapsedByDefault(const OdsReader *ods)
{
	size_t		low = 0;
	size_t		high = ods->nelapsed;

	if (ods->row_elapsed >= 0)
		return ods->row_elapsed;
	while (low < high)
	{
		size_t		middle = low + (high - low) / 2;

		if (ods->elapsed_columns[middle].end <= ods->column)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ods->nelapsed && ods->elapsed_columns[low].first <= ods->column;
}

static void
StartRow(OdsReader *ods, const char **attributes)
{
	const char *style = XmlAttribute(attributes, "default-cell-style-name");
	const char *visibility = XmlAttribute(attributes, "visibility");

	ods->row_hidden = ods->base.options.skip_hidden_rows && visibility != NULL && strcmp(visibility, "visible") != 0;
	ods->row_elapsed = style ? OdsHasName(&ods->elapsed_cells, style) : -1;
	ods->in_row = true;
	ods->row_number += 1;
	ods->row_repeat = OdsRepeat(XmlAttribute(attributes, "number-rows-repeated"));
	ods->column = 0;
}

/* Ends a row: those it stands for are counted even where they are empty. */
static bool
EndRow(OdsReader *ods)
{
	ods->in_row = false;
	if (ods->row_hidden)
		QueueDropCells(&ods->queue);
	if (ods->queue.ncells > ods->queue.row_first && ods->row_number + ods->row_repeat - 1 > MAX_ROWS)
	{
		ReaderFail(&ods->base, READER_ERROR, "the row number is not one that a sheet can have");
		return false;
	}
	if (!QueueRow(&ods->queue, ods->row_number, ods->row_repeat))
		return false;
	ods->row_number += ods->row_repeat - 1;
	return true;
}

/* Elements of a table that only group its rows or columns. */
static bool
IsGroup(const char *name)
{
	static const char *const groups[] = {"table-row-group", "table-header-rows", "table-rows",
	"table-column-group", "table-header-columns", "table-columns", "table-column"};

	for (size_t i = 0; i < sizeof(groups) / sizeof(groups[0]); i++)
	{
		if (strcmp(groups[i], name) == 0)
			return true;
	}
	return false;
}

static bool
IsCell(const char *name)
{
	return strcmp(name, "table-cell") == 0 || strcmp(name, "covered-table-cell") == 0;
}

/*
 * A tag.  Of what is not known, all that it holds is skipped: tracked changes,
 * shapes, forms, links and the tables inside them.
 */
static void
ContentStart(void *arg, const char *name, const char **attributes)
{
	OdsReader  *ods = arg;
	bool		well = true;

	if (ods->skipped > 0)
		ods->skipped++;
	else if (!ods->in_spreadsheet)
	{
		ods->in_spreadsheet = !ods->seen_spreadsheet && strcmp(name, "spreadsheet") == 0;
		if (ods->in_spreadsheet)
			ods->seen_spreadsheet = true;
		else
			well = StartStyle(ods, name, attributes);
	}
	else if (!ods->in_table)
	{
		if (strcmp(name, "table") == 0)
			well = StartTable(ods, attributes);
		else
			ods->skipped = 1;
	}
	else if (!ods->in_row)
	{
		if (strcmp(name, "table-row") == 0)
			StartRow(ods, attributes);
		else if (strcmp(name, "table-column") == 0)
			well = StartColumn(ods, attributes);
		else if (!IsGroup(name))
			ods->skipped = 1;
	}
	else if (ods->in_cell)
		well = OdsStartInCell(ods, name, attributes);
	else if (IsCell(name))
	{
		ods->in_cell = true;
		well = OdsStartCell(ods, attributes);
	}
	else
		ods->skipped = 1;
	StopUnless(ods, well);
}

static void
ContentEnd(void *arg, const char *name)
{
	OdsReader  *ods = arg;
	bool		well = true;

	if (ods->base.status != READER_OK)
		return;					/* the parser ends an empty element even when stopped at its start */
	if (ods->skipped > 0)
		ods->skipped--;
	else if (ods->in_cell && ods->cell.depth > 0)
		well = OdsEndInCell(ods);
	else if (ods->in_cell)
	{
		well = OdsEndCell(ods);
		ods->column += ods->cell.repeat;
		ods->in_cell = !well;	/* a failure is this cell's */
	}
	else if (ods->in_row)
		well = EndRow(ods);
	else if (ods->in_table)
		ods->in_table = IsGroup(name);
	else if (ods->in_spreadsheet)
		ods->in_spreadsheet = false;
	StopUnless(ods, well);
}

static void
ContentText(void *arg, const char *text, int length)
{
	OdsReader  *ods = arg;

	if (ods->in_cell && ods->skipped == 0)
		StopUnless(ods, OdsTextInCell(ods, text, length));
}

/* Notes in *arg that an entry of the manifest is encrypted. */
static void
ManifestStart(void *arg, const char *name, const char **attributes)
{
	(void) attributes;
	if (strcmp(name, "encryption-data") == 0)
		*(bool *) arg = true;
}

/* Refuses a document that only a password opens; the manifest says so. */
static ReaderStatus
CheckManifest(OdsReader *ods)
{
	bool		encrypted = ContainerHas(ods->container, "encrypted-package");
	XmlHandler	handler = {&encrypted, ManifestStart, NULL, NULL};
	ReaderStatus status = READER_END;
	Xml		   *xml;

	if (!encrypted && ContainerHas(ods->container, MANIFEST))
	{
		xml = XmlOpen(&ods->base, ods->container, MANIFEST, &handler);
		if (xml == NULL)
			return ods->base.status;
		XmlTolerateDoctype(xml);	/* OpenOffice 2 wrote one */
		while ((status = XmlStep(xml)) == READER_OK)
			;
		XmlClose(xml);
	}
	if (status != READER_END)
		return status;
	if (encrypted)
		return ReaderFail(&ods->base, READER_UNSUPPORTED,
						  "this is a password-protected OpenDocument spreadsheet; save it without a password");
	return READER_OK;
}

/* Parses one piece. */
static ReaderStatus
Fill(Reader *reader)
{
	OdsReader  *ods = (OdsReader *) reader;
	ReaderStatus status;

	if (ods->at_end)
		return READER_END;
	status = XmlStep(ods->xml);
	ods->at_end = status == READER_END;
	if (ods->at_end && !ods->seen_spreadsheet)
		return ReaderFail(reader, READER_UNSUPPORTED, "this is an OpenDocument file without a spreadsheet in it");
	return status;
}

/* Opens the document: a zip container or the XML itself. */
static ReaderStatus
Open(OdsReader *ods, bool flat)
{
	Reader	   *reader = &ods->base;
	XmlHandler	handler = {ods, ContentStart, ContentEnd, ContentText};

	ods->queue.reader = reader;
	if (!flat)
	{
		ods->container = ContainerOpen(reader);
		if (ods->container == NULL || CheckManifest(ods) != READER_OK)
			return reader->status;
	}
	ods->xml = XmlOpen(reader, ods->container, flat ? "the document" : CONTENT, &handler);
	if (ods->xml == NULL)
		return reader->status;
	XmlExpectPlain(ods->xml);
	return READER_OK;
}

static ReaderStatus
OdsOpen(Reader *reader)
{
	return Open((OdsReader *) reader, false);
}

static ReaderStatus
FodsOpen(Reader *reader)
{
	return Open((OdsReader *) reader, true);
}

static ReaderStatus
OdsNextSheet(Reader *reader, ReaderSheet *sheet)
{
	return QueueNextSheet(&((OdsReader *) reader)->queue, Fill, sheet);
}

static ReaderStatus
OdsNextRow(Reader *reader, ReaderRow *row)
{
	return QueueNextRow(&((OdsReader *) reader)->queue, Fill, row);
}

static void
OdsClose(Reader *reader)
{
	OdsReader  *ods = (OdsReader *) reader;

	XmlClose(ods->xml);
	ContainerClose(ods->container);
	QueueFree(&ods->queue);
	NameMapFree(&ods->hidden_tables);
	NameMapFree(&ods->elapsed_formats);
	NameMapFree(&ods->elapsed_cells);
	free(ods->style);
	free(ods->elapsed_columns);
	BufferFree(&ods->cell.value);
}

const FormatOps ods_format = {"ods", sizeof(OdsReader), OdsOpen, OdsNextSheet, OdsNextRow, OdsClose};
const FormatOps fods_format = {"fods", sizeof(OdsReader), FodsOpen, OdsNextSheet, OdsNextRow, OdsClose};
