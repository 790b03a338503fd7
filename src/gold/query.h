/*
 * query.h
 *	  The query of a model, as its user wrote it.
 */
#ifndef MEDALLION_QUERY_H
#define MEDALLION_QUERY_H

/* The one SELECT in the text, without what surrounds it; raises on anything
 * else, and on queries that cannot be a model. */
extern char *CheckModelQuery(const char *model, const char *text);

#endif							/* MEDALLION_QUERY_H */
