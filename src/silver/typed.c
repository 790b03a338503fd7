/*
 * typed.c
 *	  The one SELECT that turns bronze text into typed, hashed, flagged rows.
 *
 *	  bronze text -> cleaned text -> typed values -> derived values
 *	      -> flags, key hash, value hash
 *
 * Each arrow is one subquery level, fenced by FENCE: without the fence the
 * planner would merge the levels and compute a conversion again for every use
 * of its result.  Nothing in it depends on the session: conversions take their
 * date order and decimal mark as arguments.
 */
#include "base/compat.h"

#include "silver/typed.h"

#include "base/blocks.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/parse_type.h"
#include "silver/checks.h"
#include "silver/erase.h"
#include "silver/quarantine.h"
#include "silver/retain.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/numeric.h"

static char *
QuoteOrNull(const char *value)
{
	return value ? quote_literal_cstr(value) : "NULL";
}

/* A List of char * as a text[] literal, or NULL. */
static char *
TokensLiteral(List *tokens)
{
	StringInfoData sql;
	ListCell   *lc;

	if (tokens == NIL)
		return "NULL";
	initStringInfo(&sql);
	foreach(lc, tokens)
		appendStringInfo(&sql, "%s%s", sql.len > 0 ? ", " : "ARRAY[", quote_literal_cstr(lfirst(lc)));
	appendStringInfoString(&sql, "]::text[]");
	return sql.data;
}

/* The text of one bronze column: what it says, or what it was corrected to. */
static char *
BronzeText(const SilverShape *shape, const char *name)
{
	if (!HasName(shape->corrected, name))
		return psprintf("b.%s", quote_identifier(name));
	return psprintf("CASE WHEN x.values ? %s THEN x.values->>%s ELSE b.%s END", quote_literal_cstr(name),
					quote_literal_cstr(name), quote_identifier(name));
}

/* Cleaned text of one bronze column. */
static char *
CleanExpression(const SilverShape *shape, const ColumnOptions *column, const char *name)
{
	List	   *tokens = column->null_tokens ? column->null_tokens : shape->feature->options.null_tokens;

	return psprintf("medallion.clean_text(%s, %s, %s)", BronzeText(shape, name),
					TokensLiteral(tokens), QuoteOrNull(column->letter_case));
}

/* numeric(p,s): NULL where the value would overflow, instead of an error.  The
 * NULL is typed, or the column would lose its precision and scale. */
static char *
NumericExpression(const char *value, int32 typmod)
{
	int			precision;
	int			scale;

	if (typmod < 0)
		return pstrdup(value);
	precision = ((typmod - VARHDRSZ) >> 16) & 0xffff;
	scale = (typmod - VARHDRSZ) & 0x7ff;
	scale = (scale ^ 1024) - 1024;
	return psprintf("CASE WHEN abs(round(%s, %d)) < 1e%d THEN (%s)::numeric(%d,%d) ELSE NULL::numeric(%d,%d) END", value,
					scale, precision - scale, value, precision, scale, precision, scale);
}

/* A conversion that must fit a range, NULL outside it. */
static char *
RangeExpression(const char *value, const char *low, const char *high, const char *type)
{
	return psprintf("CASE WHEN %s BETWEEN %s AND %s THEN (%s)::%s END", value, low, high, value, type);
}

/* A number of limited range and precision; what is too small for it is 0. */
static char *
FloatExpression(const char *value, const char *smallest, const char *greatest, const char *type)
{
	return psprintf("CASE WHEN abs(%s) < %s THEN 0::%s WHEN abs(%s) <= %s THEN (%s)::%s END", value, smallest, type,
					value, greatest, value, type);
}

/* How a column is read: its own options, or the feature's. */
typedef struct Reading
{
	const char *decimal_mark;	/* SQL, all of them */
	const char *date_arguments;
	const char *boolean_words;
} Reading;

static Reading
ColumnReading(const FeatureOptions *feature, const ColumnOptions *column)
{
	const char *mark = column->decimal_mark ? column->decimal_mark : feature->decimal_mark;
	const char *order = column->date_order ? column->date_order : feature->date_order;
	Reading		reading;

	reading.decimal_mark = quote_literal_cstr(mark ? mark : ".");
	reading.date_arguments = psprintf("%s, %s, %s", quote_literal_cstr(order ? order : "DMY"),
									  TokensLiteral(column->date_formats ? column->date_formats : feature->date_formats),
									  QuoteOrNull(column->date_numbers ? column->date_numbers : feature->date_numbers));
	reading.boolean_words = psprintf("%s, %s",
									 TokensLiteral(column->true_words ? column->true_words : feature->true_words),
									 TokensLiteral(column->false_words ? column->false_words : feature->false_words));
	return reading;
}

