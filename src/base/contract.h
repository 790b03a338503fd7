/*
 * contract.h
 *	  The columns that a feature or a model promises to have.
 */
#ifndef MEDALLION_CONTRACT_H
#define MEDALLION_CONTRACT_H

#include "postgres.h"
#include "nodes/pg_list.h"
#include "utils/jsonb.h"

/* Raises unless a file has the columns (char *) that it has to give.  given:
 * columns that come from elsewhere. */
extern void CheckContractNames(Jsonb *contract, bool exact, List *names, List *given, const char *what);

/* Raises unless a relation has the columns with their types.  Columns that
 * begin with "_" or "dq_" are nobody's business. */
extern void CheckContractTypes(Jsonb *contract, bool exact, Oid relation);

#endif							/* MEDALLION_CONTRACT_H */
