-- Six features: three kinds of sales document, by line and by document.
-- Each is a folder of Excel files in folders <year>/<month>; what identifies a row is its business key.

SELECT medallion.create_feature('sales_cash_invoices_detailed',
	ARRAY['sales/cash_invoices/detailed/**/*.xls*'], ARRAY['document_number', 'line_no']);
SELECT medallion.create_feature('sales_cash_invoices_summarized',
	ARRAY['sales/cash_invoices/summarized/**/*.xls*'], ARRAY['document_number']);
SELECT medallion.create_feature('sales_cash_sales_detailed',
	ARRAY['sales/cash_sales/detailed/**/*.xls*'], ARRAY['document_number', 'line_no']);
SELECT medallion.create_feature('sales_cash_sales_summarized',
	ARRAY['sales/cash_sales/summarized/**/*.xls*'], ARRAY['document_number']);
SELECT medallion.create_feature('sales_credit_notes_detailed',
	ARRAY['sales/credit_notes/detailed/**/*.xls*'], ARRAY['document_number', 'line_no']);
SELECT medallion.create_feature('sales_credit_notes_summarized',
	ARRAY['sales/credit_notes/summarized/**/*.xls*'], ARRAY['document_number']);

-- The four gold tables.
SELECT medallion.install_sales_pack('sales_cash_invoices_detailed', '{
	"document": "document_number",
	"date": "trn_date",
	"branch_code": "branch_code",
	"branch_name": "branch_name",
	"customer": "customer_code",
	"product": "item_code",
	"quantity": "quantity",
	"price": "unit_price",
	"discount": "discount",
	"vat": "vat_amount",
	"amount": "amount"
}');