/*
 * Text -> a value of a type, NULL where it does not convert.  Types that have
 * no such conversion are refused: a cast that raises would let one bad cell
 * fail a whole file.
 */
static char *
ConversionExpression(const char *column, const char *text, const char *type, const Reading *reading)
{
	Oid			oid;
	int32		typmod;
	char	   *number = psprintf("medallion.to_numeric(%s, %s)", text, reading->decimal_mark);
	char	   *whole = psprintf("medallion.to_bigint(%s, %s)", text, reading->decimal_mark);

	parseTypeString(type, &oid, &typmod, false);
	switch (oid)
	{
		case TEXTOID:
			return pstrdup(text);
		case VARCHAROID:
		case BPCHAROID:
			if (typmod < 0)
				return psprintf("(%s)::%s", text, type);
			return psprintf("CASE WHEN char_length(%s) <= %d THEN (%s)::%s ELSE NULL::%s END", text,
							typmod - VARHDRSZ, text, type, type);
		case BOOLOID:
			return psprintf("medallion.to_boolean(%s, %s)", text, reading->boolean_words);
		case INT8OID:
			return whole;
		case INT4OID:
			return RangeExpression(whole, "-2147483648", "2147483647", type);
		case INT2OID:
			return RangeExpression(whole, "-32768", "32767", type);
		case NUMERICOID:
			return NumericExpression(number, typmod);
		case FLOAT8OID:
			return FloatExpression(number, "5e-324", "1.7e308", type);
		case FLOAT4OID:
			return FloatExpression(number, "1.5e-45", "3.4e38", type);
		case DATEOID:
			return psprintf("medallion.to_date(%s, %s)", text, reading->date_arguments);
		case TIMESTAMPOID:
			return psprintf("medallion.to_timestamp(%s, %s)", text, reading->date_arguments);
		default:
			ereport(ERROR,
					(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
					 errmsg("column \"%s\" cannot have type %s", column, type),
					 errdetail("Types are text, varchar(n), char(n), boolean, smallint, integer, bigint, numeric, numeric(p,s), real, double precision, date and timestamp."),
					 errhint("Use an expression for others: {\"columns\": {%s: {\"expression\": \"...\"}}}.",
							 quote_identifier(column))));
	}
	return NULL;				/* keep compiler quiet */
}

/* Whether a mapping has no place for a text that it does not know. */
static bool
MapIsStrict(const ColumnOptions *options)
{
	return (options->map != NULL || options->map_table != NULL) && options->map_else != NULL &&
		strcmp(options->map_else, "null") == 0;
}

/* What a mapping table says, as a json object: its first two columns. */
static char *
MappingOfTable(const char *table)
{
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamText(&params, table);
	rows = SqlFetch("SELECT $1::regclass::text, a.attname, b.attname FROM pg_attribute a JOIN pg_attribute b USING (attrelid)"
					" WHERE attrelid = $1::regclass AND a.attnum = 1 AND b.attnum = 2", &params);
	if (rows->count == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("mapping table \"%s\" needs two columns", table)));
	rows = SqlFetch(psprintf("SELECT coalesce(jsonb_object_agg(m.%s::text, m.%s::text) FILTER (WHERE m.%s IS NOT NULL), '{}')::text FROM %s m",
							 quote_identifier(RowText(rows, 0, 2)), quote_identifier(RowText(rows, 0, 3)),
							 quote_identifier(RowText(rows, 0, 2)), RowText(rows, 0, 1)), NULL);
	return RowText(rows, 0, 1);
}

/* Cleaned text, and what it stands for. */
static char *
MappedText(const ColumnOptions *options, char *text)
{
	const char *map;

	if (options->map_table != NULL)
		map = quote_literal_cstr(MappingOfTable(options->map_table));
	else if (options->map != NULL)
		map = quote_literal_cstr(JsonbToCString(NULL, &options->map->root, VARSIZE(options->map)));
	else
		return text;
	if (MapIsStrict(options))
		return psprintf("(%s::jsonb ->> %s)", map, text);
	return psprintf("CASE WHEN %s::jsonb ? %s THEN %s::jsonb ->> %s ELSE %s END", map, text, map, text, text);
}

