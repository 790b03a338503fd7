/*
 * generate.c
 *	  Writes the workbook that readers are measured with: a ledger of 14 columns.
 *
 * usage: generate FILE ROWS inline|shared
 *
 * inline: texts in their cells, as libraries write that stream; shared: texts in
 * a table of strings, as Excel writes.  The same arguments give the same file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xlsxwriter.h>

static uint64_t state = UINT64_C(88172645463325252);

static uint64_t
Random(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

static lxw_format *
AddFormat(lxw_workbook *book, const char *code)
{
	lxw_format *format = workbook_add_format(book);

	format_set_num_format(format, code);
	return format;
}

int
main(int argc, char **argv)
{
	static const char *const header[] = {"entry_id", "post_date", "created_at", "account", "customer", "description", "quantity",
	"unit_price", "amount", "tax_rate", "currency", "status", "reconciled", "fx_rate"};
	static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "SEK", "NOK", "JPY", "CAD", "AUD", "PLN"};
	static const char *const states[] = {"open", "posted", "void", "disputed & held", "paid"};
	long		rows = argc > 3 ? atol(argv[2]) : 0;
	lxw_workbook_options options = {0};
	lxw_workbook *book;
	lxw_worksheet *sheet;
	lxw_format *date;
	lxw_format *timestamp;
	lxw_format *money;
	lxw_format *percent;
	char		text[64];

	if (rows < 1)
		return 2;
	options.constant_memory = strcmp(argv[3], "inline") == 0;
	book = workbook_new_opt(argv[1], &options);
	sheet = workbook_add_worksheet(book, "Ledger");
	date = AddFormat(book, "yyyy-mm-dd");
	timestamp = AddFormat(book, "yyyy-mm-dd hh:mm:ss");
	money = AddFormat(book, "#,##0.00");
	percent = AddFormat(book, "0.0%");
	for (int i = 0; i < 14; i++)
		worksheet_write_string(sheet, 0, i, header[i], NULL);
	for (long row = 1; row <= rows; row++)
	{
		int			quantity = Random(200);
		double		price = Random(100000) / 100.0;

		worksheet_write_number(sheet, row, 0, row, NULL);
		worksheet_write_number(sheet, row, 1, 40000 + Random(5000), date);
		worksheet_write_number(sheet, row, 2, 40000 + Random(5000) + Random(86400) / 86400.0, timestamp);
		snprintf(text, sizeof(text), "%04d-%02d", (int) Random(500) + 1000, (int) Random(4));
		worksheet_write_string(sheet, row, 3, text, NULL);
		snprintf(text, sizeof(text), "Customer %05d GmbH", (int) Random(20000));
		worksheet_write_string(sheet, row, 4, text, NULL);
		snprintf(text, sizeof(text), "Invoice %08x line %d", (unsigned) Random(UINT32_MAX), (int) Random(40));
		worksheet_write_string(sheet, row, 5, text, NULL);
		worksheet_write_number(sheet, row, 6, quantity, NULL);
		worksheet_write_number(sheet, row, 7, price, money);
		worksheet_write_number(sheet, row, 8, quantity * price, money);
		worksheet_write_number(sheet, row, 9, Random(30) / 100.0, percent);
		worksheet_write_string(sheet, row, 10, currencies[Random(10)], NULL);
		worksheet_write_string(sheet, row, 11, states[Random(5)], NULL);
		worksheet_write_boolean(sheet, row, 12, Random(2), NULL);
		worksheet_write_number(sheet, row, 13, 0.5 + Random(UINT64_C(1) << 53) / 9007199254740992.0, NULL);
	}
	return workbook_close(book);
}
