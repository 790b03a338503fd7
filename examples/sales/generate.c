/*
 * generate.c
 *	  Writes the demo's files: two years of a small retailer's sales, as people keep them.
 *
 * The files are in the repository; this program is needed only to change them:
 *
 *	  apt-get install libxlsxwriter-dev
 *	  cc -O2 -o generate generate.c -lxlsxwriter && ./generate
 *
 * Run in examples/sales it writes
 *
 *	  data/sales/<kind>/<detail>/<year>/<month>/<file>.xlsx	what the first run finds
 *	  data/reference/branches.csv							a small CSV file
 *	  changes/<same path>									one file as corrected later
 *	  expected_totals.csv									what is in them, counted on the way
 *
 * The same program writes the same bytes: random numbers are its own, and the workbooks' creation
 * time is fixed.  Money is whole cents until it is written.
 *
 * Deliberate trouble, each in one place (search for "trouble"): a column that later files have, a
 * title above a header, a second sheet, headers in another spelling, an empty workbook, a truncated
 * one, a credit note with a positive amount, negative lines in invoices, lines entered twice,
 * sales without a customer, item codes that are numbers in some cells and text in others.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <xlsxwriter.h>

#define MAX_LINES_PER_DOCUMENT 6
#define MAX_DOCUMENTS 64

typedef enum Kind
{
	CASH_INVOICES, CASH_SALES, CREDIT_NOTES, N_KINDS
} Kind;

static const struct
{
	const char *folder;
	const char *file;			/* how the files' names begin */
	const char *prefix;			/* how the document numbers begin */
	int			documents;		/* in a month, about */
	int			customerless;	/* percent of documents without a customer */
}			kinds[N_KINDS] = {
	{"cash_invoices", "invoices", "INV", 30, 4},
	{"cash_sales", "cash_sales", "CS", 30, 30},
	{"credit_notes", "credits", "CN", 18, 8},
};

static const struct
{
	int			year;
	int			month;
	int			days;
	const char *folder;
	const char *abbreviation;
}			months[] = {
	{2024, 11, 30, "november", "nov"},
	{2024, 12, 31, "december", "dec"},
	{2025, 1, 31, "january", "jan"},
	{2025, 2, 28, "february", "feb"},
	{2025, 3, 31, "march", "mar"},
};
#define N_MONTHS ((int) (sizeof(months) / sizeof(months[0])))

static const struct
{
	const char *code;
	const char *name;
	const char *region;
	const char *opened;
}			branches[] = {
	{"B01", "Harbour Street", "Coast", "2011-04-02"},
	{"B02", "Station Road", "Centre", "2013-09-14"},
	{"B03", "Market Square", "Centre", "2016-02-27"},
	{"B04", "Airport, Terminal 2", "West", "2019-06-08"},
	{"B05", "Old Town", "Coast", "2023-11-18"},
};
#define N_BRANCHES ((int) (sizeof(branches) / sizeof(branches[0])))

static const char *customers[] = {
	"Acorn Interiors", "Baker & Sons", "Blue Door Café", "Brightwater Hotel", "Calder Supplies",
	"Cedar House", "Cobalt Studio", "Copper Kettle", "Dale Furnishings", "Elm Grove School",
	"Fairview Clinic", "Fern & Moss", "Gable End Rentals", "Garnet Trading", "Greenfield Estates",
	"Harper Events", "Hazel Kitchens", "Ivy Lane Books", "Juniper Lodge", "Kestrel Offices",
	"Lantern Theatre", "Larch Design", "Maple Court", "Marble Arch Flats", "Meadow Care Home",
	"Nightingale Inn", "Northgate College", "O'Brien Bros.", "Orchard Nursery", "Pebble Beach Club",
	"Quarry Bank Ltd", "Redwood Partners", "Silver Birch Spa", "Stonebridge Hall", "Tallow & Wick",
	"Umber Gallery", "Vale Brewery", "Willow Tearoom", "Wren Property", "Yewtree Farm",
};
#define N_CUSTOMERS ((int) (sizeof(customers) / sizeof(customers[0])))