/* Hides what a column of text says. */
static void
MaskColumn(const Feature *feature, SilverColumn *column, const ColumnOptions *options, const char *type, int number)
{
	ListCell   *lc;

	if (strcmp(type, "text") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("column \"%s\" of type %s cannot be masked", column->name, type),
				 errhint("Give it type text.")));
	foreach(lc, feature->keys)
	{
		if (strcmp(lfirst(lc), column->name) == 0 && strcmp(options->mask, "hash") != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("business key \"%s\" can only be masked by \"hash\"", column->name),
					 errdetail("Other masks make different keys alike.")));
	}
	column->raw = psprintf("_raw_%d", number);
	column->unmasked = column->expression;
	column->expression = psprintf("medallion.mask((%s), %s, %s)", column->unmasked, quote_literal_cstr(options->mask),
								  quote_literal_cstr(options->mask_salt ? options->mask_salt : ""));
}

/* The type of a column that no value speaks for: what silver has it as, so that
 * what reads it goes on when its only values are withdrawn; text where it is new. */
static const char *
StandingType(const Feature *feature, const char *name)
{
	Oid			table = TableOid(medallion_silver_schema, feature->name);
	AttrNumber	attno = OidIsValid(table) ? get_attnum(table, name) : InvalidAttrNumber;

	switch (attno != InvalidAttrNumber ? get_atttype(table, attno) : InvalidOid)
	{
		case BOOLOID:
			return "boolean";
		case INT8OID:
			return "bigint";
		case NUMERICOID:
			return "numeric";
		case DATEOID:
			return "date";
		case TIMESTAMPOID:
			return "timestamp";
		default:
			return "text";
	}
}

/* The column of silver that a bronze column becomes. */
static SilverColumn *
SourceColumn(const Feature *feature, const char *name, int number, const char *inferred)
{
	SilverColumn *column = palloc0(sizeof(SilverColumn));
	ColumnOptions options;
	Reading		reading;
	const char *type;

	ParseColumnOptions(&feature->options, name, &options);
	reading = ColumnReading(&feature->options, &options);
	type = options.type ? options.type : strcmp(inferred, "empty") == 0 ? StandingType(feature, name) : inferred;

	column->name = pstrdup(name);
	column->empty = options.expression == NULL && options.type == NULL && strcmp(inferred, "empty") == 0;
	column->is_text = strcmp(type, "text") == 0 && options.expression == NULL;
	if (options.expression != NULL && options.type != NULL)
		column->expression = psprintf("(%s\n)::%s", options.expression, options.type);
	else if (options.expression != NULL)
		column->expression = psprintf("(%s\n)", options.expression);
	else
		column->expression = ConversionExpression(name, MappedText(&options, psprintf("c.%s", quote_identifier(name))),
												  type, &reading);
	if (options.mask != NULL)
		MaskColumn(feature, column, &options, type, number);
	if (options.expression == NULL && (strcmp(type, "text") != 0 || MapIsStrict(&options)))
		column->given = psprintf("_given_%d", number);
	return column;
}

/* Columns of bronze that silver takes: those of the source, and of the path
 * or of bronze's own where the options name them. */
static bool
IsWanted(const Feature *feature, const char *name)
{
	List	   *names;
	List	   *values;

	if (name[0] != '_')
		return true;
	JsonbObjectItems(feature->options.columns, &names, &values);
	return HasName(names, name) || HasName(feature->keys, name);
}

List *
ValueColumns(const SilverShape *shape)
{
	List	   *names = NIL;
	ListCell   *lc;

	foreach(lc, shape->columns)
		names = lappend(names, ((SilverColumn *) lfirst(lc))->name);
	return names;
}

/* Raises for a name that is no column, with the nearest one as hint. */
void
RequireSilverColumn(const SilverShape *shape, const char *what, const char *name)
{
	List	   *known = ValueColumns(shape);

	if (!HasName(known, name))
		RaiseUnknownName(what, name, known);
}

