--
-- Text as people type it -> values
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS medallion;
RESET client_min_messages;

-- clean_text(): white space of all kinds, words for nothing, case
SELECT length(v), medallion.clean_text(v) AS cleaned
  FROM unnest(ARRAY['x', ' x ', E'\t x\n', U&'\00A0x\00A0', U&'\FEFFx', U&'\202F12\2007', 'a b', '', ' ', U&'\00A0']) v;
SELECT medallion.clean_text(' n/a ', '{n/a,-}'), medallion.clean_text('-', '{n/a,-}'), medallion.clean_text('N/A', '{n/a,-}');
SELECT medallion.clean_text(' aB ', NULL, 'upper'), medallion.clean_text(' aB ', NULL, 'lower'), medallion.clean_text(NULL);
SELECT medallion.clean_text('a', NULL, 'title');	-- error

-- to_numeric(), to_bigint()
SELECT v, medallion.to_numeric(v), medallion.to_bigint(v)
  FROM unnest(ARRAY['1', '-1.50', '007', '12.0', '.5', '5.', '1e3', '1.5E-2', '1,234.50', '1''234', '1 234 567', U&'1\00A0234',
	'(1,234.50)', '12-', '-5', '+5', '12%', '£5.10', '5 EUR', 'USD 7', '$-5', '-$5', '9223372036854775807', '9223372036854775808',
	'1,23', '1,23,456', '12,3456', '1.234,56', '', '-', '()', 'abc', '1a', '1e', '1e99999', 'nan', 'inf', '0x10', '1..2', '--1']) v;
SELECT v, medallion.to_numeric(v, ',') FROM unnest(ARRAY['1.234,56', '12,5', '1.234', '1.5', '1,5e2']) v;
SELECT medallion.to_numeric('1', ';');	-- error

-- to_boolean()
SELECT v, medallion.to_boolean(v) FROM unnest(ARRAY['true', 'F', 'Yes', 'n', 'ON', '0', ' 1 ', 'maybe', '2', '']) v;

-- to_date(), to_timestamp(): the order of fields is an argument, not a setting
SET DateStyle = 'ISO, MDY';
SET TimeZone = 'America/New_York';
SELECT v, medallion.to_date(v), medallion.to_date(v, 'MDY') AS mdy, medallion.to_timestamp(v)
  FROM unnest(ARRAY['2024-03-01', '2024/3/1', '20240301', '01/03/2024', '31/12/2024', '12/31/2024', '1.3.24', '31.12.69', '1.1.70',
	'1 Mar 2024', '01-Mar-24', 'March 1, 2024', 'Sept 1 2024', '2024-03-01 10:11', '2024-03-01T10:11:12.123456', '2024-03-01T10:11:12Z',
	'2024-03-01 10:11:12+02:00', '3/4/2024 5:06 PM', '3/4/2024 12:30 am', '2024-03-01 00:00:00',
	'30/02/2024', '29/02/2023', '2024-13-01', '2024-03-01 25:00', '1/2/3', '45000', 'today', 'now', 'x', '']) v;
RESET DateStyle;
RESET TimeZone;
