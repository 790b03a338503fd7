/*
 * template.h
 *	  SQL texts with named places.
 */
#ifndef MEDALLION_TEMPLATE_H
#define MEDALLION_TEMPLATE_H

#include "postgres.h"
#include "nodes/pg_list.h"

/* What the places of a template stand for; starts as all zeros. */
typedef struct TemplateWords
{
	List	   *names;			/* char * */
	List	   *values;			/* char * */
} TemplateWords;

/* Says what a name stands for; a later word replaces an earlier one. */
extern void SetWord(TemplateWords *words, const char *name, const char *value);

/* The text with every {name} replaced; values are taken as they are. */
extern char *FillTemplate(const char *text, const TemplateWords *words);

#endif							/* MEDALLION_TEMPLATE_H */
