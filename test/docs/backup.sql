/* orders, and a model over them */
\setenv folder :folder
\! mkdir -p $folder/srv/shop && printf 'order_no,city,amount\n1,Deira,10\n2,Karama,5\n' >$folder/srv/shop/orders.csv
SELECT medallion.create_feature('orders', ARRAY[:'folder' || '/srv/shop/*.csv'], '{order_no}');
SELECT * FROM medallion.run_pipeline();
SELECT medallion.create_model('sales_by_city', 'SELECT city, sum(amount) AS amount FROM silver.orders_current GROUP BY city');
SELECT * FROM medallion.run_pipeline();
