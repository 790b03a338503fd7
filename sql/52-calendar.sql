/* Gold: the calendar of a star schema. */

CREATE FUNCTION medallion.easter(year int) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	/* the Gregorian computus of Meeus, Jones and Butcher, its letters kept */
	SELECT make_date(easter.year, (h + l - 7 * m + 114) / 31, (h + l - 7 * m + 114) % 31 + 1)
	  FROM (SELECT year % 19 AS a, year / 100 AS b, year % 100 AS c) AS one,
		   LATERAL (SELECT (19 * a + b - b / 4 - (b - (b + 8) / 25 + 1) / 3 + 15) % 30 AS h) AS two,
		   LATERAL (SELECT (32 + 2 * (b % 4) + 2 * (c / 4) - h - c % 4) % 7 AS l) AS three,
		   LATERAL (SELECT (a + 11 * h + 22 * l) / 451 AS m) AS four;
END;
COMMENT ON FUNCTION medallion.easter(int) IS
'Easter Sunday of a year in the Gregorian calendar; other feasts are so many days from it: Good Friday -2, Carnival Tuesday -47, Ascension 39, Corpus Christi 60';

CREATE FUNCTION medallion.fiscal_year_start(year int, start_month int, week_start text, anchor text) RETURNS date
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
	SELECT CASE WHEN week_start IN ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday')
				 AND anchor IN ('first', 'nearest', 'last')
				THEN latest - (extract(isodow FROM latest)::int - array_position(
						'{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'::text[], week_start) + 7) % 7 END
	  FROM (SELECT make_date(year, start_month, 1) + CASE anchor WHEN 'first' THEN 6 WHEN 'nearest' THEN 3 ELSE 0 END AS latest) AS l;
END;
COMMENT ON FUNCTION medallion.fiscal_year_start(int, int, text, text) IS
'the first day of a fiscal year made of whole weeks: the week_start (monday to sunday) that is the first on or after, the nearest to, or the last on or before the first of start_month, by anchor (first, nearest, last); NULL for other words';

CREATE FUNCTION medallion.check_options(what text, options jsonb, known text[]) RETURNS void
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	wrong text;
BEGIN
	IF jsonb_typeof(options) <> 'object' THEN
		RAISE invalid_parameter_value USING MESSAGE = format('%ss must be a json object', what);
	END IF;
	SELECT key INTO wrong FROM jsonb_object_keys(options) AS key WHERE key <> ALL (known) ORDER BY key COLLATE "C" LIMIT 1;
	IF FOUND THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('unrecognized %s "%s"', what, wrong),
			HINT = format('Valid ones are %s.', array_to_string(known, ', '));
	END IF;
END
$function$;
COMMENT ON FUNCTION medallion.check_options(text, jsonb, text[]) IS
'raises invalid_parameter_value if the object has another name than the known ones; what is said to be unrecognized is named by the first argument';

