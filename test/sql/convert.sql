--
-- Cleaning and conversions: NULL where a text is none, never an error, and
-- no setting of the session matters.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
RESET client_min_messages;
\pset null '(null)'

--
-- clean_text
--
-- psql versions do not agree on the width of some of these, hence length()
SELECT length(v), medallion.clean_text(v) AS cleaned
  FROM (VALUES ('plain'), ('  both  '), (E'\t\r\n tabs \n'), (E'\u00A0\uFEFFmarks\u2007\u202F '), (' inner  space '),
			   (''), (E' \u00A0\t'), (NULL), (E'caf\u00E9'), (E'\u00C2\u00A0')) AS t (v);
SELECT medallion.clean_text(v, '{N/A,-,NULL,null}') FROM (VALUES ('N/A'), (' - '), ('n/a'), ('--'), ('null')) AS t (v);
SELECT medallion.clean_text('x', ARRAY[NULL, 'y', 'x']), medallion.clean_text('x', '{}'), medallion.clean_text('x', ARRAY[['a', 'b'], ['x', 'c']]);
SELECT medallion.clean_text(' Straw Berry ', NULL, 'upper'), medallion.clean_text(' Straw Berry ', NULL, 'lower');
SELECT medallion.clean_text('x', NULL, 'title');	-- error

--
-- to_numeric
--
SELECT v, medallion.to_numeric(v) AS point, medallion.to_numeric(v, ',') AS comma
  FROM (VALUES ('0'), ('-0'), ('12'), ('-12'), ('+12'), ('007'), ('1.50'), ('-1.50'), ('.5'), ('5.'), ('0.00'), ('0,00'),
			   ('1,5'), ('0,123'), ('1,234'), ('1.234'), ('1,234,567.89'), ('1.234.567,89'), ('1,234.567,89'),
			   ('1,23,456'), ('12,34'), ('1234,567'), (',123'), ('1,'), ('1,,234'), ('1''234''567.8'), ('1 234 567'),
			   ('1,234 567'), (E'1\u00A0234\u00A0567'), (E'1\u202F234,5'), (E'1\u2019234'),
			   ('(1,234.50)'), ('(5)'), ('(-5)'), ('(5'), ('-(5)'), ('12-'), ('-12-'), ('--12'),
			   ('12%'), ('-12.5 %'), ('%'), ('12%%'),
			   (E'\u00A31,234.50'), (E'1.234,50 \u20AC'), ('$5'), ('-$5'), ('$-5'), ('($5.00)'), ('R$ 10'), ('USD 12.5'),
			   ('12.5 ZAR'), ('12.5 kg'), ('$'), ('$5$'), ('1e5'), ('1.5E-3'), ('1e'), ('1e+'), ('e5'), ('1e400000'),
			   ('1e99999999999'), ('NaN'), ('inf'), ('-Infinity'), (''), ('  '), (' 12 '), (E'\u00A012'), ('1 2'), ('12abc'),
			   ('0x1F'), ('1_000'), ('1.2.3'), ('-'), ('.'), ('()'), (NULL)) AS t (v);
SELECT medallion.to_numeric('123456789012345678'), medallion.to_numeric('1234567890123456789'), medallion.to_numeric('-0.123456789012345678901234567890');
SELECT length(medallion.to_numeric(repeat('9', 1000))::text) AS thousand, medallion.to_numeric(repeat('9', 1001)) AS more;
SELECT length(medallion.to_numeric('1e1000')::text), medallion.to_numeric('1e1001');
SELECT medallion.to_numeric('1', ';');	-- error
SELECT medallion.to_numeric('1', '');	-- error

--
-- to_bigint
--
SELECT v, medallion.to_bigint(v) AS point, medallion.to_bigint(v, ',') AS comma
  FROM (VALUES ('12'), ('12.0'), ('12.5'), ('1,234'), ('1.234'), ('1e3'), ('1e-3'), ('1000e-3'), ('100%'), ('12%'), ('(7)'),
			   ('9223372036854775807'), ('9223372036854775808'), ('-9223372036854775808'), ('-9223372036854775809'),
			   ('18446744073709551616'), ('99999999999999999999'), ('1e18'), ('1e19'), ('0e999'), ('0.000'), ('-0'),
			   ('0000000000000000000000000001'), ('one'), ('')) AS t (v);

--
-- to_boolean
--
SELECT v, medallion.to_boolean(v)
  FROM (VALUES ('true'), ('FALSE'), ('t'), ('F'), ('Yes'), ('no'), ('Y'), ('n'), ('On'), ('off'), ('1'), ('0'), (' true '),
			   ('tru'), ('2'), ('01'), (''), (NULL)) AS t (v);