/* A name for a flag column, short enough and unlike every other column's. */
char *
FlagName(const SilverShape *shape, const char *name)
{
	List	   *taken = list_concat(ValueColumns(shape), FlagColumns(shape));
	char	   *flag = pstrdup(name);

	if (strlen(flag) >= NAMEDATALEN)
	{
		/* what is cut off is told apart by its hash */
		uint32		hash = hash_bytes((const unsigned char *) name, strlen(name));
		int			length = pg_mbcliplen(name, strlen(name), NAMEDATALEN - 1 - 9);

		flag = psprintf("%.*s_%08x", length, name, hash);
	}
	while (HasName(taken, flag))
		flag = psprintf("%s_", flag);
	return flag;
}

/* The columns that the fold's options name. */
static void
CheckFoldColumns(const SilverShape *shape)
{
	const FeatureOptions *options = &shape->feature->options;
	ListCell   *lc;

	foreach(lc, options->sequence_by)
		RequireSilverColumn(shape, "column of option \"sequence_by\":", lfirst(lc));
	foreach(lc, options->delete_scope)
		RequireSilverColumn(shape, "column of option \"delete_scope\":", lfirst(lc));
	foreach(lc, options->no_track)
	{
		RequireSilverColumn(shape, "column of option \"no_track\":", lfirst(lc));
		if (HasName(shape->feature->keys, lfirst(lc)))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("business key \"%s\" cannot be in option \"no_track\"", (char *) lfirst(lc))));
	}
}

/* The columns of a feature's silver table and how they come about. */
SilverShape *
LoadSilverShape(const Feature *feature)
{
	SilverShape *shape = palloc0(sizeof(SilverShape));
	SqlParams	params = {0};
	SqlRows    *rows;
	List	   *names;
	List	   *expressions;
	ListCell   *nc;
	ListCell   *ec;

	shape->feature = feature;
	ParamInt(&params, feature->id);
	rows = CatalogFetch("SELECT name, inferred_type FROM medallion.feature_columns"
						" WHERE feature_id = $1 ORDER BY ordinal", &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		char	   *name = RowText(rows, i, 1);

		if (IsWanted(feature, name))
			shape->columns = lappend(shape->columns, SourceColumn(feature, name, (int) i, RowText(rows, i, 2)));
	}
	JsonbObjectItems(feature->options.derive, &names, &expressions);
	forboth(nc, names, ec, expressions)
	{
		SilverColumn *column = palloc0(sizeof(SilverColumn));

		if (HasName(ValueColumns(shape), lfirst(nc)))
			ereport(ERROR,
					(errcode(ERRCODE_DUPLICATE_COLUMN),
					 errmsg("derived column \"%s\" is a column of the source too", (char *) lfirst(nc)),
					 errhint("Give it another name, or compute the column itself: {\"columns\": {%s: {\"expression\": \"...\"}}}.",
							 quote_identifier(lfirst(nc)))));
		column->name = lfirst(nc);
		column->expression = lfirst(ec) ? lfirst(ec) : "NULL";
		column->derived = true;
		shape->columns = lappend(shape->columns, column);
	}
	foreach(nc, feature->keys)
		RequireSilverColumn(shape, "business key", lfirst(nc));
	if (FeatureKeepsHistory(feature))
		CheckFoldColumns(shape);
	foreach(nc, shape->columns)
	{
		SilverColumn *column = lfirst(nc);

		if (column->given != NULL)
			column->cast_flag = FlagName(shape, psprintf("dq_cast_flag_%s", column->name));
	}
	LoadChecks(shape);
	LoadCorrections(shape);
	LoadErased(shape);
	LoadHorizon(shape);
	return shape;
}

/* Flag columns in table order. */
List *
FlagColumns(const SilverShape *shape)
{
	List	   *flags = NIL;
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (column->cast_flag != NULL)
			flags = lappend(flags, column->cast_flag);
	}
	foreach(lc, shape->checks)
		flags = lappend(flags, ((RowCheck *) lfirst(lc))->flag);
	foreach(lc, shape->set_checks)
		flags = lappend(flags, ((RowCheck *) lfirst(lc))->flag);
	if (FeatureKeepsHistory(shape->feature))
		flags = lappend(flags, "dq_conflict_flag");
	return flags;
}

/* Keeps the planner from merging a level with the next.  A plain 0 is cast to bigint, which the
 * planner, asking whether workers may share the level, does not see through. */
#define FENCE "OFFSET '0'"

