-- Customers from files with differing headers, orders by line, the fiscal calendar.

SELECT medallion.create_feature('customers', '{psycho_bunny/de_shop_customers_*.csv}', '{first_name,last_name,email}', '{
  "path_pattern": "_(?<file_day>[0-9]{8})[.]csv",
  "sequence_by": "file_day",
  "columns": {
    "file_day": {"type": "date", "expression": "to_date(c.file_day, ''YYYYMMDD'')"},
    "first_name": {"type": "text", "case": "lower"}, "last_name": {"type": "text", "case": "lower"}, "email": {"type": "text", "case": "lower"},
    "state": {"type": "text", "from": ["province"]},
    "county": {"type": "text"},
    "postal_code": {"type": "text", "from": ["postal", "zip", "post"]},
    "phone1": {"type": "text"}, "phone2": {"type": "text"}
  },
  "derive": {"customer_id": "t.first_name || ''_'' || t.last_name || ''_'' || t.email"},
  "checks": [
    {"kind": "not_null", "columns": ["first_name", "last_name", "email"], "error_if": 0.05},
    {"kind": "pattern", "columns": ["email"], "params": {"pattern": "^[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\\.[A-Za-z]{2,}$"}, "error_if": 0.1},
    {"kind": "duplicate", "columns": ["email"]}
  ]
}');

SELECT medallion.create_feature('transactions', '{psycho_bunny/de_shop_transactions_*.csv}', '{ordernumber,orderlinenumber}', '{
  "date_order": "MDY",
  "columns": {
    "ordernumber": {"type": "bigint"}, "orderlinenumber": {"type": "integer"}, "quantityordered": {"type": "integer"},
    "total_amount": {"type": "numeric(15,2)"}, "orderdate": {"type": "date", "expression": "medallion.to_date(split_part(c.orderdate, '' '', 1), ''MDY'')"},
    "phone": {"type": "text", "null_tokens": ["#ERROR!"]}, "territory": {"type": "text"}, "postalcode": {"type": "text"}
  },
  "derive": {
    "transaction_type": "CASE WHEN t.total_amount < 0 THEN ''REFUND'' ELSE ''SALE'' END",
    "unit_price": "round(abs(t.total_amount) / nullif(t.quantityordered, 0), 2)",
    "restocking_fee": "CASE WHEN t.total_amount < 0 THEN round(abs(t.total_amount) * 0.10, 2) ELSE 0 END",
    "net_amount": "CASE WHEN t.total_amount < 0 THEN abs(t.total_amount) - round(abs(t.total_amount) * 0.10, 2) ELSE t.total_amount END",
    "is_large_order": "abs(t.total_amount) >= 5000",
    "product_family": "split_part(t.productcode, ''_'', 1)"
  },
  "checks": [
    {"kind": "not_null", "columns": ["orderdate", "total_amount", "productcode", "customername"], "error_if": 0.05},
    {"name": "sales_are_positive", "kind": "expression", "params": {"expression": "d.total_amount > 0 OR d.transaction_type = ''REFUND''"}},
    {"name": "quantity", "kind": "range", "columns": ["quantityordered"], "params": {"min": 1}},
    {"name": "year_id_agrees", "kind": "expression", "params": {"expression": "d.year_id = extract(year FROM d.orderdate)"}}
  ]
}');

SELECT medallion.create_feature('fiscal_calendar', '{psycho_bunny/de_dates.csv}', '{calendar_date}', '{
  "columns": {"calendar_date": {"type": "date"}, "fiscal_year": {"type": "integer"}, "fiscal_quarter": {"type": "integer"},
    "fiscal_month_number": {"type": "integer"}, "fiscal_week_of_year": {"type": "integer"}}
}');
