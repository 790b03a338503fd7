/*
 * ledger.h
 *	  Rows of medallion.file_versions.
 */
#ifndef MEDALLION_LEDGER_H
#define MEDALLION_LEDGER_H

#include "bronze/bronze.h"

/* The live version of another file of the feature with this content, or 0. */
extern int64 FindSameContent(const Feature *feature, const FileTask *task, const char *hash);

/* Opens a new version of a file and supersedes the one in force; returns its id. */
extern int64 OpenFileVersion(const Feature *feature, const FileTask *task, const char *hash,
							 int64 duplicate_of, TimestampTz seen_at, int64 run_id);

/* Completes a version with what was loaded. */
extern void CompleteFileVersion(int64 file_id, const FileOutcome *outcome);

/* How many rows bronze has of the feature; -1: they are to be counted. */
extern int64 LedgerRows(const Feature *feature);

/* Bronze has so many rows of the feature: they were counted. */
extern void ConfirmRows(const Feature *feature, int64 count);

/* The file proved unchanged: notes when it was looked at. */
extern void ConfirmFileVersion(const FileTask *task, TimestampTz seen_at, int64 run_id);

/* Is this what a withdrawn version of the file said, and nothing else was seen since? */
extern bool IsRefused(const Feature *feature, const FileTask *task, const char *hash);

/* Another version holds the rows of a duplicate from now on. */
extern void MoveDuplicate(const FileTask *task, int64 duplicate_of);

/* Notes the greatest watermark of a relation's batch. */
extern void SetVersionWatermark(int64 file_id, const char *watermark);

/* The batches that were to be read again have been. */
extern void NoteReadAgain(const Feature *feature);

/* Takes a version back that turned out to have nothing in it. */
extern void ForgetFileVersion(int64 file_id);

/* A duplicate becomes a version of its own, to be loaded; returns its id. */
extern int64 PromoteDuplicate(const Feature *feature, const FileTask *task, int64 run_id);

#endif							/* MEDALLION_LEDGER_H */
