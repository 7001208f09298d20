{#- Meanings that more than one model uses. -#}

{#- Who did it: by id, else by login. A login made of digits is not an id, hence the prefixes. NULL when
    the event carries neither. -#}
{% macro actor_key(actor_id, actor_login) -%}
coalesce('id:' || cast({{ actor_id }} as {{ type_text() }}), 'login:' || {{ actor_login }})
{%- endmacro %}

{#- A merge shows as action closed with merged true, and since October 2025 as action merged. -#}
{% macro is_merge(event_type, action, merged) -%}
({{ event_type }} = 'PullRequestEvent' and ({{ action }} = 'merged' or ({{ action }} = 'closed' and {{ merged }})))
{%- endmacro %}
