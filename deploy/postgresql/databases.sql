-- The roles and databases of the catalog and of Airflow, for psql; those that are there are left alone.
\set ON_ERROR_STOP on
\getenv catalog_password CATALOG_PASSWORD
\getenv airflow_password AIRFLOW_DATABASE_PASSWORD
SELECT format('CREATE ROLE iceberg LOGIN PASSWORD %L', :'catalog_password')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'iceberg') \gexec
SELECT format('CREATE ROLE airflow LOGIN PASSWORD %L', :'airflow_password')
  WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'airflow') \gexec
SELECT 'CREATE DATABASE iceberg OWNER iceberg'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'iceberg') \gexec
SELECT 'CREATE DATABASE airflow OWNER airflow'
  WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'airflow') \gexec
