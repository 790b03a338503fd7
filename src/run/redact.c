/*
 * redact.c
 *	  Takes secrets out of what is written down.
 *
 * Errors of foreign servers and of users' functions may quote a connection
 * string.  Logs and alerts are read by more people than may know its password.
 */
#include "base/compat.h"

#include "run/redact.h"

#include <ctype.h>

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
