/*
 * keep.h
 *	  What users gave the silver table and its views: kept over their making anew.
 */
#ifndef MEDALLION_KEEP_H
#define MEDALLION_KEEP_H

#include "postgres.h"
#include "base/feature.h"

/* Grants and comments of relations of the silver schema, by their names (char *). */
extern List *KeepGifts(List *relations);

/* Gives them back, once the relations are made anew and filled. */
extern void GiveBack(List *kept);

#endif							/* MEDALLION_KEEP_H */
