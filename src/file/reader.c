/*
 * reader.c
 *	  Recognises a file's format by its content and passes calls on to it.
 */
#include "file/reader.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file/bytes.h"
#include "file/container.h"
#include "file/markup.h"
#include "file/merged.h"
#include "file/stream.h"
#include "file/xlsb.h"

#define SNIFF_BYTES 4096
#define FREE_EXPANSION (UINT64_C(64) << 20)	/* a column filled down is no bomb */
#define UNCOUNTED_DEPTH 64		/* the fast scanners take what is less deep without counting */
#define PACKED_WORKBOOK "a zip file or a workbook; unpack it first"

/* What an older Excel workbook begins with: a compound file, or the BOF record
 * of one of its versions. */
static const struct
{
	const char *magic;
	size_t		length;
}			xls_magics[] =
{
	{"\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8},
	{"\x09\x00\x04\x00", 4},
	{"\x09\x02\x06\x00", 4},
	{"\x09\x04\x06\x00", 4},
	{"\x09\x08\x08\x00", 4},
	{"\x09\x08\x10\x00", 4},
};

/* Containers that are no spreadsheet, by their first bytes, and what to say. */
static const struct
{
	const char *magic;
	size_t		length;
	const char *what;
}			strangers[] =
{
	{"%PDF", 4, "a PDF document"},
	{"\x89PNG", 4, "a PNG picture"},
	{"\xFF\xD8\xFF", 3, "a JPEG picture"},
	{"GIF8", 4, "a GIF picture"},
	{"\x1F\x8B", 2, "a gzip file; unpack it first"},
	{"\x28\xB5\x2F\xFD", 4, "a zstd file; unpack it first"},
	{"7z\xBC\xAF", 4, "a 7-Zip archive"},
	{"Rar!", 4, "a RAR archive"},
	{"BZh91AY&SY", 10, "a bzip2 file; unpack it first"},
	{"\xFD" "7zXZ", 5, "an xz file; unpack it first"},
	{"PK\005\006", 4, "an empty zip archive"},
	{"PAR1\x15", 5, "a Parquet file"},
	{"{\\rtf", 5, "an RTF document"},
	{"ID;PWXL", 7, "a SYLK file; save it as .xlsx"},	/* of other programs: LooksLikeSylk() */
	{"ID;PSCALC", 9, "a SYLK file; save it as .xlsx"},
	{"ID;PCALCOOO", 11, "a SYLK file; save it as .xlsx"},
	{"\x00\x00\x02\x00", 4, "a Lotus 1-2-3 sheet; save it as .xlsx"},
	{"\x00\x00\x1A\x00", 4, "a Lotus 1-2-3 sheet; save it as .xlsx"},
	{"\xFF\x00\x02\x00", 4, "a Works sheet; save it as .xlsx"},
	{"MIME-Version: ", 14, "a web archive (.mht); save it as .xlsx"},
	{"TABLE\n0,1\n", 10, "a DIF file; save it as .xlsx"},
	{"TABLE\r\n0,1\r\n", 12, "a DIF file; save it as .xlsx"},
	{"0M8R4KGxGuE", 11, "a workbook in base64; decode it first"},
	{"UEsDBAoA", 8, "a workbook in base64; decode it first"},
	{"UEsDBBQA", 8, "a workbook in base64; decode it first"},
	{"UEsDBC0A", 8, "a workbook in base64; decode it first"},
};

/* Fills in the defaults. */
void
ReaderOptionsInit(ReaderOptions *options)
{
	memset(options, 0, sizeof(ReaderOptions));
	options->max_file_size = UINT64_C(4) << 30;
	options->max_uncompressed_size = UINT64_C(8) << 30;
	options->max_compression_ratio = 200;
	options->max_columns = 16384;
	options->max_cell_size = 1 << 20;
	options->max_shared_strings = 256 << 20;
	options->max_xml_depth = 256;
}

bool
IsBeyondRatio(const Reader *reader, uint64_t bytes, uint64_t free_bytes, uint64_t packed)
{
	return bytes > free_bytes && (bytes - free_bytes) / reader->options.max_compression_ratio > packed;
}

/*
 * A few bytes may ask for a million rows alike.  What they stand for must stay
 * within what so small a file could unpack to.
 */
ReaderStatus
CheckExpansion(Reader *reader, const char *what)
{
	const ReaderOptions *options = &reader->options;

	if (reader->expanded > options->max_uncompressed_size)
		return ReaderFail(reader, READER_LIMIT, "the %s cells take more than max_uncompressed_size", what);
	if (IsBeyondRatio(reader, reader->expanded, FREE_EXPANSION, reader->total))
		return ReaderFail(reader, READER_LIMIT, "the %s cells take more than max_compression_ratio (%u) times the file's size",
						  what, options->max_compression_ratio);
	return READER_OK;
}

/* Reads up to length bytes at an offset. */
ptrdiff_t
ReadAt(int fd, void *buffer, size_t length, uint64_t offset)
{
	size_t		got = 0;

	while (got < length)
	{
		ssize_t		n = pread(fd, (char *) buffer + got, length - got, offset + got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		got += n;
	}
	return got;
}

/* Length of the valid UTF-8 sequence at p, 0 if there is none. */
static int
SequenceLength(const unsigned char *p, const unsigned char *end)
{
	int			length = p[0] < 0x80 ? 1 : p[0] < 0xC2 ? 0 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : p[0] < 0xF5 ? 4 : 0;

	if (length == 0 || end - p < length || p[0] == '\0')
		return 0;
	for (int i = 1; i < length; i++)
	{
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return length;
}

/* Is this valid UTF-8 without NUL bytes? */
bool
IsValidText(const char *text, size_t length)
{
	const unsigned char *p = (const unsigned char *) text;
	const unsigned char *end = p + length;

	while (p < end)
	{
		int			sequence = SequenceLength(p, end);

		if (sequence == 0)
			return false;
		p += sequence;
	}
	return true;
}

/* Puts a question mark for each byte that is not UTF-8: messages quote what the
 * file holds, and are cut where they are too long. */
static void
MakeValidText(char *text)
{
	unsigned char *p = (unsigned char *) text;
	unsigned char *end = p + strlen(text);

	while (p < end)
	{
		int			sequence = SequenceLength(p, end);

		if (sequence == 0)
			*p = '?';
		p += sequence > 0 ? sequence : 1;
	}
}

/* Notes a failure and returns its status. */
ReaderStatus
ReaderFail(Reader *reader, ReaderStatus status, const char *format,...)
{
	va_list		args;

	va_start(args, format);
	vsnprintf(reader->message, sizeof(reader->message), format, args);
	va_end(args);
	MakeValidText(reader->message);
	if (status != READER_BAD_ROW)
		reader->status = status;
	return status;
}

/* Makes room for more bytes; false if out of memory or over the limit. */
bool
BufferReserve(Buffer *buffer, size_t more)
{
	size_t		need = buffer->length + more;
	size_t		capacity = buffer->capacity ? buffer->capacity : 1024;
	char	   *data;

	if (need < more || (buffer->limit > 0 && need > buffer->limit))
		return false;
	if (need <= buffer->capacity)
		return true;
	while (capacity < need)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (data == NULL)
		return false;
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

/* Adds bytes at the end. */
bool
BufferAppend(Buffer *buffer, const char *data, size_t length)
{
	if (!BufferReserve(buffer, length))
		return false;
	if (length > 0)
		memcpy(buffer->data + buffer->length, data, length);
	buffer->length += length;
	return true;
}

/* Gives the memory back. */
void
BufferFree(Buffer *buffer)
{
	free(buffer->data);
	memset(buffer, 0, sizeof(Buffer));
}

/* Lets an array hold one more. */
bool
GrowArray(void **array, size_t *capacity, size_t count, size_t size)
{
	size_t		larger = *capacity ? *capacity * 2 : 64;
	void	   *grown;

	if (count < *capacity)
		return true;
	grown = realloc(*array, larger * size);
	if (grown == NULL)
		return false;
	*array = grown;
	*capacity = larger;
	return true;
}

/* The format of XML or HTML; NULL with a name for strangers. */
static const FormatOps *
RecogniseMarkup(Markup markup, const char **stranger)
{
	switch (markup)
	{
		case MARKUP_HTML:
			return &html_format;
		case MARKUP_SPREADSHEETML:
			return &xmlss_format;
		case MARKUP_OPENDOCUMENT:
			return &fods_format;
		default:
			*stranger = "an XML document; save it as .xlsx";
			return NULL;
	}
}

/*
 * Is this a dBASE table?  Its first byte, a version, may be that of a text; but
 * behind it come a date, the length of a header that is made of 32 bytes for
 * each column, and bytes that are zero.
 */
static bool
LooksLikeDbase(const char *head, size_t length)
{
	const unsigned char *p = (const unsigned char *) head;

	return length >= 32 && memchr("\x02\x03\x30\x31\x32\x43\x63\x83\x8B\x8C\x8E\xCB\xE5\xF5\xFB", p[0], 15) != NULL &&
		p[2] >= 1 && p[2] <= 12 && p[3] >= 1 && p[3] <= 31 && GetU16(p + 8) >= 65 && GetU16(p + 10) > 1 &&
		memcmp(p + 12, "\0\0\0", 3) == 0;
}

/*
 * Is this a SYLK file?  "ID;P" and the name of a program may be a header of text
 * too: then no line below has three fields, of which the first are "C;X1", a
 * cell's place.
 */
static bool
LooksLikeSylk(const char *head, size_t length)
{
	const char *end = head + length;
	const char *line = head;
	int			fields = 0;

	if (length < 4 || memcmp(head, "ID;P", 4) != 0)
		return false;
	for (const char *p = head; p < end; p++)
	{
		if (*p == '\n' || *p == '\r')
		{
			line = p + 1;
			fields = 0;
		}
		else if (*p != ';')
			continue;
		else if (line == head && p > head + 2 && (end - p < 2 || (p[1] != 'N' && p[1] != 'E')))
			return false;		/* of the first line only flags may follow */
		else if (++fields == 2 && line > head && p - line > 3 && memcmp(line, "C;", 2) == 0 &&
				 (line[2] == 'X' || line[2] == 'Y') && isdigit((unsigned char) line[3]))
			return true;
	}
	return false;
}

/* The format of a file by its first bytes; NULL with a name for strangers. */
static const FormatOps *
Recognise(const char *head, size_t length, bool packed, const char **stranger)
{
	Markup		markup = MarkupOf(head, length);

	*stranger = NULL;
	if (length >= 4 && memcmp(head, "PK\003\004", 4) == 0)
	{
		*stranger = PACKED_WORKBOOK;
		return packed ? NULL : &xlsx_format;
	}
	for (size_t i = 0; i < sizeof(xls_magics) / sizeof(xls_magics[0]); i++)
	{
		if (length >= xls_magics[i].length && memcmp(head, xls_magics[i].magic, xls_magics[i].length) == 0)
		{
			*stranger = PACKED_WORKBOOK;
			return packed ? NULL : &xls_format;
		}
	}
	if (markup != MARKUP_NONE && packed)
	{
		*stranger = PACKED_WORKBOOK;
		return NULL;
	}
	if (markup != MARKUP_NONE)
		return RecogniseMarkup(markup, stranger);
	for (size_t i = 0; i < sizeof(strangers) / sizeof(strangers[0]); i++)
	{
		if (length >= strangers[i].length && memcmp(head, strangers[i].magic, strangers[i].length) == 0)
		{
			*stranger = strangers[i].what;
			return NULL;
		}
	}
	if (LooksLikeDbase(head, length))
	{
		*stranger = "a dBASE table; save it as .xlsx";
		return NULL;
	}
	if (LooksLikeSylk(head, length))
	{
		*stranger = "a SYLK file; save it as .xlsx";
		return NULL;
	}
	return LooksLikeJson(head, length) ? &json_format : &csv_format;
}

/* Takes over the options; a limit of zero is its default. */
static void
SetOptions(Reader *reader, const ReaderOptions *options)
{
	ReaderOptions *own = &reader->options;
	ReaderOptions defaults;

	ReaderOptionsInit(&defaults);
	*own = *options;
	if (own->max_uncompressed_size == 0)
		own->max_uncompressed_size = defaults.max_uncompressed_size;
	if (own->max_compression_ratio == 0)
		own->max_compression_ratio = defaults.max_compression_ratio;
	if (own->max_columns == 0)
		own->max_columns = defaults.max_columns;
	if (own->max_cell_size == 0)
		own->max_cell_size = defaults.max_cell_size;
	if (own->max_shared_strings == 0)
		own->max_shared_strings = defaults.max_shared_strings;
	if (own->max_xml_depth == 0)
		own->max_xml_depth = defaults.max_xml_depth;
	own->strict |= own->max_xml_depth < UNCOUNTED_DEPTH;
}

/* Makes room for what a format adds to the reader, and opens it. */
static ReaderStatus
OpenFormat(Reader **reader, const FormatOps *ops)
{
	Reader	   *made = realloc(*reader, ops->size);
	const char *compression;
	size_t		used;
	ReaderStatus status;

	if (made == NULL)
		return ReaderFail(*reader, READER_NO_MEMORY, "out of memory");
	memset((char *) made + sizeof(Reader), 0, ops->size - sizeof(Reader));
	*reader = made;
	made->ops = ops;
	status = ops->open(made);
	compression = ByteStreamCompression(made);
	used = strlen(made->detected);
	if (status == READER_OK && compression[0] != '\0')
		snprintf(made->detected + used, sizeof(made->detected) - used, " compression=%s", compression);
	return status;
}

/* Is this container an OpenDocument file?  Its first entry should say so, but
 * not every program keeps to that: the directory is asked. */
static bool
IsOpenDocument(const Container *container)
{
	return !ContainerHas(container, "[Content_Types].xml") && !ContainerHas(container, "xl/workbook.xml") &&
		(ContainerHas(container, "content.xml") || ContainerHas(container, "encrypted-package"));
}

/*
 * The format of a zip container.  What cannot be read of it is the workbook
 * reader's to complain about.
 */
static const FormatOps *
FormatOfContainer(const Reader *reader)
{
	Reader		asker;
	Container  *container;
	const FormatOps *format = &xlsx_format;

	memset(&asker, 0, sizeof(asker));
	asker.fd = reader->fd;
	asker.total = reader->total;
	asker.options = reader->options;
	container = ContainerOpen(&asker);
	if (container != NULL && IsOpenDocument(container))
		format = &ods_format;
	else if (container != NULL && XlsbIsBook(&asker, container))
		format = &xlsb_format;
	ContainerClose(container);
	return format;
}

/* Recognises the format by what the file holds, packed or not. */
static ReaderStatus
FindFormat(Reader *reader, const FormatOps **ops)
{
	char		head[SNIFF_BYTES];
	const char *stranger;
	const char *compression;
	ptrdiff_t	got;

	if (ByteStreamOpen(reader) != READER_OK)
		return reader->status;
	compression = ByteStreamCompression(reader);
	got = ByteStreamPeek(reader, head, sizeof(head));
	if (got < 0)
		return reader->status;
	*ops = Recognise(head, got, compression[0] != '\0', &stranger);
	if (*ops == &xlsx_format)
		*ops = FormatOfContainer(reader);
	if (*ops != NULL)
		return READER_OK;
	if (compression[0] != '\0')
		return ReaderFail(reader, READER_UNSUPPORTED, "in this %s file is %s", compression, stranger);
	return ReaderFail(reader, READER_UNSUPPORTED, "this is %s", stranger);
}

/* Recognises the format by content and opens it. */
ReaderStatus
ReaderOpen(Reader **reader, int fd, const ReaderOptions *options)
{
	Reader	   *made = calloc(1, sizeof(Reader));
	const FormatOps *ops;
	struct stat st;

	*reader = made;
	if (made == NULL)
		return READER_NO_MEMORY;
	made->fd = fd;
	SetOptions(made, options);
	if (fstat(fd, &st) != 0)
		return ReaderFail(made, READER_ERROR, "could not read the file: %s", strerror(errno));
	made->total = st.st_size;
	if (made->total == 0)
		return ReaderFail(made, READER_ERROR, "the file is empty");
	if (options->max_file_size != 0 && made->total > options->max_file_size)
		return ReaderFail(made, READER_LIMIT, "the file has %llu bytes, more than max_file_size",
						  (unsigned long long) made->total);
	if (FindFormat(made, &ops) != READER_OK)
		return made->status;
	return OpenFormat(reader, ops);
}

/* Is this a workbook or a page, and no text of which each byte is read once? */
static bool
IsWorkbook(const Reader *reader)
{
	return reader->ops != &csv_format && reader->ops != &json_format;
}

/* Steps to the next sheet. */
ReaderStatus
ReaderNextSheet(Reader *reader, ReaderSheet *sheet)
{
	if (reader->status != READER_OK)
		return reader->status;
	reader->row = 0;
	reader->column = 0;
	sheet->has_header = false;
	sheet->tells_merged = IsWorkbook(reader);
	MergedBeginSheet(reader);
	return reader->ops->next_sheet(reader, sheet);
}

/*
 * A text that a workbook keeps once may be that of all its cells: then they take
 * what no file could hold that is within its limits.
 */
static ReaderStatus
CountText(Reader *reader, const ReaderRow *row)
{
	const ReaderOptions *options = &reader->options;

	for (int i = 0; i < row->ncells; i++)
		reader->told += row->cells[i].length;
	if (IsBeyondRatio(reader, reader->told, options->max_uncompressed_size, reader->total))
		return ReaderFail(reader, READER_LIMIT, "the cells take more than max_uncompressed_size and max_compression_ratio (%u) times the file's size",
						  options->max_compression_ratio);
	return READER_OK;
}

/* The next row that has any non-empty cell. */
ReaderStatus
ReaderNextRow(Reader *reader, ReaderRow *row)
{
	ReaderStatus status;

	if (reader->status != READER_OK)
		return reader->status;
	status = reader->ops->next_row(reader, row);
	if (status == READER_OK && reader->merged != NULL)
		status = MergedFill(reader, row);
	return status == READER_OK && IsWorkbook(reader) ? CountText(reader, row) : status;
}

/* Why the last call failed. */
const char *
ReaderMessage(const Reader *reader)
{
	return reader->message;
}

/* Where the reader stands. */
void
ReaderPosition(const Reader *reader, int64_t *row, int *column)
{
	*row = reader->row;
	*column = reader->column;
}

/* The format's short name. */
const char *
ReaderFormat(const Reader *reader)
{
	return reader->ops ? reader->ops->name : "";
}

/* What was detected of the format. */
const char *
ReaderDetected(const Reader *reader)
{
	return reader->detected;
}

/* Bytes of the file consumed so far and in all. */
void
ReaderProgress(const Reader *reader, uint64_t *done, uint64_t *total)
{
	*done = reader->done;
	*total = reader->total;
}

/* Frees everything. */
void
ReaderClose(Reader *reader)
{
	if (reader == NULL)
		return;
	if (reader->ops != NULL)
		reader->ops->close(reader);
	ByteStreamClose(reader);
	MergedFree(reader);
	free(reader);
}
