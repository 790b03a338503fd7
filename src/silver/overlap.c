/*
 * overlap.c
 *	  The database itself keeps versions apart.
 *
 * Conditions on one row say that a version ends after it begins, and that what is
 * current is open.  A trigger looks once per statement at all versions of the keys
 * that it wrote: none may reach into the next.  Two current rows of a key are open
 * both, so that holds where a partitioned table can have no unique index, too.
 *
 * bench/constraints.sh has the cost beside that of an exclusion constraint, which
 * would need an index by gist, btree_gist, and a range type of the sequence; and a
 * deferred constraint trigger is nothing that a run could fire, for it acts as the
 * feature's owner within a security-restricted operation.
 *
 * Citus distributes no table with triggers: where it is installed there are none.
 */
#include "base/compat.h"

#include "silver/overlap.h"

#include "base/settings.h"
#include "base/sql.h"
#include "base/template.h"
#include "commands/trigger.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "silver/table.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/tuplestore.h"

#define REFUSE "medallion.refuse_overlap()"

/* Conditions on one version; their names say what they want. */
void
AddRowConditions(const SilverShape *shape)
{
	const FeatureOptions *options = &shape->feature->options;
	TemplateWords words = {0};

	SetHistoryWords(&words, options);
	SetWord(&words, "forever", options->valid_to == NULL ? "NULL" : quote_literal_cstr(options->valid_to));
	SqlExecFormat(NULL, "ALTER TABLE %s ADD CONSTRAINT ends_after_it_begins CHECK (%s), ADD CONSTRAINT current_is_open CHECK (%s)",
				  QualifiedName(medallion_silver_schema, shape->feature->name),
				  FillTemplate("{is_current} OR ({valid_to} > {valid_from}) IS TRUE", &words),
				  FillTemplate("NOT {is_current} OR {valid_to} IS NOT DISTINCT FROM {forever}", &words));
}

/* Makes the triggers, as the table's owner. */
static void
AddTriggers(const SilverShape *shape)
{
	const HistoryNames *names = &shape->feature->options.history_columns;
	const char *const events[] = {"insert", "update"};

	GrantExecute(REFUSE, GetUserId());
	for (int i = 0; i < lengthof(events); i++)
		SqlExecFormat(NULL, "CREATE TRIGGER _medallion_refuse_%s AFTER %s ON %s REFERENCING NEW TABLE AS _new_rows"
					  " FOR EACH STATEMENT EXECUTE FUNCTION medallion.refuse_overlap(%s, %s)", events[i], events[i],
					  QualifiedName(medallion_silver_schema, shape->feature->name),
					  quote_literal_cstr(names->valid_from), quote_literal_cstr(names->valid_to));
}

/* Is the table's key its primary key, so that a key has one row in any case? */
static bool
HasOneRowPerKey(const Feature *feature)
{
	return feature->options.history == HISTORY_SCD1 && !FeatureIsPartitioned(&feature->options);
}

void
KeepVersionsApart(const SilverShape *shape)
{
	if (!HasOneRowPerKey(shape->feature) &&
		SqlBigint("SELECT (to_regclass('pg_catalog.pg_dist_partition') IS NULL)::int", NULL, 0) != 0)
		AddTriggers(shape);
}

void
DropRowConditions(const SilverShape *shape)
{
	SqlExecFormat(NULL, "ALTER TABLE %s DROP CONSTRAINT IF EXISTS ends_after_it_begins, DROP CONSTRAINT IF EXISTS current_is_open",
				  QualifiedName(medallion_silver_schema, shape->feature->name));
}

/* A version of the written keys that reaches into the next: one row, if any.  No LIMIT:
 * the planner would go for the first row, and walk all of an index to find that there is none. */
static const char overlap_sql[] =
"SELECT FROM (SELECT v.{valid_to} AS ends_at,"
" lead(v.{valid_from}) OVER (PARTITION BY v._business_key_hash ORDER BY v.{valid_from}) AS next_at"
" FROM {table} v WHERE v._business_key_hash IN (SELECT n._business_key_hash FROM _new_rows n)) w"
" WHERE w.next_at IS NOT NULL AND (w.ends_at > w.next_at) IS NOT FALSE HAVING count(*) > 0";

#define FEW_KEYS 10				/* rows of the table per written row, from which on each key is looked up */

/* The planner takes any number of written rows for few keys, each looked up in an index: it
 * is told otherwise where reading the table once is less. */
static void
PlanForMany(const TriggerData *trigger)
{
	if (trigger->tg_relation->rd_rel->reltuples < (float4) FEW_KEYS * tuplestore_tuple_count(trigger->tg_newtable))
		PinSetting("enable_nestloop", "off");
}

PG_FUNCTION_INFO_V1(medallion_refuse_overlap);

/* refuse_overlap(valid_from, valid_to): the trigger on tables that keep history. */
Datum
medallion_refuse_overlap(PG_FUNCTION_ARGS)
{
	TriggerData *trigger = (TriggerData *) fcinfo->context;
	TemplateWords words = {0};
	SavedIdentity saved;
	int			nest_level;
	uint64		found;
	char	   *table;

	if (!CALLED_AS_TRIGGER(fcinfo) || !TRIGGER_FIRED_AFTER(trigger->tg_event) ||
		!TRIGGER_FIRED_FOR_STATEMENT(trigger->tg_event) || trigger->tg_newtable == NULL ||
		trigger->tg_trigger->tgnargs != 2)
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("refuse_overlap() is for the triggers that medallion makes")));
	if (tuplestore_tuple_count(trigger->tg_newtable) == 0)
		return PointerGetDatum(NULL);
	table = quote_qualified_identifier(get_namespace_name(RelationGetNamespace(trigger->tg_relation)),
									   RelationGetRelationName(trigger->tg_relation));
	SetWord(&words, "table", table);
	SetWord(&words, "valid_from", quote_identifier(trigger->tg_trigger->tgargs[0]));
	SetWord(&words, "valid_to", quote_identifier(trigger->tg_trigger->tgargs[1]));
	/* whose statement it is has a search path of his own */
	nest_level = PinSettings();
	PlanForMany(trigger);
	AsRole(&saved, trigger->tg_relation->rd_rel->relowner);
	found = SqlExecInTrigger(FillTemplate(overlap_sql, &words), NULL, trigger);
	EndAs(&saved);
	UnpinSettings(nest_level);
	if (found > 0)
		ereport(ERROR,
				(errcode(ERRCODE_EXCLUSION_VIOLATION),
				 errmsg("versions of a key in %s would overlap", table),
				 errhint("Silver is made by runs; a row that is wrong is mended by correct(), or in its source.")));
	return PointerGetDatum(NULL);	/* as a trigger returns nothing */
}
