/*
 * fdw.h
 *	  Parts of the foreign data wrapper that are in files of their own.
 */
#ifndef MEDALLION_FDW_H
#define MEDALLION_FDW_H

#include "postgres.h"
#include "nodes/parsenodes.h"

/* IMPORT FOREIGN SCHEMA: CREATE FOREIGN TABLE commands (char *). */
extern List *ImportFiles(ImportForeignSchemaStmt *statement, Oid server);

#endif							/* MEDALLION_FDW_H */
