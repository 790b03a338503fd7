/*
 * fault.h
 *	  Which row a feature's SQL cannot take.
 */
#ifndef MEDALLION_FAULT_H
#define MEDALLION_FAULT_H

#include "postgres.h"
#include "silver/typed.h"

/* Is it an error that values make SQL of options raise: a data exception, or one that a function of theirs raises? */
extern bool IsOfValues(int sqlerrcode);

/*
 * The first of the files' rows, as bronze has them, for which the SELECT of typed.h raises such an
 * error: file, sheet, row, and the column whose expression it is, as text.  NULL if it is
 * raised for no row at all, or which one it is cannot be told.
 */
extern char *DescribeFault(const SilverShape *shape, const SqlParams *files);

#endif							/* MEDALLION_FAULT_H */
