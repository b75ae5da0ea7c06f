-- Every statement of consent, for good: who said what, when, and in which record. A replay inserts the same rows again.
CREATE TABLE IF NOT EXISTS consent
(
    customer String COMMENT 'the key of the profile',
    purpose LowCardinality(String) COMMENT 'what for',
    channel LowCardinality(String) COMMENT 'by which channel; empty for all of them',
    time DateTime64(3, 'UTC') COMMENT 'when the customer said so' CODEC(Delta, ZSTD(1)),
    given Bool COMMENT 'false: withdrawn',
    topic LowCardinality(String) COMMENT 'of the record that says it, as partition and offset',
    partition UInt16 COMMENT 'of the topic',
    offset UInt64 COMMENT 'in the partition of the topic' CODEC(Delta, ZSTD(1)),
    position UInt64 COMMENT 'the order in which a partition''s records of all topics came' CODEC(Delta, ZSTD(1)),
    inserted_at DateTime64(3, 'UTC') DEFAULT now64(3) COMMENT 'when this row was inserted last' CODEC(Delta, ZSTD(1))
)
ENGINE = ReplacingMergeTree
ORDER BY (customer, purpose, channel, time, topic, partition, offset)
COMMENT 'every statement of consent; read with FINAL';

-- As in the profiles: the latest time holds, of a channel or of all of them; within one ms the record that came last, and no
-- where that can't be told. What was said before an erasure does not count.
CREATE OR REPLACE VIEW consent_now
(
    customer String COMMENT 'the key of the profile',
    purpose String COMMENT 'what for',
    channel String COMMENT 'by which channel; empty for all of which no other row says anything',
    given Bool COMMENT 'whether the customer may be addressed',
    since DateTime64(3, 'UTC') COMMENT 'when the customer said so',
    topic String COMMENT 'of the record that says it, as partition and offset',
    partition UInt16 COMMENT 'of the topic',
    offset UInt64 COMMENT 'in the partition of the topic'
) AS SELECT customer, purpose, said.1 AS channel, said.2.3 = 0 AS given, said.2.1 AS since, said.2.4 AS topic, said.2.5 AS partition, said.2.6 AS offset
FROM (
    SELECT customer, purpose, maxIf(latest, channel = '') AS of_all, groupArray((channel, latest)) AS by_channel
    FROM (
        SELECT customer, purpose, channel, max((time, position, NOT given, topic, partition, offset)) AS latest
        FROM consent
        LEFT JOIN (SELECT customer, max(erased_before) AS counts_from FROM profiles WHERE erased_before > 0 GROUP BY customer) AS erased USING (customer)
        WHERE position >= counts_from
        GROUP BY customer, purpose, channel
    )
    GROUP BY customer, purpose
)
ARRAY JOIN arrayFilter(one -> one.1 = '' OR one.2 > of_all, by_channel) AS said
COMMENT 'the consent of each customer as it is now; what was never said is no';