/* Level 1: cleaned text and the row's address. */
static void
AppendCleanLevel(StringInfo sql, const SilverShape *shape, Datum files)
{
	const Feature *feature = shape->feature;
	ListCell   *lc;

	appendStringInfoString(sql, "SELECT b._file_id, b._sheet, b._row");
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);
		ColumnOptions options;

		if (column->derived)
			continue;
		ParseColumnOptions(&feature->options, column->name, &options);
		appendStringInfo(sql, ",\n %s AS %s", CleanExpression(shape, &options, column->name),
						 quote_identifier(column->name));
	}
	appendStringInfo(sql, "\nFROM %s b", shape->bronze ? shape->bronze :
					 RowsOfFiles(TableOid(medallion_bronze_schema, feature->name), files, 1));
	if (shape->corrections != NULL)
		appendStringInfo(sql, " LEFT JOIN jsonb_to_recordset(%s) AS x (file_id bigint, sheet text, \"row\" bigint,"
						 " \"values\" jsonb) ON x.file_id = b._file_id AND x.sheet = b._sheet AND x.row = b._row",
						 quote_literal_cstr(shape->corrections));
	appendStringInfoString(sql, "\nWHERE b._file_id = ANY ($1)");
	if (shape->erased_texts != NULL)
		appendStringInfo(sql, " AND NOT (%s)", shape->erased_texts);
	appendStringInfoString(sql, " " FENCE);
}

/* Level 2: typed values; _given_n tells whether there was anything to convert. */
static char *
TypedLevel(const SilverShape *shape, Datum files)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT c._file_id, c._sheet, c._row");
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (column->derived)
			continue;
		appendStringInfo(&sql, ",\n %s AS %s", column->expression, quote_identifier(column->name));
		if (column->given != NULL)
			appendStringInfo(&sql, ", c.%s IS NOT NULL AS %s", quote_identifier(column->name), column->given);
		if (column->raw != NULL)
			appendStringInfo(&sql, ", (%s) AS %s", column->unmasked, column->raw);
	}
	appendStringInfoString(&sql, "\nFROM (");
	AppendCleanLevel(&sql, shape, files);
	appendStringInfoString(&sql, ") c " FENCE);
	return sql.data;
}

/* Level 3: derived values beside the typed ones of a source. */
static void
AppendDerivedLevel(StringInfo sql, const SilverShape *shape, const char *source)
{
	ListCell   *lc;

	appendStringInfoString(sql, "SELECT t.*");
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (column->derived)
			appendStringInfo(sql, ",\n (%s\n) AS %s", column->expression, quote_identifier(column->name));
	}
	appendStringInfo(sql, "\nFROM (%s) t " FENCE, source);
}

/* A list of columns with a prefix, as SQL; between, if given, joins them. */
static char *
JoinNames(List *names, const char *prefix, const char *behind, const char *between)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, names)
		appendStringInfo(&sql, "%s%s%s%s", sql.len > 0 ? between : "", prefix, quote_identifier(lfirst(lc)), behind);
	return sql.data;
}

/* A condition: the row has NULL in its business key where that may not be. */
char *
NullKeyCondition(const Feature *feature, const char *prefix)
{
	if (feature->keys == NIL || feature->options.null_key == NULL_KEY_AS_VALUE)
		return "false";
	return psprintf("(%s)", JoinNames(feature->keys, prefix, " IS NULL", " OR "));
}

/* The same of the column that gives events their time. */
static char *
NullSequenceCondition(const Feature *feature, const char *prefix)
{
	if (!FeatureIsSequenced(feature))
		return "false";
	return psprintf("%s%s IS NULL", prefix, quote_identifier(linitial(feature->options.sequence_by)));
}

/* The hash of the business key; NULL where the row is no event. */
char *
KeyExpression(const Feature *feature)
{
	if (feature->keys == NIL)
		return "NULL::uuid";
	return psprintf("CASE WHEN %s OR %s THEN NULL ELSE medallion.row_hash(%s) END",
					NullKeyCondition(feature, "d."), NullSequenceCondition(feature, "d."),
					JoinNames(feature->keys, "d.", "", ", "));
}