--
-- to_date and to_timestamp
--
SET DateStyle = 'ISO, YMD';
SELECT v, medallion.to_date(v) AS dmy, medallion.to_date(v, 'MDY') AS mdy, medallion.to_date(v, 'YMD') AS ymd
  FROM (VALUES ('2024-03-01'), ('2024/03/01'), ('2024.3.1'), ('20240301'), ('18990101'), ('22000101'), ('20241301'), ('2024031'),
			   ('31/12/2024'), ('12/31/2024'), ('01/02/2024'), ('1/2/24'), ('31.12.24'), ('12-31-2024'), ('24-12-31'),
			   ('1/1/69'), ('1/1/70'), ('01/02-2024'), ('1/2/024'), ('1/2/2'), ('123/1/2024'),
			   ('1 Mar 2024'), ('01-Mar-24'), ('March 1, 2024'), ('1 MARCH 2024'), ('mar. 1 2024'), ('1Mar2024'), ('1 Marc 2024'),
			   ('1 Mai 2024'), ('Sept 1 2024'), ('Mar 2024'), ('1--Mar-2024'), ('30 Feb 2024'), ('29/02/2024'), ('2023-02-29'), ('2024-00-10'),
			   ('2024-13-10'), ('0000-01-01'), ('0001-01-01'), ('9999-12-31'), ('10000-01-01'), ('45352'), ('2024-03-01T00:00:00'),
			   ('2024-03-01 00:00'), ('2024-03-01 10:00'), ('31/12/2024 12:00 AM'), (' 2024-03-01 '), ('2024-03-01x'), ('today'), ('infinity'), (''), (NULL)) AS t (v);
SELECT v, medallion.to_timestamp(v) AS dmy, medallion.to_timestamp(v, 'MDY') AS mdy
  FROM (VALUES ('2024-03-01'), ('2024-03-01T10:11:12.123456'), ('2024-03-01 10:11'), ('2024-03-01T10:11:12Z'),
			   ('2024-03-01T10:11:12+02:00'), ('2024-03-01T00:30:00 +0200'), ('2024-03-01T10:11:12-05'), ('2024-03-01 10:11:12 UTC'),
			   ('2024-03-01T10:11+05:45'), ('2024-03-01T10:11+2'), ('2024-03-01T10:11+02:'), ('2024-03-01T10:11:12.'),
			   ('2024-03-01T10:11:12.1234567'), ('2024-03-01T10:11:12,5'), ('2024-03-01T10:11.5'), ('2024-03-01T'), ('2024-03-0110:11'),
			   ('3/4/2024 9:05'), ('3/4/2024, 9:05:06 PM'), ('3/4/2024 12:00 AM'), ('3/4/2024 12:30pm'), ('3/4/2024 13:00 PM'),
			   ('3/4/2024 0:30 AM'), ('1 Mar 2024 23:59:59'), ('March 1, 2024 1:02 AM'), ('31/12/202410:11'), ('2024-03-01 24:00'),
			   ('2024-03-01 10:60'), ('2024-03-01 10:11:60'), ('2024-03-01 10'), ('2024-03-01 10:11 XM'), ('20240301 10:11'), ('now')) AS t (v);
SELECT medallion.to_date('2024-03-01', 'DYM');	-- error
SELECT medallion.to_timestamp('2024-03-01', 'dmy');	-- error

--
-- The session plays no part
--
CREATE TEMP TABLE outcome AS
SELECT v, medallion.to_date(v, 'MDY') AS d, medallion.to_timestamp(v) AS t, medallion.to_numeric(v) AS n
  FROM (VALUES ('01/02/2024'), ('1 Mar 24'), ('2024-03-01T10:11:12+02:00'), ('1,234.5'), ('$7')) AS t (v);
SET DateStyle = 'SQL, DMY';
SET TimeZone = 'Pacific/Chatham';
SET lc_numeric = 'C';
SET lc_time = 'C';
SELECT count(*) AS differing FROM outcome
 WHERE (d, t, n) IS DISTINCT FROM (medallion.to_date(v, 'MDY'), medallion.to_timestamp(v), medallion.to_numeric(v));
RESET DateStyle;
RESET TimeZone;
DROP TABLE outcome;

--
-- What each function promises
--
SELECT proname, provolatile, proisstrict, proparallel FROM pg_proc
 WHERE pronamespace = 'medallion'::regnamespace AND proname ~ '^(clean_text|to_(numeric|bigint|boolean|date|timestamp))$'
 ORDER BY proname COLLATE "C";
