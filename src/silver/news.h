/*
 * news.h
 *	  What a source says that a history does not.
 */
#ifndef MEDALLION_NEWS_H
#define MEDALLION_NEWS_H

#include "postgres.h"

/* What is asked. */
typedef struct NewsQuestion
{
	/* Query of all versions: hash of the key, hash of the value, whether it is the
	 * one at the time of the rows, whether no row saying it is news too, whether it
	 * begins or ends no earlier than that, its number, and where it lies (uuid, uuid,
	 * boolean, boolean, boolean, integer, tid). */
	const char *versions;
	bool		numbered;		/* do versions tell their numbers? */

	/* Query of the rows, with _business_key_hash, _value_hash and _is_delete. */
	const char *rows;

	/* Tables just made: for the rows that bring news, with their number and that of
	 * the version they would be as last columns; for keys to be folded, as the fold
	 * wants them; for keys whose version in force just ends, and where that lies. */
	Oid			stage;
	Oid			fold;
	Oid			closed;
} NewsQuestion;

typedef enum NewsAnswer
{
	NEWS_STAGED,				/* keys of several rows, or deletes, are yet to be told among the staged */
	NEWS_STAGE_LACKS,			/* likewise, but rows of some keys to fold were let pass before the news came */
	NEWS_KEYS_ONLY,				/* all keys with news are to be folded; no row is staged */
	NEWS_UNKNOWN				/* the history says two things of a key at a time: ask otherwise */
} NewsAnswer;

extern NewsAnswer FindNews(const NewsQuestion *question);

#endif							/* MEDALLION_NEWS_H */
