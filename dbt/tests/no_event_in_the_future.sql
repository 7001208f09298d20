select event_key, created_at
from {{ ref('silver_github_events') }}
where created_at > current_timestamp + interval 1 hour
