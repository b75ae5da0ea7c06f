-- Under which rules a profile was gathered, and what it has not gathered yet of what these declare.
ALTER TABLE profiles
    ADD COLUMN IF NOT EXISTS policy LowCardinality(String) COMMENT 'the rules under which the features were gathered, see policies' AFTER next_due,
    ADD COLUMN IF NOT EXISTS not_ready Array(LowCardinality(String)) COMMENT 'features that are yet to be computed from the events: they have no value' AFTER policy;

CREATE OR REPLACE VIEW customers AS
SELECT
    partition, customer, version, stream_time, session_index, session_start, session_last, session_events, session_entry_page,
    numbers, strings, lists, maps, not_ready, traits, updated_at
FROM profiles FINAL
WHERE customer != '' AND NOT deleted;

-- As before; of a feature that is not ready no value holds, and the number is NULL.
CREATE OR REPLACE VIEW customer_features AS
SELECT
    partition, customer, stream_time,
    entry.1 AS feature, entry.2 AS kind, entry.3 AS number, entry.4 AS text, entry.5 AS list
FROM customers
ARRAY JOIN arrayConcat(
    arrayMap((name, value) -> (name::String, 'number', value::Nullable(Float64), '', []::Array(String)), mapKeys(numbers), mapValues(numbers)),
    arrayMap((name, value) -> (name::String, 'string', NULL::Nullable(Float64), value, []::Array(String)), mapKeys(strings), mapValues(strings)),
    arrayMap((name, value) -> (name::String, 'list', NULL::Nullable(Float64), '', value), mapKeys(lists), mapValues(lists)),
    arrayFlatten(arrayMap(
        (name, entries) -> arrayMap(
            (key, value) -> (name::String, 'map', value::Nullable(Float64), key, []::Array(String)),
            mapKeys(entries), mapValues(entries)
        ),
        mapKeys(maps), mapValues(maps)
    )),
    arrayMap(name -> (name::String, 'not_ready', NULL::Nullable(Float64), '', []::Array(String)), not_ready)
) AS entry;