static const struct
{
	const char *code;
	const char *description;
	int			price;			/* cents */
}			items[] = {
	{"10042", "OAK DINING TABLE", 129900}, {"10057", "OAK DINING CHAIR", 18950},
	{"10063A", "BENCH, UPHOLSTERED", 34900}, {"10118", "SIDEBOARD 3 DOORS", 89900},
	{"20011", "TABLE LAMP BRASS", 7495}, {"20012", "FLOOR LAMP BRASS", 15995},
	{"20075W", "PENDANT LIGHT WHITE", 9900}, {"20075B", "PENDANT LIGHT BLACK", 9900},
	{"30120", "WOOL RUG 160 x 230", 45900}, {"30121", "WOOL RUG 200 x 300", 79900},
	{"30344", "COTTON THROW", 3995}, {"30345", "LINEN CUSHION", 2450},
	{"40007", "STONEWARE BOWL", 1295}, {"40008", "STONEWARE PLATE", 1195},
	{"40009S", "STONEWARE MUG, SET OF 4", 3600}, {"40450", "WINE GLASS, SET OF 6", 4250},
	{"50031", "DESK, WALNUT", 64900}, {"50032", "OFFICE CHAIR", 27950},
	{"50099", "BOOKCASE, WALNUT", 52900}, {"60001", "DELIVERY", 4900},
};
#define N_ITEMS ((int) (sizeof(items) / sizeof(items[0])))

typedef struct Line
{
	int			item;
	int			quantity;
	int64_t		discount;		/* cents, as is vat and amount */
	int64_t		vat;
	int64_t		amount;
} Line;

typedef struct Document
{
	char		number[24];
	int			day;
	int			minute;			/* of the day */
	int			branch;
	int			customer;		/* -1: none */
	int			n_lines;
	Line		lines[MAX_LINES_PER_DOCUMENT];
} Document;

/* One sheet being written. */
typedef struct Sheet
{
	lxw_worksheet *sheet;
	lxw_format *date_format;
	int			row;			/* the next one */
} Sheet;

static FILE *totals;

/* --- random numbers of our own, so that every machine writes the same --- */

static uint64_t seed = 20241101;

/* A number from 0 to below n. */
static int
Random(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int) ((seed >> 33) % (uint64_t) n);
}

/* True in so many of a hundred cases. */
static bool
Percent(int percent)
{
	return Random(100) < percent;
}

/* --- what is sold --- */

/* Fills in discount, VAT (15 %, included) and amount of a line with item and quantity. */
static void
PriceLine(Line *line, bool discounted)
{
	int64_t		gross = (int64_t) items[line->item].price * line->quantity;

	line->discount = discounted ? gross / 20 : 0;
	line->amount = gross - line->discount;
	line->vat = (line->amount * 15 + (line->amount < 0 ? -57 : 57)) / 115;
}

/* Few customers buy much, most buy little. */
static int
PickCustomer(int customerless)
{
	if (Percent(customerless))
		return -1;
	return Percent(45) ? Random(5) : Random(N_CUSTOMERS);
}

static void
MakeLine(Line *line, Kind kind)
{
	line->item = Random(N_ITEMS);
	line->quantity = 1 + Random(kind == CASH_SALES ? 4 : kind == CREDIT_NOTES ? 3 : 10);
	if (kind == CREDIT_NOTES)
		line->quantity = -line->quantity;
	PriceLine(line, Percent(12));
}

static void
MakeDocument(Document *doc, Kind kind, int month, int number, int day)
{
	snprintf(doc->number, sizeof(doc->number), "%s%02d%02d-%04d", kinds[kind].prefix,
			 months[month].year % 100, months[month].month, number);
	doc->day = day;
	doc->minute = 9 * 60 + Random(9 * 60);
	doc->branch = Random(N_BRANCHES);
	doc->customer = PickCustomer(kinds[kind].customerless);
	doc->n_lines = 1 + Random(kind == CREDIT_NOTES ? 4 : 5);
	for (int i = 0; i < doc->n_lines; i++)
		MakeLine(&doc->lines[i], kind);
}

