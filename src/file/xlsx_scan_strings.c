/*
 * xlsx_scan_strings.c
 *	  The shared strings of a workbook, fast.
 */
#include "file/xlsx_scan.h"

/* Adds a scanned string to the table; false: a limit, or memory, is in the way. */
static bool
AddString(Scan *scan, XlsxReader *xlsx, const ScanText *text)
{
	XlsxStrings *strings = &xlsx->strings;
	size_t		start = strings->arena.length;
	char	   *out;

	if (text->length > xlsx->base.options.max_cell_size || !BufferReserve(&strings->arena, text->length + 1))
		return false;
	out = strings->arena.data + start;
	if ((text->flags & TEXT_CODED) != 0)
	{
		ScanText	decoded = *text;

		ScanDecode(scan, &decoded);
		memcpy(out, decoded.text, decoded.length);
		strings->arena.length += decoded.length;
	}
	else
	{
		memcpy(out, text->text, text->length);
		strings->arena.length += text->length;
	}
	return XlsxPushString(xlsx, start) == READER_OK;
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
		return SCAN_IRREGULAR;
	scan->next = p;
	return SCAN_OK;
}

/* The strings up to the table's end; the parser then stands where scanning
 * ended, or is of no use any more.  Its handlers set in_table when they see the
 * table begin. */
ScanStatus
XlsxScanStrings(XlsxReader *xlsx, Xml *xml, const bool *in_table)
{
	Scan		scan = {0};
	ScanStatus	status = ScanOpen(&scan, xlsx, xml, "<sst");

	if (status == SCAN_OK && !*in_table)
		status = SCAN_IRREGULAR;
	while (status == SCAN_OK)
		status = ScanString(&scan, xlsx);
	if (status == SCAN_END && ScanHandOver(&scan, xml) != READER_OK)
		status = SCAN_FAILED;
	ScanClose(&scan);
	return status;
}
