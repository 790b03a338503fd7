-- Receipts as JSON, a file every four hours; all files are read, and a transaction that is told again replaces what was told.
-- Types are declared: what does not fit is NULL with dq_cast_flag_<column>, and stays in bronze.

SELECT medallion.create_feature('sales', '{raw/sales_*.json}', '{transaction_id}', '{
  "path_pattern": "sales_(?<file_day>[0-9]{8})_(?<file_time>[0-9]{6})",
  "sequence_by": ["file_day", "file_time"],
  "columns": {
    "file_time": {"type": "text"},
    "file_day": {"type": "date", "date_order": "YMD", "expression": "to_date(c.file_day, ''YYYYMMDD'')"},
    "transaction_id": {"type": "varchar(50)"}, "date": {"type": "date"},
    "store_id": {"type": "varchar(20)"}, "store_name": {"type": "varchar(100)"}, "city": {"type": "varchar(50)"},
    "product_id": {"type": "varchar(20)"}, "product_name": {"type": "varchar(100)"}, "category": {"type": "varchar(50)"},
    "customer_id": {"type": "varchar(20)"}, "customer_name": {"type": "varchar(100)"},
    "quantity_sold": {"type": "integer"}, "unit_price": {"type": "numeric(10,2)"}, "total_amount": {"type": "numeric(15,2)"},
    "payment_method": {"type": "varchar(20)"}
  },
  "checks": [
    {"kind": "not_null", "columns": ["date", "store_id", "product_id", "customer_id", "quantity_sold", "unit_price", "total_amount", "payment_method"]},
    {"name": "positive", "kind": "range", "columns": ["quantity_sold", "total_amount"], "params": {"min": 0.01}, "warn_if": 0, "error_if": 0.05},
    {"name": "accurate", "kind": "expression", "params": {"expression": "abs(d.quantity_sold * d.unit_price - d.total_amount) < 0.01"}, "error_if": 0.05},
    {"kind": "duplicate", "columns": ["date", "store_id", "product_id", "customer_id", "quantity_sold"]},
    {"name": "timely", "kind": "expression", "params": {"expression": "d.date BETWEEN d.file_day - 2 AND d.file_day"}}
  ]
}');