/* A month of documents in the order of their dates. */
static int
MakeMonth(Document *docs, Kind kind, int month)
{
	int			n = kinds[kind].documents + Random(8);

	for (int i = 0; i < n; i++)
		MakeDocument(&docs[i], kind, month, i + 1, 1 + i * months[month].days / n);

	/* trouble: a line entered twice, as another line of the same document */
	for (int i = 4; i < n; i += 11)
	{
		Document   *doc = &docs[i];

		if (doc->n_lines < MAX_LINES_PER_DOCUMENT)
		{
			doc->lines[doc->n_lines] = doc->lines[doc->n_lines - 1];
			doc->n_lines++;
		}
	}

	/* trouble: something taken back on an invoice, a negative line */
	if (kind != CREDIT_NOTES)
	{
		Line	   *line = &docs[n / 2].lines[0];

		line->quantity = -1;
		PriceLine(line, false);
	}

	/* trouble: one credit note typed without its minus */
	if (kind == CREDIT_NOTES && months[month].month == 3)
	{
		Line	   *line = &docs[7].lines[0];

		line->quantity = -line->quantity;
		PriceLine(line, false);
	}
	return n;
}

/* --- how it is written --- */

static const char *const detailed_headers[] = {
	"DOCUMENT NUMBER", "LINE NO.", "TRN DATE", "BRANCH CODE", "BRANCH NAME", "CUSTOMER CODE",
	"CUSTOMER NAME", "ITEM CODE", "PRODUCT DESCRIPTION", "QUANTITY", "UNIT PRICE", "DISCOUNT",
	"VAT AMOUNT", "AMOUNT", "CURRENCY", NULL
};

/* trouble: as another hand writes them; cleaned, they are the same names */
static const char *const detailed_headers_otherwise[] = {
	"Document Number ", "Line No", "Trn  Date", "Branch Code", "Branch Name", "Customer Code",
	"Customer Name", "Item Code", "Product Description", "Quantity", "Unit Price", "Discount",
	"VAT Amount", "Amount", "Currency", NULL
};

static const char *const summarized_headers[] = {
	"DOCUMENT NUMBER", "TRN DATE", "BRANCH CODE", "BRANCH NAME", "CUSTOMER CODE",
	"CUSTOMER NAME", "LINES", "DISCOUNT", "VAT AMOUNT", "AMOUNT", "CURRENCY", NULL
};

/* Makes the folders above a file. */
static void
MakeFolders(const char *path)
{
	char		copy[256];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *slash = strchr(copy, '/'); slash; slash = strchr(slash + 1, '/'))
	{
		*slash = '\0';
		mkdir(copy, 0777);
		*slash = '/';
	}
}

static void
FilePath(char *path, size_t size, const char *root, Kind kind, const char *detail, int month,
		 const char *suffix)
{
	snprintf(path, size, "%s/sales/%s/%s/%d/%s/%s%s_%s_%d%s.xlsx", root, kinds[kind].folder, detail,
			 months[month].year, months[month].folder, kinds[kind].file,
			 strcmp(detail, "summarized") == 0 ? "_summary" : "", months[month].abbreviation,
			 months[month].year, suffix);
	MakeFolders(path);
}

static lxw_workbook *
OpenWorkbook(const char *path)
{
	lxw_workbook *book = workbook_new(path);
	lxw_doc_properties properties = {.author = "medallion contributors", .created = 1735689600};

	if (!book)
	{
		fprintf(stderr, "cannot write %s\n", path);
		exit(1);
	}
	workbook_set_properties(book, &properties);
	return book;
}

static void
CloseWorkbook(lxw_workbook *book)
{
	lxw_error	error = workbook_close(book);

	if (error)
	{
		fprintf(stderr, "%s\n", lxw_strerror(error));
		exit(1);
	}
}

