/*
 * contract.c
 *	  The columns that a feature or a model promises to have: names in bronze,
 *	  names and types in silver and gold.  Who breaks a contract fails whole, and
 *	  nothing of it is seen.
 */
#include "base/compat.h"

#include "base/contract.h"

#include "access/table.h"
#include "base/options.h"
#include "lib/stringinfo.h"
#include "parser/parse_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* Adds one breach to the detail of the error. */
static void
AddBreach(StringInfo breaches, const char *breach)
{
	appendStringInfo(breaches, "%s%s", breaches->len > 0 ? ", " : "", breach);
}

static void
RaiseBreaches(const StringInfo breaches, const char *what)
{
	if (breaches->len > 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("%s breaks its contract: %s", what, breaches->data),
				 errhint("Mend the source, or change option \"contract\".")));
}

/* Adds what is there beyond the contract. */
static void
AddUnknown(StringInfo breaches, List *names, List *promised)
{
	ListCell   *lc;

	foreach(lc, names)
	{
		if (!HasName(promised, lfirst(lc)))
			AddBreach(breaches, psprintf("column \"%s\" is not in it", (char *) lfirst(lc)));
	}
}

/* Raises unless a file has the columns that it has to give. */
void
CheckContractNames(Jsonb *contract, bool exact, List *names, List *given, const char *what)
{
	StringInfoData breaches;
	List	   *promised;
	List	   *types;
	ListCell   *lc;

	if (contract == NULL)
		return;
	initStringInfo(&breaches);
	JsonbObjectItems(contract, &promised, &types);
	foreach(lc, promised)
	{
		if (!HasName(names, lfirst(lc)) && !HasName(given, lfirst(lc)))
			AddBreach(&breaches, psprintf("column \"%s\" is missing", (char *) lfirst(lc)));
	}
	if (exact)
		AddUnknown(&breaches, names, promised);
	RaiseBreaches(&breaches, what);
}

/* Adds a breach if the column has another type than promised. */
static void
CompareDeclaredType(StringInfo breaches, Form_pg_attribute attr, const char *promised)
{
	Oid			type;
	int32		typmod;

	parseTypeString(promised, &type, &typmod, 0);
	if (attr->atttypid != type || attr->atttypmod != typmod)
		AddBreach(breaches, psprintf("column \"%s\" is %s, not %s", NameStr(attr->attname),
									 format_type_with_typemod(attr->atttypid, attr->atttypmod),
									 format_type_with_typemod(type, typmod)));
}

/* Names of the relation's own columns. */
static List *
OwnColumns(TupleDesc desc)
{
	List	   *names = NIL;

	for (int i = 0; i < desc->natts; i++)
	{
		char	   *name = NameStr(TupleDescAttr(desc, i)->attname);

		if (!TupleDescAttr(desc, i)->attisdropped && name[0] != '_' && strncmp(name, "dq_", 3) != 0)
			names = lappend(names, name);
	}
	return names;
}

/* Raises unless a relation has the columns with their types. */
void
CheckContractTypes(Jsonb *contract, bool exact, Oid relation)
{
	StringInfoData breaches;
	List	   *promised;
	List	   *types;
	ListCell   *nc;
	ListCell   *tc;
	Relation	rel;

	if (contract == NULL)
		return;
	initStringInfo(&breaches);
	JsonbObjectItems(contract, &promised, &types);
	rel = table_open(relation, AccessShareLock);
	forboth(nc, promised, tc, types)
	{
		AttrNumber	attno = get_attnum(relation, lfirst(nc));

		if (attno <= 0)
			AddBreach(&breaches, psprintf("column \"%s\" is missing", (char *) lfirst(nc)));
		else if (lfirst(tc) != NULL)
			CompareDeclaredType(&breaches, TupleDescAttr(RelationGetDescr(rel), attno - 1), lfirst(tc));
	}
	if (exact)
		AddUnknown(&breaches, OwnColumns(RelationGetDescr(rel)), promised);
	RaiseBreaches(&breaches, psprintf("%s.%s", get_namespace_name(RelationGetNamespace(rel)), RelationGetRelationName(rel)));
	table_close(rel, NoLock);
}
