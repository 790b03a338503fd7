/*
 * wrap.c
 *	  Containers made in memory: zip files of stored entries, and OLE2 compound
 *	  files of one stream.
 */
#include "wrap.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define MAIN "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
#define RELATIONS "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
#define PACKAGE "http://schemas.openxmlformats.org/package/2006/relationships"
#define RELATION(id, kind, target) "<Relationship Id=\"" id "\" Type=\"" RELATIONS "/" kind "\" Target=\"" target "\"/>"
#define SHEET "xl/worksheets/sheet1.xml"
#define BINARY_SHEET "xl/worksheets/sheet1.bin"
#define SHARED(column, index) "<c r=\"" column "1\" t=\"s\"><v>" index "</v></c>"
#define STYLED(column, style) "<c r=\"" column "2\" s=\"" style "\"><v>45000.5</v></c>"

/* A part of a zip container. */
typedef struct Part
{
	const char *path;
	const char *data;
	size_t		size;
} Part;

#define PART(path, data) {path, data, sizeof(data) - 1}

static const Format formats[] =
{
	{"csv", NULL, false, false, false},
	{"json", NULL, false, false, false},
	{"packed", NULL, false, false, false},
	{"html", NULL, false, false, false},
	{"xmlss", NULL, false, true, false},
	{"fods", NULL, false, true, false},
	{"xls", NULL, false, false, false},
	{"biff", NULL, true, false, false},
	{"zip", NULL, false, true, true},
	{"ods", "content.xml", false, true, false},
	{"sheet", SHEET, false, true, true},
	{"strings", "xl/sharedStrings.xml", false, true, true},
	{"xlsb", BINARY_SHEET, false, false, true},
	{"xlsbbook", "xl/workbook.bin", false, false, true},
	{"xlsbstrings", "xl/sharedStrings.bin", false, false, true},
	{"xlsbstyles", "xl/styles.bin", false, false, true},
	{"styles", "xl/styles.xml", false, true, true},
	{"book", "xl/workbook.xml", false, true, true},
	{"rels", "xl/_rels/workbook.xml.rels", false, true, true},
};

/* A workbook's parts, for whichever of them is not the input.  Its cells point
 * to the first shared strings and styles, whatever these are. */
static const Part workbook_parts[] =
{
	PART("[Content_Types].xml", "<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\"/>"),
	PART("_rels/.rels", "<Relationships xmlns=\"" PACKAGE "\">" RELATION("rId1", "officeDocument", "xl/workbook.xml") "</Relationships>"),
	PART("xl/workbook.xml", "<workbook xmlns=\"" MAIN "\" xmlns:r=\"" RELATIONS "\"><sheets>"
	"<sheet name=\"One\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"),
	PART("xl/_rels/workbook.xml.rels", "<Relationships xmlns=\"" PACKAGE "\">" RELATION("rId1", "worksheet", "worksheets/sheet1.xml")
		RELATION("rId2", "styles", "styles.xml") RELATION("rId3", "sharedStrings", "sharedStrings.xml") "</Relationships>"),
	PART("xl/styles.xml", "<styleSheet xmlns=\"" MAIN "\"><cellXfs count=\"5\"><xf numFmtId=\"0\"/><xf numFmtId=\"14\"/>"
	"<xf numFmtId=\"22\"/><xf numFmtId=\"46\"/><xf numFmtId=\"2\"/></cellXfs></styleSheet>"),
	PART("xl/sharedStrings.xml", "<sst xmlns=\"" MAIN "\"><si><t>plain</t></si><si/><si><r><t>bold</t></r><r><t> &amp; rest</t></r></si>"
	"<si><t>_x000D_</t></si><si><t/></si><si><t> a </t></si><si><t>&#233;</t></si><si><t>8</t></si></sst>"),
	PART(SHEET, "<worksheet xmlns=\"" MAIN "\"><sheetData><row r=\"1\">" SHARED("A", "0") SHARED("B", "1") SHARED("C", "2")
		SHARED("D", "3") SHARED("E", "4") SHARED("F", "5") SHARED("G", "6") SHARED("H", "7") "</row><row r=\"2\">"
		STYLED("A", "0") STYLED("B", "1") STYLED("C", "2") STYLED("D", "3") STYLED("E", "4") STYLED("F", "5")
	"</row></sheetData></worksheet>"),
};

