/*
 * xlsx_scan_strings.c
 *	  The shared strings of a workbook, fast.
 */
#include "file/xlsx_scan.h"

/* Adds a scanned string to the table; false, and nothing is added: a limit, or
 * memory, is in the way. */
static bool
AddString(Scan *scan, XlsxReader *xlsx, ScanText *text)
{
	XlsxStrings *strings = &xlsx->strings;
	size_t		start = strings->arena.length;

	if (text->length > xlsx->base.options.max_cell_size || !BufferReserve(&strings->arena, text->length + 1))
		return false;
	ScanDecode(scan, text);
	memcpy(strings->arena.data + start, text->text, text->length);
	strings->arena.length += text->length;
	if (XlsxPushString(xlsx, start) == READER_OK)
		return true;
	strings->arena.length = start;
	return false;
}

/* One <si>, or the table's end. */
static ScanStatus
ScanString(Scan *scan, XlsxReader *xlsx)
{
	const char *p = SkipBlanks(scan->next);
	ScanText	text;

	scan->arena_used = 0;
	if (BEGINS(p, "<si><t>"))
	{
		const char *end = ScanTextRun(scan, p + 7, &text);

		if (end != NULL && BEGINS(end, "</t></si>"))
			p = end + 9;
		else
			p = end == NULL ? NULL : ScanItem(scan, p + 4, "</si>", &text);
	}
	else if (BEGINS(p, "<si>"))
		p = ScanItem(scan, p + 4, "</si>", &text);
	else if (BEGINS(p, "<si/>"))
	{
		text = (ScanText) {p, 0, 0};
		p += 5;
	}
	else if (BEGINS(p, "</sst>"))
	{
		scan->next = p;
		return SCAN_END;
	}
	else
		p = Stuck(scan, p);
	if (p == NULL)
		return ScanMore(scan);
	if (!AddString(scan, xlsx, &text))
		return SCAN_END;
	scan->next = p;
	return SCAN_OK;
}

/* Reads the strings as far as they are regular and hands over to the parser, whose
 * handlers set in_table when they see the table begin. */
ReaderStatus
XlsxScanStrings(XlsxReader *xlsx, Xml *xml, const bool *in_table, bool *at_end)
{
	Scan		scan = {0};
	ScanStatus	scanned = ScanOpen(&scan, xlsx, xml, "<sst");
	ReaderStatus status;

	while (scanned == SCAN_OK && *in_table)
		scanned = ScanString(&scan, xlsx);
	status = scanned == SCAN_FAILED ? xlsx->base.status : ScanHandOver(&scan, xml);
	*at_end = scan.at_end;
	ScanClose(&scan);
	return status;
}
