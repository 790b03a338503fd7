/*
 * medallion.c
 *	  Where the library begins: the module magic and the settings.
 */
#include "base/compat.h"

#include "base/settings.h"

PG_MODULE_MAGIC;

extern PGDLLEXPORT void _PG_init(void);

void
_PG_init(void)
{
	SettingsInit();
}
