-- Stored where there is a referrer or a campaign; an event with neither is direct.
ALTER TABLE events ADD COLUMN IF NOT EXISTS channel_group String
    ALIAS if(referrer_class = 'direct' AND NOT arrayExists(k -> startsWith(k, 'campaign_'), mapKeys(context)), 'direct', context['channel_group'])
    COMMENT 'which kind of marketing led here: organic_search, paid_social, email …; empty for a visit that goes on' AFTER referrer_term;