/* Opens a sheet and writes its headers; CURRENCY came in 2025 (trouble: schema evolution). */
static void
OpenSheet(Sheet *to, lxw_workbook *book, const char *name, const char *const *headers, int month,
		  const char *title)
{
	lxw_format *bold = workbook_add_format(book);
	int			columns = 0;

	format_set_bold(bold);
	to->sheet = workbook_add_worksheet(book, name);
	to->date_format = workbook_add_format(book);
	format_set_num_format(to->date_format, "dd/mm/yyyy hh:mm");
	to->row = 0;
	if (title)
	{
		/* trouble: a title, an empty row, then the header */
		worksheet_write_string(to->sheet, 0, 0, title, bold);
		to->row = 2;
	}
	for (int i = 0; headers[i]; i++)
	{
		if (months[month].year < 2025 && strcasecmp(headers[i], "CURRENCY") == 0)
			continue;
		worksheet_write_string(to->sheet, to->row, columns++, headers[i], bold);
	}
	worksheet_set_column(to->sheet, 0, columns - 1, 16, NULL);
	to->row++;
}

static void
WriteMoney(Sheet *to, int column, int64_t cents)
{
	worksheet_write_number(to->sheet, to->row, column, cents / 100.0, NULL);
}

static void
WriteDate(Sheet *to, int column, const Document *doc, int month)
{
	lxw_datetime when = {months[month].year, months[month].month, doc->day,
	doc->minute / 60, doc->minute % 60, 0};

	worksheet_write_datetime(to->sheet, to->row, column, &when, to->date_format);
}

/* Branch and customer, four cells; some branch names carry a blank (trouble). */
static void
WriteParties(Sheet *to, int column, const Document *doc)
{
	char		branch[64];
	char		code[16];

	snprintf(branch, sizeof(branch), "%s%s", branches[doc->branch].name,
			 doc->minute % 13 == 0 ? " " : "");
	worksheet_write_string(to->sheet, to->row, column, branches[doc->branch].code, NULL);
	worksheet_write_string(to->sheet, to->row, column + 1, branch, NULL);
	if (doc->customer < 0)
		return;
	snprintf(code, sizeof(code), "%d", 12000 + doc->customer * 37);
	worksheet_write_string(to->sheet, to->row, column + 2, code, NULL);
	worksheet_write_string(to->sheet, to->row, column + 3, customers[doc->customer], NULL);
}

/* A code of digits only is a number in most cells, as a spreadsheet makes of it (trouble). */
static void
WriteItemCode(Sheet *to, int column, const char *code)
{
	if (strspn(code, "0123456789") == strlen(code) && to->row % 5 != 0)
		worksheet_write_number(to->sheet, to->row, column, atof(code), NULL);
	else
		worksheet_write_string(to->sheet, to->row, column, code, NULL);
}

/* A document's lines, one row each. */
static void
WriteDetailed(Sheet *to, const Document *doc, int month)
{
	for (int i = 0; i < doc->n_lines; i++, to->row++)
	{
		const Line *line = &doc->lines[i];

		worksheet_write_string(to->sheet, to->row, 0, doc->number, NULL);
		worksheet_write_number(to->sheet, to->row, 1, i + 1, NULL);
		WriteDate(to, 2, doc, month);
		WriteParties(to, 3, doc);
		WriteItemCode(to, 7, items[line->item].code);
		worksheet_write_string(to->sheet, to->row, 8, items[line->item].description, NULL);
		worksheet_write_number(to->sheet, to->row, 9, line->quantity, NULL);
		WriteMoney(to, 10, items[line->item].price);
		WriteMoney(to, 11, line->discount);
		WriteMoney(to, 12, line->vat);
		WriteMoney(to, 13, line->amount);
		if (months[month].year >= 2025)
			worksheet_write_string(to->sheet, to->row, 14, "EUR", NULL);
	}
}

