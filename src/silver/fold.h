/*
 * fold.h
 *	  Events of keys -> what silver should say of them -> silver.
 */
#ifndef MEDALLION_FOLD_H
#define MEDALLION_FOLD_H

#include "silver/merge.h"

/* Folds the keys of {refold} and brings silver to what they fold to. */
extern void FoldKeys(Merge *merge);

/* Its parts: events collected in {events} are completed, and folded into
 * {versions}.  address orders events at one time when all else is equal. */
extern void SetTieWords(TemplateWords *words, const FeatureOptions *options, const char *address);
extern void CompleteEvents(Merge *merge);
extern void FoldEvents(Merge *merge);

/* The event e that gives version n of {versions} its data. */
#define DATA_EVENT \
	"e._business_key_hash = n._business_key_hash AND e._event_at = n._data_at" \
	" AND e._file_id = n._data_file_id AND e._sheet = n._data_sheet AND e._row = n._data_row"

#endif							/* MEDALLION_FOLD_H */
