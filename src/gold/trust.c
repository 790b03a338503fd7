/*
 * trust.c
 *	  Foreign keys that are declared for readers, and kept by the refresh.
 *
 * The models of a star are refreshed one after the other: between a dimension
 * and its fact a key may be missing for a moment.  The server would either
 * refuse that or, with a deferred constraint, want to look at it when the
 * run is no longer the model's owner, which it does not allow.  So the
 * constraint stands in the catalog, where tools find it, and its triggers do
 * not fire; foreign_key_violations() looks instead.
 */
#include "base/compat.h"

#include "base/feature.h"
#include "base/settings.h"
#include "base/sql.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "utils/builtins.h"

/* The triggers of a table's foreign keys: theirs and those of the tables referred to. */
static const char *const triggers_query =
"SELECT format('ALTER TABLE %s DISABLE TRIGGER %I', t.tgrelid::regclass, t.tgname), r.relowner, r.relname"
" FROM pg_constraint c JOIN pg_trigger t ON t.tgconstraint = c.oid JOIN pg_class r ON r.oid = t.tgrelid"
" WHERE c.conrelid = $1 AND c.contype = 'f' AND t.tgisinternal AND t.tgenabled <> 'D'"
" ORDER BY t.oid";

PG_FUNCTION_INFO_V1(medallion_trust_foreign_keys);

/* trust_foreign_keys(relation): its foreign keys are no longer enforced. */
Datum
medallion_trust_foreign_keys(PG_FUNCTION_ARGS)
{
	int			nest_level = PinSettings();
	SqlParams	params = {0};
	SqlRows    *rows;

	ParamDatum(&params, REGCLASSOID, PG_GETARG_DATUM(0));
	rows = CatalogFetch(triggers_query, &params);
	for (uint64 i = 0; i < rows->count; i++)
	{
		bool		isnull;

		CheckMayActFor(DatumGetObjectId(RowDatum(rows, i, 2, &isnull)), "table", RowText(rows, i, 3));
		CatalogExec(RowText(rows, i, 1), NULL);
	}
	UnpinSettings(nest_level);
	PG_RETURN_VOID();
}