/* A document as one row of sums. */
static void
WriteSummarized(Sheet *to, const Document *doc, int month)
{
	int64_t		discount = 0,
				vat = 0,
				amount = 0;

	for (int i = 0; i < doc->n_lines; i++)
	{
		discount += doc->lines[i].discount;
		vat += doc->lines[i].vat;
		amount += doc->lines[i].amount;
	}
	worksheet_write_string(to->sheet, to->row, 0, doc->number, NULL);
	WriteDate(to, 1, doc, month);
	WriteParties(to, 2, doc);
	worksheet_write_number(to->sheet, to->row, 6, doc->n_lines, NULL);
	WriteMoney(to, 7, discount);
	WriteMoney(to, 8, vat);
	WriteMoney(to, 9, amount);
	if (months[month].year >= 2025)
		worksheet_write_string(to->sheet, to->row, 10, "EUR", NULL);
	to->row++;
}

/* cents as "-12.34" */
static const char *
Money(int64_t cents)
{
	static char text[4][32];
	static int	next;
	char	   *into = text[next++ % 4];

	snprintf(into, sizeof(text[0]), "%s%lld.%02lld", cents < 0 ? "-" : "",
			 (long long) (llabs(cents) / 100), (long long) (llabs(cents) % 100));
	return into;
}

/* One row of expected_totals.csv; "lines" are rows in the files. */
static void
WriteTotals(Kind kind, const char *detail, int month, const char *state, const Document *docs, int n)
{
	bool		seen[N_CUSTOMERS] = {false};
	int			lines = 0,
				n_customers = 0,
				quantity = 0;
	int64_t		discount = 0,
				vat = 0,
				amount = 0;

	for (int i = 0; i < n; i++)
	{
		for (int j = 0; j < docs[i].n_lines; j++)
		{
			quantity += docs[i].lines[j].quantity;
			discount += docs[i].lines[j].discount;
			vat += docs[i].lines[j].vat;
			amount += docs[i].lines[j].amount;
		}
		lines += strcmp(detail, "detailed") == 0 ? docs[i].n_lines : 1;
		if (docs[i].customer >= 0 && !seen[docs[i].customer])
		{
			seen[docs[i].customer] = true;
			n_customers++;
		}
	}
	fprintf(totals, "sales_%s_%s,%d-%02d,%s,%d,%d,%d,%d,%s,%s,%s\n", kinds[kind].folder, detail,
			months[month].year, months[month].month, state, n, lines, n_customers, quantity,
			Money(discount), Money(vat), Money(amount));
}

static void
WriteDetailedFile(const char *root, Kind kind, int month, const Document *docs, int n)
{
	char		path[256];
	lxw_workbook *book;
	Sheet		to;
	bool		other_hand = kind == CASH_INVOICES && months[month].month == 3;
	bool		titled = kind == CREDIT_NOTES && months[month].month == 1;
	bool		two_sheets = kind == CASH_SALES && months[month].month == 12;
	int			first = two_sheets ? n / 2 : n;

	FilePath(path, sizeof(path), root, kind, "detailed", month, "");
	book = OpenWorkbook(path);
	OpenSheet(&to, book, two_sheets ? "First half" : "Sheet1",
			  other_hand ? detailed_headers_otherwise : detailed_headers, month,
			  titled ? "Credit notes, January 2025" : NULL);
	for (int i = 0; i < first; i++)
		WriteDetailed(&to, &docs[i], month);
	if (two_sheets)
	{
		OpenSheet(&to, book, "Second half", detailed_headers, month, NULL);
		for (int i = first; i < n; i++)
			WriteDetailed(&to, &docs[i], month);
	}
	CloseWorkbook(book);
}

static void
WriteSummarizedFile(const char *root, Kind kind, int month, const Document *docs, int n)
{
	char		path[256];
	lxw_workbook *book;
	Sheet		to;

	FilePath(path, sizeof(path), root, kind, "summarized", month, "");
	book = OpenWorkbook(path);
	OpenSheet(&to, book, "Sheet1", summarized_headers, month, NULL);
	for (int i = 0; i < n; i++)
		WriteSummarized(&to, &docs[i], month);
	CloseWorkbook(book);
}

/*
 * The correction of invoices_jan_2025.xlsx: two lines changed, one added, one gone.
 */
