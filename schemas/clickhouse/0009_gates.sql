-- Which of the declared gates said no to a candidate.
ALTER TABLE decisions
    ADD COLUMN IF NOT EXISTS gates Array(LowCardinality(String)) COMMENT 'the declared gate that said no to the candidate; empty where none did' AFTER reasons;
