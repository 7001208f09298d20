{#- The rows of a relation that an incremental model has not consumed yet.

    The embedded executor binds a view of the name below to the rows appended between the snapshot
    the model consumed last and the snapshot pinned for this run, and compiles with the variable
    octolake_changes set. Without it every row counts as changed: the same result, only slower,
    because the models recompute values and never add to them. -#}
{% macro changes(relation) %}
    {{- return(adapter.dispatch('changes', 'octolake')(relation)) -}}
{% endmacro %}

{% macro duckdb__changes(relation) %}
    {%- if var('octolake_changes', false) -%}
        {{- return(api.Relation.create(
                database=relation.database,
                schema='octolake_changes',
                identifier=relation.schema ~ '__' ~ relation.identifier)) -}}
    {%- endif -%}
    {{- return(relation) -}}
{% endmacro %}

{#- On Spark everything counts as changed until the job that runs dbt makes a changelog view
    (create_changelog_view) from the stored position. -#}
{% macro spark__changes(relation) %}
    {{- return(relation) -}}
{% endmacro %}
