{{ config(
    materialized='incremental',
    incremental_strategy='merge' if target.type == 'spark' else 'delete+insert',
    unique_key='event_key',
    partition_by=['event_date'] if target.type == 'spark' else none
) }}

{#- Parsed Silver is append-only and unique by event_key, so new rows need no comparison with old ones. -#}
{% set text = type_text() %}
{% set instant = type_instant() %}
{% set parsed = source('silver', 'github_events_parsed') %}

with parsed as (

    select
        *,
        nullif(trim(repo_name), '') as trimmed_repo_name,
        {{ utc_clock('created_at') }} as created_clock,
        {{ is_merge('event_type', 'payload_action', 'pull_request_merged') }} as is_merge
    from {{ changes(parsed) if is_incremental() else parsed }}

)

select
    cast(event_id as {{ text }}) as event_id,
    cast(event_key as {{ text }}) as event_key,
    cast(event_type as {{ text }}) as event_type,
    cast(created_at as {{ instant }}) as created_at,
    cast(created_clock as date) as event_date,
    cast(extract(hour from created_clock) as int) as event_hour,
    cast(public as boolean) as public,
    cast(actor_id as bigint) as actor_id,
    cast(nullif(lower(trim(actor_login)), '') as {{ text }}) as actor_login,
    cast(actor_avatar_url as {{ text }}) as actor_avatar_url,
    cast(actor_url as {{ text }}) as actor_url,
    cast(repo_id as bigint) as repo_id,
    cast(trimmed_repo_name as {{ text }}) as repo_name,
    cast(repo_url as {{ text }}) as repo_url,
    cast({{ part_of('trimmed_repo_name', '/', 1) }} as {{ text }}) as repo_owner,
    cast({{ part_of('trimmed_repo_name', '/', 2) }} as {{ text }}) as repo_project,
    cast(payload_action as {{ text }}) as payload_action,
    cast(payload_ref as {{ text }}) as payload_ref,
    cast(payload_ref_type as {{ text }}) as payload_ref_type,
    cast(push_size as bigint) as push_commits_count,
    cast(push_distinct_size as bigint) as push_distinct_count,
    cast(push_head_sha as {{ text }}) as push_head_sha,
    cast(pull_request_id as bigint) as pr_id,
    cast(pull_request_number as bigint) as pr_number,
    cast(pull_request_title as {{ text }}) as pr_title,
    cast(pull_request_state as {{ text }}) as pr_state,
    cast(pull_request_merged as boolean) as pr_merged,
    cast(pull_request_merged_at as {{ instant }}) as pr_merged_at,
    cast(issue_number as bigint) as issue_number,
    cast(issue_title as {{ text }}) as issue_title,
    cast(issue_state as {{ text }}) as issue_state,
    cast(current_timestamp as {{ instant }}) as processing_timestamp,
    cast('github_events_parsed' as {{ text }}) as source_table,
    cast(case
        when event_type = 'PushEvent' then 'code_change'
        when event_type in (
            'PullRequestEvent', 'PullRequestReviewEvent',
            'PullRequestReviewCommentEvent', 'PullRequestReviewThreadEvent'
        ) then 'pull_request'
        when event_type in ('IssuesEvent', 'IssueCommentEvent') then 'issue'
        when event_type in ('WatchEvent', 'ForkEvent') then 'social'
        when event_type in ('CreateEvent', 'DeleteEvent') then 'repo_management'
        when event_type = 'ReleaseEvent' then 'release'
        else 'other'
    end as {{ text }}) as event_category,
    cast({{ without_match('payload_ref', '^refs/(heads|tags)/') }} as {{ text }}) as branch_or_tag_name,
    cast(
        coalesce(payload_ref in ('refs/heads/main', 'refs/heads/master'), false) as boolean
    ) as is_main_branch,
    cast(case
        when event_type = 'PushEvent' then coalesce(push_size, 1) * 2
        when is_merge then 10
        when event_type = 'PullRequestEvent' then 5
        when event_type = 'IssuesEvent' then 3
        when event_type = 'ForkEvent' then 2
        else 1
    end as bigint) as activity_score
from parsed
