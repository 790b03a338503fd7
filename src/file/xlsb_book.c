/*
 * xlsb_book.c
 *	  A binary workbook: its sheets in order, which cell styles show a number as
 *	  a date, and its shared strings.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "file/xlsb.h"

#define BEGIN_BOOK 131
#define BOOK_BEGINS "\x83\x01"	/* the same, as a part begins with it */
#define FORMAT 44
#define CELL_STYLE 47			/* also of what cells inherit from: only those of cells count */
#define BEGIN_CELL_STYLES 617
#define END_CELL_STYLES 618
#define STRING_ITEM 19
#define BEGIN_STRINGS 159
#define END_STRINGS 160
#define END_BOOK 132
#define BOOK_PROPERTIES 153
#define SHEET 156

#define IS_1904 1				/* flag of BOOK_PROPERTIES */
#define MAX_NAME 65536			/* units of a sheet's name, a relation's id or a format's code */
#define MAX_STYLES 65536
#define NFORMATS (UINT16_MAX + 1)

/* Styles as they are read. */
typedef struct StyleParse
{
	XlsxReader *book;
	XlsbPart	part;
	uint8_t    *formats;		/* 1 + NumberClass of those that the file defines, by id */
	size_t		capacity;		/* of book->classes */
	bool		in_cell_styles;
	Buffer		code;
} StyleParse;

/* Is the container's workbook a binary one?  By its first record; where that
 * cannot be told, by its name. */
bool
XlsbIsBook(Reader *reader, Container *container)
{
	char	   *path = XlsxFindBook(reader, container);
	char		head[2];
	ptrdiff_t	got = 0;
	bool		binary;

	if (path == NULL)
		return false;
	if (ContainerOpenEntry(container, path) == READER_OK)
		got = ContainerRead(container, head, sizeof(head));
	ContainerCloseEntry(container);
	binary = (got == sizeof(head) && memcmp(head, BOOK_BEGINS, sizeof(head)) == 0) ||
		(strlen(path) > 4 && strcasecmp(path + strlen(path) - 4, ".bin") == 0 && (got <= 0 || head[0] != '<'));
	free(path);
	return binary;
}

/* Takes a text of the workbook's own, ended by NUL. */
static ReaderStatus
TakeName(XlsbPart *part, const XlsbRecord *record, size_t at, Buffer *out, size_t *next)
{
	ReaderStatus status;

	out->length = 0;
	status = XlsbTakeText(part, record, at, MAX_NAME, out, next);
	if (status == READER_LIMIT)
		return XlsbDamaged(part, "a name in it is too long");
	if (status == READER_OK && !BufferAppend(out, "", 1))
		return XlsbOutOfMemory(part->book);
	return status;
}

/* Adds a sheet: state, number, id of its relation, name. */
static ReaderStatus
TakeSheet(XlsbPart *part, const XlsbRecord *record)
{
	Buffer		relation = {0};
	Buffer		name = {0};
	size_t		next = 0;
	ReaderStatus status;

	if (record->kept < 8)
		return XlsbDamaged(part, "the list of its sheets is cut short");
	status = TakeName(part, record, 8, &relation, &next);
	if (status == READER_OK)
		status = TakeName(part, record, next, &name, NULL);
	if (status == READER_OK &&
		!XlsxAddSheet(part->book, name.data, relation.length > 1 ? relation.data : NULL, GetU32(record->data) != 0))
		status = XlsbOutOfMemory(part->book);
	BufferFree(&relation);
	BufferFree(&name);
	return status;
}

/* Reads the workbook's records. */
static ReaderStatus
ReadBookRecords(XlsbPart *part)
{
	XlsbRecord	record;
	ReaderStatus status = XlsbNextRecord(part, &record);

	if (status == READER_OK && record.type != BEGIN_BOOK)
		return XlsbDamaged(part, "it does not begin as a workbook");
	while (status == READER_OK && record.type != END_BOOK)
	{
		if (record.type == BOOK_PROPERTIES && record.kept >= 4)
			part->book->date1904 = (GetU32(record.data) & IS_1904) != 0;
		else if (record.type == SHEET)
			status = TakeSheet(part, &record);
		if (status == READER_OK)
			status = XlsbNextRecord(part, &record);
	}
	return status == READER_END ? XlsbEndsEarly(part) : status;
}

/* Reads the workbook: sheets and where the parts are. */
ReaderStatus
XlsbReadBook(XlsxReader *book)
{
	char	   *path = XlsxFindBook(&book->base, book->container);
	XlsbPart	part;
	ReaderStatus status;

	if (path == NULL)
		return book->base.status;
	status = XlsbOpenPart(&part, book, path);
	if (status == READER_OK)
		status = ReadBookRecords(&part);
	if (status == READER_OK)
		status = XlsbFinishPart(&part);
	XlsbClosePart(&part);
	if (status == READER_OK)
		status = XlsxReadBookRelations(book, path);
	free(path);
	return status;
}

