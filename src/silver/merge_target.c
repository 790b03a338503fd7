/*
 * merge_target.c
 *	  The two tables of scd2_merge(): their columns, and what statements call them.
 *
 * Nothing of them is ours: columns are found by name, and what the target lacks
 * of a history's columns is computed where it is asked for.
 */
#include "base/compat.h"

#include "silver/merge_target.h"

#include "access/table.h"
#include "base/settings.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "silver/fold.h"
#include "silver/table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

static void
RequireColumn(List *names, const char *what, const char *name)
{
	if (!HasName(names, name))
		RaiseUnknownName(what, name, names);
}

static char *
RelationName(Oid relid)
{
	return quote_qualified_identifier(get_namespace_name(get_rel_namespace(relid)), get_rel_name(relid));
}

static char *
TypeOf(Oid relid, const char *column)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, get_attnum(relid, column), &type, &typmod, &collation);
	return format_type_with_typemod(type, typmod);
}

/* The history columns that the target has: times it must, number and flag it may. */
static void
FindHistoryColumns(TableMerge *tables, List *columns)
{
	const HistoryNames *names = &tables->options.feature.history_columns;

	RequireColumn(columns, "history column of the target:", names->valid_from);
	RequireColumn(columns, "history column of the target:", names->valid_to);
	tables->history = list_make2(names->valid_from, names->valid_to);
	if (HasName(columns, names->is_current))
		tables->history = lappend(tables->history, names->is_current);
	if (HasName(columns, names->version))
		tables->history = lappend(tables->history, names->version);
	tables->has_hashes = HasName(columns, "_business_key_hash") && HasName(columns, "_value_hash");
	if (tables->has_hashes)
		tables->history = lappend(lappend(tables->history, "_business_key_hash"), "_value_hash");
}

/* The data columns: those asked for, or all that both have. */
static void
FindDataColumns(TableMerge *tables, List *target_columns)
{
	List	   *source_columns = RelationColumns(tables->source);
	List	   *wanted = tables->options.columns != NIL ? tables->options.columns : target_columns;
	ListCell   *lc;

	foreach(lc, wanted)
	{
		SilverColumn *column;

		if (tables->options.columns != NIL)
		{
			RequireColumn(target_columns, "column of the target:", lfirst(lc));
			RequireColumn(source_columns, "column of the source:", lfirst(lc));
		}
		if (HasName(tables->history, lfirst(lc)) || !HasName(source_columns, lfirst(lc)))
			continue;
		column = palloc0(sizeof(SilverColumn));
		column->name = lfirst(lc);
		tables->shape.columns = lappend(tables->shape.columns, column);
	}
	foreach(lc, tables->feature.keys)
		RequireSilverColumn(&tables->shape, "business key", lfirst(lc));
	foreach(lc, tables->options.feature.no_track)
		RequireSilverColumn(&tables->shape, "column of option \"no_track\":", lfirst(lc));
	foreach(lc, tables->options.feature.delete_scope)
		RequireSilverColumn(&tables->shape, "column of option \"delete_scope\":", lfirst(lc));
	foreach(lc, tables->options.feature.sequence_by)
		RequireColumn(source_columns, "column of option \"sequence_by\":", lfirst(lc));
}

/* The time of a source row, as the target's valid_from has it. */
static char *
EventTime(const TableMerge *tables, const char *type)
{
	List	   *sequence = tables->options.feature.sequence_by;

	if (sequence != NIL)
		return psprintf("d.%s::%s", quote_identifier(linitial(sequence)), type);
	if (tables->options.at != NULL)
		return psprintf("%s::%s", quote_literal_cstr(tables->options.at), type);
	if (strcmp(type, "timestamp with time zone") == 0)
		return pstrdup("transaction_timestamp()");
	return psprintf("(transaction_timestamp() AT TIME ZONE 'UTC')::%s", type);
}

/* Further columns of the sequence, as the events have them. */
static char *
FurtherSequence(const FeatureOptions *options)
{
	StringInfoData sql;

	initStringInfo(&sql);
	for (int i = 1; i < list_length(options->sequence_by); i++)
		appendStringInfo(&sql, ", d.%s AS _sequence_%d", quote_identifier(list_nth(options->sequence_by, i)), i + 1);
	return sql.data;
}

/* Tables of a merge lie beside the target, named after it. */
static void
SetMergeTableWords(TableMerge *tables)
{
	const char *const names[] = {"stage", "delta", "refold", "events", "past", "filled", "snapshots", "taken", "versions"};
	char	   *schema = get_namespace_name(get_rel_namespace(tables->target));

	for (int i = 0; i < lengthof(names); i++)
		SetWord(&tables->merge.words, names[i],
				quote_qualified_identifier(schema, psprintf("_merge_%s_%u", names[i], tables->target)));
}

/* The key of a row of the target, which has no sequence. */
static char *
TargetKey(const Feature *feature)
{
	Feature		target = *feature;

	target.options.sequence_by = NIL;
	target.options.null_key = NULL_KEY_AS_VALUE;
	return KeyExpression(&target);
}

