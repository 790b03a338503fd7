/*
 * fold.h
 *	  Events of keys -> what silver should say of them -> silver.
 */
#ifndef MEDALLION_FOLD_H
#define MEDALLION_FOLD_H

#include "silver/merge.h"

/* Folds the keys of {refold} and brings silver to what they fold to. */
extern void FoldKeys(Merge *merge);

#endif							/* MEDALLION_FOLD_H */
