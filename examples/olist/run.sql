-- Makes the second database, and runs in three rounds, with changes in it between them.
\set main :DBNAME
SELECT :'DBNAME' || '_source' AS source_database, :'HOST' AS source_host, :'PORT' AS source_port, :'USER' AS source_user \gset
SELECT format('DROP DATABASE IF EXISTS %I WITH (FORCE)', :'source_database') \gexec
SELECT format('CREATE DATABASE %I TEMPLATE template0 ENCODING ''UTF8''', :'source_database') \gexec
\connect :source_database
\o /dev/null
\i :examples/olist/source.sql
SELECT olist.round(1);
\connect :main
\i :examples/olist/config.sql
\o
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline(layers => '{bronze,silver}');
\o /dev/null
\i :examples/olist/models.sql
\o
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();
\connect :source_database
SELECT olist.round(2);
\connect :main
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();
\connect :source_database
SELECT olist.round(3);
\connect :main
SELECT layer, object, status, rows_in, rows_out, elapsed FROM medallion.run_pipeline();
