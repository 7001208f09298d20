{#- dbt would name a schema <target schema>_<custom schema>. Here a custom schema is a role (bronze,
    silver, gold) or a plain schema name (test_failures), and is used as it stands. -#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name is none -%}
        {{ namespace_of('silver') }}
    {%- elif custom_schema_name in ('bronze', 'silver', 'gold') -%}
        {{ namespace_of(custom_schema_name) }}
    {%- else -%}
        {{ custom_schema_name | trim }}
    {%- endif -%}
{%- endmacro %}

{#- The namespace of a role: var <role>_namespace, else env <ROLE>_NAMESPACE, else the role's name. -#}
{% macro namespace_of(role) -%}
    {{ var(role ~ '_namespace', env_var(role | upper ~ '_NAMESPACE', role)) }}
{%- endmacro %}