/* Level 4, where checks keep rows out: their verdicts, each of which is used twice. */
static void
AppendJudgedLevel(StringInfo sql, const SilverShape *shape, Datum files)
{
	ListCell   *lc;

	if (!shape->refuses)
	{
		AppendDerivedLevel(sql, shape, TypedLevel(shape, files));
		return;
	}
	appendStringInfoString(sql, "SELECT d.*");
	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (CheckRefuses(check))
			appendStringInfo(sql, ",\n %s AS %s", FaultExpression(check, check->predicate), quote_identifier(check->flag));
	}
	appendStringInfoString(sql, "\nFROM (");
	AppendDerivedLevel(sql, shape, TypedLevel(shape, files));
	appendStringInfoString(sql, ") d " FENCE);
}

/* Does a check keep the row out? */
static char *
RefusedExpression(const SilverShape *shape)
{
	StringInfoData sql;
	ListCell   *lc;

	initStringInfo(&sql);
	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (CheckRefuses(check))
			appendStringInfo(&sql, "%sd.%s", sql.len > 0 ? " OR " : "", quote_identifier(check->flag));
	}
	return sql.data;
}

/* The hash of the business key; NULL where the row is no event. */
static char *
EventKey(const SilverShape *shape)
{
	if (!shape->refuses)
		return KeyExpression(shape->feature);
	return psprintf("CASE WHEN NOT (%s) THEN %s END", RefusedExpression(shape), KeyExpression(shape->feature));
}

/* What a snapshot with this row speaks of, as a uuid; NULL: not of this row. */
char *
ScopeExpression(const FeatureOptions *options)
{
	const char *everything = "'00000000-0000-0000-0000-000000000000'::uuid";

	if (options->deletes != DELETES_SNAPSHOT)
		return "NULL::uuid";
	if (options->delete_condition != NULL)
		return psprintf("CASE WHEN (%s\n) THEN %s END", options->delete_condition, everything);
	if (options->delete_scope != NIL)
		return psprintf("medallion.row_hash(%s)", JoinNames(options->delete_scope, "d.", "", ", "));
	return psprintf("%s", everything);
}

/* The columns of a row that make it an event: its time, when it ends, whether
 * it is a delete, what it speaks of.  _event_until is the end of the file. */
static void
AppendEventColumns(StringInfo sql, const Feature *feature)
{
	const FeatureOptions *options = &feature->options;

	if (!FeatureKeepsHistory(feature))
	{
		appendStringInfoString(sql, " f._seen_at AS _event_at, f._until AS _event_until,");
		return;
	}
	if (FeatureIsSequenced(feature))
	{
		char	   *time = psprintf("d.%s", quote_identifier(linitial(options->sequence_by)));

		appendStringInfo(sql, " %s AS _event_at, CASE WHEN false THEN %s END AS _holds_until,", time, time);
		for (int i = 1; i < list_length(options->sequence_by); i++)
			appendStringInfo(sql, " d.%s AS _sequence_%d,", quote_identifier(list_nth(options->sequence_by, i)), i + 1);
	}
	else
		appendStringInfo(sql, " f._seen_at AS _event_at, %s AS _holds_until,",
						 options->deletes == DELETES_CLOSE ? "nullif(f._until, 'infinity')" : "NULL::timestamptz");
	if (options->apply_as_deletes != NULL)
		appendStringInfo(sql, " (%s\n) IS TRUE AS _is_delete,", options->apply_as_deletes);
	else
		appendStringInfoString(sql, " false AS _is_delete,");
	appendStringInfo(sql, " %s AS _scope, f._until AS _event_until,", ScopeExpression(options));
}

/* The source columns whose values make a version (char *).  Those that give the
 * event's time are none: the same value later is no change. */
static List *
TrackedColumns(const SilverShape *shape)
{
	List	   *tracked = NIL;
	ListCell   *lc;

	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (!column->derived && !HasName(shape->feature->keys, column->name) &&
			!HasName(shape->feature->options.no_track, column->name) &&
			!HasName(shape->feature->options.sequence_by, column->name))
			tracked = lappend(tracked, column->name);
	}
	return tracked;
}

/* The hash of what makes a version; of a record where they are more than a
 * function takes arguments. */
char *
ValueExpression(const SilverShape *shape)
{
	List	   *tracked = TrackedColumns(shape);

	if (tracked == NIL)
		return pstrdup("medallion.pairs_hash(d.*, '{}'::text[])");
	if (list_length(tracked) >= FUNC_MAX_ARGS)
		return psprintf("medallion.pairs_hash(d.*, %s)", TokensLiteral(tracked));
	return psprintf("medallion.pairs_hash(%s, %s)", TokensLiteral(tracked), JoinNames(tracked, "d.", "", ", "));
}