static void
WriteChangedFile(Document *docs, int n)
{
	const int	january = 2;
	Document   *longer = &docs[3];
	Document   *shorter = NULL;

	docs[0].lines[0].quantity += 2;
	PriceLine(&docs[0].lines[0], false);
	docs[1].lines[0].quantity += 1;
	PriceLine(&docs[1].lines[0], true);
	if (longer->n_lines == MAX_LINES_PER_DOCUMENT)
		longer = &docs[2];
	longer->lines[longer->n_lines++] = docs[0].lines[0];
	for (int i = 5; i < n && !shorter; i++)
		if (docs[i].n_lines > 1)
			shorter = &docs[i];
	shorter->n_lines--;

	WriteDetailedFile("changes", CASH_INVOICES, january, docs, n);
	WriteTotals(CASH_INVOICES, "detailed", january, "changed", docs, n);
}

/* trouble: a workbook whose only sheet has no cell */
static void
WriteEmptyFile(void)
{
	char		path[256];
	lxw_workbook *book;

	FilePath(path, sizeof(path), "data", CREDIT_NOTES, "detailed", 3, "_empty");
	book = OpenWorkbook(path);
	workbook_add_worksheet(book, "Sheet1");
	CloseWorkbook(book);
}

/* trouble: a workbook cut off on its way, two thirds of a zip file */
static void
WriteTruncatedFile(void)
{
	char		path[256];
	lxw_workbook *book;
	Sheet		to;
	Document	doc;
	struct stat file;

	FilePath(path, sizeof(path), "data", CASH_SALES, "detailed", 3, "_truncated");
	book = OpenWorkbook(path);
	OpenSheet(&to, book, "Sheet1", detailed_headers, 3, NULL);
	for (int i = 0; i < 10; i++)
	{
		MakeDocument(&doc, CASH_SALES, 3, 9000 + i, 28);
		WriteDetailed(&to, &doc, 3);
	}
	CloseWorkbook(book);
	if (stat(path, &file) != 0 || truncate(path, file.st_size * 2 / 3) != 0)
	{
		perror(path);
		exit(1);
	}
}

static void
WriteBranches(void)
{
	const char *path = "data/reference/branches.csv";
	FILE	   *file;

	MakeFolders(path);
	file = fopen(path, "w");
	if (!file)
	{
		perror(path);
		exit(1);
	}
	fprintf(file, "BRANCH CODE,BRANCH NAME,REGION,OPENED\r\n");
	for (int i = 0; i < N_BRANCHES; i++)
		fprintf(file, strchr(branches[i].name, ',') ? "%s,\"%s\",%s,%s\r\n" : "%s,%s,%s,%s\r\n",
				branches[i].code, branches[i].name, branches[i].region, branches[i].opened);
	fclose(file);
}

int
main(void)
{
	static Document docs[MAX_DOCUMENTS];
	static Document january[MAX_DOCUMENTS];
	int			n_january = 0;

	totals = fopen("expected_totals.csv", "w");
	if (!totals)
	{
		perror("expected_totals.csv");
		return 1;
	}
	fprintf(totals, "feature,month,state,documents,lines,customers,quantity,discount,vat_amount,amount\n");
	for (int kind = 0; kind < N_KINDS; kind++)
	{
		for (int month = 0; month < N_MONTHS; month++)
		{
			int			n = MakeMonth(docs, kind, month);

			WriteDetailedFile("data", kind, month, docs, n);
			WriteTotals(kind, "detailed", month, "first", docs, n);
			WriteSummarizedFile("data", kind, month, docs, n);
			WriteTotals(kind, "summarized", month, "first", docs, n);
			if (kind == CASH_INVOICES && months[month].month == 1)
			{
				memcpy(january, docs, sizeof(docs));
				n_january = n;
			}
		}
	}
	WriteChangedFile(january, n_january);
	WriteEmptyFile();
	WriteTruncatedFile();
	WriteBranches();
	return fclose(totals) == 0 ? 0 : 1;
}
