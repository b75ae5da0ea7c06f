-- Four users with no more rights than they need, for a ClickHouse of your own. Run it once, as a user who may manage
-- access, after `beckon migrate` or before it:
--   clickhouse-client --queries-file deploy/clickhouse/users.sql
-- Nobody can log in as them until you give each a password and the networks it comes from:
--   ALTER USER beckon_writer IDENTIFIED WITH sha256_password BY '...' HOST IP '10.0.0.0/8';

-- The service (`beckon run`). Acknowledged means stored, and no value changes silently, whoever asks for less.
CREATE SETTINGS PROFILE IF NOT EXISTS beckon_writer SETTINGS
    async_insert = 0 CONST,
    input_format_skip_unknown_fields = 0 CONST,
    input_format_null_as_default = 0 CONST,
    max_memory_usage = '4G';
CREATE ROLE IF NOT EXISTS beckon_writer SETTINGS PROFILE 'beckon_writer';
GRANT SELECT, INSERT ON beckon.* TO beckon_writer;
-- Rows are inserted through input(), which servers before 26.5 take for a temporary table.
GRANT CREATE TEMPORARY TABLE ON *.* TO beckon_writer;
-- For `beckon doctor`, which looks how full they are.
GRANT SELECT ON system.disks TO beckon_writer;
CREATE USER IF NOT EXISTS beckon_writer NOT IDENTIFIED HOST NONE DEFAULT ROLE beckon_writer DEFAULT DATABASE beckon;
GRANT beckon_writer TO beckon_writer;

-- People and dashboards. They may change settings, as most tools do, but neither data nor the limits.
CREATE SETTINGS PROFILE IF NOT EXISTS beckon_reader SETTINGS
    readonly = 2 CONST,
    max_execution_time = 60 MAX 60,
    max_memory_usage = '4G' MAX '4G';
CREATE ROLE IF NOT EXISTS beckon_reader SETTINGS PROFILE 'beckon_reader';
GRANT SELECT ON beckon.* TO beckon_reader;
-- `beckon features` keeps the rows that are asked for in temporary tables of its session.
GRANT CREATE ARBITRARY TEMPORARY TABLE ON *.* TO beckon_reader;
GRANT TABLE ENGINE ON MergeTree TO beckon_reader;
GRANT TABLE ENGINE ON ReplacingMergeTree TO beckon_reader;
CREATE QUOTA IF NOT EXISTS beckon_reader KEYED BY user_name FOR INTERVAL 1 minute MAX queries = 600 TO beckon_reader;
CREATE USER IF NOT EXISTS beckon_reader NOT IDENTIFIED HOST NONE DEFAULT ROLE beckon_reader DEFAULT DATABASE beckon;
GRANT beckon_reader TO beckon_reader;

-- `beckon migrate`, outside the service.
CREATE ROLE IF NOT EXISTS beckon_migrator;
GRANT SELECT, INSERT, ALTER, CREATE DATABASE, CREATE TABLE, CREATE VIEW, DROP VIEW ON beckon.* TO beckon_migrator;
-- CREATE OR REPLACE VIEW makes a table of such a name and drops it again.
GRANT DROP TABLE ON beckon._tmp_replace_* TO beckon_migrator;
GRANT TABLE ENGINE ON MergeTree TO beckon_migrator;
GRANT TABLE ENGINE ON ReplacingMergeTree TO beckon_migrator;
GRANT TABLE ENGINE ON AggregatingMergeTree TO beckon_migrator;
CREATE USER IF NOT EXISTS beckon_migrator NOT IDENTIFIED HOST NONE DEFAULT ROLE beckon_migrator;
GRANT beckon_migrator TO beckon_migrator;

-- `beckon erase`: the only one that may delete, and nothing but a customer's rows.
CREATE ROLE IF NOT EXISTS beckon_eraser;
GRANT SELECT ON beckon.* TO beckon_eraser;
GRANT ALTER DELETE ON beckon.events TO beckon_eraser;
GRANT ALTER DELETE ON beckon.decisions TO beckon_eraser;
GRANT ALTER DELETE ON beckon.actions TO beckon_eraser;
GRANT ALTER DELETE ON beckon.consent TO beckon_eraser;
GRANT ALTER DELETE ON beckon.cases TO beckon_eraser;
GRANT ALTER DELETE ON beckon.profiles TO beckon_eraser;
CREATE USER IF NOT EXISTS beckon_eraser NOT IDENTIFIED HOST NONE DEFAULT ROLE beckon_eraser DEFAULT DATABASE beckon;
GRANT beckon_eraser TO beckon_eraser;
