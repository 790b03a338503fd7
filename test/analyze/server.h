/*
 * server.h
 *	  The server's macros that look like no C, for cppcheck, which is not shown the server's own headers.
 */
#define PG_VERSION_NUM 150000
#define PG_FUNCTION_INFO_V1(name)
#define lengthof(array) (sizeof(array) / sizeof((array)[0]))
#define foreach(cell, list) for ((cell) = list_head(list); (cell) != 0; (cell) = lnext((list), (cell)))
#define forboth(cell1, list1, cell2, list2) \
	for ((cell1) = list_head(list1), (cell2) = list_head(list2); (cell1) != 0 && (cell2) != 0; \
		 (cell1) = lnext((list1), (cell1)), (cell2) = lnext((list2), (cell2)))
#define PG_TRY() do { if (try_it())
#define PG_CATCH() else
#define PG_FINALLY()
#define PG_END_TRY() } while (0)
#define WARNING 19
#define ERROR 21
#define FATAL 22
#define PANIC 23
#define ereport(level, rest) do { if ((level) >= ERROR) abort(); } while (0)
#define elog(level, ...) do { if ((level) >= ERROR) abort(); } while (0)