/* A format that the file defines: id, code. */
static ReaderStatus
TakeFormat(StyleParse *parse, const XlsbRecord *record)
{
	ReaderStatus status;

	if (record->kept < 2)
		return XlsbDamaged(&parse->part, "a number format is cut short");
	status = TakeName(&parse->part, record, 2, &parse->code, NULL);
	if (status == READER_OK)
		parse->formats[GetU16(record->data)] = 1 + ClassifyNumberFormat(parse->code.data);
	return status;
}

/* A cell style: parent, id of the format. */
static ReaderStatus
TakeStyle(StyleParse *parse, const XlsbRecord *record)
{
	XlsxReader *book = parse->book;
	uint16_t	format;

	if (record->kept < 4)
		return XlsbDamaged(&parse->part, "a cell style is cut short");
	if (book->nclasses == MAX_STYLES)
		return READER_OK;
	if (book->nclasses == parse->capacity)
	{
		size_t		capacity = parse->capacity ? parse->capacity * 2 : 256;
		uint8_t    *classes = realloc(book->classes, capacity);

		if (classes == NULL)
			return XlsbOutOfMemory(book);
		book->classes = classes;
		parse->capacity = capacity;
	}
	format = GetU16(record->data + 2);
	book->classes[book->nclasses++] = parse->formats[format] != 0 ?
		parse->formats[format] - 1 : (int) BuiltInNumberClass(format);
	return READER_OK;
}

/* Reads the records of the styles. */
static ReaderStatus
ReadStyleRecords(StyleParse *parse)
{
	XlsbRecord	record;
	ReaderStatus status;

	while ((status = XlsbNextRecord(&parse->part, &record)) == READER_OK)
	{
		if (record.type == FORMAT)
			status = TakeFormat(parse, &record);
		else if (record.type == BEGIN_CELL_STYLES || record.type == END_CELL_STYLES)
			parse->in_cell_styles = record.type == BEGIN_CELL_STYLES;
		else if (record.type == CELL_STYLE && parse->in_cell_styles)
			status = TakeStyle(parse, &record);
		if (status != READER_OK)
			return status;
	}
	return status == READER_END ? READER_OK : status;
}

/* Reads the styles, if the workbook has any. */
ReaderStatus
XlsbReadStyles(XlsxReader *book)
{
	StyleParse	parse = {.book = book};
	ReaderStatus status;

	if (book->styles_path == NULL)
		return READER_OK;
	parse.formats = calloc(NFORMATS, 1);
	if (parse.formats == NULL)
		return XlsbOutOfMemory(book);
	status = XlsbOpenPart(&parse.part, book, book->styles_path);
	if (status == READER_OK)
		status = ReadStyleRecords(&parse);
	XlsbClosePart(&parse.part);
	BufferFree(&parse.code);
	free(parse.formats);
	return status;
}

/* Adds a shared string: flags, text; its runs and phonetic hints are no text. */
static ReaderStatus
TakeString(XlsbPart *part, const XlsbRecord *record)
{
	XlsxReader *book = part->book;
	const ReaderOptions *options = &book->base.options;
	Buffer	   *arena = &book->strings.arena;
	size_t		start = arena->length;
	ReaderStatus status = XlsbTakeText(part, record, 1, options->max_cell_size, arena, NULL);

	if (status == READER_LIMIT || (status == READER_OK && arena->length - start > options->max_cell_size))
		return ReaderFail(&book->base, READER_LIMIT, "a shared string is longer than max_cell_size");
	if (status != READER_OK)
		return status;
	status = XlsxKeepString(book, start);
	if (status == READER_LIMIT)
		return ReaderFail(&book->base, status, "the shared strings take more than max_shared_strings");
	return status == READER_NO_MEMORY ? XlsbOutOfMemory(book) : status;
}

/* Reads the records of the shared strings. */
static ReaderStatus
ReadStringRecords(XlsbPart *part)
{
	XlsbRecord	record;
	ReaderStatus status = XlsbNextRecord(part, &record);

	if (status == READER_OK && record.type != BEGIN_STRINGS)
		return XlsbDamaged(part, "it does not begin as shared strings");
	while (status == READER_OK && record.type != END_STRINGS)
	{
		if (record.type == STRING_ITEM)
			status = TakeString(part, &record);
		if (status == READER_OK)
			status = XlsbNextRecord(part, &record);
	}
	return status == READER_END ? XlsbEndsEarly(part) : status;
}

/* Reads the shared strings, if the workbook has any and they are not there yet. */
ReaderStatus
XlsbReadStrings(XlsxReader *book)
{
	XlsbPart	part;
	ReaderStatus status;

	if (book->strings_loaded || book->strings_path == NULL)
		return READER_OK;
	status = XlsbOpenPart(&part, book, book->strings_path);
	if (status == READER_OK)
		status = ReadStringRecords(&part);
	if (status == READER_OK)
		status = XlsbFinishPart(&part);
	XlsbClosePart(&part);
	book->strings_loaded = true;
	return status;
}
