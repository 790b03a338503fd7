/*
 * generate.c
 *	  Writes the text files that loads are measured with: the ledger of 14 columns
 *	  that bench/readers/generate.c writes as a workbook.
 *
 * usage: generate ROWS csv|json >FILE
 *
 * json: one object per line.  The same arguments give the same file.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = UINT64_C(88172645463325252);

static uint64_t
Random(uint64_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state % below;
}

int
main(int argc, char **argv)
{
	static const char *const currencies[] = {"EUR", "USD", "GBP", "CHF", "SEK", "NOK", "JPY", "CAD", "AUD", "PLN"};
	static const char *const states[] = {"open", "posted", "void", "disputed & held", "paid"};
	static const char *const csv = "%ld,%04d-%02d-%02d,%04d-%02d-%02d %02d:%02d:%02d,%04d-%02d,Customer %05d GmbH,"
		"Invoice %08x line %d,%d,%.2f,%.2f,%.3f,%s,%s,%s,%.6f\n";
	static const char *const json = "{\"entry_id\":%ld,\"post_date\":\"%04d-%02d-%02d\",\"created_at\":\"%04d-%02d-%02d %02d:%02d:%02d\","
		"\"account\":\"%04d-%02d\",\"customer\":\"Customer %05d GmbH\",\"description\":\"Invoice %08x line %d\",\"quantity\":%d,"
		"\"unit_price\":%.2f,\"amount\":%.2f,\"tax_rate\":%.3f,\"currency\":\"%s\",\"status\":\"%s\",\"reconciled\":%s,\"fx_rate\":%.6f}\n";
	long		rows = argc == 3 ? atol(argv[1]) : 0;
	int			is_csv = rows > 0 && strcmp(argv[2], "csv") == 0;

	if (rows < 1)
		return 2;
	if (is_csv)
		puts("entry_id,post_date,created_at,account,customer,description,quantity,unit_price,amount,tax_rate,currency,status,"
			 "reconciled,fx_rate");
	for (long row = 1; row <= rows; row++)
	{
		int			quantity = Random(200);
		double		price = Random(100000) / 100.0;

		printf(is_csv ? csv : json, row, (int) Random(15) + 2010, (int) Random(12) + 1, (int) Random(28) + 1,
			   (int) Random(15) + 2010, (int) Random(12) + 1, (int) Random(28) + 1, (int) Random(24), (int) Random(60),
			   (int) Random(60), (int) Random(500) + 1000, (int) Random(4), (int) Random(20000),
			   (unsigned) Random(UINT32_MAX), (int) Random(40), quantity, price, quantity * price, Random(250) / 1000.0,
			   currencies[Random(10)], states[Random(5)], Random(2) ? "true" : "false", 0.5 + Random(1000000) / 1e6);
	}
	return 0;
}
