-- Six features: three kinds of sales document, by line and by document.
-- Credits, documents whose number begins with CN or whose amount is negative, are views of their own: ..._credits, ..._invoices, each with ..._current.
-- Each is a folder of Excel files in folders <year>/<month>; what identifies a row is its business key.

SELECT medallion.create_feature('sales_cash_invoices_detailed',
	ARRAY['sales/cash_invoices/detailed/**/*.xls*'], ARRAY['document_number', 'line_no'],
	'{"split": {"credits": "d.document_number LIKE ''CN%'' OR d.amount < 0", "invoices": "else"}}');
SELECT medallion.create_feature('sales_cash_invoices_summarized',
	ARRAY['sales/cash_invoices/summarized/**/*.xls*'], ARRAY['document_number']);
SELECT medallion.create_feature('sales_cash_sales_detailed',
	ARRAY['sales/cash_sales/detailed/**/*.xls*'], ARRAY['document_number', 'line_no'],
	'{"split": {"credits": "d.document_number LIKE ''CN%'' OR d.amount < 0", "invoices": "else"}}');
SELECT medallion.create_feature('sales_cash_sales_summarized',
	ARRAY['sales/cash_sales/summarized/**/*.xls*'], ARRAY['document_number']);
SELECT medallion.create_feature('sales_credit_notes_detailed',
	ARRAY['sales/credit_notes/detailed/**/*.xls*'], ARRAY['document_number', 'line_no'],
	'{"split": {"credits": "d.document_number LIKE ''CN%'' OR d.amount < 0", "invoices": "else"}}');
SELECT medallion.create_feature('sales_credit_notes_summarized',
	ARRAY['sales/credit_notes/summarized/**/*.xls*'], ARRAY['document_number']);
