{{ config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'spark' else 'delete+insert',
    unique_key=['actor_key', 'activity_date'],
    partition_by=['activity_date'] if target.type == 'spark' else none
) }}

{#- One row per actor and day on which it did something.

    An event of day D changes its actor's row of D, the averages of the six days after, and every later
    cumulative. So when rows arrive, all days of their actors from the first touched day on are computed
    again from Silver; what lies before comes from Gold: the last cumulatives and the six days that reach
    into the averages. These rows take the place of those with the same key. Nothing is added to an
    existing value. -#}
{% set silver = ref('silver_github_events') %}
{% set text = type_text() %}
{% set instant = type_instant() %}
{% set actor = actor_key('actor_id', 'actor_login') %}
{% set totals = [
    'total_events', 'unique_events', 'repos_contributed_to', 'push_events', 'pull_request_events',
    'issue_events', 'issue_comment_events', 'watch_events', 'fork_events', 'create_events',
    'delete_events', 'code_change_events', 'pull_request_related_events', 'issue_related_events',
    'social_events', 'total_commits', 'merged_pull_requests', 'main_branch_events',
    'total_activity_score'
] %}
with

{% if is_incremental() -%}

changed_actors as (

    select {{ actor }} as actor_key, min(event_date) as first_day
    from {{ changes(silver) }}
    where {{ actor }} is not null
    group by 1

),

events as (

    select silver_events.*, changed_actors.actor_key
    from {{ silver }} as silver_events
    inner join changed_actors
        on {{ actor_key('silver_events.actor_id', 'silver_events.actor_login') }} = changed_actors.actor_key
        and silver_events.event_date >= changed_actors.first_day
    -- implied by the join; stated so that files and row groups of earlier days are skipped
    where silver_events.event_date >= (select min(first_day) from changed_actors)

),

{%- else -%}

events as (

    select *, {{ actor }} as actor_key
    from {{ silver }}
    where {{ actor }} is not null

),

{%- endif %}

daily as (

    select
        actor_key,
        event_date as activity_date,
        max(actor_id) as actor_id,
        {{ value_at_max('actor_login', ['created_at', integer_or_zero('event_id'), 'event_id']) }} as actor_login,
        count(*) as total_events,
        count(distinct event_id) as unique_events,
        count(distinct coalesce('id:' || cast(repo_id as {{ text }}), 'name:' || repo_name)) as repos_contributed_to,
        count(*) filter (where event_type = 'PushEvent') as push_events,
        count(*) filter (where event_type = 'PullRequestEvent') as pull_request_events,
        count(*) filter (where event_type = 'IssuesEvent') as issue_events,
        count(*) filter (where event_type = 'IssueCommentEvent') as issue_comment_events,
        count(*) filter (where event_type = 'WatchEvent') as watch_events,
        count(*) filter (where event_type = 'ForkEvent') as fork_events,
        count(*) filter (where event_type = 'CreateEvent') as create_events,
        count(*) filter (where event_type = 'DeleteEvent') as delete_events,
        count(*) filter (where event_category = 'code_change') as code_change_events,
        count(*) filter (where event_category = 'pull_request') as pull_request_related_events,
        count(*) filter (where event_category = 'issue') as issue_related_events,
        count(*) filter (where event_category = 'social') as social_events,
        coalesce(sum(push_commits_count), 0) as total_commits,
        count(*) filter (
            where {{ is_merge('event_type', 'payload_action', 'pr_merged') }}
        ) as merged_pull_requests,
        count(*) filter (where is_main_branch) as main_branch_events,
        sum(activity_score) as total_activity_score,
        count(*) filter (where public) as public_events,
        count(*) filter (where not public) as private_events,
        count(*) filter (where event_type = 'PushEvent' and push_commits_count is null) as pushes_of_unknown_size
    from events
    group by 1, 2

),

hourly as (

    select actor_key, event_date, event_hour, count(*) as hour_events
    from events
    group by 1, 2, 3

),

busiest_hour as (

    select
        actor_key,
        event_date,
        {{ value_at_min('event_hour', ['-hour_events', 'event_hour']) }} as most_active_hour
    from hourly
    group by 1, 2

),

by_repo as (

    select actor_key, event_date, repo_name, count(*) as repo_events
    from events
    where repo_name is not null
    group by 1, 2, 3

),

top_repo as (

    select
        actor_key,
        event_date,
        {{ value_at_min('repo_name', ['-repo_events', 'repo_name']) }} as top_repo,
        max(repo_events) as top_repo_event_count
    from by_repo
    group by 1, 2

),

{% if is_incremental() -%}

-- Gold rows before the first touched day: six days for the averages, the latest one for the cumulatives.
earlier as (

    select
        gold.actor_key,
        gold.activity_date,
        gold.total_events,
        gold.total_commits,
        gold.cumulative_events,
        gold.cumulative_commits,
        changed_actors.first_day
    from {{ this }} as gold
    inner join changed_actors
        on gold.actor_key = changed_actors.actor_key
        and gold.activity_date < changed_actors.first_day
    where gold.activity_date < (select max(first_day) from changed_actors)

),

opening as (

    select
        actor_key,
        {{ value_at_max('cumulative_events', ['activity_date']) }} as events_before,
        {{ value_at_max('cumulative_commits', ['activity_date']) }} as commits_before
    from earlier
    group by 1

),

days as (

    select actor_key, activity_date, total_events, total_commits, true as is_affected
    from daily
    union all
    select actor_key, activity_date, total_events, total_commits, false as is_affected
    from earlier
    where activity_date >= {{ days_before('first_day', 6) }}

),

{%- else -%}

days as (

    select actor_key, activity_date, total_events, total_commits, true as is_affected
    from daily

),

{%- endif %}

running as (

    select
        actor_key,
        activity_date,
        is_affected,
        sum(total_events) over last_seven_days as events_7days,
        sum(total_commits) over last_seven_days as commits_7days,
        sum(case when is_affected then total_events else 0 end) over up_to_day as events_so_far,
        sum(case when is_affected then total_commits else 0 end) over up_to_day as commits_so_far
    from days
    window
        last_seven_days as (
            partition by actor_key
            order by {{ day_number('activity_date') }}
            range between 6 preceding and current row
        ),
        up_to_day as (
            partition by actor_key
            order by {{ day_number('activity_date') }}
            rows between unbounded preceding and current row
        )

),

computed as (

    select
        cast(daily.actor_id as bigint) as actor_id,
        cast(daily.actor_login as {{ text }}) as actor_login,
        cast(daily.activity_date as date) as activity_date,
{%- for column in totals %}
        cast(daily.{{ column }} as bigint) as {{ column }},
{%- endfor %}
        cast(daily.total_activity_score as double) / daily.total_events as avg_activity_score,
        cast(daily.public_events as bigint) as public_events,
        cast(daily.private_events as bigint) as private_events,
        cast(busiest_hour.most_active_hour as int) as most_active_hour,
        cast(top_repo.top_repo as {{ text }}) as top_repo,
        cast(coalesce(top_repo.top_repo_event_count, 0) as bigint) as top_repo_event_count,
        cast(running.events_7days as double) / 7 as events_7day_avg,
        cast(running.commits_7days as double) / 7 as commits_7day_avg,
{%- if is_incremental() %}
        cast(coalesce(opening.events_before, 0) + running.events_so_far as bigint) as cumulative_events,
        cast(coalesce(opening.commits_before, 0) + running.commits_so_far as bigint) as cumulative_commits,
{%- else %}
        cast(running.events_so_far as bigint) as cumulative_events,
        cast(running.commits_so_far as bigint) as cumulative_commits,
{%- endif %}
        cast(case
            when daily.total_activity_score >= 50 then 'highly_active'
            when daily.total_activity_score >= 20 then 'active'
            when daily.total_activity_score >= 5 then 'moderate'
            else 'low_activity'
        end as {{ text }}) as user_activity_level,
        cast(case
            when daily.code_change_events * 100 > daily.total_events * 60 then 'developer'
            when daily.pull_request_related_events * 100 > daily.total_events * 40 then 'reviewer'
            when daily.issue_related_events * 100 > daily.total_events * 40 then 'issue_manager'
            when daily.social_events * 100 > daily.total_events * 40 then 'community_member'
            else 'generalist'
        end as {{ text }}) as user_specialization,
        cast(current_timestamp as {{ instant }}) as created_at,
        cast(daily.actor_key as {{ text }}) as actor_key,
        cast(daily.pushes_of_unknown_size as bigint) as pushes_of_unknown_size
    from daily
    inner join running
        on daily.actor_key = running.actor_key
        and daily.activity_date = running.activity_date
        and running.is_affected
    inner join busiest_hour
        on daily.actor_key = busiest_hour.actor_key
        and daily.activity_date = busiest_hour.event_date
    left join top_repo
        on daily.actor_key = top_repo.actor_key
        and daily.activity_date = top_repo.event_date
{%- if is_incremental() %}
    left join opening
        on daily.actor_key = opening.actor_key
{%- endif %}

)

select * from computed
