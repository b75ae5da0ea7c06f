-- Features with a `by`: a number for each key.
ALTER TABLE profiles ADD COLUMN IF NOT EXISTS
    maps Map(LowCardinality(String), Map(String, Float64)) COMMENT 'features that are maps, as of stream_time' AFTER lists;

CREATE OR REPLACE VIEW customers AS
SELECT
    partition, customer, version, stream_time, session_index, session_start, session_last, session_events, session_entry_page,
    numbers, strings, lists, maps, traits, updated_at
FROM profiles FINAL
WHERE customer != '' AND NOT deleted;

-- One row a customer and feature, and of a map one row a key, which is the text; `kind` says which of the values hold.
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
    ))
) AS entry;