/* Values and flags of level 4, behind other columns.  Of events collected before, the verdicts
 * on conversions and on what masks hide are there already. */
static void
AppendFinalColumns(StringInfo sql, const SilverShape *shape, bool collected)
{
	ListCell   *lc;

	foreach(lc, shape->columns)
		appendStringInfo(sql, ", d.%s", quote_identifier(((SilverColumn *) lfirst(lc))->name));
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);

		if (column->given != NULL && collected)
			appendStringInfo(sql, ", d.%s", quote_identifier(column->cast_flag));
		else if (column->given != NULL)
			appendStringInfo(sql, ",\n d.%s AND d.%s IS NULL AS %s", column->given,
							 quote_identifier(column->name), quote_identifier(column->cast_flag));
	}
	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);

		if (CheckRefuses(check) && !collected)
			appendStringInfo(sql, ",\n d.%s", quote_identifier(check->flag));
		else
			appendStringInfo(sql, ",\n %s AS %s",
							 FaultExpression(check, collected && check->collected ? check->collected : check->predicate),
							 quote_identifier(check->flag));
	}
	foreach(lc, shape->set_checks)
		appendStringInfo(sql, ", false AS %s", quote_identifier(((RowCheck *) lfirst(lc))->flag));
	if (FeatureKeepsHistory(shape->feature))
		appendStringInfoString(sql, collected ? ", d.dq_conflict_flag" : ", false AS dq_conflict_flag");
	if (shape->refuses)
		appendStringInfo(sql, ",\n %s AS _refused", collected ? "false" : RefusedExpression(shape));
}

/* The values alone. */
char *
ValuesSelect(const SilverShape *shape, Datum files)
{
	StringInfoData sql;

	initStringInfo(&sql);
	AppendDerivedLevel(&sql, shape, TypedLevel(shape, files));
	return sql.data;
}

/* Which rows of level 4 are wanted, whatever their age: none of erased keys, none that is filtered out. */
static void
AppendWanted(StringInfo sql, const SilverShape *shape)
{
	appendStringInfoString(sql, "\nWHERE true");
	if (shape->erased_values != NULL)
		appendStringInfo(sql, " AND NOT (%s)", shape->erased_values);
	if (shape->feature->options.filter != NULL)
		appendStringInfo(sql, " AND (%s\n)", shape->feature->options.filter);
}

/* Which rows of level 4 may be events. */
static void
AppendWhere(StringInfo sql, const SilverShape *shape)
{
	AppendWanted(sql, shape);
	if (shape->too_old != NULL)
		appendStringInfo(sql, " AND (%s) IS NOT TRUE", shape->too_old);
}

char *
TooOldSelect(const SilverShape *shape, Datum files)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT d._file_id, d._sheet, d._row FROM (%s) d", ValuesSelect(shape, files));
	AppendWanted(&sql, shape);
	appendStringInfo(&sql, " AND %s", shape->too_old);
	return sql.data;
}

/* The whole SELECT.  What merges ask of a staged row comes first, so that values and flags are not
 * walked through to find it. */
char *
TypedSelect(const SilverShape *shape, const SqlParams *files, const char *keys)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS _business_key_hash, %s AS _value_hash,",
					 EventKey(shape), ValueExpression(shape));
	AppendEventColumns(&sql, shape->feature);
	appendStringInfoString(&sql, " f._rank, d._file_id, d._sheet, d._row");
	AppendFinalColumns(&sql, shape, false);
	appendStringInfoString(&sql, "\nFROM (");
	AppendJudgedLevel(&sql, shape, files->values[0]);
	appendStringInfoString(&sql, ") d JOIN unnest($1, $2, $3, $4) AS f (_file, _rank, _seen_at, _until)"
						   " ON f._file = d._file_id");
	AppendWhere(&sql, shape);
	if (keys != NULL)
		appendStringInfo(&sql, " AND %s IN (SELECT k._business_key_hash FROM %s k)",
						 EventKey(shape), keys);
	return sql.data;
}