/* The same as a binary workbook. */
static const Part binary_parts[] =
{
	PART("_rels/.rels", "<Relationships xmlns=\"" PACKAGE "\">" RELATION("rId1", "officeDocument", "xl/workbook.bin") "</Relationships>"),
	PART("xl/_rels/workbook.bin.rels", "<Relationships xmlns=\"" PACKAGE "\">" RELATION("rId1", "worksheet", "worksheets/sheet1.bin")
		RELATION("rId2", "styles", "styles.bin") RELATION("rId3", "sharedStrings", "sharedStrings.bin") "</Relationships>"),
	PART("xl/workbook.bin",
		"\203\001\000\231\001\014\000\000\000\000\000\000\000\000\000\000\000\000\234\001\036\000\000\000\000\001\000"
		"\000\000\004\000\000\000r\000I\000d\0001\000\003\000\000\000O\000n\000e\000\204\001\000"),
	PART("xl/styles.bin",
		"\226\002\000,\022\244\000\006\000\000\000[\000h\000]\000:\000m\000m\000\362\004\000/\020\000\000\016\000\000"
		"\000\000\000\000\000\000\000\000\000\000\000\363\004\000\351\004\000/\020\000\000\000\000\000\000\000\000\000"
		"\000\000\000\000\000\000\000/\020\000\000\016\000\000\000\000\000\000\000\000\000\000\000\000\000/\020\000\000"
		"\026\000\000\000\000\000\000\000\000\000\000\000\000\000/\020\000\000\244\000\000\000\000\000\000\000\000\000"
		"\000\000\000\000\352\004\000\227\002\000"),
	PART("xl/sharedStrings.bin",
		"\237\001\010\000\000\000\000\000\000\000\000\023\017\000\005\000\000\000p\000l\000a\000i\000n\000\023\005\000"
		"\000\000\000\000\023\011\000\002\000\000\000a\000\351\000\240\001\000"),
	PART(BINARY_SHEET,
		"\201\001\000\221\001\000\000\021\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\000\007\014"
		"\000\000\000\000\000\000\000\000\000\000\000\000\007\014\001\000\000\000\000\000\000\000\001\000\000\000\007"
		"\014\002\000\000\000\000\000\000\000\002\000\000\000\000\021\001\000\000\000\000\000\000\000\000\000\000\000"
		"\000\000\000\000\000\002\014\000\000\000\000\001\000\000\000\042\277\002\000\005\020\001\000\000\000\002\000"
		"\000\000\000\000\000\000\020\371\345@\005\020\002\000\000\000\003\000\000\000\000\000\000\000\000\000\370\077"
		"\222\001\000\202\001\000"),
};

static const Part ods_parts[] =
{
	PART("mimetype", "application/vnd.oasis.opendocument.spreadsheet"),
	PART("content.xml", ""),
};

/* The format of this name. */
const Format *
FindFormat(const char *name)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
	{
		if (strcmp(formats[i].name, name) == 0)
			return &formats[i];
	}
	return NULL;
}

/* Writes a little-endian number and steps behind it. */
static void
Put(uint8_t **to, uint32_t number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*(*to)++ = number >> (8 * i) & 0xFF;
}

/* Writes bytes and steps behind them. */
static void
PutBytes(uint8_t **to, const void *bytes, size_t length)
{
	if (length > 0)
		memcpy(*to, bytes, length);
	*to += length;
}

/* --- zip --- */

/* What a local header and a directory entry have in common. */
static void
PutEntry(uint8_t **to, const char *path, const uint8_t *data, size_t size)
{
	Put(to, 20, 2);				/* version needed */
	Put(to, 0, 2);				/* flags */
	Put(to, 0, 2);				/* stored */
	Put(to, 0x21, 4);			/* 1980-01-01 */
	Put(to, crc32(0, data, size), 4);
	Put(to, size, 4);
	Put(to, size, 4);
	Put(to, strlen(path), 2);
	Put(to, 0, 2);				/* no extra field */
}

/* A zip file of these parts, one of them replaced. */
static uint8_t *
Zip(const Part *parts, int count, const char *replaced, const uint8_t *data, size_t size, size_t *wrapped)
{
	size_t		room = size + 22;
	uint32_t	offsets[8];
	uint8_t    *file;
	uint8_t    *at;
	uint32_t	directory;

	for (int i = 0; i < count; i++)
		room += 30 + 46 + 2 * strlen(parts[i].path) + parts[i].size;
	file = at = malloc(room);
	for (int pass = 0; pass < 2; pass++)
	{
		directory = at - file;
		for (int i = 0; i < count; i++)
		{
			const char *path = parts[i].path;
			bool		ours = strcmp(path, replaced) == 0;
			const uint8_t *bytes = ours ? data : (const uint8_t *) parts[i].data;
			size_t		length = ours ? size : parts[i].size;

			if (pass == 0)
				offsets[i] = at - file;
			PutBytes(&at, pass == 0 ? "PK\3\4" : "PK\1\2\24\0", pass == 0 ? 4 : 6);
			PutEntry(&at, path, bytes, length);
			if (pass == 1)
			{
				Put(&at, 0, 4);	/* no comment, disk 0 */
				Put(&at, 0, 4);
				Put(&at, 0, 2);
				Put(&at, offsets[i], 4);
			}
			PutBytes(&at, path, strlen(path));
			if (pass == 0)
				PutBytes(&at, bytes, length);
		}
	}
	room = at - file - directory;
	PutBytes(&at, "PK\5\6\0\0\0\0", 8);
	Put(&at, count, 2);
	Put(&at, count, 2);
	Put(&at, room, 4);
	Put(&at, directory, 4);
	Put(&at, 0, 2);
	*wrapped = at - file;
	return file;
}

