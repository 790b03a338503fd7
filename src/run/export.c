/*
 * export.c
 *	  All that is configured, as one json value.
 */
#include "base/compat.h"

#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"

PG_FUNCTION_INFO_V1(medallion_export_config);

/* One kind of object: its key, and a query of what there is of it as "item"; $1
 * is who asks. */
typedef struct ExportKind
{
	const char *key;
	const char *query;
} ExportKind;

/* Checks of the options are in the options; those of add_check() beside them.
 * Stored models are schema-qualified, so they mean the same anywhere. */
static const ExportKind export_kinds[] = {
	{"features",
		"SELECT jsonb_build_object('name', f.name, 'source', f.source,"
		" 'business_keys', f.business_keys, 'options', f.options) ||"
		" coalesce((SELECT jsonb_build_object('checks', jsonb_agg(jsonb_build_object('name', c.name,"
		"   'kind', c.kind, 'columns', c.columns, 'params', c.params, 'action', c.action,"
		"   'warn_if', c.warn_if, 'error_if', c.error_if, 'on_null', c.on_null,"
		"   'warn_count', c.warn_count, 'error_count', c.error_count) ORDER BY c.name))"
		"  FROM medallion.checks c WHERE c.feature_id = f.feature_id AND NOT c.from_options"
		"  HAVING count(*) > 0), '{}') AS item"
	" FROM medallion.features f WHERE pg_has_role($1, f.owner::oid, 'USAGE')"},
	{"models",
		"SELECT jsonb_build_object('name', m.name, 'query', m.query,"
		" 'options', m.options) AS item"
	" FROM medallion.models m WHERE pg_has_role($1, m.owner::oid, 'USAGE')"},
	{"pipelines",
		"SELECT jsonb_build_object('name', p.name, 'features', p.features,"
		" 'layers', p.layers, 'options', p.options) AS item"
	" FROM medallion.pipelines p WHERE pg_has_role($1, p.owner::oid, 'USAGE')"},
	{"steps",
		"SELECT jsonb_build_object('name', s.name, 'sql', s.sql, 'after', s.after,"
		" 'pipeline', s.pipeline) AS item"
	" FROM medallion.steps s WHERE pg_has_role($1, s.owner::oid, 'USAGE')"},
	{"schedules",
		"SELECT jsonb_build_object('name', s.job, 'cron', s.cron, 'features', s.features,"
		" 'options', s.options, 'time_zone', s.time_zone) AS item"
	" FROM medallion.schedules s WHERE pg_has_role($1, s.owner::oid, 'USAGE')"},
	{"windows",
		"SELECT jsonb_build_object('name', w.name, 'cron', w.cron, 'duration', w.duration::text,"
		" 'pipeline', w.pipeline, 'time_zone', w.time_zone, 'reason', w.reason) AS item"
	" FROM medallion.windows w WHERE pg_has_role($1, w.owner::oid, 'USAGE')"},
	{"pauses",
		"SELECT jsonb_build_object('name', p.pipeline, 'reason', p.reason) AS item"
	" FROM medallion.pauses p"},
};

/* medallion.export_config(): what the caller may act for */
Datum
medallion_export_config(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	SqlParams	params = {0};
	StringInfoData query;
	SqlRows    *rows;
	bool		isnull;
	Datum		config;

	ParamDatum(&params, OIDOID, ObjectIdGetDatum(GetUserId()));
	initStringInfo(&query);
	appendStringInfoString(&query, "SELECT jsonb_build_object(");
	for (int i = 0; i < lengthof(export_kinds); i++)
		appendStringInfo(&query, "%s'%s', (SELECT coalesce(jsonb_agg(x.item ORDER BY x.item->>'name' COLLATE \"C\"), '[]')"
						 " FROM (%s) x)", i > 0 ? ", " : "", export_kinds[i].key, export_kinds[i].query);
	appendStringInfoChar(&query, ')');
	rows = CatalogFetch(query.data, &params);
	config = RowDatum(rows, 0, 1, &isnull);
	UnpinSettings(nest_level);
	PG_RETURN_DATUM(config);
}
