/*
 * checks.h
 *	  Checks as SQL: what makes a row fail, what is measured of a table.
 */
#ifndef MEDALLION_CHECKS_H
#define MEDALLION_CHECKS_H

#include "postgres.h"
#include "silver/typed.h"

/* Fills the checks of a feature's shape from the catalog. */
extern void LoadChecks(SilverShape *shape);

/* Adds checks (CheckDef *) to a shape. */
extern void AddChecks(SilverShape *shape, List *defs);

/* Does the check keep a failing row out of silver? */
extern bool CheckRefuses(const RowCheck *check);

/* SQL: is a row at fault?  Asked by the check's predicate, or another like it. */
extern char *FaultExpression(const RowCheck *check, const char *predicate);

/* Conversions are checked without being asked: one check per typed column
 * that no other check asks about. */
extern List *CastChecks(const SilverShape *shape);

/* The rows that set checks look at, with the alias d: relation and condition. */
extern char *CheckedTable(const SilverShape *shape);
extern const char *CheckedCondition(const SilverShape *shape);

/* The joins of set checks, one after the other, each once. */
extern char *CheckJoins(List *checks);

/* Names with a comma between, each quoted behind the prefix; as they are where
 * that is empty. */
extern char *JoinColumns(List *columns, const char *prefix);

#endif							/* MEDALLION_CHECKS_H */