/* What is known of an event besides its values. */
static char *
EventMeta(const SilverShape *shape, const char *prefix)
{
	const char *const names[] = {"_event_at", "_holds_until", "_is_delete", "_scope", "_event_until", "_rank",
		"_file_id", "_sheet", "_row"};
	List	   *columns = NIL;

	for (int i = 0; i < lengthof(names); i++)
		columns = lappend(columns, unconstify(char *, names[i]));
	for (int i = 2; i <= list_length(shape->feature->options.sequence_by); i++)
		columns = lappend(columns, psprintf("_sequence_%d", i));
	return JoinNames(columns, prefix, "", ", ");
}

/* Does a value that an event leaves out stay what it was? */
static bool
IsFilled(const SilverShape *shape, const SilverColumn *column)
{
	return !column->derived && !HasName(shape->feature->keys, column->name) &&
		!HasName(shape->feature->options.sequence_by, column->name);
}

/* The verdicts on masked values: that of the event which gave the value, and
 * the event's own where none has. */
static void
AppendHiddenVerdicts(StringInfo sql, const SilverShape *shape)
{
	ListCell   *lc;

	foreach(lc, shape->checks)
	{
		RowCheck   *check = lfirst(lc);
		const char *flag = quote_identifier(check->flag);

		if (check->hidden == NULL)
			continue;
		if (!IsFilled(shape, check->hidden))
			appendStringInfo(sql, ", e.%s", flag);
		else
			appendStringInfo(sql, ",\n coalesce(medallion.last_value_given(CASE WHEN NOT e._is_delete AND e.%s IS NOT NULL"
							 " THEN e.%s END) OVER life, e.%s) AS %s", quote_identifier(check->hidden->name), flag, flag, flag);
	}
}

/*
 * Collected events with what they leave out taken from the events before, back
 * to the last delete of the key; what is derived and checked follows.
 */
char *
FilledSelect(const SilverShape *shape, const char *events)
{
	static const char order[] = "e._event_at, %se._is_delete, e._rank, e._file_id, e._sheet COLLATE \"C\", e._row";
	StringInfoData source;
	StringInfoData sql;
	StringInfoData sequence;
	ListCell   *lc;

	initStringInfo(&sequence);
	for (int i = 2; i <= list_length(shape->feature->options.sequence_by); i++)
		appendStringInfo(&sequence, "e._sequence_%d NULLS FIRST, ", i);
	initStringInfo(&source);
	appendStringInfo(&source, "SELECT e._business_key_hash, e.dq_conflict_flag, %s", EventMeta(shape, "e."));
	foreach(lc, shape->columns)
	{
		SilverColumn *column = lfirst(lc);
		const char *name = quote_identifier(column->name);

		if (column->cast_flag != NULL)
			appendStringInfo(&source, ", e.%s", quote_identifier(column->cast_flag));
		if (IsFilled(shape, column))
			appendStringInfo(&source, ",\n medallion.last_value_given(CASE WHEN NOT e._is_delete THEN e.%s END) OVER life AS %s",
							 name, name);
		else if (!column->derived)
			appendStringInfo(&source, ", e.%s", name);
	}
	AppendHiddenVerdicts(&source, shape);
	appendStringInfo(&source, "\nFROM (SELECT e.*, count(*) FILTER (WHERE e._is_delete) OVER"
					 " (PARTITION BY e._business_key_hash ORDER BY %s ROWS UNBOUNDED PRECEDING) AS _life FROM %s e) e\n"
					 "WINDOW life AS (PARTITION BY e._business_key_hash, e._life ORDER BY %s ROWS UNBOUNDED PRECEDING)",
					 psprintf(order, sequence.data), events, psprintf(order, sequence.data));
	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT d._business_key_hash, %s AS _value_hash, %s",
					 ValueExpression(shape), EventMeta(shape, "d."));
	AppendFinalColumns(&sql, shape, true);
	appendStringInfoString(&sql, "\nFROM (");
	AppendDerivedLevel(&sql, shape, source.data);
	appendStringInfoString(&sql, ") d");
	return sql.data;
}

/* The key hashes alone, and their files. */
char *
KeySelect(const SilverShape *shape, const SqlParams *files)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT %s AS _business_key_hash, d._file_id FROM (", EventKey(shape));
	AppendJudgedLevel(&sql, shape, files->values[0]);
	appendStringInfoString(&sql, ") d");
	AppendWhere(&sql, shape);
	return sql.data;
}
