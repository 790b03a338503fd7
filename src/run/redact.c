/*
 * redact.c
 *	  Takes secrets, and the contents of rows, out of what is written down.
 *
 * Errors of foreign servers and of users' functions may quote a connection
 * string, those of conversions and constraints the value that is wrong.  Logs
 * and alerts are read by more people than may know either.
 */
#include "base/compat.h"

#include "run/redact.h"

#include <ctype.h>

#include "base/settings.h"
#include "lib/stringinfo.h"
#include "utils/elog.h"
#include "utils/guc.h"

static const char *const secret_words[] = {
	"password", "passwd", "passfile", "pwd", "secret", "token", "apikey", "api_key", "access_key"
};

/* Overwrites up to the next delimiter: a quote if the value begins with one. */
static void
Blot(char *value)
{
	char		quote = *value == '\'' || *value == '"' ? *value++ : '\0';

	while (*value != '\0' && (quote ? *value != quote : strchr(" \t\r\n,;&)]}\"'", *value) == NULL))
		*value++ = '*';
}

/* The value after word = or word: or word ', or NULL. */
static char *
SecretValue(char *after)
{
	char	   *value = after;

	if (*value == '"' || *value == '\'')
		value++;				/* "password": "..." */
	value += strspn(value, " \t");
	if (*value == '=' || *value == ':')
	{
		value++;
		return value + strspn(value, " \t");
	}
	return *value == '\'' ? value : NULL;	/* PASSWORD '...' */
}

static void
RedactWords(char *text)
{
	for (char *at = text; *at != '\0'; at++)
	{
		for (int i = 0; i < lengthof(secret_words); i++)
		{
			size_t		length = strlen(secret_words[i]);
			char	   *value;

			if (pg_strncasecmp(at, secret_words[i], length) != 0)
				continue;
			value = SecretValue(at + length);
			if (value != NULL)
				Blot(value);
		}
	}
}

/* scheme://user:password@host */
static void
RedactUrls(char *text)
{
	for (char *at = strstr(text, "://"); at != NULL; at = strstr(at + 3, "://"))
	{
		char	   *end = at + 3 + strcspn(at + 3, "/ \t\r\n\"'");
		char	   *colon = memchr(at + 3, ':', end - at - 3);
		char	   *host = end;

		while (host > at && *host != '@')
			host--;
		if (colon != NULL && host > colon)
			memset(colon + 1, '*', host - colon - 1);
	}
}

char *
Redact(char *text)
{
	RedactWords(text);
	RedactUrls(text);
	return text;
}

/* The text with what stands between the first opening and the last closing mark
 * hidden; values may have marks of their own in them. */
static char *
HideBetween(const char *text, const char *opening, char closing)
{
	const char *start = strstr(text, opening);
	const char *end = strrchr(text, closing);

	if (start == NULL || end < start + strlen(opening))
		return pstrdup(text);
	start += strlen(opening);
	return psprintf("%.*s***%s", (int) (start - text), text, end);
}

/* Is it an error of this class, in which the server quotes values? */
static bool
QuotesValues(const ErrorData *error, int category)
{
	return !medallion_log_values && ERRCODE_TO_CATEGORY(error->sqlerrcode) == category;
}

/* One of ours?  These quote names and places. */
static bool
IsOurs(const ErrorData *error)
{
	return error->domain != NULL && strncmp(error->domain, MEDALLION_DOMAIN, strlen(MEDALLION_DOMAIN)) == 0;
}

/* Other languages have other quotation marks and words. */
static bool
InEnglish(void)
{
	const char *language = GetConfigOption("lc_messages", true, false);

	return language == NULL || language[0] == '\0' || strncmp(language, "en", 2) == 0 ||
		strcmp(language, "POSIX") == 0 || strncmp(language, "C", 1) == 0;
}

char *
MessageWithoutValues(const ErrorData *error)
{
	if (!QuotesValues(error, ERRCODE_DATA_EXCEPTION) || IsOurs(error))
		return pstrdup(error->message);
	return InEnglish() ? HideBetween(error->message, "\"", '"') : pstrdup("data exception");
}

/* "Key (email)=(...) already exists.", "Failing row contains (...)." */
char *
DetailWithoutValues(const ErrorData *error)
{
	if (error->detail == NULL)
		return NULL;
	if (QuotesValues(error, ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION))
		return HideBetween(error->detail, strstr(error->detail, "=(") ? "=(" : "(", ')');
	if (!QuotesValues(error, ERRCODE_DATA_EXCEPTION) || IsOurs(error))
		return pstrdup(error->detail);
	return InEnglish() ? HideBetween(error->detail, "\"", '"') : NULL;
}

/* Does a line of the context show what was read? */
static bool
ShowsData(const char *line)
{
	return strncmp(line, "JSON data", 9) == 0 || strncmp(line, "COPY ", 5) == 0 || strstr(line, " with parameters: ") != NULL;
}

char *
ContextWithoutValues(const ErrorData *error)
{
	StringInfoData kept;
	char	   *state = NULL;

	if (error->context == NULL)
		return NULL;
	if (!QuotesValues(error, ERRCODE_DATA_EXCEPTION) && !QuotesValues(error, ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION))
		return pstrdup(error->context);
	initStringInfo(&kept);
	for (char *line = strtok_r(pstrdup(error->context), "\n", &state); line != NULL; line = strtok_r(NULL, "\n", &state))
	{
		if (InEnglish() && !ShowsData(line))
			appendStringInfo(&kept, "%s%s", kept.len > 0 ? "\n" : "", line);
	}
	return kept.data;
}
