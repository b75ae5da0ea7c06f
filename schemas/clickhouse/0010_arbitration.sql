-- What a decision and its actions say of treatments, places, chance and experiments. The defaults are what held before there
-- were any.
ALTER TABLE decisions
    ADD COLUMN IF NOT EXISTS treatments Array(LowCardinality(String)) DEFAULT arrayWithConstant(length(candidates), '')
        COMMENT 'the form of the candidate; empty where its action has but one, or where it was not eligible' AFTER candidates,
    ADD COLUMN IF NOT EXISTS slots Array(LowCardinality(String)) DEFAULT arrayWithConstant(length(candidates), '')
        COMMENT 'the named place that the candidate got; empty where none' AFTER probabilities,
    MODIFY COLUMN probabilities COMMENT 'with which it was to be shown, all gates and chance considered',
    ADD COLUMN IF NOT EXISTS id String
        COMMENT 'a hash of what caused it: the same after every replay; its actions have it as decision_id' AFTER chosen,
    ADD COLUMN IF NOT EXISTS arm LowCardinality(String)
        COMMENT 'what an experiment does with the customer: holdout (nothing is sent) or treated; empty without an experiment' AFTER id,
    ADD COLUMN IF NOT EXISTS nothing Float64 DEFAULT empty(chosen)
        COMMENT 'probability with which no action at all was to be shown' AFTER arm,
    ADD COLUMN IF NOT EXISTS nothing_score Nullable(Float64)
        COMMENT 'what it was held to be worth to send nothing; NULL where that did not compete' AFTER nothing,
    ADD COLUMN IF NOT EXISTS one_in UInt32 DEFAULT 1
        COMMENT 'such decisions are stored of one customer in so many' AFTER nothing_score;
ALTER TABLE actions
    ADD COLUMN IF NOT EXISTS kind LowCardinality(String) DEFAULT 'action'
        COMMENT 'action; or withdrawn, which took back the action of this id' AFTER emitted_at,
    ADD COLUMN IF NOT EXISTS decision_id String COMMENT 'the id of its decision; empty in rows of before there was one' AFTER kind,
    ADD COLUMN IF NOT EXISTS treatment LowCardinality(String)
        COMMENT 'the form that it took in its channel; empty where the action has but one' AFTER decision_id,
    ADD COLUMN IF NOT EXISTS slot LowCardinality(String) COMMENT 'the named place that it was chosen for; empty where none' AFTER treatment,
    ADD COLUMN IF NOT EXISTS purpose LowCardinality(String) COMMENT 'what consent is asked for; empty where none is needed' AFTER slot,
    ADD COLUMN IF NOT EXISTS `group` LowCardinality(String) COMMENT 'of the action, as decided' AFTER purpose,
    ADD COLUMN IF NOT EXISTS tags Array(LowCardinality(String)) COMMENT 'of the action, as decided' AFTER `group`,
    ADD COLUMN IF NOT EXISTS arm LowCardinality(String) COMMENT 'as its decision''s' AFTER tags,
    ADD COLUMN IF NOT EXISTS probability Float64 DEFAULT 1
        COMMENT 'with which it was to be shown, all gates and chance considered' AFTER arm;
