{{ config(severity='warn') }}

select event_id, min(event_date) as first_date, max(event_date) as last_date
from {{ ref('silver_github_events') }}
group by event_id
having min(event_date) <> max(event_date)