/* What the statements name. */
static void
SetTableWords(TableMerge *tables)
{
	TemplateWords *words = &tables->merge.words;
	const FeatureOptions *options = &tables->options.feature;
	const HistoryNames *names = &options->history_columns;
	char	   *type = TypeOf(tables->target, names->valid_from);
	char	   *forever = options->valid_to == NULL ? psprintf("NULL::%s", type) :
		psprintf("%s::%s", quote_literal_cstr(options->valid_to), type);

	SetMergeTableWords(tables);
	SetHistoryWords(words, options);
	SetTieWords(words, options, "e._rank DESC, e._value_hash DESC, e._row DESC");
	SetWord(words, "table", RelationName(tables->target));
	SetWord(words, "source", RelationName(tables->source));
	SetColumnWords(words, "data", RowColumnList(&tables->shape));
	SetWord(words, "time", EventTime(tables, type));
	SetWord(words, "type", type);
	SetWord(words, "further", FurtherSequence(options));
	SetWord(words, "is_delete", options->apply_as_deletes == NULL ? "false" :
			psprintf("((%s\n) IS TRUE)", options->apply_as_deletes));
	SetWord(words, "scope", ScopeExpression(options));
	SetWord(words, "forever", forever);
	SetWord(words, "p.is_new", "true");
	SetWord(words, "at_one_time", options->sequence_by != NIL ? "" :
			FillTemplate(" WHERE v._began <= {time} AND (v._in_force OR v._ended > {time})", words));
	SetWord(words, "at_that_time", options->sequence_by == NIL ? "" :
			" AND v._began <= s._event_at AND (v._in_force OR v._ended > s._event_at)");
	SetWord(words, "until_then", options->sequence_by == NIL ? "" :
			" AND v._began < p._at AND (v._in_force OR v._ended > p._at)");
	SetWord(words, "same_row", options->no_track == NIL ? "" :
			FillTemplate(" AND record_image_eq(ROW({v.data}), ROW({s.data}))", words));
	SetWord(words, "new_key", KeyExpression(&tables->feature));
	SetWord(words, "new_value", ValueExpression(&tables->shape));
	SetWord(words, "key", tables->has_hashes ? "d._business_key_hash" : TargetKey(&tables->feature));
	SetWord(words, "value", tables->has_hashes ? "d._value_hash" : FillTemplate("{new_value}", words));
	SetWord(words, "current", HasName(tables->history, names->is_current) ? FillTemplate("d.{is_current}", words) :
			FillTemplate("(d.{valid_to} IS NOT DISTINCT FROM {forever})", words));
}

/* Names and values of the history columns that the target has. */
static void
SetWrittenWords(const TableMerge *tables, TemplateWords *words)
{
	const HistoryNames *names = &tables->options.feature.history_columns;
	bool		flag = HasName(tables->history, names->is_current);
	bool		number = IsNumbered(tables);
	const char *number_of_staged = tables->options.feature.history == HISTORY_SCD1 ? ", 1" : ", s._number";

	SetWord(words, "set_flag", flag ? FillTemplate(", {is_current} = n.valid_to IS NULL", words) : "");
	SetWord(words, "unset_flag", flag ? FillTemplate(", {is_current} = false", words) : "");
	SetWord(words, "set_number", number ? FillTemplate(", {version} = CASE WHEN d.{version} = n.version THEN n.version ELSE -n.version END", words) : "");
	SetWord(words, "wrong_number", number ? FillTemplate(" OR d.{version} IS DISTINCT FROM n.version", words) : "");
	SetWord(words, "written", FillTemplate(psprintf("{valid_from}, {valid_to}%s%s%s", flag ? ", {is_current}" : "",
													number ? ", {version}" : "",
													tables->has_hashes ? ", _business_key_hash, _value_hash" : ""), words));
	SetWord(words, "staged_values", FillTemplate(psprintf("s._event_at, {forever}%s%s%s", flag ? ", true" : "", number ? number_of_staged : "",
														  tables->has_hashes ? ", s._business_key_hash, s._value_hash" : ""), words));
	SetWord(words, "values", FillTemplate(psprintf("n._event_at, coalesce(n.valid_to, {forever})%s%s%s",
												   flag ? ", n.valid_to IS NULL" : "", number ? ", n.version" : "",
												   tables->has_hashes ? ", n._business_key_hash, n._value_hash" : ""), words));
}

/* Has the target numbers of versions? */
bool
IsNumbered(const TableMerge *tables)
{
	return HasName(tables->history, tables->options.feature.history_columns.version);
}

/* Raises for what is no table, or not the caller's to change. */
static void
CheckTables(const TableMerge *tables)
{
	char		kind = get_rel_relkind(tables->target);

	if (kind != RELKIND_RELATION && kind != RELKIND_PARTITIONED_TABLE)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("%s is not a table", RelationName(tables->target))));
	if (tables->feature.keys == NIL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a merge needs business keys")));
	if (!medallion_enable_scd2)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("medallion.enable_scd2 is off")));
}

/* Fills what the fold wants to know. */
void
PrepareTables(TableMerge *tables, Oid target, Oid source, List *keys, Jsonb *options)
{
	List	   *columns;

	tables->target = target;
	tables->source = source;
	ParseMergeOptions(options, &tables->options);
	tables->feature.name = get_rel_name(tables->target);
	tables->feature.owner = GetUserId();
	tables->feature.keys = keys;
	tables->feature.options = tables->options.feature;
	tables->shape.feature = &tables->feature;
	tables->merge.shape = &tables->shape;
	CheckTables(tables);
	columns = RelationColumns(tables->target);
	FindHistoryColumns(tables, columns);
	FindDataColumns(tables, columns);
	SetTableWords(tables);
	SetWrittenWords(tables, &tables->merge.words);
}
