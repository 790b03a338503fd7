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
	/* Query of the versions at the time of the rows: hash of the key, hash of the
	 * value, and whether no row saying it is news too (uuid, uuid, boolean). */
	const char *versions;

	/* Query of the rows, with _business_key_hash, _value_hash and _is_delete. */
	const char *rows;

	/* Tables just made: for the rows that bring news, with a number as last column;
	 * and for keys, as the fold wants them. */
	Oid			stage;
	Oid			keys;
} NewsQuestion;

typedef enum NewsAnswer
{
	NEWS_STAGED,				/* all rows of keys with news; of the keys only those without a row */
	NEWS_STAGE_LACKS,			/* likewise, but rows of some keys were let pass before the news came */
	NEWS_KEYS_ONLY,				/* all keys with news, no row */
	NEWS_UNKNOWN				/* the history says two things of a key at a time: ask otherwise */
} NewsAnswer;

extern NewsAnswer FindNews(const NewsQuestion *question);

#endif							/* MEDALLION_NEWS_H */