/* --- compound file --- */

#define SECTOR 512
#define MINI_SECTOR 64
#define MINI_LIMIT 4096			/* shorter streams lie in the mini stream */
#define FREE_SECTOR 0xFFFFFFFF
#define CHAIN_END 0xFFFFFFFE
#define TABLE_SECTOR 0xFFFFFFFD

static void
PutDirectoryEntry(uint8_t **to, const char *name, int kind, uint32_t child, uint32_t start, uint32_t size)
{
	uint8_t    *begin = *to;

	for (const char *p = name; *p; p++)
		Put(to, *p, 2);
	*to = begin + 64;
	Put(to, 2 * strlen(name) + 2, 2);
	Put(to, kind, 1);
	Put(to, 1, 1);
	Put(to, FREE_SECTOR, 4);
	Put(to, FREE_SECTOR, 4);
	Put(to, child, 4);
	*to += 36;
	Put(to, start, 4);
	Put(to, size, 4);
	*to = begin + 128;
}

/* Entries of a table: a chain of so many sectors from this one on. */
static void
PutChain(uint8_t **to, uint32_t first, uint32_t count)
{
	for (uint32_t i = 1; i <= count; i++)
		Put(to, i < count ? first + i : CHAIN_END, 4);
}

/*
 * Header, allocation table, directory, mini stream's table, data.  One sector
 * of each table must do, which bounds the input.
 */
static uint8_t *
Compound(const uint8_t *data, size_t size, size_t *wrapped)
{
	bool		mini = size < MINI_LIMIT;
	uint32_t	sectors = (size + SECTOR - 1) / SECTOR;
	uint8_t    *file;
	uint8_t    *at;

	if (sectors == 0 || sectors + 3 > SECTOR / 4)
		return NULL;
	*wrapped = (4 + sectors) * SECTOR;
	file = at = calloc(*wrapped, 1);
	PutBytes(&at, "\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1", 8);
	at += 16;
	Put(&at, 0x0003003E, 4);
	Put(&at, 0x0009FFFE, 4);	/* byte order, 2^9 bytes a sector */
	Put(&at, 6, 4);				/* 2^6 bytes a mini sector */
	Put(&at, 0, 4);
	Put(&at, 0, 4);
	Put(&at, 1, 4);				/* sectors of the table */
	Put(&at, 1, 4);				/* where the directory begins */
	Put(&at, 0, 4);
	Put(&at, MINI_LIMIT, 4);
	Put(&at, mini ? 2 : CHAIN_END, 4);
	Put(&at, mini, 4);
	Put(&at, CHAIN_END, 4);
	Put(&at, 0, 4);
	memset(at, 0xFF, file + 4 * SECTOR - at);
	Put(&at, 0, 4);

	at = file + SECTOR;
	Put(&at, TABLE_SECTOR, 4);
	Put(&at, CHAIN_END, 4);
	Put(&at, CHAIN_END, 4);
	PutChain(&at, 3, sectors);

	at = file + 2 * SECTOR;
	memset(at, 0, SECTOR);
	PutDirectoryEntry(&at, "Root Entry", 5, 1, mini ? 3 : CHAIN_END, mini ? sectors * SECTOR : 0);
	PutDirectoryEntry(&at, "Workbook", 2, FREE_SECTOR, mini ? 0 : 3, size);

	at = file + 3 * SECTOR;
	if (mini)
		PutChain(&at, 0, (size + MINI_SECTOR - 1) / MINI_SECTOR);
	at = file + 4 * SECTOR;
	PutBytes(&at, data, size);
	return file;
}

/* The file made of an input. */
uint8_t *
Wrap(const Format *format, const uint8_t *data, size_t size, size_t *wrapped)
{
	uint8_t    *file;

	if (format->compound)
		return Compound(data, size, wrapped);
	if (format->part != NULL && strcmp(format->part, "content.xml") == 0)
		return Zip(ods_parts, 2, format->part, data, size, wrapped);
	if (format->part != NULL && strstr(format->part, ".bin") != NULL)
		return Zip(binary_parts, 6, format->part, data, size, wrapped);
	if (format->part != NULL)
		return Zip(workbook_parts, 7, format->part, data, size, wrapped);
	file = malloc(size + 1);
	if (size > 0)
		memcpy(file, data, size);
	*wrapped = size;
	return file;
}