CREATE FUNCTION medallion.fiscal_columns(fiscal jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	month		int := coalesce((fiscal ->> 'start_month')::int, 1);
	pattern		text := fiscal ->> 'pattern';
	week_start	text := coalesce(fiscal ->> 'week_start', 'sunday');
	anchor		text := coalesce(fiscal ->> 'anchor', 'nearest');
	named_by	text := coalesce(fiscal ->> 'year_named_by', CASE WHEN pattern IS NULL THEN 'end' ELSE 'start' END);
	weeks		int[];
	ends		int := 0;		/* the last week of a month */
	months		text := '';
	shift		int;
BEGIN
	PERFORM medallion.check_options('fiscal option', fiscal, '{start_month,pattern,week_start,anchor,year_named_by,table,columns}');
	IF month NOT BETWEEN 1 AND 12 OR named_by NOT IN ('start', 'end') OR pattern NOT IN ('4-4-5', '4-5-4', '5-4-4')
		OR medallion.fiscal_year_start(2000, month, week_start, anchor) IS NULL THEN
		RAISE invalid_parameter_value USING
			MESSAGE = format('invalid fiscal calendar %s', fiscal),
			HINT = 'start_month is 1 to 12, year_named_by start or end, pattern 4-4-5, 4-5-4 or 5-4-4, week_start a weekday like sunday, anchor first, nearest or last.';
	END IF;
	shift := CASE WHEN named_by = 'end' AND month > 1 THEN 1 ELSE 0 END;

	IF pattern IS NULL THEN
		RETURN format($sql$
	extract(year FROM d - interval '%1$s months')::int + %2$s AS fiscal_year,
	(extract(month FROM d - interval '%1$s months')::int + 2) / 3 AS fiscal_quarter,
	extract(month FROM d - interval '%1$s months')::int AS fiscal_month,
	(d - (date_trunc('year', d - interval '%1$s months') + interval '%1$s months')::date) / 7 + 1 AS fiscal_week,
	(date_trunc('year', d - interval '%1$s months') + interval '%1$s months')::date AS fiscal_year_start$sql$, month - 1, shift);
	END IF;

	weeks := string_to_array(pattern, '-')::int[];
	FOR m IN 1 .. 11 LOOP		/* a 53rd week is the last month's */
		ends := ends + weeks[(m - 1) % 3 + 1];
		months := months || format(' WHEN fiscal.week <= %s THEN %s', ends, m);
	END LOOP;
	RETURN format($sql$
	fiscal.year + %s AS fiscal_year,
	least((fiscal.week - 1) / 13 + 1, 4) AS fiscal_quarter,
	CASE%s ELSE 12 END AS fiscal_month,
	fiscal.week AS fiscal_week,
	fiscal.first AS fiscal_year_start$sql$, shift, months);
END
$function$;
COMMENT ON FUNCTION medallion.fiscal_columns(jsonb) IS
'the columns fiscal_year, fiscal_quarter, fiscal_month, fiscal_week and fiscal_year_start of a day d as SQL, for the calendar that the option fiscal of create_date_dimension() describes; raises for what is no calendar';

CREATE FUNCTION medallion.holidays_query(holidays jsonb, first int, last int) RETURNS text
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	holiday	jsonb;
	days	text[] := '{}';
BEGIN
	IF jsonb_typeof(holidays) = 'string' THEN
		RETURN format(E'SELECT h.date::date AS day, string_agg(h.name::text, '', '' ORDER BY h.name::text COLLATE "C") AS name FROM %s AS h GROUP BY 1',
					  (holidays #>> '{}')::regclass);
	END IF;
	FOR holiday IN SELECT jsonb_array_elements(holidays) LOOP
		PERFORM medallion.check_options('holiday option', holiday, '{name,month,day,easter,date,from,to}');
		IF NOT holiday ? 'name' OR NOT (holiday ? 'easter' OR holiday ? 'date' OR (holiday ? 'month' AND holiday ? 'day')) THEN
			RAISE invalid_parameter_value USING
				MESSAGE = format('invalid holiday %s', holiday),
				HINT = 'A holiday has a name, and month and day, or easter (days from Easter Sunday), or a date; from and to are the years it is kept in.';
		END IF;
		days := days || CASE
			WHEN holiday ? 'date' THEN format('SELECT %L::date AS day, %L AS name', (holiday ->> 'date')::date, holiday ->> 'name')
			ELSE format('SELECT %s AS day, %L AS name FROM generate_series(%s, %s) AS y',
						CASE WHEN holiday ? 'easter' THEN format('medallion.easter(y) + (%s)', (holiday ->> 'easter')::int)
							 ELSE format('make_date(y, %s, %s)', (holiday ->> 'month')::int, (holiday ->> 'day')::int) END,
						holiday ->> 'name', greatest(first, (holiday ->> 'from')::int), least(last, (holiday ->> 'to')::int)) END;
	END LOOP;
	IF days = '{}' THEN
		RETURN 'SELECT NULL::date AS day, NULL::text AS name WHERE false';
	END IF;
	RETURN format(E'SELECT day, string_agg(name, '', '' ORDER BY name COLLATE "C") AS name FROM (\n\t\t%s\n\t) AS h GROUP BY day',
				  array_to_string(days, E'\n\t\tUNION ALL '));
END
$function$;
COMMENT ON FUNCTION medallion.holidays_query(jsonb, int, int) IS
'the query of the holidays (day, name) between two years: holidays is the name of a table with columns date and name, or an array of {name, month, day}, {name, easter: days from Easter Sunday} or {name, date}, each perhaps with from and to, years';

CREATE FUNCTION medallion.date_dimension_query(first date, last date, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	fiscal		jsonb := coalesce(nullif(options -> 'fiscal', 'null'), '{}');
	names		jsonb := coalesce(fiscal -> 'columns', '{}');
	year		text;
	calendar	text := '';
	own			text;
BEGIN
	IF first > last THEN
		RAISE invalid_parameter_value USING MESSAGE = format('the first day %s is after the last, %s', first, last);
	END IF;
	own := medallion.fiscal_columns(fiscal);
	IF fiscal ? 'table' THEN	/* a table of the user's that says all of it */
		PERFORM medallion.check_options('column of the fiscal table', names, '{date,year,quarter,month,week,year_start}');
		own := (SELECT string_agg(format(E'\n\t%s AS %s', CASE WHEN c = 'fiscal_year' OR names ? substr(c, 8)
							THEN format('fiscal.%I::%s', coalesce(names ->> substr(c, 8), c), t) ELSE format('NULL::%s', t) END, c), ',' ORDER BY place)
				  FROM unnest('{fiscal_year,fiscal_quarter,fiscal_month,fiscal_week,fiscal_year_start}'::text[], '{int,int,int,int,date}'::text[])
					   WITH ORDINALITY AS column_of (c, t, place));
		calendar := format(E'\nLEFT JOIN %s AS fiscal ON fiscal.%I::date = d', (fiscal ->> 'table')::regclass, coalesce(names ->> 'date', 'date'));
	ELSIF fiscal ? 'pattern' THEN
		/* the year before begins in the year before, or this day is before the start of its own, or the next has begun */
		year := format('medallion.fiscal_year_start(y, %s, %L, %L)', coalesce((fiscal ->> 'start_month')::int, 1),
					   coalesce(fiscal ->> 'week_start', 'sunday'), coalesce(fiscal ->> 'anchor', 'nearest'));
		calendar := format($sql$
JOIN LATERAL (
	SELECT y AS year, %1$s AS first, (d - %1$s) / 7 + 1 AS week
	FROM generate_series(extract(year FROM d)::int - 1, extract(year FROM d)::int + 1) AS y
	WHERE %1$s <= d ORDER BY y DESC LIMIT 1
) AS fiscal ON true$sql$, year);
	END IF;

	RETURN format($sql$
SELECT to_char(d::timestamp, 'YYYYMMDD')::int AS date_key,
	d AS date,
	extract(year FROM d)::int AS year,
	extract(quarter FROM d)::int AS quarter,
	extract(month FROM d)::int AS month,
	to_char(d::timestamp, 'FMMonth') AS month_name,
	extract(day FROM d)::int AS day_of_month,
	extract(doy FROM d)::int AS day_of_year,
	extract(isodow FROM d)::int AS day_of_week,
	to_char(d::timestamp, 'FMDay') AS day_name,
	extract(isoyear FROM d)::int AS iso_year,
	extract(week FROM d)::int AS iso_week,
	to_char(d::timestamp, 'IYYY-"W"IW') AS iso_week_name,
	(extract(doy FROM d)::int + extract(isodow FROM date_trunc('year', d::timestamp))::int %% %1$s + 6 - %2$s) / 7 AS calendar_week,
	date_trunc('week', d::timestamp)::date AS week_start,
	date_trunc('month', d::timestamp)::date AS month_start,
	date_trunc('quarter', d::timestamp)::date AS quarter_start,
	(date_trunc('month', d::timestamp) + interval '1 month')::date - 1 AS month_end,
	extract(isodow FROM d) IN (6, 7) AS is_weekend,
	holiday.name IS NOT NULL AS is_holiday,
	holiday.name AS holiday_name,
	extract(isodow FROM d) NOT IN (6, 7) AND holiday.name IS NULL AS is_working_day,%3$s
FROM (SELECT %4$L::date + n AS d FROM generate_series(0, %5$s) AS n) AS day%6$s
LEFT JOIN (
	%7$s
) AS holiday ON holiday.day = d$sql$,
		CASE coalesce(options ->> 'week_start', 'sunday') WHEN 'sunday' THEN 7 ELSE 8 END,
		CASE coalesce(options ->> 'week_start', 'sunday') WHEN 'sunday' THEN 0 ELSE 1 END,
		own, first, last - first, calendar,
		medallion.holidays_query(coalesce(nullif(options -> 'holidays', 'null'), '[]'), extract(year FROM first)::int, extract(year FROM last)::int));
END
$function$;
COMMENT ON FUNCTION medallion.date_dimension_query(date, date, jsonb) IS
'the query of create_date_dimension() without its unknown member: one row a day, to be read, copied and changed';

CREATE FUNCTION medallion.foreign_key_violations(relation regclass, OUT constraint_name name, OUT violations bigint) RETURNS SETOF record
LANGUAGE plpgsql STABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	declared record;
BEGIN
	FOR declared IN
		SELECT c.conname, c.confrelid::regclass AS target,
			   string_agg(format('d.%I = f.%I', t.attname, s.attname), ' AND ') AS pairs,
			   string_agg(format('f.%I IS NOT NULL', s.attname), ' AND ') AS given
		  FROM pg_constraint c, unnest(c.conkey, c.confkey) AS k (mine, theirs), pg_attribute s, pg_attribute t
		 WHERE c.conrelid = relation AND c.contype = 'f' AND s.attrelid = c.conrelid AND s.attnum = k.mine
		   AND t.attrelid = c.confrelid AND t.attnum = k.theirs
		 GROUP BY c.conname, c.confrelid ORDER BY c.conname LOOP
		constraint_name := declared.conname;
		EXECUTE format('SELECT count(*) FROM %s AS f WHERE %s AND NOT EXISTS (SELECT FROM %s AS d WHERE %s)',
					   relation, declared.given, declared.target, declared.pairs) INTO violations;
		RETURN NEXT;
	END LOOP;
END
$function$;
COMMENT ON FUNCTION medallion.foreign_key_violations(regclass) IS
'for each foreign key of a table the number of its rows that refer to nothing. It is 0 for the facts of a star after every run; between the commits of a run it need not be';

CREATE FUNCTION medallion.create_date_dimension(first date, last date, options jsonb DEFAULT '{}') RETURNS text
LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
	model text := coalesce(options ->> 'name', 'dim_date');
BEGIN
	PERFORM medallion.check_options('date dimension option', options, '{name,fiscal,holidays,week_start,description}');
	IF options ->> 'week_start' NOT IN ('sunday', 'monday') THEN
		RAISE invalid_parameter_value USING MESSAGE = 'option "week_start" of a date dimension must be sunday or monday';
	END IF;
	PERFORM medallion.create_model(model, medallion.date_dimension_query(first, last, options)
		|| E'\nUNION ALL\nSELECT 0' || repeat(', NULL', 26),
		jsonb_build_object('description', coalesce(options ->> 'description', format('One row a day, %s to %s, and the unknown date with key 0.', first, last))) || '{"primary_key": ["date_key"], "column_comments": {
		"date_key": "the day as yyyymmdd; 0: unknown",
		"day_of_week": "1 Monday to 7 Sunday",
		"iso_year": "the year that iso_week belongs to: not always that of the date",
		"iso_week": "ISO 8601 week, 1 to 53; goes with iso_year, never with year",
		"calendar_week": "week of the calendar year; the first begins on 1 January, the others on the weekday of option week_start",
		"week_start": "Monday of the ISO week",
		"is_working_day": "neither Saturday, Sunday nor a holiday",
		"holiday_name": "holidays of the day, separated by commas",
		"fiscal_year": "year of the fiscal calendar",
		"fiscal_week": "week of the fiscal year",
		"fiscal_year_start": "first day of the fiscal year"}}');
	RETURN model;
END
$function$;
COMMENT ON FUNCTION medallion.create_date_dimension(date, date, jsonb) IS
'makes the model of a date dimension, one row a day and an unknown member, and returns its name; refresh it by a run or refresh_model(). options: name (dim_date), week_start (sunday, monday: of calendar_week), description, holidays (a table with columns date and name, or an array of {name, month, day}, {name, easter: days from Easter Sunday}, {name, date}, perhaps with from and to, years), fiscal: {start_month, year_named_by: start or end} for fiscal months that are calendar months, with pattern (4-4-5, 4-5-4, 5-4-4), week_start (sunday) and anchor (first, nearest, last: where the year begins in relation to the first of start_month) for fiscal months of whole weeks, or {table, columns: {date, year, quarter, month, week, year_start}} for a table of your own. Fiscal years of months are named by the year they end in, those of weeks by the one they start in';
